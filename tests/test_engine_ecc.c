/* SPDX-License-Identifier: MIT */
/*
 * The `ecc` engine by its table: how a session opens, whom each side sees, what it takes and how it
 * ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/hex.h"
#include "tests/ecc_pair.h"

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

/* ---------------------------------------------------------------- opening */

static void each_side_is_established_when_the_other_has_proved_itself(void **state)
{
    (void)state;
    assert_false(ecc->established(pair.client.engine));
    ecc_pass(&pair.client, &pair.server);
    assert_false(ecc->established(pair.server.engine));
    ecc_pass(&pair.server, &pair.client);
    assert_true(ecc->established(pair.client.engine));
    assert_int_equal(ecc_record_count(&pair.client.wire), 2); /* M3 is in the sink */
    assert_false(ecc->established(pair.server.engine));
    ecc_pass(&pair.client, &pair.server);
    assert_true(ecc->established(pair.server.engine));
    assert_int_equal(ecc_record_count(&pair.server.wire), 2); /* M4 is in the sink */
    ecc_pass(&pair.server, &pair.client);
    ecc_expect_open(&pair);
}

static void the_first_request_travels_with_m3_and_the_answer_with_m4(void **state)
{
    (void)state;
    ecc_pass(&pair.client, &pair.server);
    ecc_pass(&pair.server, &pair.client);
    ecc_write(&pair.client, "request");
    assert_int_equal(ecc_pass(&pair.client, &pair.server), TALC_OK);
    ecc_expect_read(&pair.server, "request");
    ecc_write(&pair.server, "answer");
    assert_int_equal(ecc_pass(&pair.server, &pair.client), TALC_OK);
    ecc_expect_read(&pair.client, "answer");
}

static void nothing_can_be_written_before(void **state)
{
    (void)state;
    const uint8_t byte = 0;
    uint8_t read;
    size_t size;
    assert_int_equal(ecc->write(pair.client.engine, &byte, 1), TALC_ERROR_CLOSED);
    assert_int_equal(ecc->write(pair.server.engine, &byte, 1), TALC_ERROR_CLOSED);
    assert_int_equal(ecc->read(pair.client.engine, &read, 1, &size), TALC_WANT_INPUT);
    assert_int_equal(ecc->finish(pair.client.engine), TALC_OK);
    assert_int_equal(ecc->finish(pair.server.engine), TALC_OK);
    assert_int_equal(ecc_record_count(&pair.client.wire), 1);
    assert_int_equal(ecc_record_count(&pair.server.wire), 0);
    ecc_shake_hands(&pair);
}

/* Half a header is possible. */
static void records_arrive_in_pieces_of_any_size(void **state)
{
    (void)state;
    static const size_t sizes[] = { 1, 2, 3, 4, 5, 6, 7, 39, 41, 1000 };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        ecc_pair_close(&pair);
        ecc_pair_open(&pair, &world);
        for (int round = 0; round < 3; round++) {
            ecc_side *from = round % 2 == 0 ? &pair.client : &pair.server;
            ecc_side *to = round % 2 == 0 ? &pair.server : &pair.client;
            if (round == 2) {
                ecc_write(from, "one");
                ecc_write(from, "two");
            }
            while (from->wire.passed < from->wire.size) {
                size_t left = from->wire.size - from->wire.passed;
                size_t size = left < sizes[i] ? left : sizes[i];
                assert_int_equal(ecc_feed(to, from->wire.bytes + from->wire.passed, size),
                                 TALC_OK);
                /* What follows M2 or M3 is given back once: the guard has to see it first. */
                size_t back = ecc->takes_back(to->engine);
                assert_true(back < size);
                from->wire.passed += size - back;
            }
        }
        ecc_expect_read(&pair.server, "onetwo");
    }
}

