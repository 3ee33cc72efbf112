/* SPDX-License-Identifier: MIT */
/* The client's carrier over HTTP: envelopes are the bodies of POST requests to one resource. */
#include "transport/http_carrier.h"

#include "lib/failure.h"
#include "lib/framing.h"
#include "records/base64.h"
#include "talc/message.h"
#include "transport/http_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define GATEWAY_BASE "/hc" /* of the examples in RFC 8075 section 5.3 */
#define EXCHANGES_MAX 16
#define CONNECTIONS_MAX 8
#define HEADER_SIZE 16384
#define CONNECT_TIMEOUT_MS 10000

/* A server may hold an answer for 25 s, and the client repeats of itself: this only ends what
 * nobody will ever answer. */
#define TIMEOUT_MS 60000

/* Envelopes may grow on the way, where a gateway writes the JSON anew; and the page that comes with
 * an error of the path is no reason to forget the error. */
#define BODY_SIZE 65536

#define REASON_SIZE TALC_FAILURE_TEXT_SIZE
#define LOCATION_MAX 160 /* characters of it that are told */

#define ID_TEXT_SIZE 16 /* a session id in base64url */
#define NO_ID "AAAAAAAAAAAAAAAA"

typedef struct carrier_link {
    talc_http_client *client;
    talc_carrier_events events;
    talc_carrier_limits limits;
    size_t id_offset; /* in `url` */
    char *url;        /* "https://host/base/.well-known/atls?s=" and room for an id */
} carrier_link;

/* ---------------------------------------------------------------- answers */

/* The CoAP code that a status corresponds to (RFC 8075 section 7). The client takes 4.02, 4.08 and
 * 4.13 for a demand for smaller bodies, which of these only 413 is. A redirect has no code: it is
 * not followed, and says nothing about the server. */
static uint8_t code_of(unsigned status)
{
    static const uint8_t same[] = { 0, 1, 3, 4, 5, 6, 9, 12, 13, 15, 22, 29 };
    uint8_t detail = (uint8_t)(status % 100);
    switch (status / 100) {
    case 2: return TALC_CODE_CHANGED;
    case 4:
        return memchr(same, detail, sizeof same) != NULL ? TALC_CODE(4, detail)
                                                         : TALC_CODE_BAD_REQUEST;
    case 5: return detail <= 4 || detail == 8 ? TALC_CODE(5, detail) : TALC_CODE_INTERNAL_ERROR;
    default: return 0;
    }
}

/* Seconds of Retry-After (RFC 9110 section 10.2.3) as milliseconds; 0 for none, and for a date. */
static uint32_t retry_after_ms(const talc_http_message *response)
{
    const char *value = talc_http_field_find(response, "Retry-After");
    uint32_t seconds = 0;
    if (value == NULL || (response->status != 503 && response->status != 429)) {
        return 0;
    }
    for (size_t i = 0; value[i] != '\0'; i++) {
        if (value[i] < '0' || value[i] > '9') {
            return 0;
        }
        if (seconds >= UINT32_MAX / 1000 / 10) {
            return UINT32_MAX;
        }
        seconds = seconds * 10 + (uint32_t)(value[i] - '0');
    }
    return seconds * 1000;
}

static talc_outcome outcome_of(const talc_http_result *result)
{
    switch (result->end) {
    case TALC_HTTP_ANSWERED:
        return result->response->status == 408 ? TALC_OUTCOME_LOST : TALC_OUTCOME_ANSWER;
    case TALC_HTTP_UNREACHABLE:
    case TALC_HTTP_INSECURE: return TALC_OUTCOME_UNREACHABLE;
    case TALC_HTTP_TOO_LARGE: return TALC_OUTCOME_TOO_LARGE;
    default: return TALC_OUTCOME_LOST;
    }
}

/* Characters of "https://host:port" in our URL. */
static int origin_size(const carrier_link *carrier)
{
    const char *authority = strstr(carrier->url, "://");
    return (int)((size_t)(authority - carrier->url) + 3 + strcspn(authority + 3, "/"));
}

/* A line about a response that is no success, of which its sender wrote what it likes. */
static void write_reason(const carrier_link *carrier, const talc_http_message *response,
                         char reason[REASON_SIZE])
{
    const char *location =
        response->status / 100 == 3 ? talc_http_field_find(response, "Location") : NULL;
    if (location != NULL) {
        (void)snprintf(reason, REASON_SIZE,
                       "%.*s answered with HTTP status %u: it redirects to %.*s, which is not "
                       "followed",
                       origin_size(carrier), carrier->url, response->status, LOCATION_MAX,
                       location);
    } else {
        (void)snprintf(reason, REASON_SIZE,
                       "%.*s answered with HTTP status %u: something between here and the server, "
                       "or a server without talc",
                       origin_size(carrier), carrier->url, response->status);
    }
    for (size_t i = 0; reason[i] != '\0'; i++) {
        reason[i] = reason[i] >= ' ' && reason[i] <= '~' ? reason[i] : '?';
    }
}

