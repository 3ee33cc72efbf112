/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "records/proxy_log_reader.h"
#include "tools/inspect_reader.h"

/* Both legs of the log are views of their own: what left is compared with what arrived. */
typedef struct legs {
    inspection *all;
    inspect_view *in;  /* the client's side */
    inspect_view *out; /* the origin's */
} legs;

static bool is_success(const talc_proxy_log_entry *entry)
{
    return entry->code[0] == '2' || (entry->status >= 200 && entry->status < 300);
}

static void take(const legs *views, const talc_proxy_log_entry *entry, uint64_t line)
{
    uint8_t id[TALC_SESSION_ID_SIZE];
    char status[24];
    bool is_coap = strcmp(entry->protocol, "coap") == 0;
    bool is_in =
        entry->kind == TALC_PROXY_LOG_REQUEST_IN || entry->kind == TALC_PROXY_LOG_RESPONSE_OUT;
    bool is_request =
        entry->kind == TALC_PROXY_LOG_REQUEST_IN || entry->kind == TALC_PROXY_LOG_REQUEST_OUT;
    snprintf(status, sizeof status, "%llu", (unsigned long long)entry->status);
    inspect_body body = { .time_us = entry->time_ms * 1000,
                          .place = line,
                          .direction = is_request ? INSPECT_CLIENT : INSPECT_SERVER,
                          .client = is_in ? entry->peer : "",
                          .origin = is_in ? NULL : entry->peer,
                          .text = (const char *)entry->body,
                          .size = entry->body_size,
                          .is_success = is_success(entry),
                          .code = entry->code[0] != '\0' ? entry->code : status };
    if (inspect_session_of_uri(entry->uri, strlen(entry->uri), id)) {
        body.session_id = id;
    }
    /* How a long body was cut is not in the log: up to 1023 bytes travel in one message. */
    body.message_max = !is_coap ? 0 : body.size < 1024 ? body.size : 512;
    inspection_take_body(views->all, is_in ? views->in : views->out, &body);
}

static void take_trouble(const legs *views, const talc_proxy_log_entry *entry, uint64_t line)
{
    inspect_spot spot = { views->in, NULL, line };
    inspection_note(views->all, INSPECT_TROUBLE, spot, "exchange %llu: %s",
                    (unsigned long long)entry->exchange, entry->reason);
}

/* One line; false if it is none. */
static bool take_line(const legs *views, const char *line, size_t size, uint64_t number)
{
    talc_proxy_log_entry entry;
    char *text = malloc(2 * size + 16);
    bool is_good = text != NULL && talc_proxy_log_read_line(line, size, text, &entry) == TALC_OK;
    if (is_good && entry.kind != TALC_PROXY_LOG_TROUBLE) {
        take(views, &entry, number);
    }
    if (is_good && entry.reason[0] != '\0') { /* of trouble, and of what the proxy refused */
        take_trouble(views, &entry, number);
    }
    free(text);
    return is_good;
}

static inspect_view *make_view(inspection *all, const inspect_source *source, const char *leg)
{
    char name[INSPECT_NAME_SIZE];
    snprintf(name, sizeof name, "%s, leg %s", inspect_source_name(source), leg);
    return inspection_view(all, source->merges ? "all" : name);
}

bool inspect_proxy_log_read(inspection *all, const inspect_source *source, inspect_reading *reading)
{
    char *line = NULL;
    size_t capacity = 0;
    size_t size = 0;
    int found;
    legs views = { all, make_view(all, source, "in"), make_view(all, source, "out") };
    if (views.in == NULL || views.out == NULL) {
        return true;
    }
    if (!source->merges) {
        views.in->is_shown = source->leg != INSPECT_LEG_OUT;
        views.out->is_shown = source->leg != INSPECT_LEG_IN;
    }
    while ((found = inspect_line_read(source->file, &line, &capacity, TALC_PROXY_LOG_LINE_SIZE_MAX,
                                      &size)) != 0) {
        reading->lines++;
        if (found < 0 || !take_line(&views, line, size, reading->lines)) {
            inspect_reading_bad(reading, reading->lines);
        }
    }
    free(line);
    return true;
}
