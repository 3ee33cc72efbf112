/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "attacks.h"

#define CODE(class_, detail) (uint8_t)((class_) << 5 | (detail))
#define ALERT "Ai4" /* fatal (2), certificate_unknown (46): RFC 8446 section 6 */
#define CLOSE "AQA" /* warning (1), close_notify (0) */
#define JUNK "WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpa" /* 30 bytes */

/* What an answer is made of. */
typedef struct forgery {
    const char *name;
    uint8_t code;     /* of an answer */
    const char *text; /* NULL: none; in it %I is the number, %N where records begin, %A the other
                            side's end, %V the version of the records */
} forgery;

static const forgery answers[] = {
    { "unknown-session", CODE(4, 4), "{\"i\":%I,\"e\":\"unknown-session\"}" },
    { "malformed", CODE(4, 0), "{\"i\":0,\"e\":\"malformed\"}" },
    { "too-large", CODE(4, 13), "{\"i\":0,\"e\":\"too-large\"}" },
    { "overloaded", CODE(5, 3), "{\"i\":%I,\"e\":\"overloaded\"}" },
    { "unsupported", CODE(4, 15), "{\"i\":%I,\"e\":\"unsupported\"}" },
    { "lost-state", CODE(4, 4), "{\"i\":%I,\"e\":\"lost-state\"}" },
    { "nonsense", CODE(4, 0), "{\"i\":%I,\"e\":\"nonsense\"}" },
    { "empty", CODE(2, 4), "" },
    { "number", CODE(2, 4), "{\"i\":%I}" },
    { "acknowledgement", CODE(2, 4), "{\"i\":%I,\"a\":%A}" },
    { "alert", CODE(2, 4),
      "{\"i\":%I,\"n\":%N,\"a\":%A,\"r\":[{\"t\":21,%V\"f\":\"" ALERT "\"}]}" },
    { "close", CODE(2, 4),
      "{\"i\":%I,\"n\":%N,\"a\":%A,\"r\":[{\"t\":21,%V\"f\":\"" CLOSE "\"}]}" },
    { "records", CODE(2, 4), "{\"i\":%I,\"n\":%N,\"a\":%A,\"r\":[{%V\"f\":\"" JUNK "\"}]}" },
    { "begin", CODE(2, 4),
      "{\"i\":%I,\"n\":%N,\"a\":%A,\"r\":[{\"t\":22,%V\"l\":90,\"f\":\"" JUNK "\"}]}" },
    { "text", CODE(5, 2), "Bad Gateway: the next hop did not answer" },
};

static const forgery requests[] = {
    { "acknowledgement", 0, "{\"i\":%I,\"a\":%A}" },
    { "alert", 0, "{\"i\":%I,\"n\":%N,\"a\":%A,\"r\":[{\"t\":21,%V\"f\":\"" ALERT "\"}]}" },
    { "close", 0, "{\"i\":%I,\"n\":%N,\"a\":%A,\"r\":[{\"t\":21,%V\"f\":\"" CLOSE "\"}]}" },
    { "records", 0, "{\"i\":%I,\"n\":%N,\"a\":%A,\"r\":[{%V\"f\":\"" JUNK "\"}]}" },
    { "begin", 0, "{\"i\":%I,\"n\":%N,\"a\":%A,\"r\":[{\"t\":22,%V\"l\":90,\"f\":\"" JUNK "\"}]}" },
};

/* The places of a forgery, for one body. */
typedef struct places {
    unsigned long long number;
    unsigned long long begin;
    unsigned long long acknowledged;
    const char *version;
} places;

/* The version that all records of a session of `ecc` have stands in its first request. */
static const char *version_of(const tampering *in, const tampering_body *body)
{
    const tampering_body *request = tampering_last_request(in, body);
    bool is_ecc = strstr(body->text.bytes, "\"v\":60417") != NULL ||
                  (request != NULL && strstr(request->text.bytes, "\"v\":60417") != NULL);
    return is_ecc ? "\"v\":60417," : "";
}

/* In place of what `body` says. `is_answer`: to the request `body`. */
static places places_of(const tampering *in, const tampering_body *body,
                        tampering_direction direction)
{
    tampering_direction other =
        direction == TAMPERING_REQUEST ? TAMPERING_RESPONSE : TAMPERING_REQUEST;
    places made = { .number = envelope_text_number(&body->text, "i", 0),
                    .begin = tampering_stream_end(in, body, direction),
                    .acknowledged = tampering_stream_end(in, body, other),
                    .version = version_of(in, body) };
    if (direction != body->direction) { /* an answer has read the request */
        made.acknowledged += envelope_text_range_size(&body->text);
    }
    return made;
}

static void fill_in(envelope_text *text, const char *template, const places *with)
{
    char filled[ENVELOPE_TEXT_MAX] = "";
    size_t size = 0;
    for (const char *at = template; *at != 0; at++) {
        size_t left = sizeof filled - size;
        int more = *at != '%'     ? snprintf(filled + size, left, "%c", *at)
                   : at[1] == 'I' ? snprintf(filled + size, left, "%llu", with->number)
                   : at[1] == 'N' ? snprintf(filled + size, left, "%llu", with->begin)
                   : at[1] == 'A' ? snprintf(filled + size, left, "%llu", with->acknowledged)
                                  : snprintf(filled + size, left, "%s", with->version);
        size += (size_t)more;
        at += *at == '%';
    }
    (void)envelope_text_set(text, filled, size);
}

static const forgery *find(const forgery *all, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(all[i].name, name) == 0) {
            return &all[i];
        }
    }
    return NULL;
}

bool attack_answer(tampering *in, tampering_body *body, const char *argument)
{
    const forgery *answer = find(answers, sizeof answers / sizeof answers[0], argument);
    if (answer == NULL) {
        return false;
    }
    places with = places_of(in, body, TAMPERING_RESPONSE);
    fill_in(&body->text, answer->text, &with);
    body->code = answer->code;
    tampering_send(in, body,
                   body->direction == TAMPERING_REQUEST ? TAMPERING_ANSWERS : TAMPERING_PASSES);
    return true;
}

/* The first request of an older session, under the address of this one. */
static bool inject_hello(tampering *in, const tampering_body *body)
{
    tampering_body first = *body;
    const tampering_body *older = tampering_first_of_older_session(in, body);
    if (older == NULL) {
        return false;
    }
    first.text = older->text;
    tampering_send(in, &first, TAMPERING_EXTRA);
    tampering_send(in, body, TAMPERING_PASSES);
    return true;
}

bool attack_inject(tampering *in, tampering_body *body, const char *argument)
{
    const forgery *request = find(requests, sizeof requests / sizeof requests[0], argument);
    if (body->direction != TAMPERING_REQUEST) {
        return false;
    }
    if (strcmp(argument, "hello") == 0) {
        return inject_hello(in, body);
    }
    if (request == NULL) {
        return false;
    }
    places with = places_of(in, body, TAMPERING_REQUEST);
    tampering_body forged = *body;
    fill_in(&forged.text, request->text, &with);
    tampering_send(in, &forged, TAMPERING_EXTRA);
    tampering_send(in, body, TAMPERING_PASSES);
    return true;
}
