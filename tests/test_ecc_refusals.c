/* SPDX-License-Identifier: MIT */
/*
 * Devices that an `ecc` server does not serve: from the start, or any more. Outside nobody can tell
 * which of the reasons it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
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

/* ---------------------------------------------------------------- refusals */

typedef struct refusal {
    const char *device_id;
    const char *key; /* NULL: the device's */
    const char *words; /* in the server's log */
} refusal;

static const refusal refusals[] = {
    { "meter-8", NULL, "device \"meter-8\" was refused: it is not in the registry" },
    { "meter-r", NULL, "device \"meter-r\" was refused: it is revoked" },
    { ECC_DEVICE, "another key", "device \"meter-7\" was refused: its signature" },
    { "meter-r", "another key", "device \"meter-r\" was refused: its signature" },
    { "meter-8", "another key", "device \"meter-8\" was refused: it is not in the registry" },
};

static void shake_hands_in_vain(ecc_pair *with, const refusal *row)
{
    ecc_key other;
    ecc_key_of(&other, row->key == NULL ? "" : row->key);
    talc_ecc_context *context = ecc_client_context(
        row->device_id, row->key == NULL ? &world.device_key : &other, &world.server_key);
    ecc_side_open(&with->client, context);
    ecc_side_open(&with->server, world.server);
    ecc_pass(&with->client, &with->server);
    assert_int_equal(ecc_pass(&with->server, &with->client), TALC_OK);
    ecc_write(&with->client, "request");
    assert_int_equal(ecc_pass(&with->client, &with->server), TALC_ERROR_VERIFY);
    assert_false(ecc->established(with->server.engine));
    assert_int_equal(ecc_pass(&with->server, &with->client), TALC_ERROR_REFUSED);
    ecc->context_free(context);
}

/* What leaves the server is one record of the same type and size, whose plaintext is the same; what the
 * client makes of it is the same word by word. Only the log knows more. */
static void refusals_cannot_be_told_apart_outside(void **state)
{
    (void)state;
    char client_text[TALC_FAILURE_TEXT_SIZE] = "";
    ecc_enrol(world.registry, "meter-r", &world.device_key);
    assert_int_equal(talc_registry_revoke(world.registry, "meter-r"), TALC_OK);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        shake_hands_in_vain(&pair, &refusals[i]);
        size_t size;
        const uint8_t *alert = ecc_record(&pair.server.wire, 1, &size);
        static const uint8_t header[] = { 21, 0xec, 0x01, 0, 18 };
        assert_int_equal(ecc_record_count(&pair.server.wire), 2);
        assert_int_equal(size, 23);
        assert_memory_equal(alert, header, sizeof header);
        ecc_expect_failure(&pair.server, TALC_ERROR_VERIFY, refusals[i].words);

        const talc_failure *seen = ecc->failure(pair.client.engine);
        assert_int_equal(seen->alert, ACCESS_DENIED);
        assert_int_equal(seen->stage, TALC_STAGE_HANDSHAKE);
        assert_true(ecc->is_final(pair.client.engine));
        if (i > 0) {
            assert_string_equal(seen->text, client_text);
        }
        snprintf(client_text, sizeof client_text, "%s", seen->text);
        ecc_pair_close(&pair);
    }
}

/* ---------------------------------------------------------------- the registry changes */

static void expect_thrown_out(const char *words)
{
    uint8_t byte;
    size_t size;
    ecc_expect_failure(&pair.server, TALC_ERROR_REFUSED, words);
    assert_int_equal(ecc->read(pair.server.engine, &byte, 1, &size), TALC_ERROR_REFUSED);
    assert_int_equal(ecc_pass(&pair.server, &pair.client), TALC_ERROR_REFUSED);
    assert_int_equal(ecc->failure(pair.client.engine)->alert, ACCESS_DENIED);
    assert_int_equal(ecc->failure(pair.client.engine)->stage, TALC_STAGE_SESSION);
    assert_true(ecc->is_final(pair.client.engine));
}

static void enrol_as_before(void)
{
    ecc_enrol(world.registry, ECC_DEVICE, &world.device_key);
}

static void a_revoked_device_is_not_heard_any_more(void **state)
{
    (void)state;
    ecc_write(&pair.client, "request");
    assert_int_equal(talc_registry_revoke(world.registry, ECC_DEVICE), TALC_OK);
    assert_int_equal(ecc_pass(&pair.client, &pair.server), TALC_ERROR_REFUSED);
    expect_thrown_out("it was revoked");
    enrol_as_before();
}

static void a_revoked_device_is_not_answered_any_more(void **state)
{
    (void)state;
    const uint8_t answer[] = "answer";
    ecc_write(&pair.client, "request");
    ecc_pass(&pair.client, &pair.server);
    ecc_expect_read(&pair.server, "request");
    assert_int_equal(talc_registry_revoke(world.registry, ECC_DEVICE), TALC_OK);
    assert_int_equal(ecc->write(pair.server.engine, answer, sizeof answer), TALC_ERROR_REFUSED);
    expect_thrown_out("it was revoked");
    enrol_as_before();
}

static void a_device_with_another_key_begins_again(void **state)
{
    (void)state;
    ecc_key other;
    ecc_key_of(&other, "the device's next key");
    ecc_enrol(world.registry, ECC_DEVICE, &other);
    ecc_write(&pair.client, "request");
    assert_int_equal(ecc_pass(&pair.client, &pair.server), TALC_ERROR_REFUSED);
    expect_thrown_out("enrolled with another key");
    enrol_as_before();
}

static void changes_of_others_and_none_at_all_do_not_matter(void **state)
{
    (void)state;
    ecc_key other;
    ecc_key_of(&other, "of meter-9");
    ecc_enrol(world.registry, "meter-9", &other);
    ecc_expect_open(&pair);
    assert_int_equal(talc_registry_revoke(world.registry, "meter-9"), TALC_OK);
    enrol_as_before();
    ecc_expect_open(&pair);
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

#define with_session(test) cmocka_unit_test_setup_teardown(test, open_session, close_pair)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals_cannot_be_told_apart_outside),
        with_session(a_revoked_device_is_not_heard_any_more),
        with_session(a_revoked_device_is_not_answered_any_more),
        with_session(a_device_with_another_key_begins_again),
        with_session(changes_of_others_and_none_at_all_do_not_matter),
    };
    return cmocka_run_group_tests_name("ecc_refusals", tests, begin, end);
}
