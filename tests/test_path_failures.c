/* SPDX-License-Identifier: MIT */
/*
 * What a path may say or do with a body instead of carrying it: the client goes to smaller bodies,
 * waits as long as it is told to, or asks again; the requests inside do not notice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "records/envelope.h"
#include "tests/pair.h"

#define LIMIT_MS 300000u
#define LARGE_SIZE 3000

/* What happens to a body. */
typedef struct failing {
    path_direction direction;
    size_t above;   /* only to bodies of more bytes than that */
    unsigned left;  /* times; UINT32_MAX: always */
    bool is_silent; /* lost without a word */
    talc_outcome outcome;
    uint8_t code;
    uint32_t retry_after_ms;
    unsigned done;
} failing;

static pair_credentials credentials[PAIR_KINDS];

/* The client's carrier is told at once that this exchange has failed. */
static void fail_exchange(const failing *how, test_path *path, const path_parcel *parcel)
{
    path_parcel notice = *parcel;
    notice.direction = PATH_TO_CLIENT;
    notice.outcome = how->outcome;
    notice.code = how->code;
    notice.retry_after_ms = how->retry_after_ms;
    notice.body = NULL;
    notice.body_size = 0;
    path_send_copy(path, &notice, 0);
}

static bool fail_some(void *context, test_path *path, path_parcel *parcel)
{
    failing *how = context;
    if (parcel->direction == how->direction && how->left > 0 && parcel->body_size > how->above) {
        how->left -= how->left != UINT32_MAX;
        how->done++;
        if (!how->is_silent) {
            fail_exchange(how, path, parcel);
        }
        return false;
    }
    return true;
}

static void begin(test_pair *pair, pair_kind kind, failing *how)
{
    pair_options options = { .credentials = &credentials[kind], .version = TALC_TLS_1_3 };
    pair_begin(pair, &options);
    pair_start(pair);
    pair->path.watcher = fail_some;
    pair->path.watcher_context = how;
}

/* How long a first request takes on this path, from nothing to its answer. */
static uint64_t time_of_first_request(pair_kind kind, failing *how)
{
    test_pair pair;
    begin(&pair, kind, how);
    uint64_t start = pair.path.now_ms;
    pair_say_hello(&pair, pair.client);
    uint64_t taken = pair.path.now_ms - start;
    assert_true(how->done > 0);
    assert_int_equal(pair.runs, 1);
    assert_true(taken < LIMIT_MS);
    pair_end(&pair);
    return taken;
}

/* ---------------------------------------------------------------- smaller bodies */

/* Chains of 4 KB want block-wise bodies; a path that does not carry them costs repeats, no more. */
static void large_bodies_that_do_not_come_through(void **state)
{
    (void)state;
    static const failing ways[] = {
        { .above = 1023, .is_silent = true },
        { .above = 1023, .outcome = TALC_OUTCOME_LOST },
        { .above = 1023, .outcome = TALC_OUTCOME_TOO_LARGE },
        { .above = 1023, .outcome = TALC_OUTCOME_RESET },
        { .above = 1023, .outcome = TALC_OUTCOME_ANSWER, .code = TALC_CODE(4, 2) },
        { .above = 1023, .outcome = TALC_OUTCOME_ANSWER, .code = TALC_CODE(4, 8) },
        { .above = 1023, .outcome = TALC_OUTCOME_ANSWER, .code = TALC_CODE(4, 13) },
    };
    for (size_t i = 0; i < 2 * sizeof ways / sizeof ways[0]; i++) {
        failing how = ways[i / 2];
        how.direction = i % 2 == 0 ? PATH_TO_SERVER : PATH_TO_CLIENT;
        how.left = UINT32_MAX;
        assert_true(time_of_first_request(PAIR_RSA_CHAIN, &how) < 60000);
    }
}

