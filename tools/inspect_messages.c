/* SPDX-License-Identifier: MIT */
#include "tools/inspect_messages.h"

#include <string.h>

#include "lib/framing.h"

#define PLAINTEXT_MAX (16u << 20) /* of an unfinished message */
#define TEXT_SHOWN_MAX 400u
#define BYTES_SHOWN_MAX 32u

void inspect_messages_begin(inspect_messages *messages, FILE *out)
{
    memset(messages, 0, sizeof *messages);
    messages->out = out;
}

void inspect_messages_end(inspect_messages *messages)
{
    for (int i = 0; i < 2; i++) {
        free(messages->sides[i].bytes);
    }
    memset(messages, 0, sizeof *messages);
}

/* ---------------------------------------------------------------- one message */

static const char *code_text(uint8_t code, char text[TALC_CODE_TEXT_SIZE])
{
    switch (code) {
    case TALC_GET: return "GET";
    case TALC_POST: return "POST";
    case TALC_PUT: return "PUT";
    case TALC_DELETE: return "DELETE";
    case TALC_CODE_EMPTY: return "Empty";
    case TALC_CODE_CSM: return "CSM";
    case TALC_CODE_PING: return "Ping";
    case TALC_CODE_PONG: return "Pong";
    case TALC_CODE_RELEASE: return "Release";
    case TALC_CODE_ABORT: return "Abort";
    default: return talc_code_text(code, text);
    }
}

static bool is_text(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] < 0x20 || bytes[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

static void write_payload(FILE *out, const talc_frame *frame)
{
    if (frame->payload_size == 0) {
        return;
    }
    bool reads = is_text(frame->payload, frame->payload_size);
    size_t shown_max = reads ? TEXT_SHOWN_MAX : BYTES_SHOWN_MAX;
    size_t shown = frame->payload_size < shown_max ? frame->payload_size : shown_max;
    fprintf(out, reads ? " " : " bytes ");
    for (size_t i = 0; i < shown; i++) {
        fprintf(out, reads ? "%c" : "%02x", frame->payload[i]);
    }
    if (shown < frame->payload_size) {
        fprintf(out, "... (%zu bytes)", frame->payload_size);
    }
}

static void write_token(FILE *out, const talc_frame *frame)
{
    fprintf(out, " [");
    for (size_t i = 0; i < frame->token_size; i++) {
        fprintf(out, "%02x", frame->token[i]);
    }
    fprintf(out, "]");
}

static void write_frame(inspect_messages *messages, inspect_direction sender,
                        const talc_frame *frame)
{
    char code[TALC_CODE_TEXT_SIZE];
    bool is_request = frame->code != TALC_CODE_EMPTY && frame->code >> 5 == 0;
    fprintf(messages->out, "  %s  %s", sender == INSPECT_CLIENT ? "client" : "server",
            code_text(frame->code, code));
    if (is_request) {
        fprintf(messages->out, " /%s%s%s", frame->path, frame->query[0] != '\0' ? "?" : "",
                frame->query);
    }
    if (frame->token_size > 0) {
        write_token(messages->out, frame);
    }
    write_payload(messages->out, frame);
    fprintf(messages->out, "\n");
    messages->count++;
}

/* ---------------------------------------------------------------- the stream */

/* Prints the messages that are whole; returns how many bytes they had. */
static size_t write_frames(inspect_messages *messages, inspect_direction sender)
{
    const uint8_t *bytes = messages->sides[sender].bytes;
    size_t left = messages->sides[sender].size;
    size_t used = 0;
    uint64_t size = 0;
    talc_status status;
    while ((status = talc_frame_measure(bytes + used, left, &size)) == TALC_OK && size <= left) {
        talc_frame frame;
        talc_status read = talc_frame_read(bytes + used, (size_t)size, &frame);
        if (read == TALC_OK || read == TALC_ERROR_TOO_LARGE) {
            write_frame(messages, sender, &frame);
        } else {
            fprintf(messages->out, "  %s  %llu bytes that are no message\n",
                    sender == INSPECT_CLIENT ? "client" : "server", (unsigned long long)size);
        }
        used += (size_t)size;
        left -= (size_t)size;
    }
    messages->sides[sender].is_broken = status != TALC_OK && status != TALC_WANT_INPUT;
    return used;
}

void inspect_messages_take(inspect_messages *messages, inspect_direction sender,
                           const uint8_t *bytes, size_t size)
{
    size_t had = messages->sides[sender].size;
    if (messages->sides[sender].is_broken || size > PLAINTEXT_MAX - had || size == 0) {
        return;
    }
    uint8_t *grown = realloc(messages->sides[sender].bytes, had + size);
    if (grown == NULL) {
        messages->sides[sender].is_broken = true;
        return;
    }
    memcpy(grown + had, bytes, size);
    messages->sides[sender].bytes = grown;
    messages->sides[sender].size = had + size;
    size_t used = write_frames(messages, sender);
    memmove(grown, grown + used, had + size - used);
    messages->sides[sender].size = had + size - used;
}