static void each_side_knows_the_other(void **state)
{
    (void)state;
    talc_engine_facts facts;
    char pin[2 * TALC_PIN_SIZE + 1] = "";
    talc_hex_write(pin, world.server_key.pin, TALC_PIN_SIZE);

    ecc->describe(pair.client.engine, &facts);
    assert_int_equal(facts.peer.engine, TALC_ENGINE_ECC);
    assert_int_equal(facts.peer.credential, TALC_CREDENTIAL_PIN);
    assert_string_equal(facts.peer.name, pin);
    assert_string_equal(facts.protocol, "talc-ecc-1");
    assert_string_equal(facts.cipher_suite, "X25519_ECDSA_P256_AES_128_CCM_SHA256");
    assert_false(facts.is_resumed);

    ecc->describe(pair.server.engine, &facts);
    assert_int_equal(facts.peer.engine, TALC_ENGINE_ECC);
    assert_int_equal(facts.peer.credential, TALC_CREDENTIAL_DEVICE);
    assert_string_equal(facts.peer.name, ECC_DEVICE);
    assert_string_equal(facts.protocol, "talc-ecc-1");
}

static void both_sides_have_the_same_guard_keys_and_each_session_others(void **state)
{
    (void)state;
    talc_guard_keys client, server, before;
    memset(&before, 0, sizeof before);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ecc->guard_keys(pair.client.engine, &client), TALC_OK);
        assert_int_equal(ecc->guard_keys(pair.server.engine, &server), TALC_OK);
        assert_memory_equal(&client, &server, sizeof client);
        assert_memory_not_equal(client.of[0], client.of[1], TALC_HMAC_KEY_SIZE);
        assert_memory_not_equal(&client, &before, sizeof client);
        before = client;
        ecc_pair_close(&pair);
        ecc_pair_open(&pair, &world);
        ecc_shake_hands(&pair);
    }
}

/* Everything of a session that is secret is gone when it is open, but what it still needs. */
static void keys_are_given_up_when_they_have_done_their_work(void **state)
{
    (void)state;
    const talc_ecc_engine *engines[] = { pair.client.engine, pair.server.engine };
    for (int i = 0; i < 2; i++) {
        assert_int_equal(engines[i]->ephemeral.key, PSA_KEY_ID_NULL);
        assert_int_equal(engines[i]->z, PSA_KEY_ID_NULL);
        assert_int_equal(engines[i]->in.handshake.key, PSA_KEY_ID_NULL);
        assert_int_equal(engines[i]->out.handshake.key, PSA_KEY_ID_NULL);
    }
}

static void a_record_takes_1_to_1024_bytes_and_16_more(void **state)
{
    (void)state;
    static uint8_t plaintext[TALC_ECC_PLAINTEXT_MAX + 1];
    uint8_t read[sizeof plaintext];
    size_t size;
    assert_int_equal(ecc->expansion(pair.client.engine), 16);
    assert_int_equal(ecc->write(pair.client.engine, plaintext, 0), TALC_OK);
    assert_int_equal(pair.client.wire.size, pair.client.wire.passed);
    assert_int_equal(ecc->write(pair.client.engine, plaintext, sizeof plaintext),
                     TALC_ERROR_ARGUMENT);
    assert_int_equal(pair.client.wire.size, pair.client.wire.passed);

    const size_t sizes[] = { 1, TALC_ECC_PLAINTEXT_MAX };
    for (int i = 0; i < 2; i++) {
        plaintext[0] = (uint8_t)(7 + i);
        assert_int_equal(ecc->write(pair.client.engine, plaintext, sizes[i]), TALC_OK);
        assert_int_equal(pair.client.wire.size - pair.client.wire.passed, 5 + sizes[i] + 16);
        assert_int_equal(ecc_pass(&pair.client, &pair.server), TALC_OK);
        assert_int_equal(ecc->read(pair.server.engine, read, sizeof read, &size), TALC_OK);
        assert_int_equal(size, sizes[i]);
        assert_memory_equal(read, plaintext, size);
    }
}

