/* SPDX-License-Identifier: MIT */
#include "gateway/proxy_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/failure.h"
#include "records/text_writer.h"

#define FORMAT_SIZE 256

struct talc_proxy_log {
    int descriptor;
    int is_cut; /* the last line has no end */
    char *line;
    size_t capacity;
};

/* ---------------------------------------------------------------- the file */

static talc_status open_file(int *descriptor, const char *path, talc_failure *failure)
{
    struct stat status;
    /* O_NONBLOCK: a FIFO without a reader is refused and not waited for. */
    int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    *descriptor = open(path, flags, S_IRUSR | S_IWUSR);
    if (*descriptor < 0) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_IO, "%s: %s", path,
                                strerror(errno));
    }
    if (fstat(*descriptor, &status) != 0 || !S_ISREG(status.st_mode) ||
        (status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        close(*descriptor);
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_IO,
                                "%s: bodies are logged, so it has to be a regular file that only "
                                "its owner may read (chmod 600)",
                                path);
    }
    return TALC_OK;
}

talc_status talc_proxy_log_open(talc_proxy_log **log, const char *path, talc_failure *failure)
{
    int descriptor;
    *log = NULL;
    talc_status status = open_file(&descriptor, path, failure);
    if (status != TALC_OK) {
        return status;
    }
    *log = calloc(1, sizeof **log);
    if (*log == NULL) {
        close(descriptor);
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_MEMORY, "out of memory");
    }
    (*log)->descriptor = descriptor;
    return TALC_OK;
}

talc_status talc_proxy_log_reopen(talc_proxy_log *log, const char *path, talc_failure *failure)
{
    int descriptor;
    talc_status status = open_file(&descriptor, path, failure);
    if (status == TALC_OK) {
        close(log->descriptor);
        log->descriptor = descriptor;
        log->is_cut = 0;
    }
    return status;
}

void talc_proxy_log_close(talc_proxy_log *log)
{
    if (log != NULL) {
        close(log->descriptor);
        free(log->line);
        free(log);
    }
}

/* ---------------------------------------------------------------- a line */

static bool is_printable(uint8_t byte)
{
    return byte >= 0x20 && byte <= 0x7e;
}

static bool all_printable(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!is_printable(bytes[i])) {
            return false;
        }
    }
    return true;
}

static void write_character(talc_text_writer *writer, char character)
{
    if (character == '"' || character == '\\') {
        talc_text_writer_put(writer, '\\');
    }
    talc_text_writer_put(writer, character);
}

static void write_encoded(talc_text_writer *writer, uint8_t byte)
{
    static const char digits[] = "0123456789ABCDEF";
    talc_text_writer_put(writer, '%');
    talc_text_writer_put(writer, digits[byte >> 4]);
    talc_text_writer_put(writer, digits[byte & 15]);
}

static void write_text(talc_text_writer *writer, const char *key, const char *text)
{
    talc_text_writer_string(writer, ",\"");
    talc_text_writer_string(writer, key);
    talc_text_writer_string(writer, "\":\"");
    for (; *text != '\0'; text++) {
        if (is_printable((uint8_t)*text)) {
            write_character(writer, *text);
        } else {
            write_encoded(writer, (uint8_t)*text);
        }
    }
    talc_text_writer_put(writer, '"');
}

static void write_body(talc_text_writer *writer, const uint8_t *body, size_t size)
{
    if (all_printable(body, size)) {
        talc_text_writer_string(writer, ",\"body\":\"");
        for (size_t i = 0; i < size; i++) {
            write_character(writer, (char)body[i]);
        }
    } else {
        talc_text_writer_string(writer, ",\"body_base64url\":\"");
        talc_text_writer_base64(writer, body, size);
    }
    talc_text_writer_put(writer, '"');
}

static void write_message(talc_text_writer *writer, const talc_gateway_event *event)
{
    char word[TALC_PROXY_WORD_SIZE], format[FORMAT_SIZE];
    size_t size;
    const uint8_t *body = talc_proxy_log_body(event, &size);
    int is_request = event->kind <= TALC_GATEWAY_REQUEST_OUT;
    talc_proxy_log_word(event, word);
    if (!is_request && event->http != NULL) {
        talc_text_writer_string(writer, ",\"status\":");
        talc_text_writer_string(writer, word);
    } else {
        write_text(writer, is_request ? "method" : "code", word);
    }
    talc_proxy_log_format(event, format, sizeof format);
    if (format[0] != '\0') {
        write_text(writer, "format", format);
    }
    talc_text_writer_string(writer, ",\"size\":");
    talc_text_writer_number(writer, size);
    if (size > 0 && !event->is_refused) {
        write_body(writer, body, size);
    }
}

static void write_line(talc_text_writer *writer, const talc_gateway_event *event)
{
    talc_text_writer_string(writer, "{\"time_ms\":");
    talc_text_writer_number(writer, event->time_ms);
    talc_text_writer_string(writer, ",\"exchange\":");
    talc_text_writer_number(writer, event->exchange);
    write_text(writer, "kind", talc_proxy_log_kind(event));
    write_text(writer, "protocol", talc_gateway_scheme_text(event->scheme));
    write_text(writer, "peer", event->peer);
    write_text(writer, "uri", event->uri);
    if (event->coap != NULL || event->http != NULL) {
        write_message(writer, event);
    }
    if (event->reason != NULL) {
        write_text(writer, "reason", event->reason);
    }
    talc_text_writer_string(writer, "}\n");
}

static talc_status make_room(talc_proxy_log *log, size_t size)
{
    if (size > log->capacity) {
        char *line = realloc(log->line, size);
        if (line == NULL) {
            return TALC_ERROR_MEMORY;
        }
        log->line = line;
        log->capacity = size;
    }
    return TALC_OK;
}

/* One write with O_APPEND: whoever else appends, the line stays in one piece; but on a full disk,
 * where the next one must not become a part of it. */
static talc_status append(talc_proxy_log *log, size_t size)
{
    if (log->is_cut && write(log->descriptor, "\n", 1) != 1) {
        return TALC_ERROR_IO;
    }
    ssize_t written = write(log->descriptor, log->line, size);
    log->is_cut = written > 0 && (size_t)written < size;
    if (log->is_cut) {
        errno = ENOSPC;
    }
    return written >= 0 && (size_t)written == size ? TALC_OK : TALC_ERROR_IO;
}

talc_status talc_proxy_log_write(talc_proxy_log *log, const talc_gateway_event *event)
{
    talc_text_writer writer;
    talc_text_writer_init_counting(&writer);
    write_line(&writer, event);
    talc_status status = make_room(log, writer.size);
    if (status != TALC_OK) {
        return status;
    }
    talc_text_writer_init(&writer, log->line, log->capacity);
    write_line(&writer, event);
    return append(log, writer.size);
}
