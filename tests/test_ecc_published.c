/* SPDX-License-Identifier: MIT */
/*
 * Why `ecc` is not the handshake that was published: an attacker on the path, who has no secret at
 * all, stands between both sides of that one and is both of them. The same attacker gets nowhere here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/crypto.h"
#include "tests/ecc_impostor.h"
#include "tests/published_ecc.h"

/* ---------------------------------------------------------------- the model */

static void the_model_works_where_nobody_interferes(void **state)
{
    (void)state;
    published_party client, server;
    published_m1 m1;
    published_m2 m2;
    published_sealed m3, m4, said;
    char text[PUBLISHED_TEXT_SIZE];
    published_begin(&client, ECC_DEVICE, &m1);
    assert_true(published_take_m1(&server, ECC_DEVICE, &m1, &m2));
    assert_true(published_take_m2(&client, &m2, &m3));
    assert_true(published_take_m3(&server, &m3, &m4));
    assert_true(published_take_m4(&client, &m4));
    published_say(&client, "request", &said);
    assert_true(published_hear(&server, &said, text));
    assert_string_equal(text, "request");
    published_end(&client);
    published_end(&server);
}

/* It does check what it can check. */
static void the_model_refuses_what_is_plainly_wrong(void **state)
{
    (void)state;
    published_party client, server;
    published_m1 m1;
    published_m2 m2;
    published_sealed m3, m4;
    published_begin(&client, "stranger", &m1);
    assert_false(published_take_m1(&server, ECC_DEVICE, &m1, &m2));
    published_end(&client);

    published_begin(&client, ECC_DEVICE, &m1);
    assert_true(published_take_m1(&server, ECC_DEVICE, &m1, &m2));
    assert_true(published_take_m2(&client, &m2, &m3));
    m3.bytes[PUBLISHED_ID_SIZE] ^= 1;
    assert_false(published_take_m3(&server, &m3, &m4));
    published_end(&client);
    published_end(&server);
}

/* What the attacker has seen is the ID in M1. A key he makes himself, and it signs for itself. */
static void anybody_is_the_device_of_the_published_handshake(void **state)
{
    (void)state;
    published_party attacker, server;
    published_m1 m1;
    published_m2 m2;
    published_sealed m3, m4, said;
    char text[PUBLISHED_TEXT_SIZE];
    published_begin(&attacker, ECC_DEVICE, &m1);
    assert_true(published_take_m1(&server, ECC_DEVICE, &m1, &m2));
    assert_true(published_take_m2(&attacker, &m2, &m3));
    assert_true(published_take_m3(&server, &m3, &m4));
    assert_string_equal(server.device_id, ECC_DEVICE);
    published_say(&attacker, "open the door", &said);
    assert_true(published_hear(&server, &said, text));
    assert_string_equal(text, "open the door");
    published_end(&attacker);
    published_end(&server);
}

/* Two handshakes with keys of his own: the client's with him, and his with the server. */
static void an_attacker_is_both_sides_of_the_published_handshake(void **state)
{
    (void)state;
    published_party client, server, to_client, to_server;
    published_m1 m1, own_m1;
    published_m2 m2, own_m2;
    published_sealed m3, m4, said;
    char text[PUBLISHED_TEXT_SIZE];

    published_begin(&client, ECC_DEVICE, &m1);
    published_begin(&to_server, m1.device_id, &own_m1);
    assert_true(published_take_m1(&server, ECC_DEVICE, &own_m1, &m2));
    assert_true(published_take_m1(&to_client, m1.device_id, &m1, &own_m2));
    assert_true(published_take_m2(&client, &own_m2, &m3));
    assert_true(published_take_m3(&to_client, &m3, &m4));
    assert_true(published_take_m4(&client, &m4));
    assert_true(published_take_m2(&to_server, &m2, &m3));
    assert_true(published_take_m3(&server, &m3, &m4));
    assert_true(published_take_m4(&to_server, &m4));
    assert_true(client.is_accepted && server.is_accepted);

    /* He reads what the client says, and the server hears what he wants. */
    published_say(&client, "close the door", &said);
    assert_true(published_hear(&to_client, &said, text));
    assert_string_equal(text, "close the door");
    published_say(&to_server, "open the door", &said);
    assert_true(published_hear(&server, &said, text));
    assert_string_equal(text, "open the door");
    /* And the other way. */
    published_say(&server, "it is open", &said);
    assert_true(published_hear(&to_server, &said, text));
    published_say(&to_client, "it is closed", &said);
    assert_true(published_hear(&client, &said, text));
    assert_string_equal(text, "it is closed");

    published_end(&client);
    published_end(&server);
    published_end(&to_client);
    published_end(&to_server);
}

/* ---------------------------------------------------------------- the same attacker, here */

