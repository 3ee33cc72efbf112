/* SPDX-License-Identifier: MIT */
/* How an exchange ended, in our terms and in words for a person. */
#include "transport/http_client_state.h"

#include <stdio.h>
#include <string.h>

static const char *text_of(const talc_http_exchange *exchange, CURLcode code)
{
    switch (exchange->end) {
    case TALC_HTTP_TOO_LARGE: return "the response's header is larger than what is taken here";
    case TALC_HTTP_NO_MEMORY: return "out of memory";
    case TALC_HTTP_LOST:
        if (code == CURLE_OK) {
            return "the connection ended within the response's header";
        }
        break;
    case TALC_HTTP_MALFORMED:
        if (exchange->is_refused || exchange->complaint[0] == '\0') {
            return "the response is not HTTP as it is understood here";
        }
        break;
    case TALC_HTTP_UNREACHABLE:
        if (exchange->has_passed_over && !exchange->has_connected) {
            return "it has no address of one host";
        }
        break;
    default: break;
    }
    return exchange->complaint[0] != '\0' ? exchange->complaint : curl_easy_strerror(code);
}

/* One line, whatever a peer has brought into libcurl's words. */
static void write_reason(talc_http_exchange *exchange, const char *text)
{
    const talc_http_client *client = exchange->client;
    (void)snprintf(exchange->reason, sizeof exchange->reason, "%s%s%s: %s", exchange->peer,
                   client->proxy != NULL ? " through " : "",
                   client->proxy != NULL ? client->proxy : "", text);
    for (size_t i = 0; exchange->reason[i] != '\0'; i++) {
        unsigned char byte = (unsigned char)exchange->reason[i];
        if (byte < ' ' || byte > '~') {
            exchange->reason[i] = '?';
        }
    }
}

static void write_too_large(talc_http_exchange *exchange)
{
    char text[80];
    (void)snprintf(text, sizeof text, "the response's body has more than %zu bytes",
                   exchange->client->body_size);
    write_reason(exchange, text);
}

/* As if nothing had been sent. */
static talc_http_end end_before_sending(CURLcode code)
{
    switch (code) {
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT: return TALC_HTTP_INSECURE;
    case CURLE_OUT_OF_MEMORY: return TALC_HTTP_NO_MEMORY;
    default: return TALC_HTTP_UNREACHABLE;
    }
}

static talc_http_end end_after_sending(const talc_http_exchange *exchange, CURLcode code)
{
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT: return TALC_HTTP_LATE;
    case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9, other versions, status lines that are none */
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_FUNCTION_ARGUMENT: /* a continuation of no field */
    case CURLE_BAD_CONTENT_ENCODING: return TALC_HTTP_MALFORMED;
    case CURLE_OUT_OF_MEMORY:
        /* libcurl says so too of a line of more than 100 KiB. */
        return exchange->answer.section != TALC_HTTP_BODY ? TALC_HTTP_TOO_LARGE
                                                          : TALC_HTTP_NO_MEMORY;
    default: return TALC_HTTP_LOST;
    }
}

void talc_http_exchange_judge(talc_http_exchange *exchange, CURLcode code)
{
    if (exchange->is_refused) {
        if (exchange->end == TALC_HTTP_TOO_LARGE && exchange->answer.section == TALC_HTTP_BODY) {
            write_too_large(exchange);
        } else {
            write_reason(exchange, text_of(exchange, code));
        }
        return;
    }
    if (code == CURLE_OK) {
        /* To libcurl the connection's end within the header is the end of the response. */
        exchange->end =
            exchange->answer.section == TALC_HTTP_BODY ? TALC_HTTP_ANSWERED : TALC_HTTP_LOST;
    } else {
        exchange->end =
            exchange->was_sent ? end_after_sending(exchange, code) : end_before_sending(code);
    }
    if (exchange->end != TALC_HTTP_ANSWERED) {
        write_reason(exchange, text_of(exchange, code));
    }
}

void talc_http_exchange_expire(talc_http_exchange *exchange)
{
    int is_connecting = exchange->has_begun && !exchange->was_sent;
    exchange->end = is_connecting ? TALC_HTTP_UNREACHABLE : TALC_HTTP_LATE;
    write_reason(exchange, is_connecting        ? "no connection came about in time"
                           : exchange->was_sent ? "no whole response came in time"
                                                : "no connection was free in time");
}
