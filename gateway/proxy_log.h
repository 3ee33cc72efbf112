/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_PROXY_LOG_H
#define TALC_GATEWAY_PROXY_LOG_H

/**
 * What passed through a gateway, for later and for people.
 *
 * The log is JSON Lines, one object for each message, with its keys in this order:
 *
 * {"time_ms":1700000000000,"exchange":17,"kind":"request-in","protocol":"coap",
 *  "peer":"127.0.0.1:40012","uri":"coap://svc.example/a","method":"POST",
 *  "format":"application/json","size":860,"body":"{\"i\":60}"}
 * (on one line). `kind` is request-in, request-out, response-in, response-out or trouble. Requests
 * have `method`, CoAP responses `code` ("2.04"), HTTP responses `status` (200). `format` is left
 * out where there is none. `body` is there if it is printable ASCII, else `body_base64url`; neither
 * if `size` is 0, or the request goes nowhere: whoever is refused shall not fill a disk. `reason` stands last, of trouble, of refusals and of requests to observe; trouble
 * has no `size`. Of the escapes of JSON only those of '"' and '\' are used: in other texts than
 * a body what is not printable ASCII is percent-encoded.
 */

#include <stdbool.h>

#include "gateway/gateway.h"

typedef struct talc_proxy_log talc_proxy_log;

/** Opens `path` to append to it, and creates it with mode 0600, for bodies are in it. TALC_OK: the
 * caller closes `*log`. TALC_ERROR_IO: it cannot be opened, is no regular file, or is there already
 * and open to group or others; TALC_ERROR_MEMORY. `failure` (may be NULL) tells why. */
talc_status talc_proxy_log_open(talc_proxy_log **log, const char *path, talc_failure *failure);

/** Goes on in the file that has this name now, as talc_proxy_log_open() opens it: for a log that was
 * renamed. On error it goes on in the one before. */
talc_status talc_proxy_log_reopen(talc_proxy_log *log, const char *path, talc_failure *failure);

/** Appends one line in one piece. TALC_OK; TALC_ERROR_IO (errno says why), TALC_ERROR_MEMORY: it
 * is not there, or cut; later ones may succeed. */
talc_status talc_proxy_log_write(talc_proxy_log *log, const talc_gateway_event *event);

/** NULL is allowed. */
void talc_proxy_log_close(talc_proxy_log *log);

/** Whether a line is coloured, by escape sequences of terminals. */
typedef enum talc_proxy_line_style {
    TALC_PROXY_LINE_PLAIN,
    TALC_PROXY_LINE_COLOURED
} talc_proxy_line_style;

#define TALC_PROXY_LINE_SIZE 4096 /* with the NUL */

/** Writes an event as one line for people, NUL-terminated, without a line end:
 *
 * "#17    >| coap  127.0.0.1:40012        POST coap://svc.example/a  860 bytes application/json {..."
 *
 * >| and <| are the client's side, |> and |< the origin's, ! is trouble. What is not printable
 * ASCII is written as \xNN; long URIs and bodies are cut, and "..." says so. */
void talc_proxy_line_write(char line[TALC_PROXY_LINE_SIZE], const talc_gateway_event *event,
                           talc_proxy_line_style style);

/** What both have in common: of an event's message. `text` is a static or the event's own. */
const char *talc_proxy_log_kind(const talc_gateway_event *event);

#define TALC_PROXY_WORD_SIZE 32

/** The method of a request ("POST", "0.31" for one without a name), else the code or the status of
 * a response; empty if there is no message. */
void talc_proxy_log_word(const talc_gateway_event *event, char word[TALC_PROXY_WORD_SIZE]);

/** Its media type; empty if it says none. */
void talc_proxy_log_format(const talc_gateway_event *event, char *format, size_t capacity);

/** Its body; size 0 if there is none. */
const uint8_t *talc_proxy_log_body(const talc_gateway_event *event, size_t *size);

#endif