static void plaintext_is_read_in_pieces_of_any_size(void **state)
{
    (void)state;
    char text[8] = "";
    ecc_write(&pair.client, "ab");
    ecc_write(&pair.client, "cdef");
    ecc_pass(&pair.client, &pair.server);
    for (size_t i = 0; i < 2; i++) {
        size_t size;
        assert_int_equal(ecc->read(pair.server.engine, (uint8_t *)text + i, 1, &size), TALC_OK);
        assert_int_equal(size, 1);
    }
    assert_string_equal(text, "ab");
    ecc_write(&pair.client, "ghi");
    ecc_pass(&pair.client, &pair.server);
    ecc_expect_read(&pair.server, "cdefghi");
    ecc_expect_silence(&pair.server);
}

/* ---------------------------------------------------------------- contexts */

typedef enum credential_kind { NO_IDENTITY, DEVICE_KEY, SERVER_KEY, PSK_IDENTITY } credential_kind;

typedef struct context_row {
    talc_role role;
    credential_kind identity;
    bool has_trust;       /* in a server's key */
    bool has_empty_trust;
    bool has_registry;
    talc_status status;
    const char *words;
} context_row;

static const context_row context_rows[] = {
    { TALC_ROLE_CLIENT, DEVICE_KEY, true, false, false, TALC_OK, "" },
    { TALC_ROLE_CLIENT, NO_IDENTITY, true, false, false, TALC_ERROR_IDENTITY, "device's ID" },
    { TALC_ROLE_CLIENT, SERVER_KEY, true, false, false, TALC_ERROR_IDENTITY, "device's ID" },
    { TALC_ROLE_CLIENT, PSK_IDENTITY, true, false, false, TALC_ERROR_IDENTITY, "device's ID" },
    { TALC_ROLE_CLIENT, DEVICE_KEY, false, false, false, TALC_ERROR_TRUST, "server's public key" },
    { TALC_ROLE_CLIENT, DEVICE_KEY, false, true, false, TALC_ERROR_TRUST, "server's public key" },
    { TALC_ROLE_SERVER, SERVER_KEY, false, false, true, TALC_OK, "" },
    { TALC_ROLE_SERVER, NO_IDENTITY, false, false, true, TALC_ERROR_IDENTITY, "P-256" },
    { TALC_ROLE_SERVER, PSK_IDENTITY, false, false, true, TALC_ERROR_IDENTITY, "P-256" },
    { TALC_ROLE_SERVER, SERVER_KEY, true, false, false, TALC_ERROR_TRUST, "registry" },
};

static talc_identity *identity_of(credential_kind kind)
{
    talc_identity *identity = NULL;
    const talc_psk psk = { "name", 4, "0123456789abcdef", 16 };
    if (kind == PSK_IDENTITY) {
        assert_int_equal(talc_identity_from_psk(&identity, &psk, NULL), TALC_OK);
    } else if (kind != NO_IDENTITY) {
        identity = ecc_identity(&world.device_key, kind == DEVICE_KEY ? ECC_DEVICE : NULL);
    }
    return identity;
}

static void a_context_says_what_it_lacks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof context_rows / sizeof context_rows[0]; i++) {
        const context_row *row = &context_rows[i];
        void *context = &world;
        talc_failure failure = { 0 };
        talc_config config = TALC_CONFIG_DEFAULT;
        config.identity = identity_of(row->identity);
        config.trust = row->has_trust ? ecc_trust(&world.server_key) : NULL;
        config.registry = row->has_registry ? world.registry : NULL;
        if (row->has_empty_trust) {
            assert_int_equal(talc_trust_new(&config.trust), TALC_OK);
        }
        talc_status status = ecc->context_new(&context, row->role, &config, &failure);
        if (status != row->status || strstr(failure.text, row->words) == NULL ||
            (context == NULL) != (status != TALC_OK)) {
            fail_msg("row %zu: status %d, reason: %s", i, status, failure.text);
        }
        assert_int_equal(failure.stage, status == TALC_OK ? TALC_STAGE_NONE : TALC_STAGE_CONFIGURE);
        ecc->context_free(context);
        talc_identity_free(config.identity);
        talc_trust_free(config.trust);
    }
}