/* The next hop takes no more than this, and says so. */
static void requests_that_are_too_large(void **state)
{
    (void)state;
    for (size_t most = 256; most <= 1000; most += 124) {
        failing how = { .direction = PATH_TO_SERVER,
                        .above = most,
                        .left = UINT32_MAX,
                        .outcome = TALC_OUTCOME_ANSWER,
                        .code = TALC_CODE_TOO_LARGE };
        assert_true(time_of_first_request(PAIR_RSA_CHAIN, &how) < 60000);
    }
}

static void answers_that_are_too_large(void **state)
{
    (void)state;
    for (size_t most = 256; most <= 1000; most += 124) {
        failing how = { .direction = PATH_TO_CLIENT,
                        .above = most,
                        .left = UINT32_MAX,
                        .outcome = TALC_OUTCOME_TOO_LARGE };
        assert_true(time_of_first_request(PAIR_RSA_CHAIN, &how) < 60000);
    }
}

/* ---------------------------------------------------------------- larger bodies again */

/* What the client says of the path with each envelope that sets out. */
typedef struct sizes {
    unsigned refusals; /* bodies above the limit that are refused still */
    size_t above;
    uint32_t said;      /* `b` of the last envelope; 0: block-wise bodies too */
    size_t largest;     /* body since that was said */
    unsigned exchanges; /* since then */
} sizes;

static bool watch_sizes(void *context, test_path *path, path_parcel *parcel)
{
    sizes *seen = context;
    talc_envelope envelope;
    if (parcel->direction == PATH_TO_CLIENT) {
        return true;
    }
    assert_int_equal(
        talc_envelope_read((const char *)parcel->body, parcel->body_size, 65536, &envelope),
        TALC_OK);
    if (envelope.body_limit != seen->said) {
        seen->said = envelope.body_limit;
        seen->exchanges = 0;
        seen->largest = 0;
    }
    talc_envelope_clear(&envelope);
    seen->exchanges++;
    seen->largest = parcel->body_size > seen->largest ? parcel->body_size : seen->largest;
    if (seen->refusals > 0 && parcel->body_size > seen->above) {
        failing how = { .outcome = TALC_OUTCOME_TOO_LARGE };
        seen->refusals--;
        fail_exchange(&how, path, parcel);
        return false;
    }
    return true;
}

static void echo(test_pair *pair, size_t size)
{
    static uint8_t payload[LARGE_SIZE];
    assert_true(size <= sizeof payload);
    pair_outcome outcome;
    talc_request request = pair_request(TALC_POST, "echo", 1);
    request.payload = payload;
    request.payload_size = size;
    pair_fetch(pair, &request, &outcome);
    assert_int_equal(outcome.status, TALC_OK);
    assert_int_equal(outcome.payload_size, size);
    pair_outcome_clear(&outcome);
}

static void begin_narrow(test_pair *pair, sizes *seen)
{
    pair_options options = { .credentials = &credentials[PAIR_PSK], .version = TALC_TLS_1_3 };
    pair_begin(pair, &options);
    pair_start(pair);
    memset(seen, 0, sizeof *seen);
    pair->path.watcher = watch_sizes;
    pair->path.watcher_context = seen;
    pair_say_hello(pair, pair->client);
    assert_int_equal(seen->said, 0);
    seen->refusals = 2; /* no more than that: who lied for a moment */
    seen->above = 600;
    echo(pair, LARGE_SIZE);
    assert_int_equal(seen->refusals, 0);
    assert_int_equal(seen->said, 511);
    assert_in_range(seen->largest, 256, 511);
}

