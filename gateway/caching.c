/* SPDX-License-Identifier: MIT */
#include "gateway/caching.h"

#include "gateway/codes.h"
#include "gateway/field_list.h"
#include "gateway/http_date.h"

#include <stdio.h>
#include <string.h>

#define MAX_AGE_DEFAULT_S 60 /* RFC 7252 section 5.10.5 */

/* For an origin that does not say when to come again: not at once, and not as late as the default.
 */
#define RETRY_DEFAULT_S 5

/* What Cache-Control says. */
typedef struct control {
    bool is_there;
    bool is_forbidden;  /* to a shared cache, which any CoAP cache may be */
    int64_t s_maxage_s; /* -1: not there */
    int64_t max_age_s;
} control;

/* "60" or the quoted form of it; what is no number counts as 0 (RFC 9111 section 4.2.1). */
static int64_t read_seconds(talc_text_reader *reader)
{
    char quoted[16];
    talc_text_reader digits = *reader;
    uint32_t number;
    if (talc_text_reader_peek(reader) == '"') {
        if (!talc_text_reader_quoted(reader, quoted, sizeof quoted)) {
            return 0;
        }
        talc_text_reader_string(&digits, quoted);
    }
    return talc_text_reader_number(&digits, &number) && talc_text_reader_at_end(&digits) ? number
                                                                                         : 0;
}

/* Of two that contradict each other the shorter one. */
static void keep_shorter(int64_t *seconds, int64_t found)
{
    *seconds = *seconds < 0 || found < *seconds ? found : *seconds;
}

static void read_directive(control *read, talc_text_reader *element)
{
    talc_text_piece name = talc_text_reader_token(element);
    bool has_value = talc_text_reader_take(element, '=');
    if (talc_text_piece_is(name, "no-store") || talc_text_piece_is(name, "no-cache") ||
        talc_text_piece_is(name, "private")) {
        read->is_forbidden = true;
    } else if (talc_text_piece_is(name, "s-maxage")) {
        keep_shorter(&read->s_maxage_s, has_value ? read_seconds(element) : 0);
    } else if (talc_text_piece_is(name, "max-age")) {
        keep_shorter(&read->max_age_s, has_value ? read_seconds(element) : 0);
    }
}

static control read_control(const talc_http_message *response)
{
    control read = { false, false, -1, -1 };
    talc_gateway_field_list list;
    talc_text_reader element;
    talc_gateway_field_list_init(&list, response, "Cache-Control");
    while (talc_gateway_field_list_next(&list, &element)) {
        read.is_there = true;
        read_directive(&read, &element);
    }
    talc_gateway_field_list_init(&list, response, "Vary");
    while (talc_gateway_field_list_next(&list, &element)) {
        read.is_forbidden = read.is_forbidden || talc_text_reader_peek(&element) == '*';
    }
    return read;
}

static int64_t until_expiry(const talc_http_message *response)
{
    const char *expires = talc_http_field_find(response, "Expires");
    const char *date = talc_http_field_find(response, "Date");
    int64_t end, begin;
    return expires != NULL && date != NULL && talc_http_date_read(expires, &end) &&
                   talc_http_date_read(date, &begin)
               ? end - begin
               : 0;
}

static int64_t age_of(const talc_http_message *response)
{
    const char *text = talc_http_field_find(response, "Age");
    talc_text_reader reader;
    uint32_t age;
    talc_text_reader_string(&reader, text);
    if (text == NULL) {
        return 0;
    }
    return talc_text_reader_number(&reader, &age) && talc_text_reader_at_end(&reader) ? age
                                                                                      : UINT32_MAX;
}

/* RFC 9111 section 4.2.1, for a shared cache. */
static uint32_t freshness_s(const talc_http_message *response, const control *read)
{
    int64_t lifetime_s = read->s_maxage_s >= 0  ? read->s_maxage_s
                         : read->max_age_s >= 0 ? read->max_age_s
                                                : until_expiry(response);
    int64_t left_s = read->is_forbidden ? 0 : lifetime_s - age_of(response);
    return left_s < 0 ? 0 : left_s > UINT32_MAX ? UINT32_MAX : (uint32_t)left_s;
}

