/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "gateway/proxy_log.h"
#include "records/text_writer.h"

#define URI_MAX 160
#define BODY_MAX 60
#define REASON_MAX 240
#define NUMBER_WIDTH 6
#define PROTOCOL_WIDTH 6
#define PEER_WIDTH 26
#define WORD_WIDTH 4

static void write_padded(talc_text_writer *writer, const char *text, size_t width)
{
    talc_text_writer_string(writer, text);
    for (size_t size = strlen(text); size < width; size++) {
        talc_text_writer_put(writer, ' ');
    }
}

/* Nothing that a peer sent may move a terminal's cursor. */
static void write_safely(talc_text_writer *writer, const uint8_t *bytes, size_t size, size_t most)
{
    static const char digits[] = "0123456789abcdef";
    size_t shown = size < most ? size : most;
    for (size_t i = 0; i < shown; i++) {
        if (bytes[i] >= 0x20 && bytes[i] <= 0x7e) {
            talc_text_writer_put(writer, (char)bytes[i]);
        } else {
            const char escaped[] = { '\\', 'x', digits[bytes[i] >> 4], digits[bytes[i] & 15], 0 };
            talc_text_writer_string(writer, escaped);
        }
    }
    if (shown < size) {
        talc_text_writer_string(writer, "...");
    }
}

static void write_text(talc_text_writer *writer, const char *text, size_t most)
{
    write_safely(writer, (const uint8_t *)text, strlen(text), most);
}

static const char *arrow_of(talc_gateway_event_kind kind)
{
    switch (kind) {
    case TALC_GATEWAY_REQUEST_IN: return ">| ";
    case TALC_GATEWAY_REQUEST_OUT: return "|> ";
    case TALC_GATEWAY_RESPONSE_IN: return "|< ";
    case TALC_GATEWAY_RESPONSE_OUT: return "<| ";
    case TALC_GATEWAY_TROUBLE: break;
    }
    return "!  ";
}

/* Trouble and refusals, then requests, then responses. */
static const char *colour_of(const talc_gateway_event *event)
{
    if (event->kind == TALC_GATEWAY_TROUBLE ||
        (event->kind == TALC_GATEWAY_RESPONSE_OUT && event->reason != NULL)) {
        return "\x1b[31m";
    }
    return event->kind <= TALC_GATEWAY_REQUEST_OUT ? "\x1b[36m" : "\x1b[32m";
}

/* A refusal's text is its body, too: once is enough. */
static int is_reason(const talc_gateway_event *event, const uint8_t *body, size_t size)
{
    return event->reason != NULL && strlen(event->reason) == size &&
           memcmp(event->reason, body, size) == 0;
}

static void write_message(talc_text_writer *writer, const talc_gateway_event *event)
{
    char word[TALC_PROXY_WORD_SIZE], format[128];
    size_t size;
    const uint8_t *body = talc_proxy_log_body(event, &size);
    talc_proxy_log_word(event, word);
    talc_proxy_log_format(event, format, sizeof format);
    write_padded(writer, word, WORD_WIDTH);
    talc_text_writer_put(writer, ' ');
    if (event->kind <= TALC_GATEWAY_REQUEST_OUT) {
        write_text(writer, event->uri, URI_MAX);
        talc_text_writer_string(writer, "  ");
    }
    talc_text_writer_number(writer, size);
    talc_text_writer_string(writer, size == 1 ? " byte" : " bytes");
    talc_text_writer_string(writer, format[0] != '\0' ? " " : "");
    write_text(writer, format, sizeof format);
    if (size > 0 && !is_reason(event, body, size)) {
        talc_text_writer_put(writer, ' ');
        write_safely(writer, body, size, BODY_MAX);
    }
}

/* Behind a message of its own, or behind the peer, which ends in a blank. */
static void write_reason(talc_text_writer *writer, const talc_gateway_event *event)
{
    int is_alone = event->coap == NULL && event->http == NULL;
    talc_text_writer_string(writer, is_alone ? "(" : " (");
    write_text(writer, event->reason, REASON_MAX);
    talc_text_writer_put(writer, ')');
}

/* Also those at the end of a body. */
static void drop_last_blanks(talc_text_writer *writer, const char *line)
{
    while (writer->size > 0 && line[writer->size - 1] == ' ') {
        writer->size--;
    }
}

void talc_proxy_line_write(char line[TALC_PROXY_LINE_SIZE], const talc_gateway_event *event,
                           talc_proxy_line_style style)
{
    talc_text_writer writer;
    char number[24];
    int is_coloured = style == TALC_PROXY_LINE_COLOURED;
    snprintf(number, sizeof number, "#%llu", (unsigned long long)event->exchange);
    talc_text_writer_init(&writer, line, TALC_PROXY_LINE_SIZE - 1);
    talc_text_writer_string(&writer, is_coloured ? colour_of(event) : "");
    write_padded(&writer, number, NUMBER_WIDTH);
    talc_text_writer_put(&writer, ' ');
    talc_text_writer_string(&writer, arrow_of(event->kind));
    write_padded(&writer, talc_gateway_scheme_text(event->scheme), PROTOCOL_WIDTH);
    write_padded(&writer, event->peer, PEER_WIDTH);
    talc_text_writer_put(&writer, ' ');
    if (event->coap != NULL || event->http != NULL) {
        write_message(&writer, event);
    }
    if (event->reason != NULL) {
        write_reason(&writer, event);
    }
    drop_last_blanks(&writer, line);
    talc_text_writer_string(&writer, is_coloured ? "\x1b[0m" : "");
    line[writer.size] = '\0';
}
