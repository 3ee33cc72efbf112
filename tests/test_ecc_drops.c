/* SPDX-License-Identifier: MIT */
/*
 * Records that the other side of an `ecc` session did not write, at any time: dropped, asked for
 * again, counted. And what a session's keys are good for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/ecc_pair.h"

#define ACCESS_DENIED 49 /* RFC 8446 section 6 */

static ecc_world world;
static ecc_pair pair;

static const talc_engine_class *const ecc = &talc_engine_ecc;

static int open_pair(void **state)
{
    (void)state;
    ecc_pair_open(&pair, &world);
    return 0;
}

static int open_session(void **state)
{
    (void)open_pair(state);
    ecc_shake_hands(&pair);
    return 0;
}

static int close_pair(void **state)
{
    (void)state;
    ecc_pair_close(&pair);
    return 0;
}

/* ---------------------------------------------------------------- records that nobody wrote */

/* Feeds `bytes`; all of them have to come again. */
static void feed_in_vain(ecc_side *side, const uint8_t *bytes, size_t size)
{
    assert_int_equal(ecc_feed(side, bytes, size), TALC_OK);
    assert_int_equal(ecc->takes_back(side->engine), size);
}

/* What came before a damaged record counts; what is behind it comes again with it. */
static void only_what_follows_a_damaged_record_is_taken_back(void **state)
{
    (void)state;
    size_t passed = pair.client.wire.passed;
    ecc_write(&pair.client, "one");
    ecc_write(&pair.client, "two");
    ecc_write(&pair.client, "three");
    size_t first = 5 + 3 + 16;
    uint8_t *bytes = pair.client.wire.bytes + passed;
    size_t size = pair.client.wire.size - passed;
    bytes[first + 7] ^= 1;
    assert_int_equal(ecc_feed(&pair.server, bytes, size), TALC_OK);
    assert_int_equal(ecc->takes_back(pair.server.engine), size - first);
    ecc_expect_read(&pair.server, "one");
    ecc_expect_silence(&pair.server);
    bytes[first + 7] ^= 1;
    assert_int_equal(ecc_feed(&pair.server, bytes + first, size - first), TALC_OK);
    assert_int_equal(ecc->takes_back(pair.server.engine), 0);
    ecc_expect_read(&pair.server, "twothree");
}

static void a_record_that_came_in_pieces_is_taken_back_whole(void **state)
{
    (void)state;
    ecc_write(&pair.client, "words");
    uint8_t *record = pair.client.wire.bytes + pair.client.wire.passed;
    size_t size = pair.client.wire.size - pair.client.wire.passed;
    record[9] ^= 1;
    assert_int_equal(ecc_feed(&pair.server, record, 3), TALC_OK);
    assert_int_equal(ecc_feed(&pair.server, record + 3, 10), TALC_OK);
    assert_int_equal(ecc->takes_back(pair.server.engine), 0);
    assert_int_equal(ecc_feed(&pair.server, record + 13, size - 13), TALC_OK);
    assert_int_equal(ecc->takes_back(pair.server.engine), size);
    record[9] ^= 1;
    assert_int_equal(ecc_feed(&pair.server, record, size), TALC_OK);
    assert_int_equal(ecc->takes_back(pair.server.engine), 0);
    ecc_expect_read(&pair.server, "words");
}

typedef struct strange_record {
    const char *label;
    uint8_t bytes[7];
} strange_record;

/* Their headers are enough: a side never waits for the rest. */
static const strange_record strange_records[] = {
    { "a ChangeCipherSpec", { 20, 0xec, 0x01, 0, 18, 1, 1 } },
    { "another type", { 24, 0xec, 0x01, 0, 18, 1, 1 } },
    { "TLS", { 23, 0x03, 0x03, 0, 18, 1, 1 } },
    { "another version of ecc", { 23, 0xec, 0x02, 0, 18, 1, 1 } },
    { "a plain alert", { 21, 0xec, 0x01, 0, 2, 2, 49 } },
    { "a longer alert", { 21, 0xec, 0x01, 0, 19, 2, 49 } },
    { "nothing but a tag", { 23, 0xec, 0x01, 0, 16, 1, 1 } },
    { "an empty record", { 23, 0xec, 0x01, 0, 0, 1, 1 } },
    { "a record that is too long", { 23, 0xec, 0x01, 0x04, 0x11, 1, 1 } },
    { "the longest of all", { 23, 0xec, 0x01, 0xff, 0xff, 1, 1 } },
};

