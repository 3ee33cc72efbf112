/* SPDX-License-Identifier: MIT */
#ifndef TALC_FUZZ_STAGE_H
#define TALC_FUZZ_STAGE_H

/**
 * A client and a server in memory, and the fuzzer as the path between them: it says which bodies
 * arrive, which are its own, and how time passes. Keys and numbers are random, so an input means
 * nearly, not exactly, the same each time.
 */

#include <stdbool.h>

#include "talc/talc.h"

#define STAGE_REQUESTS_MAX 4

typedef struct stage_request {
    uint32_t exchange; /* 0: none */
    uint8_t *body;
    size_t body_size;
} stage_request;

typedef struct stage_handle stage_handle;

typedef struct fuzz_stage {
    talc_identity *identity;
    talc_trust *trust;
    talc_server *server;
    talc_client *client;
    talc_carrier_events to_client;
    talc_listener_events to_server;
    uint64_t now_ms;
    uint8_t session_id[TALC_SESSION_ID_SIZE]; /* of the client's last request */
    stage_request requests[STAGE_REQUESTS_MAX]; /* of the client, oldest first */
    stage_handle *handles;
    unsigned answered; /* requests of the application that ended */
} fuzz_stage;

/** Makes both, with one pre-shared key, and queues a first request. Ends the program on errors. */
void stage_begin(fuzz_stage *stage);
void stage_end(fuzz_stage *stage);

/** Takes one part of the input: a control byte, two bytes of length, a body. False at the end. */
typedef struct stage_part {
    uint8_t control;
    const uint8_t *body;
    size_t body_size;
} stage_part;

bool stage_part_next(const uint8_t **data, size_t *size, stage_part *part);

/** Gives the server the client's oldest body, and the client what comes back. */
void stage_let_pass(fuzz_stage *stage);

/** Gives the server a body under the client's session id (`own` 0) or another. */
void stage_give_server(fuzz_stage *stage, unsigned own, const stage_part *part);

/** Gives the client a body as the answer to its oldest body, with that body's `i` before it if
 * `numbered`. */
void stage_give_client(fuzz_stage *stage, unsigned numbered, const stage_part *part);

/** Lets time pass for both, and has the client ask for something new when all is answered. */
void stage_pass(fuzz_stage *stage, uint32_t time_ms);

#endif
