/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_HTTP_CARRYING_H
#define TALC_TESTS_HTTP_CARRYING_H

/** A client's carrier over HTTP, a played server, alone or behind nginx, and a note of the last
 * answer. */

#include "tests/http_played.h"
#include "tests/nginx_process.h"
#include "transport/http_carrier.h"

#define CARRYING_ANSWERED                                                                          \
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

typedef struct http_carrying {
    talc_carrier_target target; /* set by the test before carrying_open() */
    const talc_carrier *carrier;
    void *link;
    http_played server;
    nginx_process nginx;
    size_t answers;
    uint32_t exchange; /* of the last answer */
    talc_outcome outcome;
    uint8_t code;
    uint32_t retry_after_ms;
    char reason[TALC_FAILURE_TEXT_SIZE]; /* "": none */
    uint8_t body[65536];
    size_t body_size;
} http_carrying;

/** The session id of all bodies: "-__-BAUGBwgJCgsM" in base64url. */
extern const uint8_t carrying_id[TALC_SESSION_ID_SIZE];

/** For cmocka: a target that leads to the played server, which answers CARRYING_ANSWERED. */
int carrying_setup(void **state);
int carrying_teardown(void **state);

/** Opens the carrier, in place of the one before. */
void carrying_open(http_carrying *of);

/** A body of so many 'b', to 1024. */
talc_status carrying_send(http_carrying *of, uint32_t exchange, uint32_t attempt, size_t size);

/** One turn of the loop; turns until there have been so many answers. */
void carrying_turn(http_carrying *of);
void carrying_await(http_carrying *of, size_t answers);

/** One exchange, of 100 bytes. */
void carrying_exchange(http_carrying *of);

/** What came over the newest connection. */
const char *carrying_last_request(const http_carrying *of);

#endif