static void on_ended(void *context, const talc_http_result *result)
{
    carrier_link *carrier = context;
    const talc_http_message *response = result->response;
    char reason[REASON_SIZE];
    talc_carrier_answer answer = { .exchange = result->number,
                                   .outcome = outcome_of(result),
                                   .reason = response == NULL ? result->reason : NULL };
    if (response != NULL && response->status / 100 != 2) {
        write_reason(carrier, response, reason);
        answer.reason = reason;
    }
    if (answer.outcome == TALC_OUTCOME_ANSWER) {
        answer.code = code_of(response->status);
        answer.retry_after_ms = retry_after_ms(response);
        answer.body = response->body;
        answer.body_size = response->body_size;
    }
    carrier->events.answer(carrier->events.context, &answer);
}

/* ---------------------------------------------------------------- where bodies go */

static int has_scheme(const char *uri, const char *scheme)
{
    size_t size = strlen(scheme);
    return strncasecmp(uri, scheme, size) == 0 && strncmp(uri + size, "://", 3) == 0;
}

static int is_http(const char *uri)
{
    return has_scheme(uri, "http") || has_scheme(uri, "https");
}

/* Characters of a URI without slashes at its end. */
static size_t base_size(const char *uri)
{
    size_t size = strlen(uri);
    while (size > 0 && uri[size - 1] == '/') {
        size--;
    }
    return size;
}

static int has_path(const char *uri)
{
    const char *authority = strstr(uri, "://");
    const char *slash = authority == NULL ? NULL : strchr(authority + 3, '/');
    return slash != NULL && slash[strspn(slash, "/")] != '\0';
}

/* "coap://host:port", whose brackets do not stand in a path as they are (RFC 8075 section 5.3.2).
 */
static void print_origin(FILE *out, const char *uri)
{
    size_t size = base_size(uri);
    for (size_t i = 0; i < size; i++) {
        if (uri[i] == '[' || uri[i] == ']') {
            (void)fprintf(out, "%s", uri[i] == '[' ? "%5B" : "%5D");
        } else {
            (void)fputc(uri[i], out);
        }
    }
}

static void print_url(FILE *out, const talc_carrier_target *target, const char *path)
{
    const char *base = is_http(target->uri) ? target->uri : target->proxy_uri;
    (void)fprintf(out, "%.*s", (int)base_size(base), base);
    if (base != target->uri) {
        (void)fprintf(out, "%s/", has_path(base) ? "" : GATEWAY_BASE);
        print_origin(out, target->uri);
    }
    (void)fprintf(out, "/%s?s=%s", path, NO_ID);
}

static talc_status out_of_memory(talc_failure *failure)
{
    return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_MEMORY, "out of memory");
}

static talc_status url_make(carrier_link *carrier, const talc_carrier_target *target,
                            talc_failure *failure)
{
    char path[TALC_PATH_SIZE_MAX + 1];
    if (talc_path_normalize(target->path, path) != TALC_OK) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "\"%s\" is no path of a resource", target->path);
    }
    size_t size;
    FILE *out = open_memstream(&carrier->url, &size);
    if (out == NULL) {
        return out_of_memory(failure);
    }
    print_url(out, target, path);
    if (fclose(out) != 0) {
        return out_of_memory(failure);
    }
    carrier->id_offset = size - ID_TEXT_SIZE;
    return TALC_OK;
}

/* What is asked of the addresses beside what the HTTP client asks of a URL. */
static talc_status check_addresses(const talc_carrier_target *target, talc_failure *failure)
{
    if (target->uri == NULL || (!is_http(target->uri) && !has_scheme(target->uri, "coap"))) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "\"%s\" is no URI of the form http://host:port/base, "
                                "https://host:port/base or coap://host:port",
                                target->uri != NULL ? target->uri : "");
    }
    if (!is_http(target->uri) && (target->proxy_uri == NULL || !is_http(target->proxy_uri))) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "%s is reached over HTTP by a gateway alone: none is named",
                                target->uri);
    }
    if (!is_http(target->uri) && (has_path(target->uri) || strpbrk(target->uri, "?#@") != NULL)) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "\"%s\" goes on after host and port, or has more before them",
                                target->uri);
    }
    return TALC_OK;
}

static talc_status check_url(const carrier_link *carrier, const talc_carrier_target *target,
                             talc_failure *failure)
{
    const char *base = is_http(target->uri) ? target->uri : target->proxy_uri;
    if (strpbrk(base, "?#") != NULL || !talc_http_is_url(base) || !talc_http_is_url(carrier->url)) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "\"%s\" is no URI of the form http://host:port/base or "
                                "https://host:port/base, without user, query and fragment",
                                base);
    }
    return TALC_OK;
}

