/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "attacks.h"

bool attack_drop(tampering *in, tampering_body *body, const char *argument)
{
    (void)in;
    (void)body;
    (void)argument;
    return true;
}

/* A request goes in another exchange the second time, as a repeat by a proxy would. */
bool attack_duplicate(tampering *in, tampering_body *body, const char *argument)
{
    (void)argument;
    tampering_send(in, body,
                   body->direction == TAMPERING_REQUEST ? TAMPERING_EXTRA : TAMPERING_PASSES);
    tampering_send(in, body, TAMPERING_PASSES);
    return true;
}

/* Another text in the same exchange; a request in front of the one that comes behind it goes in an
 * exchange of its own. */
static void send_in_front(tampering *in, const tampering_body *body, const envelope_text *text)
{
    tampering_body front = *body;
    front.text = *text;
    tampering_send(in, &front,
                   body->direction == TAMPERING_REQUEST ? TAMPERING_EXTRA : TAMPERING_PASSES);
}

bool attack_replay(tampering *in, tampering_body *body, const char *argument)
{
    const tampering_body *older = tampering_before(in, body);
    unsigned long long number = envelope_text_number(&body->text, "i", 0);
    if (older == NULL) {
        return false;
    }
    if (strcmp(argument, "instead") != 0 && strcmp(argument, "renumbered") != 0) {
        send_in_front(in, body, &older->text);
        tampering_send(in, body, TAMPERING_PASSES);
        return true;
    }
    body->text = older->text;
    if (strcmp(argument, "renumbered") == 0 &&
        !envelope_text_set_number(&body->text, "i", number)) {
        return false;
    }
    tampering_send(in, body, TAMPERING_PASSES);
    return true;
}

bool attack_replay_session(tampering *in, tampering_body *body, const char *argument)
{
    const tampering_body *older = tampering_in_older_session(in, body);
    if (older == NULL) {
        return false;
    }
    if (strcmp(argument, "closed") != 0) {
        body->text = older->text;
    } else if (body->direction == TAMPERING_REQUEST) {
        tampering_send(in, older, TAMPERING_EXTRA);
    } else {
        return false; /* a response has no address but its exchange */
    }
    tampering_send(in, body, TAMPERING_PASSES);
    return true;
}

bool attack_reorder(tampering *in, tampering_body *body, const char *argument)
{
    (void)argument;
    tampering_hold_back(in, body, TAMPERING_UNTIL_NEXT);
    return true;
}

bool attack_swap(tampering *in, tampering_body *body, const char *argument)
{
    (void)argument;
    tampering_hold_back(in, body, TAMPERING_UNTIL_OTHER_SESSION);
    return true;
}

/* What the server has said goes to it as a request of the same session. */
bool attack_reflect(tampering *in, tampering_body *body, const char *argument)
{
    (void)argument;
    if (body->direction == TAMPERING_REQUEST) {
        body->code = 2 << 5 | 4;
        tampering_send(in, body, TAMPERING_ANSWERS);
        return true;
    }
    const tampering_body *request = tampering_last_request(in, body);
    if (request == NULL) {
        return false;
    }
    tampering_body reflected = *request;
    reflected.text = body->text;
    tampering_send(in, &reflected, TAMPERING_EXTRA);
    return true;
}
