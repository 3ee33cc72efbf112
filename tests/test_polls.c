/* SPDX-License-Identifier: MIT */
/* What a client polls for, and what it does not have to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pair.h"

static pair_credentials credentials;

static int load(void **state)
{
    (void)state;
    pair_credentials_load(&credentials, PAIR_PSK);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    pair_credentials_free(&credentials);
    return 0;
}

static int set_up(void **state)
{
    test_pair *pair = malloc(sizeof *pair);
    assert_non_null(pair);
    pair_options options = { .credentials = &credentials,
                             .version = TALC_TLS_1_3,
                             .weather = { .delay_min_ms = 10, .delay_max_ms = 10 } };
    pair_begin(pair, &options);
    pair_start(pair);
    *state = pair;
    return 0;
}

static int tear_down(void **state)
{
    pair_end(*state);
    free(*state);
    return 0;
}

static bool count_polls(void *context, test_path *path, path_parcel *parcel)
{
    unsigned *polls = context;
    char text[2048];
    (void)path;
    (void)snprintf(text, sizeof text, "%.*s", (int)parcel->body_size, (const char *)parcel->body);
    *polls += parcel->direction == PATH_TO_SERVER && strstr(text, "\"w\":") != NULL;
    return true;
}

/* A held poll that is lost costs as long as it was to be held. The server says `m` as long as it has
 * some of a response left, so only what is really waited for is polled for. */
static void a_large_response_needs_no_polls(void **state)
{
    test_pair *pair = *state;
    pair_outcome outcome;
    unsigned polls = 0;
    pair_say_hello(pair, pair->client);
    pair->path.watcher = count_polls;
    pair->path.watcher_context = &polls;
    talc_request request = pair_request(TALC_GET, "large", 1);
    pair_fetch(pair, &request, &outcome);
    assert_int_equal(outcome.payload_size, PAIR_LARGE_SIZE);
    assert_int_equal(polls, 0);
    pair_outcome_clear(&outcome);
    pair->path.watcher = NULL;
}

/* A response that a handler gives later is waited for by polls that the server holds: few of them. */
static void a_deferred_response_is_polled_for(void **state)
{
    test_pair *pair = *state;
    pair_outcome outcome;
    unsigned polls = 0;
    pair_say_hello(pair, pair->client);
    pair->path.watcher = count_polls;
    pair->path.watcher_context = &polls;
    pair->answers_later = true;
    talc_request request = pair_request(TALC_POST, "later", 1);
    pair_fetch(pair, &request, &outcome);
    assert_int_equal(outcome.status, TALC_OK);
    assert_int_equal(polls, 1); /* PAIR_LATER_MS is shorter than it may be held */
    pair_outcome_clear(&outcome);
    pair->path.watcher = NULL;
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_large_response_needs_no_polls),
        RULE(a_deferred_response_is_polled_for),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