/* ---------------------------------------------------------------- calls */

static talc_status client_open(carrier_link *carrier, const talc_carrier_target *target,
                               talc_failure *failure)
{
    const talc_http_client_setup setup = {
        .proxy_uri = is_http(target->uri) ? target->proxy_uri : NULL,
        .anchors_path = target->https_anchors_path,
        .body_size = BODY_SIZE,
        .header_size = HEADER_SIZE,
        .exchanges_max = EXCHANGES_MAX,
        .connections_max = CONNECTIONS_MAX,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .timeout_ms = TIMEOUT_MS,
        .ended = on_ended,
        .context = carrier,
    };
    return talc_http_client_open(&carrier->client, &setup, failure);
}

static talc_status carrier_prepare(carrier_link *carrier, const talc_carrier_target *target,
                                   talc_failure *failure)
{
    talc_status status = check_addresses(target, failure);
    if (status == TALC_OK) {
        status = client_open(carrier, target, failure);
    }
    if (status == TALC_OK) {
        status = url_make(carrier, target, failure);
    }
    if (status == TALC_OK) {
        status = check_url(carrier, target, failure);
    }
    carrier->limits.message_size =
        target->message_size < TALC_MESSAGE_BODY_MAX ? target->message_size : TALC_MESSAGE_BODY_MAX;
    carrier->limits.body_size = carrier->limits.message_size;
    return status;
}

static void carrier_close(void *link)
{
    carrier_link *carrier = link;
    talc_http_client_close(carrier->client);
    free(carrier->url);
    free(carrier);
}

static talc_status carrier_open(void **link, const talc_carrier_target *target,
                                const talc_carrier_events *events, talc_failure *failure)
{
    *link = NULL;
    carrier_link *carrier = calloc(1, sizeof *carrier);
    if (carrier == NULL) {
        return out_of_memory(failure);
    }
    carrier->events = *events;
    talc_status status = carrier_prepare(carrier, target, failure);
    if (status != TALC_OK) {
        carrier_close(carrier);
        return status;
    }
    *link = carrier;
    return TALC_OK;
}

static talc_carrier_limits carrier_limits(void *link)
{
    const carrier_link *carrier = link;
    return carrier->limits;
}

static talc_status carrier_send(void *link, const talc_carrier_request *sent)
{
    static const talc_http_field fields[] = { { "Content-Type", "application/json" },
                                              { "Accept", "application/json" },
                                              { "Cache-Control", "no-store" } };
    carrier_link *carrier = link;
    const talc_http_message request = { .method = "POST",
                                        .target = carrier->url,
                                        .fields = fields,
                                        .field_count = sizeof fields / sizeof fields[0],
                                        .body = sent->body,
                                        .body_size = sent->body_size };
    if (sent->body_size > carrier->limits.body_size) {
        return TALC_ERROR_TOO_LARGE;
    }
    talc_status status = talc_base64_encode(sent->session_id, TALC_SESSION_ID_SIZE,
                                            carrier->url + carrier->id_offset, ID_TEXT_SIZE);
    if (status == TALC_OK) {
        status = talc_http_client_send(carrier->client, sent->exchange, sent->attempt, &request);
    }
    return status == TALC_WANT_ROOM ? TALC_ERROR_MEMORY : status;
}

static void carrier_cancel(void *link, uint32_t exchange)
{
    carrier_link *carrier = link;
    talc_http_client_cancel(carrier->client, exchange);
}

static talc_status carrier_process(void *link)
{
    carrier_link *carrier = link;
    return talc_http_client_process(carrier->client);
}

static int carrier_descriptor(void *link)
{
    const carrier_link *carrier = link;
    return talc_http_client_descriptor(carrier->client);
}

static uint32_t carrier_timeout_ms(void *link)
{
    const carrier_link *carrier = link;
    return talc_http_client_timeout_ms(carrier->client);
}

const talc_carrier talc_http_carrier = {
    .scheme = "http",
    .open = carrier_open,
    .limits = carrier_limits,
    .send = carrier_send,
    .cancel = carrier_cancel,
    .process = carrier_process,
    .descriptor = carrier_descriptor,
    .timeout_ms = carrier_timeout_ms,
    .close = carrier_close,
};

const talc_carrier talc_https_carrier = {
    .scheme = "https",
    .open = carrier_open,
    .limits = carrier_limits,
    .send = carrier_send,
    .cancel = carrier_cancel,
    .process = carrier_process,
    .descriptor = carrier_descriptor,
    .timeout_ms = carrier_timeout_ms,
    .close = carrier_close,
};
