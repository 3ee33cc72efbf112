/* SPDX-License-Identifier: MIT */
/*
 * Every record of an `ecc` session, changed in every bit, replayed in another session, at another
 * time, and sent back to where it came from: nobody takes it for what it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/ecc_pair.h"

#ifdef TALC_SAMPLED
#define BIT_STEP 11 /* every byte in turn, another bit of each */
#else
#define BIT_STEP 1
#endif

static ecc_world world;
static ecc_pair pair;
static ecc_pair other;

static const talc_engine_class *const ecc = &talc_engine_ecc;

/* How far a session has come. */
typedef enum progress { M1_SAID, M2_SAID, M3_SAID, M4_SAID, IS_OPEN } progress;

static void advance(ecc_pair *with, progress to)
{
    ecc_pair_open(with, &world);
    for (int step = 0; step < (int)to; step++) {
        assert_int_equal(step % 2 == 0 ? ecc_pass(&with->client, &with->server)
                                       : ecc_pass(&with->server, &with->client),
                         TALC_OK);
    }
}

static void flip(uint8_t *bytes, size_t bit)
{
    bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* ---------------------------------------------------------------- changed: M1 and M2 */

/* Either the server does not answer, or the client does not believe the answer. */
static void no_bit_of_m1_can_be_changed(void **state)
{
    (void)state;
    for (size_t bit = 0; bit < 8 * 40; bit += BIT_STEP) {
        advance(&pair, M1_SAID);
        flip(pair.client.wire.bytes, bit);
        talc_status status = ecc_pass(&pair.client, &pair.server);
        assert_int_equal(ecc_pass(&pair.server, &pair.client),
                         status == TALC_OK ? TALC_ERROR_PROTOCOL : TALC_ERROR_REFUSED);
        flip(pair.client.wire.bytes, bit);
        assert_false(ecc->is_final(pair.client.engine));
        assert_false(ecc->established(pair.client.engine));
        assert_int_equal(ecc_record_count(&pair.client.wire), 1);
        ecc_pair_close(&pair);
    }
}

static void no_bit_of_m2_can_be_changed(void **state)
{
    (void)state;
    for (size_t bit = 0; bit < 8 * 135; bit += BIT_STEP) {
        advance(&pair, M2_SAID);
        assert_int_equal(pair.server.wire.size, 135);
        flip(pair.server.wire.bytes, bit);
        assert_int_equal(ecc_pass(&pair.server, &pair.client), TALC_ERROR_PROTOCOL);
        assert_false(ecc->is_final(pair.client.engine));
        assert_false(ecc->established(pair.client.engine));
        assert_int_equal(ecc_record_count(&pair.client.wire), 1);
        ecc_pair_close(&pair);
    }
}

/* ---------------------------------------------------------------- changed: all that follows */

/* Feeds a record and more of the same, until it is known for what it is. Returns what is asked for
 * again of what was fed. */
static void feed_until_refused(ecc_side *to, const uint8_t *record, size_t size)
{
    size_t fed = 0;
    size_t back = 0;
    for (int i = 0; i < 100 && back == 0; i++) {
        assert_int_equal(ecc_feed(to, record, size), TALC_OK);
        back = ecc->takes_back(to->engine);
        fed += size;
    }
    assert_int_equal(back, fed);
}

/* The record that waits on the wire of `from`, changed in each bit; then as it is. */
static void change_every_bit(ecc_side *from, ecc_side *to)
{
    uint8_t *record = from->wire.bytes + from->wire.passed;
    size_t size = from->wire.size - from->wire.passed;
    talc_ecc_phase phase = to->engine->phase;
    size_t said = to->wire.size;
    for (size_t bit = 0; bit < 8 * size; bit += BIT_STEP) {
        flip(record, bit);
        feed_until_refused(to, record, size);
        flip(record, bit);
        assert_int_equal(to->engine->phase, phase);
        assert_int_equal(to->engine->plaintext_size, 0);
        assert_false(to->engine->is_closed);
        assert_int_equal(to->wire.size, said);
    }
    (void)ecc_pass(from, to);
    assert_int_equal(ecc->takes_back(to->engine), 0);
}

static void no_bit_of_m3_can_be_changed(void **state)
{
    (void)state;
    advance(&pair, M3_SAID - 1);
    assert_int_equal(ecc_pass(&pair.server, &pair.client), TALC_OK);
    change_every_bit(&pair.client, &pair.server);
    assert_true(ecc->established(pair.server.engine));
    ecc_pair_close(&pair);
}

static void no_bit_of_m4_can_be_changed(void **state)
{
    (void)state;
    advance(&pair, M4_SAID);
    change_every_bit(&pair.server, &pair.client);
    ecc_expect_open(&pair);
    ecc_pair_close(&pair);
}

static void no_bit_of_a_refusal_can_be_changed(void **state)
{
    (void)state;
    advance(&pair, M3_SAID);
    assert_int_equal(talc_registry_revoke(world.registry, ECC_DEVICE), TALC_OK);
    assert_int_equal(ecc_pass(&pair.client, &pair.server), TALC_ERROR_VERIFY);
    ecc_enrol(world.registry, ECC_DEVICE, &world.device_key);
    change_every_bit(&pair.server, &pair.client);
    ecc_expect_failure(&pair.client, TALC_ERROR_REFUSED, "refused this device");
    ecc_pair_close(&pair);
}

static void no_bit_of_a_request_or_an_answer_can_be_changed(void **state)
{
    (void)state;
    advance(&pair, IS_OPEN);
    ecc_write(&pair.client, "a request");
    change_every_bit(&pair.client, &pair.server);
    ecc_expect_read(&pair.server, "a request");
    ecc_write(&pair.server, "an answer");
    change_every_bit(&pair.server, &pair.client);
    ecc_expect_read(&pair.client, "an answer");
    ecc_pair_close(&pair);
}

static void no_bit_of_a_goodbye_can_be_changed(void **state)
{
    (void)state;
    advance(&pair, IS_OPEN);
    assert_int_equal(ecc->finish(pair.client.engine), TALC_OK);
    change_every_bit(&pair.client, &pair.server);
    assert_true(pair.server.engine->is_closed);
    ecc_pair_close(&pair);
}

/* ---------------------------------------------------------------- replayed */

/* Another session of the same two, with all kinds of records. */
static void record_a_session(void)
{
    advance(&other, IS_OPEN);
    ecc_expect_open(&other);
    ecc->finish(other.client.engine);
    ecc->finish(other.server.engine);
    assert_int_equal(ecc_record_count(&other.client.wire), 4);
    assert_int_equal(ecc_record_count(&other.server.wire), 4);
}

/* Feeds each record of `from`, from the first to the last, where it may come or not; all are
 * refused. */
static void feed_all_in_vain(const ecc_wire *from, ecc_side *to)
{
    talc_ecc_phase phase = to->engine->phase;
    size_t said = to->wire.size;
    for (size_t i = 0; i < ecc_record_count(from); i++) {
        size_t size;
        const uint8_t *record = ecc_record(from, i, &size);
        assert_int_equal(ecc_feed(to, record, size), TALC_OK);
        if (ecc->takes_back(to->engine) != size) {
            fail_msg("record %zu is taken", i);
        }
        assert_int_equal(to->engine->phase, phase);
        assert_int_equal(to->wire.size, said);
    }
    ecc_expect_silence(to);
}

/* Whatever went over the wires of `strange`, in either direction, to either side. */
static void feed_everything_in_vain(const ecc_pair *strange)
{
    static ecc_wire client, server; /* as they are now: feeding may not change them */
    client = strange->client.wire;
    server = strange->server.wire;
    if (pair.client.engine->phase != TALC_ECC_AWAITS_M2) {
        feed_all_in_vain(&client, &pair.client);
        feed_all_in_vain(&server, &pair.client);
    }
    if (pair.server.engine->phase != TALC_ECC_AWAITS_M1) {
        feed_all_in_vain(&client, &pair.server);
        feed_all_in_vain(&server, &pair.server);
    }
}

static void go_on(progress from)
{
    for (int step = (int)from; step < (int)IS_OPEN; step++) {
        assert_int_equal(step % 2 == 0 ? ecc_pass(&pair.client, &pair.server)
                                       : ecc_pass(&pair.server, &pair.client),
                         TALC_OK);
    }
    ecc_expect_open(&pair);
}

/* At no time; and the session goes on as if there had been nothing. */
static void no_record_counts_in_another_session(void **state)
{
    (void)state;
    record_a_session();
    for (progress at = M1_SAID; at <= IS_OPEN; at++) {
        advance(&pair, at);
        feed_everything_in_vain(&other);
        go_on(at);
        ecc_pair_close(&pair);
    }
    ecc_pair_close(&other);
}

/* M1 is not secret, and anybody may send it again: a server answers, and that is all. */
static void a_client_that_is_replayed_whole_is_not_let_in(void **state)
{
    (void)state;
    record_a_session();
    ecc_side_open(&pair.server, world.server);
    assert_int_equal(ecc_feed(&pair.server, other.client.wire.bytes, other.client.wire.size),
                     TALC_OK);
    assert_int_equal(ecc->takes_back(pair.server.engine), other.client.wire.size - 40);
    assert_false(ecc->established(pair.server.engine));
    assert_int_equal(ecc_record_count(&pair.server.wire), 1);
    assert_memory_not_equal(pair.server.wire.bytes, other.server.wire.bytes, 135);
    ecc_side_close(&pair.server);
    ecc_pair_close(&other);
}

static void a_server_that_is_replayed_is_not_believed(void **state)
{
    (void)state;
    record_a_session();
    for (size_t i = 0; i < ecc_record_count(&other.server.wire); i++) {
        size_t size;
        const uint8_t *record = ecc_record(&other.server.wire, i, &size);
        ecc_side_open(&pair.client, world.client);
        assert_int_equal(ecc_feed(&pair.client, record, size), TALC_ERROR_PROTOCOL);
        assert_false(ecc->is_final(pair.client.engine));
        ecc_side_close(&pair.client);
    }
    ecc_pair_close(&other);
}

/* Each record counts once, and in its place. */
static void no_record_counts_twice_in_its_own_session(void **state)
{
    (void)state;
    advance(&pair, IS_OPEN);
    ecc_expect_open(&pair);
    ecc_expect_open(&pair);
    feed_everything_in_vain(&pair);
    ecc_expect_open(&pair);
    ecc_pair_close(&pair);
}

static void records_do_not_change_places(void **state)
{
    (void)state;
    advance(&pair, IS_OPEN);
    ecc_write(&pair.client, "one");
    ecc_write(&pair.client, "two");
    size_t size;
    const uint8_t *second = ecc_record(&pair.client.wire, 3, &size);
    assert_int_equal(ecc_feed(&pair.server, second, size), TALC_OK);
    assert_int_equal(ecc->takes_back(pair.server.engine), size);
    assert_int_equal(ecc_pass(&pair.client, &pair.server), TALC_OK);
    ecc_expect_read(&pair.server, "onetwo");
    ecc_pair_close(&pair);
}

/* ---------------------------------------------------------------- reflected */

static void what_a_client_says_is_no_answer_to_it(void **state)
{
    (void)state;
    advance(&pair, M1_SAID);
    assert_int_equal(ecc_feed(&pair.client, pair.client.wire.bytes, pair.client.wire.size),
                     TALC_ERROR_PROTOCOL);
    assert_false(ecc->is_final(pair.client.engine));
    ecc_pair_close(&pair);
    for (progress at = M2_SAID + 1; at <= IS_OPEN; at++) {
        advance(&pair, at);
        if (at == IS_OPEN) {
            ecc_write(&pair.client, "a request");
            ecc_write(&pair.server, "an answer");
        }
        feed_all_in_vain(&pair.client.wire, &pair.client);
        feed_all_in_vain(&pair.server.wire, &pair.server);
        ecc_pair_close(&pair);
    }
}

/* A device that is a server too, with one key for both, and somebody who leads its own handshake back
 * to it: it talks to itself, which it is allowed to, but it does not believe that it is talking to
 * another. What was said in one role never counts in the other. */
static void one_key_in_both_roles_is_no_way_in(void **state)
{
    (void)state;
    talc_ecc_context *both = ecc_client_context("both", &world.server_key, &world.server_key);
    ecc_side_open(&pair.client, both);
    ecc_side_open(&pair.server, world.server);
    assert_int_equal(ecc_pass(&pair.client, &pair.server), TALC_OK);
    ecc_side_open(&other.client, both); /* a second session of the same device */
    assert_int_equal(ecc_feed(&other.client, pair.server.wire.bytes, pair.server.wire.size),
                     TALC_ERROR_PROTOCOL);
    assert_int_equal(ecc_pass(&pair.server, &pair.client), TALC_OK);
    assert_int_equal(ecc_pass(&pair.client, &pair.server), TALC_ERROR_VERIFY); /* not enrolled */
    ecc_side_close(&other.client);
    ecc_pair_close(&pair);
    ecc->context_free(both);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_bit_of_m1_can_be_changed),
        cmocka_unit_test(no_bit_of_m2_can_be_changed),
        cmocka_unit_test(no_bit_of_m3_can_be_changed),
        cmocka_unit_test(no_bit_of_m4_can_be_changed),
        cmocka_unit_test(no_bit_of_a_refusal_can_be_changed),
        cmocka_unit_test(no_bit_of_a_request_or_an_answer_can_be_changed),
        cmocka_unit_test(no_bit_of_a_goodbye_can_be_changed),
        cmocka_unit_test(no_record_counts_in_another_session),
        cmocka_unit_test(a_client_that_is_replayed_whole_is_not_let_in),
        cmocka_unit_test(a_server_that_is_replayed_is_not_believed),
        cmocka_unit_test(no_record_counts_twice_in_its_own_session),
        cmocka_unit_test(records_do_not_change_places),
        cmocka_unit_test(what_a_client_says_is_no_answer_to_it),
        cmocka_unit_test(one_key_in_both_roles_is_no_way_in),
    };
    return cmocka_run_group_tests_name("ecc_tampering", tests, begin, end);
}