/* Anybody can say that the path is narrow. After 64 answers that is tried again. */
static void narrow_for_64_answers(void **state)
{
    (void)state;
    test_pair pair;
    sizes seen;
    begin_narrow(&pair, &seen);
    while (seen.said == 511) {
        unsigned before = seen.exchanges;
        assert_in_range(before, 1, 64);
        assert_true(seen.largest <= 511);
        pair_say_hello(&pair, pair.client);
        assert_true(seen.said != 511 ? before + 2 >= 64 : seen.exchanges > before);
    }
    assert_int_equal(seen.said, 1023);
    echo(&pair, LARGE_SIZE);
    assert_in_range(seen.largest, 800, 1023);
    assert_int_equal(pair.events[TALC_EVENT_SESSION_OPENED], 1);
    pair_end(&pair);
}

/* Who says it again in between has it for another 64. */
static void narrower_again(void **state)
{
    (void)state;
    test_pair pair;
    sizes seen;
    begin_narrow(&pair, &seen);
    while (seen.exchanges < 40) {
        pair_say_hello(&pair, pair.client);
    }
    seen.refusals = 1;
    seen.above = 300;
    echo(&pair, 400);
    assert_int_equal(seen.said, 256);
    while (seen.said == 256) {
        assert_in_range(seen.exchanges, 1, 64);
        unsigned before = seen.exchanges;
        pair_say_hello(&pair, pair.client);
        assert_true(seen.said == 256 || before + 2 >= 64);
    }
    assert_int_equal(seen.said, 1023);
    pair_end(&pair);
}

static void narrow_for_one_session(void **state)
{
    (void)state;
    test_pair pair;
    sizes seen;
    begin_narrow(&pair, &seen);
    assert_int_equal(pair_close(&pair, pair.client, 10000), TALC_OK);
    assert_int_equal(seen.said, 511);
    pair_say_hello(&pair, pair.client);
    assert_int_equal(seen.said, 0);
    echo(&pair, LARGE_SIZE);
    assert_int_equal(seen.said, 0);
    assert_in_range(seen.largest, 800, 1023);
    pair_end(&pair);
}

/* ---------------------------------------------------------------- waiting */

typedef struct wait_row {
    talc_outcome outcome;
    uint8_t code;
    uint32_t retry_after_ms;
    uint64_t at_least_ms; /* after two of them */
    uint64_t at_most_ms;
} wait_row;

