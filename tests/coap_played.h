/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_COAP_PLAYED_H
#define TALC_TESTS_COAP_PLAYED_H

/** A CoAP server or proxy that a script plays, beside a pair's client. */

#include "tests/coap_pair.h"
#include "tests/coap_wire.h"

typedef struct played played;

/** Gets each request and answers it or not. */
typedef void played_script(played *server, const wire_message *request);

struct played {
    int socket;
    uint16_t port;
    uint16_t from; /**< port of the last sender */
    uint16_t first_from;
    played_script *script;
    unsigned requests;
    unsigned acknowledged; /**< of our confirmable messages */
    wire_message last;     /**< the last request */
    char uri[64];
};

/** For other pairs: opens a played server, and lets it take what has arrived. */
void played_open(played *server, played_script *script);
void played_turn(played *server);

/** Opens the played server and the pair's client, which leads to it. */
void play(coap_pair *pair, played *server, played_script *script);

/** Closes both. */
void play_end(coap_pair *pair, played *server);

/** Sends to who asked last. */
void played_send(played *server, const wire_message *answer);

/** A script: answers 2.04 with "{}". */
void played_answer_short(played *server, const wire_message *request);

#endif