static void expect_strangers_are_taken_back(ecc_side *side)
{
    uint32_t failed = side->engine->failed_count;
    for (size_t i = 0; i < sizeof strange_records / sizeof strange_records[0]; i++) {
        const uint8_t *bytes = strange_records[i].bytes;
        if (ecc_feed(side, bytes, 7) != TALC_OK || ecc->takes_back(side->engine) != 7) {
            fail_msg("%s: %zu bytes are taken back", strange_records[i].label,
                     ecc->takes_back(side->engine));
        }
        assert_int_equal(side->engine->failed_count, failed + i + 1);
    }
}

static void what_cannot_come_is_not_looked_into(void **state)
{
    (void)state;
    static const uint8_t handshake[] = { 22, 0xec, 0x01, 0, 35, 1, 0 };
    expect_strangers_are_taken_back(&pair.client);
    expect_strangers_are_taken_back(&pair.server);
    feed_in_vain(&pair.client, handshake, sizeof handshake);
    feed_in_vain(&pair.server, handshake, sizeof handshake);
    ecc_expect_open(&pair);
}

static void made_up_records_do_not_end_a_server_that_waits_for_m3(void **state)
{
    (void)state;
    uint8_t made_up[5 + 93 + 16] = { 22, 0xec, 0x01, 0, 93 + 16 };
    ecc_pass(&pair.client, &pair.server);
    expect_strangers_are_taken_back(&pair.server);
    feed_in_vain(&pair.server, made_up, sizeof made_up);
    feed_in_vain(&pair.server, pair.client.wire.bytes, 40); /* M1 again */
    assert_false(ecc->established(pair.server.engine));
    assert_int_equal(ecc_record_count(&pair.server.wire), 1); /* and no answer to it */
    assert_int_equal(ecc_pass(&pair.server, &pair.client), TALC_OK);
    assert_int_equal(ecc_pass(&pair.client, &pair.server), TALC_OK);
    assert_int_equal(ecc_pass(&pair.server, &pair.client), TALC_OK);
    ecc_expect_open(&pair);
}

static void made_up_records_do_not_end_a_client_that_waits_for_m4(void **state)
{
    (void)state;
    uint8_t refusal_record[23] = { 21, 0xec, 0x01, 0, 18 };
    uint8_t m4_record[32] = { 22, 0xec, 0x01, 0, 27 };
    ecc_pass(&pair.client, &pair.server);
    ecc_pass(&pair.server, &pair.client);
    expect_strangers_are_taken_back(&pair.client);
    feed_in_vain(&pair.client, refusal_record, sizeof refusal_record);
    feed_in_vain(&pair.client, m4_record, sizeof m4_record);
    feed_in_vain(&pair.client, pair.server.wire.bytes, 135); /* M2 again */
    assert_int_equal(ecc_pass(&pair.client, &pair.server), TALC_OK);
    assert_int_equal(ecc_pass(&pair.server, &pair.client), TALC_OK);
    ecc_expect_open(&pair);
}

/* ---------------------------------------------------------------- what is final */

static void a_first_record_that_is_none_ends_the_server(void **state)
{
    (void)state;
    static const uint8_t decode_error[] = { 21, 0xec, 0x01, 0, 2, 2, 50 };
    for (size_t i = 0; i < sizeof strange_records / sizeof strange_records[0]; i++) {
        ecc_side_open(&pair.server, world.server);
        assert_int_equal(ecc_feed(&pair.server, strange_records[i].bytes, 7),
                         TALC_ERROR_PROTOCOL);
        ecc_expect_failure(&pair.server, TALC_ERROR_PROTOCOL, "no M1");
        assert_int_equal(pair.server.wire.size, sizeof decode_error);
        assert_memory_equal(pair.server.wire.bytes, decode_error, sizeof decode_error);
        assert_int_equal(ecc_feed(&pair.server, strange_records[i].bytes, 7),
                         TALC_ERROR_PROTOCOL); /* it sticks */
        ecc_side_close(&pair.server);
    }
}

static void before_m2_nothing_is_final(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof strange_records / sizeof strange_records[0]; i++) {
        bool is_alert = strcmp(strange_records[i].label, "a plain alert") == 0;
        ecc_side_open(&pair.client, world.client);
        talc_status status = ecc_feed(&pair.client, strange_records[i].bytes, 7);
        assert_int_equal(status, is_alert ? TALC_ERROR_REFUSED : TALC_ERROR_PROTOCOL);
        assert_int_equal(ecc->failure(pair.client.engine)->alert, is_alert ? ACCESS_DENIED : 0);
        assert_false(ecc->is_final(pair.client.engine));
        assert_int_equal(ecc_record_count(&pair.client.wire), 1); /* no keys, no answer */
        ecc_side_close(&pair.client);
    }
}

/* ---------------------------------------------------------------- limits */