/* M2 does not say whose it is: the client finds it out, whichever of its servers it is. */
static void a_client_finds_its_server_among_eight(void **state)
{
    (void)state;
    for (int at = 0; at < TALC_SERVER_KEYS_MAX; at++) {
        talc_config config = TALC_CONFIG_DEFAULT;
        talc_failure failure = { 0 };
        void *context;
        assert_int_equal(talc_trust_new(&config.trust), TALC_OK);
        for (int i = 0; i < TALC_SERVER_KEYS_MAX; i++) {
            ecc_key other;
            char name[16];
            snprintf(name, sizeof name, "server %d", i);
            ecc_key_of(&other, name);
            const ecc_key *key = i == at ? &world.server_key : &other;
            assert_int_equal(talc_trust_add_server_key(config.trust, key->public_der,
                                                       sizeof key->public_der, NULL),
                             TALC_OK);
        }
        config.identity = ecc_identity(&world.device_key, ECC_DEVICE);
        assert_int_equal(ecc->context_new(&context, TALC_ROLE_CLIENT, &config, &failure),
                         TALC_OK);
        ecc_side_open(&pair.client, context);
        ecc_side_open(&pair.server, world.server);
        ecc_shake_hands(&pair);
        each_side_knows_the_other(state);
        ecc_pair_close(&pair);
        ecc->context_free(context);
        talc_identity_free(config.identity);
        talc_trust_free(config.trust);
    }
}

static void another_server_is_not_believed(void **state)
{
    (void)state;
    ecc_key other;
    ecc_key_of(&other, "another server");
    talc_ecc_context *context = ecc_client_context(ECC_DEVICE, &world.device_key, &other);
    ecc_side_open(&pair.client, context);
    ecc_side_open(&pair.server, world.server);
    ecc_pass(&pair.client, &pair.server);
    assert_int_equal(ecc_pass(&pair.server, &pair.client), TALC_ERROR_VERIFY);
    ecc_expect_failure(&pair.client, TALC_ERROR_VERIFY, "did not prove");
    assert_false(ecc->is_final(pair.client.engine)); /* somebody may have stood in its place */
    assert_false(ecc->established(pair.client.engine));
    assert_int_equal(ecc_record_count(&pair.client.wire), 1); /* no M3: the device stays hidden */
    ecc_pair_close(&pair);
    ecc->context_free(context);
}

/* ---------------------------------------------------------------- the end */

static void a_goodbye_comes_after_what_was_said(void **state)
{
    (void)state;
    const uint8_t byte = 0;
    uint8_t read;
    size_t size;
    ecc_write(&pair.client, "last words");
    assert_int_equal(ecc->finish(pair.client.engine), TALC_OK);
    assert_int_equal(ecc->finish(pair.client.engine), TALC_OK); /* once is enough */
    assert_int_equal(ecc_record_count(&pair.client.wire), 4);
    assert_int_equal(ecc->write(pair.client.engine, &byte, 1), TALC_ERROR_CLOSED);

    assert_int_equal(ecc_pass(&pair.client, &pair.server), TALC_OK);
    ecc_expect_read(&pair.server, "last words");
    assert_int_equal(ecc->read(pair.server.engine, &read, 1, &size), TALC_ERROR_CLOSED);
    assert_int_equal(ecc->finish(pair.server.engine), TALC_OK);
    assert_int_equal(ecc_record_count(&pair.server.wire), 3);
    assert_int_equal(ecc_pass(&pair.server, &pair.client), TALC_OK);
    assert_int_equal(ecc->read(pair.client.engine, &read, 1, &size), TALC_ERROR_CLOSED);
}

