/* SPDX-License-Identifier: MIT */
#include "gateway/rules_state.h"

#include "gateway/text_reader.h"
#include "gateway/uri_path.h"
#include "lib/failure.h"
#include "records/text_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAPPING_DEFAULT "/hc/" /* the one of the examples in RFC 8075 section 5.3 */

talc_gateway_rules *talc_gateway_rules_new(void)
{
    talc_gateway_rules *rules = calloc(1, sizeof *rules);
    if (rules != NULL) {
        snprintf(rules->mapping, sizeof rules->mapping, "%s", MAPPING_DEFAULT);
    }
    return rules;
}

void talc_gateway_rules_free(talc_gateway_rules *rules)
{
    if (rules != NULL) {
        free(rules->patterns);
        free(rules->routes);
        free(rules);
    }
}

void *talc_gateway_rules_grow(void *elements, size_t count, size_t size)
{
    return count < TALC_GATEWAY_RULES_MAX ? realloc(elements, (count + 1) * size) : NULL;
}

static talc_status no_memory(talc_failure *failure)
{
    return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_MEMORY,
                            "no memory for another rule, or more than %d rules",
                            TALC_GATEWAY_RULES_MAX);
}

talc_status talc_gateway_rules_allow(talc_gateway_rules *rules, const char *pattern,
                                     talc_failure *failure)
{
    talc_gateway_pattern read;
    talc_status status = talc_gateway_pattern_read(&read, pattern, failure);
    if (status != TALC_OK) {
        return status;
    }
    talc_gateway_pattern *patterns =
        talc_gateway_rules_grow(rules->patterns, rules->pattern_count, sizeof *patterns);
    if (patterns == NULL) {
        return no_memory(failure);
    }
    rules->patterns = patterns;
    rules->patterns[rules->pattern_count++] = read;
    return TALC_OK;
}

int talc_gateway_rules_are_open(const talc_gateway_rules *rules)
{
    for (size_t i = 0; i < rules->pattern_count; i++) {
        if (talc_gateway_pattern_is_open(&rules->patterns[i])) {
            return 1;
        }
    }
    return 0;
}

static talc_status refuse_route(talc_failure *failure, const char *route, const char *why)
{
    return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                            "\"%s\" is no route of the form /prefix=coap://host/base: %s", route,
                            why);
}

static void cut_last_slash(char *path)
{
    size_t size = strlen(path);
    if (size > 0 && path[size - 1] == '/') {
        path[size - 1] = '\0';
    }
}

static int read_prefix(talc_gateway_route *read, talc_text_piece text)
{
    talc_gateway_uri uri;
    talc_text_reader reader;
    talc_text_reader_init(&reader, text.text, text.size);
    if (talc_text_reader_peek(&reader) != '/' ||
        talc_gateway_uri_read_path(&uri, &reader) != TALC_OK || uri.query[0] != '\0' ||
        strlen(uri.path) >= sizeof read->prefix) {
        return 0;
    }
    memcpy(read->prefix, uri.path, strlen(uri.path) + 1);
    cut_last_slash(read->prefix);
    return 1;
}

static talc_status read_route(talc_gateway_route *read, const char *route, talc_failure *failure)
{
    talc_text_reader reader;
    talc_text_reader_string(&reader, route);
    talc_text_piece prefix = talc_text_reader_until(&reader, "=");
    if (!talc_text_reader_take(&reader, '=') || !read_prefix(read, prefix)) {
        return refuse_route(failure, route, "the prefix is a path of at most 255 characters");
    }
    talc_text_piece target = talc_text_reader_until(&reader, "");
    if (talc_gateway_uri_read(&read->target, target.text, target.size) != TALC_OK ||
        read->target.scheme == TALC_GATEWAY_COAPS) {
        return refuse_route(failure, route, "the target is no URI of coap, http or https");
    }
    if (read->target.query[0] != '\0' || strlen(read->target.path) >= TALC_GATEWAY_PREFIX_SIZE) {
        return refuse_route(failure, route,
                            "the target has a query, or a path of more than 255 characters");
    }
    if (talc_gateway_host_is_group(&read->target)) {
        return refuse_route(failure, route, "the target is no address of one host");
    }
    cut_last_slash(read->target.path);
    return TALC_OK;
}

