/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_HTTP_ASKING_H
#define TALC_TESTS_HTTP_ASKING_H

/** An HTTP client, a played server beside it, and notes of what the client was told. Everything
 * that goes wrong in the plumbing fails the running test. */

#include "tests/http_played.h"
#include "transport/http_client.h"

#define ASKING_NOTES_MAX 128
#define ASKING_BODY_MAX 100000
#define ASKING_FIELDS_SIZE 4096

/** How an exchange ended. */
typedef struct asking_note {
    uint32_t number;
    talc_http_end end;
    unsigned status;
    char reason[512];
    char fields[ASKING_FIELDS_SIZE]; /* "name: value\n" each */
    uint8_t *body;                   /* with a NUL behind it */
    size_t body_size;
} asking_note;

typedef struct http_asking {
    talc_http_client_setup setup; /* set by the test before asking_open() */
    talc_http_client *client;
    http_played server;
    talc_failure failure;
    void (*on_ended)(struct http_asking *asking, const talc_http_result *result); /* may be NULL */
    asking_note notes[ASKING_NOTES_MAX];
    size_t note_count;
} http_asking;

/** For cmocka: usual limits, a played server that says nothing, no client yet. */
int asking_setup(void **state);
int asking_teardown(void **state);

/** Opens the client with `setup`, in place of the one before. */
void asking_open(http_asking *asking);

/** Sends a request to a whole URL. */
talc_status asking_send(http_asking *asking, uint32_t number, const char *method, const char *url);

/** One turn of the loop: waits for any descriptor, and less if the client says so. */
void asking_turn(http_asking *asking);

/** Turns until so many exchanges have ended, or the server has had so many requests. */
void asking_await(http_asking *asking, size_t notes);
void asking_await_requests(http_asking *asking, unsigned requests);

/** The played server answers everything with `text`; a GET to it, and its end. */
const asking_note *asking_get(http_asking *asking, const char *text);

/** A request and its end, one after the other. */
const asking_note *asking_do(http_asking *asking, const char *method, const char *url);

#endif
