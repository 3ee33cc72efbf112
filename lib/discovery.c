/* SPDX-License-Identifier: MIT */
#include "lib/discovery.h"

#include <stdlib.h>
#include <string.h>

#include "lib/path.h"
#include "records/text_writer.h"

/* ---------------------------------------------------------------- selection */

/** Bytes that need no NUL. */
typedef struct discovery_text {
    const char *bytes;
    size_t size;
} discovery_text;

static discovery_text text_of(const char *string)
{
    return (discovery_text){ string, strlen(string) };
}

/* RFC 6690 section 4.1: byte by byte, or up to a '*' at the pattern's end. */
static bool matches(discovery_text pattern, discovery_text value)
{
    if (pattern.size > 0 && pattern.bytes[pattern.size - 1] == '*') {
        size_t prefix_size = pattern.size - 1;
        return value.size >= prefix_size && memcmp(value.bytes, pattern.bytes, prefix_size) == 0;
    }
    return value.size == pattern.size && memcmp(value.bytes, pattern.bytes, value.size) == 0;
}

/* Takes the word of a list that begins at `*position` or behind the blanks there; false if there is
 * none. */
static bool next_word(const char *list, size_t *position, discovery_text *word)
{
    size_t start = *position + strspn(list + *position, " ");
    word->bytes = list + start;
    word->size = strcspn(list + start, " ");
    *position = start + word->size;
    return word->size > 0;
}

static bool matches_word(discovery_text pattern, const char *words)
{
    discovery_text word;
    size_t position = 0;
    while (next_word(words, &position, &word)) {
        if (matches(pattern, word)) {
            return true;
        }
    }
    return false;
}

static bool matches_format(discovery_text pattern, const talc_route_description *description)
{
    for (size_t i = 0; i < description->format_count; i++) {
        char digits[8];
        talc_text_writer writer;
        talc_text_writer_init(&writer, digits, sizeof digits);
        talc_text_writer_number(&writer, description->formats[i]);
        if (matches(pattern, (discovery_text){ digits, writer.size })) {
            return true;
        }
    }
    return false;
}

static bool matches_reference(discovery_text pattern, const char *path)
{
    char reference[TALC_PATH_SIZE_MAX + 1];
    talc_text_writer writer;
    talc_text_writer_init(&writer, reference, sizeof reference);
    talc_text_writer_put(&writer, '/');
    talc_text_writer_string(&writer, path);
    return matches(pattern, (discovery_text){ reference, writer.size });
}

static bool is_name(discovery_text name, const char *known)
{
    return name.size == strlen(known) && memcmp(name.bytes, known, name.size) == 0;
}

static bool selects(const talc_route *route, discovery_text name, discovery_text pattern)
{
    static const talc_route_description nothing;
    const talc_route_description *description =
        route->description == NULL ? &nothing : route->description;
    if (is_name(name, "href")) {
        return matches_reference(pattern, route->path);
    }
    if (is_name(name, "rt")) {
        return matches_word(pattern, description->resource_type);
    }
    if (is_name(name, "if")) {
        return matches_word(pattern, description->interfaces);
    }
    if (is_name(name, "ct")) {
        return matches_format(pattern, description);
    }
    return is_name(name, "title") && description->title[0] != '\0' &&
           matches(pattern, text_of(description->title));
}

/** The links on their way out. */
typedef struct discovery_links {
    const talc_route **routes;
    size_t count;
} discovery_links;

/* A talc_path_take: keeps what this part of the query selects. */
static talc_status select_links(void *context, const uint8_t *part, size_t size)
{
    discovery_links *links = context;
    const char *bytes = (const char *)part;
    const char *equals = memchr(bytes, '=', size);
    if (equals == NULL) {
        return TALC_OK;
    }
    discovery_text name = { bytes, (size_t)(equals - bytes) };
    discovery_text pattern = { equals + 1, size - name.size - 1 };
    size_t kept = 0;
    for (size_t i = 0; i < links->count; i++) {
        if (selects(links->routes[i], name, pattern)) {
            links->routes[kept++] = links->routes[i];
        }
    }
    links->count = kept;
    return TALC_OK;
}

/* ---------------------------------------------------------------- writing */