static ecc_world world;
static ecc_pair pair;
static ecc_impostor to_client;
static ecc_impostor to_server;

/* As far as he gets with both: keys that he shares with each of them. */
static void stand_between(uint8_t sig_s[TALC_ECC_SIGNATURE_SIZE])
{
    uint8_t m1[ECC_M1_RECORD_SIZE];
    ecc_pair_open(&pair, &world);
    ecc_impostor_say_m1(&to_server, m1);
    assert_int_equal(ecc_feed(&pair.server, m1, sizeof m1), TALC_OK);
    ecc_impostor_hear_m2(&to_server, pair.server.wire.bytes, sig_s);
    ecc_impostor_hear_m1(&to_client, pair.client.wire.bytes);
}

static void leave(void)
{
    ecc_impostor_end(&to_client);
    ecc_impostor_end(&to_server);
    ecc_pair_close(&pair);
}

/* He has a signature of the server over his own handshake with it, and can make some with his key. */
static void the_client_does_not_believe_the_attacker(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        ecc_key attacker;
        talc_ecc_statement statement;
        uint8_t sig_s[TALC_ECC_SIGNATURE_SIZE];
        uint8_t m2[ECC_M2_RECORD_SIZE];
        stand_between(sig_s);
        if (own) {
            ecc_key_of(&attacker, "the attacker");
            talc_ecc_state_server(&statement, to_client.th, world.server_key.pin);
            ecc_sign(&attacker, &statement, sig_s);
        }
        ecc_impostor_say_m2(&to_client, sig_s, m2);
        assert_int_equal(ecc_feed(&pair.client, m2, sizeof m2), TALC_ERROR_VERIFY);
        assert_false(talc_engine_ecc.established(pair.client.engine));
        assert_int_equal(ecc_record_count(&pair.client.wire), 1);
        leave();
    }
}

/* Even if somebody has told him the ID, which M1 does not. */
static void the_server_does_not_believe_the_attacker(void **state)
{
    (void)state;
    ecc_key attacker;
    talc_ecc_statement statement;
    talc_ecc_m3 m3 = { .device_id = ECC_DEVICE, .device_id_size = sizeof ECC_DEVICE - 1 };
    uint8_t sig_s[TALC_ECC_SIGNATURE_SIZE];
    uint8_t bytes[TALC_ECC_M3_SIZE_MAX];
    uint8_t record[ECC_RECORD_SIZE_MAX];
    stand_between(sig_s);
    ecc_key_of(&attacker, "the attacker");
    talc_ecc_claim claim = { to_server.th, world.server_key.pin, attacker.pin, ECC_DEVICE,
                             sizeof ECC_DEVICE - 1 };
    talc_ecc_state_client(&statement, &claim);
    ecc_sign(&attacker, &statement, m3.signature);
    size_t size = ecc_impostor_say_m3(&to_server, bytes, talc_ecc_m3_write(&m3, bytes), record);
    assert_int_equal(ecc_feed(&pair.server, record, size), TALC_ERROR_VERIFY);
    assert_false(talc_engine_ecc.established(pair.server.engine));
    leave();
}

static bool holds(const ecc_wire *wire, const void *bytes, size_t size)
{
    for (size_t i = 0; i + size <= wire->size; i++) {
        if (memcmp(wire->bytes + i, bytes, size) == 0) {
            return true;
        }
    }
    return false;
}

/* What everybody can see names nobody. */
static void the_path_does_not_learn_who_speaks(void **state)
{
    (void)state;
    ecc_pair_open(&pair, &world);
    ecc_shake_hands(&pair);
    const ecc_wire *const wires[] = { &pair.client.wire, &pair.server.wire };
    for (int i = 0; i < 2; i++) {
        assert_false(holds(wires[i], ECC_DEVICE, sizeof ECC_DEVICE - 1));
        assert_false(holds(wires[i], world.device_key.point + 1, 16));
        assert_false(holds(wires[i], world.device_key.pin, 16));
        assert_false(holds(wires[i], world.server_key.point + 1, 16));
        assert_false(holds(wires[i], world.server_key.pin, 16));
    }
    assert_true(holds(wires[1], "HelloClient", 11)); /* it would be found */
    ecc_pair_close(&pair);
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
        cmocka_unit_test(the_model_works_where_nobody_interferes),
        cmocka_unit_test(the_model_refuses_what_is_plainly_wrong),
        cmocka_unit_test(anybody_is_the_device_of_the_published_handshake),
        cmocka_unit_test(an_attacker_is_both_sides_of_the_published_handshake),
        cmocka_unit_test(the_client_does_not_believe_the_attacker),
        cmocka_unit_test(the_server_does_not_believe_the_attacker),
        cmocka_unit_test(the_path_does_not_learn_who_speaks),
    };
    return cmocka_run_group_tests_name("ecc_published", tests, begin, end);
}
