/* SPDX-License-Identifier: MIT */
#include "tests/coap_played.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void played_send(played *server, const wire_message *answer)
{
    wire_send(server->socket, answer, server->from);
}

void played_turn(played *server)
{
    wire_message message;
    while (wire_receive(server->socket, &message, &server->from)) {
        if (wire_type(&message) == WIRE_ACK) {
            server->acknowledged++;
            continue;
        }
        if (server->requests == 0) {
            server->first_from = server->from;
        }
        server->requests++;
        server->last = message;
        server->script(server, &message);
    }
}

void played_open(played *server, played_script *script)
{
    memset(server, 0, sizeof *server);
    server->socket = wire_socket(&server->port);
    assert_true(server->socket >= 0);
    server->script = script;
    snprintf(server->uri, sizeof server->uri, "coap://127.0.0.1:%u", (unsigned)server->port);
}

static void pair_turn(coap_pair *pair, void *context)
{
    (void)pair;
    played_turn(context);
}

void play(coap_pair *pair, played *server, played_script *script)
{
    played_open(server, script);
    pair->extra = pair_turn;
    pair->extra_context = server;
    pair->extra_descriptor = server->socket;
    if (pair->proxy_uri == NULL) {
        pair->uri = server->uri;
    }
    coap_pair_client_open(pair);
}

void play_end(coap_pair *pair, played *server)
{
    coap_pair_client_close(pair);
    pair->extra = NULL;
    pair->extra_descriptor = -1;
    close(server->socket);
}

void played_answer_short(played *server, const wire_message *request)
{
    wire_message answer;
    wire_answer(&answer, request, WIRE_CODE(2, 4));
    wire_payload(&answer, "{}", 2);
    played_send(server, &answer);
}
