/* SPDX-License-Identifier: MIT */
#ifndef TALC_RECORDS_PROXY_LOG_READER_H
#define TALC_RECORDS_PROXY_LOG_READER_H

/**
 * Reads the log of talc-proxy: JSON Lines, one line for each message on each of its two legs.
 *
 * {"time_ms":1700000000000,"exchange":17,"kind":"request-in","protocol":"coap",
 * "peer":"127.0.0.1:40012","uri":"coap://host/path?s=...","method":"POST",
 * "format":"application/json","size":860,"body":"{\"i\":7}"} (on one line). A response has
 * "code":"2.04" or "status":200 in place of the method; a body that is no text stands in
 * "body_base64url"; "trouble" has a "reason". Unlike an envelope such a line may hold every escape
 * of JSON and text in UTF-8. It may come from another machine, so nothing in it is believed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "talc/status.h"

/** Longest line that is read: a body of 64 KiB, each byte of it an escape. */
#define TALC_PROXY_LOG_LINE_SIZE_MAX (512u * 1024u)

typedef enum talc_proxy_log_entry_kind {
    TALC_PROXY_LOG_REQUEST_IN,   /**< from the client */
    TALC_PROXY_LOG_REQUEST_OUT,  /**< to the origin */
    TALC_PROXY_LOG_RESPONSE_IN,  /**< from the origin */
    TALC_PROXY_LOG_RESPONSE_OUT, /**< to the client */
    TALC_PROXY_LOG_TROUBLE
} talc_proxy_log_entry_kind;

/** Strings end with NUL, hold no other, and are "" where the line has none. */
typedef struct talc_proxy_log_entry {
    uint64_t time_ms;  /**< since 1970-01-01 00:00 UTC; this and the other numbers at most 2^53-1 */
    uint64_t exchange; /**< request and response, of both legs, share it */
    talc_proxy_log_entry_kind kind;
    const char *protocol; /**< "coap", "http", "https" */
    const char *peer;
    const char *uri;    /**< of the request */
    const char *code;   /**< of a CoAP response */
    const char *reason; /**< of trouble */
    uint64_t status;    /**< of an HTTP response, else 0 */
    uint64_t size;      /**< of the body, as the line says */
    bool has_body;      /**< the line holds it */
    const uint8_t *body;
    size_t body_size;
} talc_proxy_log_entry;

/** Reads one line, with or without its newline. What the entry points to is written into `text`,
 * which the caller keeps as long as the entry and makes 2 * size + 16 bytes large. Unknown keys
 * are passed over, known ones are there at most once; "kind" and "exchange" are required. TALC_OK;
 * TALC_ERROR_MALFORMED; TALC_ERROR_TOO_LARGE for more than TALC_PROXY_LOG_LINE_SIZE_MAX. On an
 * error the entry is all zero. */
talc_status talc_proxy_log_read_line(const char *line, size_t size, char *text,
                                     talc_proxy_log_entry *entry);

#endif