/* Retry-After is a number of seconds, or a date. */
static uint32_t retry_after_s(const talc_http_message *response)
{
    const char *text = talc_http_field_find(response, "Retry-After");
    const char *date = talc_http_field_find(response, "Date");
    talc_text_reader reader;
    uint32_t number;
    int64_t end, begin;
    talc_text_reader_string(&reader, text);
    if (text != NULL && talc_text_reader_number(&reader, &number) &&
        talc_text_reader_at_end(&reader)) {
        return number;
    }
    if (text != NULL && date != NULL && talc_http_date_read(text, &end) &&
        talc_http_date_read(date, &begin) && end >= begin && end - begin <= UINT32_MAX) {
        return (uint32_t)(end - begin);
    }
    return RETRY_DEFAULT_S;
}

/* Codes whose Max-Age says when to ask again (RFC 7252 section 5.9.3.4, RFC 8516). */
static bool is_busy(uint8_t code)
{
    return code == TALC_CODE_UNAVAILABLE || code == TALC_GATEWAY_TOO_MANY_REQUESTS;
}

/* RFC 7252 section 5.9: Content, Valid, and all errors. */
static bool is_cacheable(uint8_t code)
{
    return code == TALC_CODE_CONTENT || code == TALC_GATEWAY_VALID || code >> 5 == 4 ||
           code >> 5 == 5;
}

void talc_gateway_caching_to_coap(talc_gateway_draft *draft, const talc_gateway_asked *asked,
                                  const talc_http_message *response)
{
    control read = read_control(response);
    uint8_t code = draft->coap.code;
    if (is_busy(code)) {
        talc_gateway_draft_uint(draft, TALC_COAP_MAX_AGE, retry_after_s(response));
    } else if (asked->code != TALC_GET && (read.is_there || is_cacheable(code))) {
        talc_gateway_draft_uint(draft, TALC_COAP_MAX_AGE, 0);
    } else if (is_cacheable(code)) {
        talc_gateway_draft_uint(draft, TALC_COAP_MAX_AGE, freshness_s(response, &read));
    }
}

/* Whether HTTP caches may keep it. CoAP has options as If-Match in the key of its caches, HTTP does
 * not: an error that one client's field has caused would be everybody's there. And a minute that
 * nobody chose is long for an error. */
static bool may_be_kept(const talc_gateway_asked *asked, const talc_coap_message *response)
{
    if (asked->code != TALC_GET || is_busy(response->code) || !is_cacheable(response->code)) {
        return false;
    }
    return response->code >> 5 == 2 ||
           (!asked->has_condition && talc_coap_message_find(response, TALC_COAP_MAX_AGE) != NULL);
}

void talc_gateway_caching_to_http(talc_gateway_draft *draft, const talc_gateway_asked *asked,
                                  const talc_coap_message *response)
{
    char text[32];
    uint32_t max_age_s = talc_coap_message_uint(response, TALC_COAP_MAX_AGE, MAX_AGE_DEFAULT_S);
    if (is_busy(response->code) && talc_coap_message_find(response, TALC_COAP_MAX_AGE) != NULL) {
        snprintf(text, sizeof text, "%lu", (unsigned long)max_age_s);
        talc_gateway_draft_field(draft, "Retry-After", text);
    }
    if (!may_be_kept(asked, response)) {
        talc_gateway_draft_field(draft, "Cache-Control", "no-store");
        return;
    }
    snprintf(text, sizeof text, "max-age=%lu", (unsigned long)max_age_s);
    talc_gateway_draft_field(draft, "Cache-Control", text);
    /* Accept chose the representation, and nothing else of the request could. */
    talc_gateway_draft_field(draft, "Vary", "Accept");
}