talc_status talc_gateway_rules_route(talc_gateway_rules *rules, const char *route,
                                     talc_failure *failure)
{
    talc_gateway_route read;
    talc_status status = read_route(&read, route, failure);
    if (status != TALC_OK) {
        return status;
    }
    talc_gateway_route *routes =
        talc_gateway_rules_grow(rules->routes, rules->route_count, sizeof *routes);
    if (routes == NULL) {
        return no_memory(failure);
    }
    rules->routes = routes;
    rules->routes[rules->route_count++] = read;
    return TALC_OK;
}

static talc_status refuse_mapping(talc_failure *failure, const char *mapping, const char *why)
{
    return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                            "\"%s\" is no mapping of the form \"/hc/\" or "
                            "\"/hc?target_uri={+tu}\": %s",
                            mapping, why);
}

/* A path, perhaps with the beginning of a query, that ends where a URI may follow. */
static int is_prefix(const char *text)
{
    talc_gateway_uri uri;
    talc_text_reader reader;
    size_t size = strlen(text);
    talc_text_reader_string(&reader, text);
    return text[0] == '/' && talc_gateway_uri_read_path(&uri, &reader) == TALC_OK &&
           (text[size - 1] == '/' || strchr(text, '?') != NULL);
}

talc_status talc_gateway_rules_mapping(talc_gateway_rules *rules, const char *mapping,
                                       talc_failure *failure)
{
    static const char variable[] = "{+tu}";
    char text[TALC_GATEWAY_PREFIX_SIZE] = "";
    const char *brace = strchr(mapping, '{');
    size_t size = brace != NULL ? (size_t)(brace - mapping) : strlen(mapping);
    if (brace != NULL && strcmp(brace, variable) != 0) {
        return refuse_mapping(failure, mapping,
                              "{+tu} at the end is the only variable that is understood");
    }
    if (size + 2 > sizeof text) {
        return refuse_mapping(failure, mapping, "it has more than 254 characters");
    }
    snprintf(text, sizeof text, "%.*s", (int)size, mapping);
    if (brace == NULL && size > 0 && text[size - 1] != '/') {
        text[size] = '/';
        text[size + 1] = '\0';
    }
    if (mapping[0] != '\0' && !is_prefix(text)) {
        return refuse_mapping(failure, mapping,
                              "{+tu} has to follow a '/' or stand in the query of a path");
    }
    memcpy(rules->mapping, text, sizeof text);
    return TALC_OK;
}

talc_status talc_gateway_rules_write_link(const talc_gateway_rules *rules, const char *anchor,
                                          char *text, size_t capacity)
{
    talc_text_writer writer;
    const char *query = strchr(rules->mapping, '?');
    size_t path_size = query != NULL ? (size_t)(query - rules->mapping) : strlen(rules->mapping);
    talc_text_writer_init(&writer, text, capacity);
    if (path_size > 0) {
        char path[TALC_GATEWAY_PREFIX_SIZE];
        snprintf(path, sizeof path, "%.*s", (int)path_size, rules->mapping);
        talc_text_writer_put(&writer, '<');
        talc_text_writer_string(&writer, path);
        talc_text_writer_put(&writer, '>');
        if (anchor != NULL) {
            talc_text_writer_string(&writer, ";anchor=\"");
            talc_text_writer_string(&writer, anchor);
            talc_text_writer_put(&writer, '"');
        }
        talc_text_writer_string(&writer, ";rt=\"core.hc\"");
    }
    if (query != NULL) {
        talc_text_writer_string(&writer, ";hct=\"");
        talc_text_writer_string(&writer, query);
        talc_text_writer_string(&writer, "{+tu}\"");
    }
    talc_text_writer_put(&writer, '\0');
    return writer.full ? TALC_ERROR_TOO_LARGE : TALC_OK;
}
