/* SPDX-License-Identifier: MIT */
/* uthash would end the process when it is out of memory. */
#define HASH_NONFATAL_OOM 1
#include "lib/routes.h"

#include <stdlib.h>
#include <string.h>

#include "lib/framing.h"

static talc_route *find(talc_route *routes, const char *path)
{
    talc_route *route;
    HASH_FIND(hh, routes, path, strlen(path), route);
    return route;
}

static talc_status add_path(talc_route **routes, const char *path, talc_route **added)
{
    size_t size = strlen(path);
    talc_route *route = calloc(1, sizeof *route + size + 1);
    if (route == NULL) {
        return TALC_ERROR_MEMORY;
    }
    memcpy(route->path, path, size + 1);
    HASH_ADD_KEYPTR(hh, *routes, route->path, size, route);
    if (find(*routes, path) != route) {
        free(route);
        return TALC_ERROR_MEMORY;
    }
    *added = route;
    return TALC_OK;
}

static bool is_free(const talc_route *route, unsigned methods)
{
    for (unsigned method = 0; method < TALC_METHODS_MAX; method++) {
        if ((methods >> method & 1u) != 0 && route->targets[method].handler != NULL) {
            return false;
        }
    }
    return true;
}

talc_status talc_routes_add(talc_route **routes, const char *path, unsigned methods,
                            const talc_route_target *target)
{
    const unsigned known = TALC_ALLOW(TALC_GET) | TALC_ALLOW(TALC_POST) | TALC_ALLOW(TALC_PUT) |
                           TALC_ALLOW(TALC_DELETE);
    char form[TALC_PATH_SIZE_MAX + 1];
    if (methods == 0 || (methods & ~known) != 0 || target->handler == NULL ||
        talc_path_normalize(path, form) != TALC_OK) {
        return TALC_ERROR_ARGUMENT;
    }
    talc_route *route = find(*routes, form);
    if (route != NULL && !is_free(route, methods)) {
        return TALC_ERROR_ARGUMENT;
    }
    talc_status status = route == NULL ? add_path(routes, form, &route) : TALC_OK;
    for (unsigned method = 0; status == TALC_OK && method < TALC_METHODS_MAX; method++) {
        if ((methods >> method & 1u) != 0) {
            route->targets[method] = *target;
        }
    }
    return status;
}

static talc_status take_formats(talc_route_description *made, const int *formats)
{
    for (size_t i = 0; i < TALC_RESOURCE_FORMATS_MAX && formats[i] != TALC_FORMAT_NONE; i++) {
        if (formats[i] < 0 || formats[i] > TALC_FORMAT_TEXT) {
            return TALC_ERROR_ARGUMENT;
        }
        made->formats[i] = formats[i] == TALC_FORMAT_TEXT ? 0 : (uint16_t)formats[i];
        made->format_count++;
    }
    return TALC_OK;
}

/* Link-format has no escapes that all readers undo: what would need one is refused. */
static talc_status take_string(char *made, const char *string)
{
    size_t size = string == NULL ? 0 : strlen(string);
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)string[i];
        if (byte < 0x20 || byte == 0x7f || byte == '"' || byte == '\\') {
            return TALC_ERROR_ARGUMENT;
        }
    }
    if (size > TALC_DESCRIPTION_SIZE_MAX) {
        return TALC_ERROR_TOO_LARGE;
    }
    memcpy(made, size == 0 ? "" : string, size + 1);
    return TALC_OK;
}

static talc_status take_description(talc_route_description *made,
                                    const talc_resource_description *description)
{
    talc_status status = take_formats(made, description->content_formats);
    if (status == TALC_OK) {
        status = take_string(made->resource_type, description->resource_type);
    }
    if (status == TALC_OK) {
        status = take_string(made->interfaces, description->interfaces);
    }
    if (status == TALC_OK) {
        status = take_string(made->title, description->title);
    }
    made->is_hidden = description->is_hidden != 0;
    return status;
}

talc_status talc_routes_describe(talc_route *routes, const char *path,
                                 const talc_resource_description *description)
{
    char form[TALC_PATH_SIZE_MAX + 1];
    talc_route *route =
        talc_path_normalize(path, form) == TALC_OK ? find(routes, form) : NULL;
    if (route == NULL || description == NULL) {
        return TALC_ERROR_ARGUMENT;
    }
    talc_route_description *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return TALC_ERROR_MEMORY;
    }
    talc_status status = take_description(made, description);
    if (status != TALC_OK) {
        free(made);
        return status;
    }
    free(route->description);
    route->description = made;
    return TALC_OK;
}

const talc_route_target *talc_routes_find(talc_route *routes, const char *path, uint8_t method,
                                          uint8_t *code)
{
    talc_route *route = find(routes, path);
    *code = TALC_CODE_NOT_FOUND;
    if (route == NULL) {
        return NULL;
    }
    *code = TALC_CODE_METHOD_NOT_ALLOWED;
    if (method >= TALC_METHODS_MAX || route->targets[method].handler == NULL) {
        return NULL;
    }
    return &route->targets[method];
}

void talc_routes_free(talc_route **routes)
{
    talc_route *route;
    talc_route *next;
    HASH_ITER(hh, *routes, route, next) {
        HASH_DEL(*routes, route);
        free(route->description);
        free(route);
    }
}