static void nothing_is_heard_behind_a_goodbye(void **state)
{
    (void)state;
    uint8_t read;
    size_t size;
    ecc->finish(pair.client.engine);
    pair.client.engine->is_finished = false; /* a client that does not keep to it */
    ecc_write(&pair.client, "and another thing");
    assert_int_equal(ecc_pass(&pair.client, &pair.server), TALC_OK);
    assert_int_equal(ecc->takes_back(pair.server.engine), 0);
    assert_int_equal(ecc->read(pair.server.engine, &read, 1, &size), TALC_ERROR_CLOSED);
}

/* Who cuts the stream cannot make it look as if it had ended. */
static void a_stream_without_a_goodbye_has_not_ended(void **state)
{
    (void)state;
    ecc_write(&pair.client, "words");
    ecc->finish(pair.client.engine);
    size_t goodbye;
    (void)ecc_record(&pair.client.wire, 3, &goodbye);
    pair.client.wire.size -= 1;
    assert_int_equal(ecc_pass(&pair.client, &pair.server), TALC_OK);
    ecc_expect_read(&pair.server, "words");
    ecc_expect_silence(&pair.server);
    assert_int_equal(goodbye, 23);
}

/* ---------------------------------------------------------------- a sink that is full */

static talc_status put_nothing(void *context, const uint8_t *bytes, size_t size)
{
    (void)context;
    (void)bytes;
    (void)size;
    return TALC_ERROR_MEMORY;
}

static void a_record_that_cannot_be_kept_ends_the_session(void **state)
{
    (void)state;
    talc_failure failure = { 0 };
    void *engine = &world;
    talc_engine_setup setup = { world.client, NULL, { put_nothing, NULL } };
    assert_int_equal(ecc->open(&engine, &setup, &failure), TALC_ERROR_MEMORY);
    assert_null(engine);
    assert_int_equal(failure.status, TALC_ERROR_MEMORY);

    for (int step = 1; step <= 4; step++) { /* M2, M3, M4, plaintext */
        const uint8_t byte = 0;
        talc_status status = TALC_OK;
        ecc_side *sides[] = { &pair.server, &pair.client };
        ecc_side *failing = sides[(step - 1) % 2];
        ecc_pair_open(&pair, &world);
        for (int i = 1; i <= step; i++) {
            if (i == step) {
                failing->engine->sink.put = put_nothing;
            }
            status = i == 4 ? ecc->write(pair.client.engine, &byte, 1)
                            : ecc_pass(sides[i % 2], sides[(i - 1) % 2]);
        }
        assert_int_equal(status, TALC_ERROR_MEMORY);
        assert_int_equal(ecc->failure(failing->engine)->status, TALC_ERROR_MEMORY);
        assert_true(ecc->is_final(failing->engine));
        ecc_pair_close(&pair);
    }
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
        with_pair(each_side_is_established_when_the_other_has_proved_itself),
        with_pair(the_first_request_travels_with_m3_and_the_answer_with_m4),
        with_pair(nothing_can_be_written_before),
        with_pair(records_arrive_in_pieces_of_any_size),
        with_session(each_side_knows_the_other),
        with_session(both_sides_have_the_same_guard_keys_and_each_session_others),
        with_session(keys_are_given_up_when_they_have_done_their_work),
        with_session(a_record_takes_1_to_1024_bytes_and_16_more),
        with_session(plaintext_is_read_in_pieces_of_any_size),
        cmocka_unit_test(a_context_says_what_it_lacks),
        cmocka_unit_test(a_client_finds_its_server_among_eight),
        cmocka_unit_test(another_server_is_not_believed),
        with_session(a_goodbye_comes_after_what_was_said),
        with_session(nothing_is_heard_behind_a_goodbye),
        with_session(a_stream_without_a_goodbye_has_not_ended),
        cmocka_unit_test(a_record_that_cannot_be_kept_ends_the_session),
    };
    return cmocka_run_group_tests_name("engine_ecc", tests, begin, end);
}