static void the_path_asks_to_wait(void **state)
{
    (void)state;
    static const wait_row rows[] = {
        { TALC_OUTCOME_ANSWER, TALC_CODE(5, 3), 8000, 16000, 16100 },
        { TALC_OUTCOME_ANSWER, TALC_CODE(4, 29), 2500, 5000, 5100 },
        { TALC_OUTCOME_ANSWER, TALC_CODE(5, 3), 0, 2000, 2100 },
        { TALC_OUTCOME_ANSWER, TALC_CODE(5, 3), 3600000, 60000, 60100 }, /* no longer than 30 s */
        { TALC_OUTCOME_ANSWER, TALC_CODE(5, 2), 0, 100, 1000 },
        { TALC_OUTCOME_ANSWER, TALC_CODE(5, 4), 0, 100, 1000 },
        { TALC_OUTCOME_ANSWER, TALC_CODE(2, 4), 0, 100, 1000 }, /* an answer has a body */
        { TALC_OUTCOME_RESET, 0, 0, 100, 1000 },
        { TALC_OUTCOME_UNREACHABLE, 0, 0, 100, 1000 },
        { TALC_OUTCOME_LOST, 0, 0, 100, 1000 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        failing how = { .direction = PATH_TO_SERVER,
                        .left = 2,
                        .outcome = rows[i].outcome,
                        .code = rows[i].code,
                        .retry_after_ms = rows[i].retry_after_ms };
        uint64_t taken = time_of_first_request(PAIR_PSK, &how);
        assert_in_range(taken, rows[i].at_least_ms, rows[i].at_most_ms);
        assert_int_equal(how.done, 2);
    }
}

/* ---------------------------------------------------------------- reasons */

typedef struct reason_row {
    talc_outcome outcome;
    uint8_t code;
    talc_status status;
} reason_row;

/* A path that never carries anything ends the request at its deadline, and the client says why. */
static void the_reason_is_told(void **state)
{
    (void)state;
    static const reason_row rows[] = {
        { TALC_OUTCOME_LOST, 0, TALC_ERROR_TIMEOUT },
        { TALC_OUTCOME_RESET, 0, TALC_ERROR_UNREACHABLE },
        { TALC_OUTCOME_UNREACHABLE, 0, TALC_ERROR_UNREACHABLE },
        { TALC_OUTCOME_ANSWER, TALC_CODE(5, 4), TALC_ERROR_UNREACHABLE },
        { TALC_OUTCOME_ANSWER, TALC_CODE(4, 4), TALC_ERROR_UNREACHABLE },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        test_pair pair;
        pair_outcome outcome;
        failing how = { .direction = PATH_TO_SERVER,
                        .left = UINT32_MAX,
                        .outcome = rows[i].outcome,
                        .code = rows[i].code };
        begin(&pair, PAIR_PSK, &how);
        talc_request request = pair_request(TALC_GET, "hello", 1);
        request.timeout_ms = 20000;
        uint64_t start = pair.path.now_ms;
        pair_fetch(&pair, &request, &outcome);
        const talc_failure *failure = talc_client_failure(pair.client);
        assert_int_equal(outcome.status, rows[i].status);
        assert_int_equal(failure->status, rows[i].status);
        assert_int_equal(failure->stage, TALC_STAGE_PATH);
        assert_int_equal(failure->coap_code, rows[i].code);
        assert_int_equal(pair.path.now_ms - start, 20000);
        assert_in_range(how.done, 5, 100); /* neither giving up nor hammering */
        pair_end(&pair);
    }
}

/* As if each request had been damaged so that TLS waits for more: the number alone comes back. */
static bool strip_answers(void *context, test_path *path, path_parcel *parcel)
{
    size_t size = 0;
    char number[40];
    (void)context;
    (void)path;
    if (parcel->direction == PATH_TO_CLIENT && parcel->body_size > 0) {
        while (size < parcel->body_size && size < sizeof number - 1 &&
               parcel->body[size] != ',' && parcel->body[size] != '}') {
            number[size] = (char)parcel->body[size];
            size++;
        }
        number[size++] = '}';
        path_parcel_set_body(parcel, number, size);
    }
    return true;
}

static void answers_without_news_are_told(void **state)
{
    test_pair pair;
    pair_outcome outcome;
    failing how = { .direction = PATH_TO_CLIENT };
    (void)state;
    begin(&pair, PAIR_PSK, &how);
    pair.path.watcher = strip_answers;
    talc_request request = pair_request(TALC_GET, "hello", 1);
    request.timeout_ms = 20000;
    pair_send(pair.client, &request, &outcome);
    assert_true(pair_run(&pair, &outcome, 60000));
    assert_int_equal(outcome.status, TALC_ERROR_TIMEOUT);
    assert_non_null(strstr(talc_client_failure(pair.client)->text, "answers came, but none"));
    pair_end(&pair);
}

static int load(void **state)
{
    (void)state;
    pair_credentials_load(&credentials[PAIR_PSK], PAIR_PSK);
    pair_credentials_load(&credentials[PAIR_RSA_CHAIN], PAIR_RSA_CHAIN);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    pair_credentials_free(&credentials[PAIR_PSK]);
    pair_credentials_free(&credentials[PAIR_RSA_CHAIN]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_bodies_that_do_not_come_through),
        cmocka_unit_test(requests_that_are_too_large),
        cmocka_unit_test(answers_that_are_too_large),
        cmocka_unit_test(narrow_for_64_answers),
        cmocka_unit_test(narrower_again),
        cmocka_unit_test(narrow_for_one_session),
        cmocka_unit_test(the_path_asks_to_wait),
        cmocka_unit_test(the_reason_is_told),
        cmocka_unit_test(answers_without_news_are_told),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
