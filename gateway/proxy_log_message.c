/* SPDX-License-Identifier: MIT */
/* What there is to say of a message, whichever protocol it is of. */
#include <stdio.h>

#include "gateway/media_types.h"
#include "gateway/proxy_log.h"
#include "talc/message.h"

const char *talc_proxy_log_kind(const talc_gateway_event *event)
{
    switch (event->kind) {
    case TALC_GATEWAY_REQUEST_IN: return "request-in";
    case TALC_GATEWAY_REQUEST_OUT: return "request-out";
    case TALC_GATEWAY_RESPONSE_IN: return "response-in";
    case TALC_GATEWAY_RESPONSE_OUT: return "response-out";
    case TALC_GATEWAY_TROUBLE: break;
    }
    return "trouble";
}

/* RFC 7252 section 12.1.1, RFC 8132 section 6. */
static const char *method_name(uint8_t code)
{
    static const char *const names[] = { NULL,     "GET",   "POST",  "PUT",
                                         "DELETE", "FETCH", "PATCH", "iPATCH" };
    return code < sizeof names / sizeof names[0] ? names[code] : NULL;
}

static void coap_word(uint8_t code, char word[TALC_PROXY_WORD_SIZE])
{
    const char *name = code < TALC_CODE(1, 0) ? method_name(code) : NULL;
    if (name != NULL) {
        snprintf(word, TALC_PROXY_WORD_SIZE, "%s", name);
    } else {
        snprintf(word, TALC_PROXY_WORD_SIZE, "%u.%02u", code / 32u, code % 32u);
    }
}

void talc_proxy_log_word(const talc_gateway_event *event, char word[TALC_PROXY_WORD_SIZE])
{
    word[0] = '\0';
    if (event->coap != NULL) {
        coap_word(event->coap->code, word);
    } else if (event->http != NULL && event->http->method != NULL) {
        snprintf(word, TALC_PROXY_WORD_SIZE, "%.31s", event->http->method);
    } else if (event->http != NULL) {
        snprintf(word, TALC_PROXY_WORD_SIZE, "%u", event->http->status);
    }
}

void talc_proxy_log_format(const talc_gateway_event *event, char *format, size_t capacity)
{
    char text[TALC_GATEWAY_MEDIA_TYPE_SIZE];
    const char *type =
        event->http != NULL ? talc_http_field_find(event->http, "Content-Type") : NULL;
    format[0] = '\0';
    if (type != NULL) {
        snprintf(format, capacity, "%s", type);
    } else if (event->coap != NULL &&
               talc_coap_message_find(event->coap, TALC_COAP_CONTENT_FORMAT) != NULL) {
        uint32_t number = talc_coap_message_uint(event->coap, TALC_COAP_CONTENT_FORMAT, 0);
        const char *coding = talc_gateway_format_text((uint16_t)number, text);
        snprintf(format, capacity, "%s%s%s", text, coding != NULL ? ";" : "",
                 coding != NULL ? coding : "");
    }
}

const uint8_t *talc_proxy_log_body(const talc_gateway_event *event, size_t *size)
{
    *size = event->coap != NULL   ? event->coap->body_size
            : event->http != NULL ? event->http->body_size
                                  : 0;
    return event->coap != NULL ? event->coap->body : event->http != NULL ? event->http->body : NULL;
}