static void write_string(talc_text_writer *writer, const char *attribute, const char *value)
{
    talc_text_writer_string(writer, attribute);
    talc_text_writer_string(writer, "=\"");
    talc_text_writer_string(writer, value);
    talc_text_writer_put(writer, '"');
}

/* One blank between two words, none around them: what the grammar of relation-types wants. */
static void write_words(talc_text_writer *writer, const char *attribute, const char *words)
{
    char tidy[TALC_DESCRIPTION_SIZE_MAX + 1];
    talc_text_writer text;
    discovery_text word;
    size_t position = 0;
    talc_text_writer_init(&text, tidy, sizeof tidy - 1);
    while (next_word(words, &position, &word)) {
        if (text.size > 0) {
            talc_text_writer_put(&text, ' ');
        }
        for (size_t i = 0; i < word.size; i++) {
            talc_text_writer_put(&text, word.bytes[i]);
        }
    }
    tidy[text.size] = '\0';
    if (text.size > 0) {
        write_string(writer, attribute, tidy);
    }
}

/* RFC 7252 section 7.2.1: one number as it is, several in quotes. */
static void write_formats(talc_text_writer *writer, const talc_route_description *description)
{
    bool several = description->format_count > 1;
    talc_text_writer_string(writer, several ? ";ct=\"" : ";ct=");
    for (size_t i = 0; i < description->format_count; i++) {
        if (i > 0) {
            talc_text_writer_put(writer, ' ');
        }
        talc_text_writer_number(writer, description->formats[i]);
    }
    if (several) {
        talc_text_writer_put(writer, '"');
    }
}

static void write_link(talc_text_writer *writer, const talc_route *route)
{
    const talc_route_description *description = route->description;
    talc_text_writer_string(writer, "</");
    talc_text_writer_string(writer, route->path);
    talc_text_writer_put(writer, '>');
    if (description == NULL) {
        return;
    }
    write_words(writer, ";rt", description->resource_type);
    write_words(writer, ";if", description->interfaces);
    if (description->format_count > 0) {
        write_formats(writer, description);
    }
    if (description->title[0] != '\0') {
        write_string(writer, ";title", description->title);
    }
}

static void write_links(talc_text_writer *writer, const discovery_links *links)
{
    for (size_t i = 0; i < links->count; i++) {
        if (i > 0) {
            talc_text_writer_put(writer, ',');
        }
        write_link(writer, links->routes[i]);
    }
}

/* The first pass counts, the second writes. */
static talc_status write_text(const discovery_links *links, char **text, size_t *size)
{
    talc_text_writer writer;
    talc_text_writer_init_counting(&writer);
    write_links(&writer, links);
    *text = malloc(writer.size + 1);
    if (*text == NULL) {
        return TALC_ERROR_MEMORY;
    }
    talc_text_writer_init(&writer, *text, writer.size);
    write_links(&writer, links);
    (*text)[writer.size] = '\0';
    *size = writer.size;
    return TALC_OK;
}

/* ---------------------------------------------------------------- both */

static int compare_paths(const void *left, const void *right)
{
    const talc_route *const *routes[] = { left, right };
    return strcmp((*routes[0])->path, (*routes[1])->path);
}

static talc_status list_routes(const talc_route *routes, discovery_links *links)
{
    links->count = 0;
    links->routes = calloc(HASH_COUNT(routes) + 1, sizeof(*links->routes));
    if (links->routes == NULL) {
        return TALC_ERROR_MEMORY;
    }
    for (const talc_route *route = routes; route != NULL; route = route->hh.next) {
        if (route->description == NULL || !route->description->is_hidden) {
            links->routes[links->count++] = route;
        }
    }
    qsort(links->routes, links->count, sizeof(*links->routes), compare_paths);
    return TALC_OK;
}

talc_status talc_discovery_write(const talc_route *routes, const char *query, char **text,
                                 size_t *size)
{
    discovery_links links;
    *text = NULL;
    *size = 0;
    talc_status status = list_routes(routes, &links);
    if (status == TALC_OK && query != NULL) {
        status =
            talc_path_each(&talc_path_syntax_query, query, strlen(query), select_links, &links);
    }
    if (status == TALC_OK) {
        status = write_text(&links, text, size);
    }
    free(links.routes);
    return status;
}