static void after_65536_failed_records_the_session_ends(void **state)
{
    (void)state;
    uint8_t made_up[5 + 1 + 16] = { 23, 0xec, 0x01, 0, 17 };
    for (uint32_t i = 1; i < TALC_ECC_FAILED_MAX; i++) {
        assert_int_equal(ecc->feed(pair.server.engine, made_up, sizeof made_up), TALC_OK);
        assert_int_equal(ecc->takes_back(pair.server.engine), sizeof made_up);
        if (i % 16384 == 0) { /* good ones between them change nothing */
            ecc_expect_open(&pair);
        }
    }
    assert_int_equal(ecc_feed(&pair.server, made_up, sizeof made_up), TALC_ERROR_PROTOCOL);
    ecc_expect_failure(&pair.server, TALC_ERROR_PROTOCOL, "used up");
    assert_true(ecc->is_final(pair.server.engine));
    assert_int_equal(ecc_pass(&pair.server, &pair.client), TALC_ERROR_PROTOCOL);
    assert_int_equal(ecc->failure(pair.client.engine)->alert, 10);
}

/* Both counters at once: how many records there were is all that the limit looks at. */
static void forget_records(ecc_side *from, ecc_side *to, uint64_t count)
{
    from->engine->out.count = to->engine->in.count = count;
}

static void the_last_record_that_keys_are_good_for_says_goodbye(void **state)
{
    (void)state;
    ecc_side *const sides[] = { &pair.client, &pair.server };
    for (int i = 0; i < 2; i++) {
        const uint8_t byte = 0;
        uint8_t read;
        size_t size;
        ecc_pair_close(&pair);
        ecc_pair_open(&pair, &world);
        ecc_shake_hands(&pair);
        ecc_side *from = sides[i];
        ecc_side *to = sides[1 - i];
        forget_records(from, to, TALC_ECC_RECORDS_MAX - 2);
        ecc_write(from, "the last");
        assert_int_equal(ecc->write(from->engine, &byte, 1), TALC_ERROR_CLOSED);
        ecc_expect_failure(from, TALC_ERROR_CLOSED, "another session");
        assert_int_equal(from->engine->out.count, TALC_ECC_RECORDS_MAX);
        assert_int_equal(ecc->finish(from->engine), TALC_OK);
        assert_int_equal(ecc_record_count(&from->wire), 4);
        assert_int_equal(ecc_pass(from, to), TALC_OK);
        ecc_expect_read(to, "the last");
        assert_int_equal(ecc->read(to->engine, &read, 1, &size), TALC_ERROR_CLOSED);
    }
}

static void more_records_than_keys_are_good_for_are_an_error(void **state)
{
    (void)state;
    const uint8_t more[] = { 23 };
    forget_records(&pair.client, &pair.server, TALC_ECC_RECORDS_MAX);
    assert_int_equal(ecc_feed(&pair.server, more, sizeof more), TALC_ERROR_PROTOCOL);
    ecc_expect_failure(&pair.server, TALC_ERROR_PROTOCOL, "more records");
    assert_true(ecc->is_final(pair.server.engine));
}

static void plaintext_that_nobody_reads_is_bounded(void **state)
{
    (void)state;
    static uint8_t plaintext[TALC_ECC_PLAINTEXT_MAX];
    talc_status status = TALC_OK;
    unsigned count = 0;
    while (status == TALC_OK && count < 1000) {
        pair.client.wire.size = pair.client.wire.passed = 0;
        assert_int_equal(ecc->write(pair.client.engine, plaintext, sizeof plaintext), TALC_OK);
        status = ecc_pass(&pair.client, &pair.server);
        count++;
    }
    assert_int_equal(status, TALC_ERROR_MEMORY);
    assert_int_equal(count, 257);
    assert_true(ecc->is_final(pair.server.engine));
}

static int begin(void **state)
{
    (void)state;
    ecc_world_begin(&world);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ecc_world_end(&world);
    return 0;
}

#define with_pair(test) cmocka_unit_test_setup_teardown(test, open_pair, close_pair)
#define with_session(test) cmocka_unit_test_setup_teardown(test, open_session, close_pair)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_session(only_what_follows_a_damaged_record_is_taken_back),
        with_session(a_record_that_came_in_pieces_is_taken_back_whole),
        with_session(what_cannot_come_is_not_looked_into),
        with_pair(made_up_records_do_not_end_a_server_that_waits_for_m3),
        with_pair(made_up_records_do_not_end_a_client_that_waits_for_m4),
        cmocka_unit_test(a_first_record_that_is_none_ends_the_server),
        cmocka_unit_test(before_m2_nothing_is_final),
        with_session(after_65536_failed_records_the_session_ends),
        with_session(the_last_record_that_keys_are_good_for_says_goodbye),
        with_session(more_records_than_keys_are_good_for_are_an_error),
        with_session(plaintext_that_nobody_reads_is_bounded),
    };
    return cmocka_run_group_tests_name("ecc_drops", tests, begin, end);
}
