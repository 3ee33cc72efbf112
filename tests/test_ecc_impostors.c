/* SPDX-License-Identifier: MIT */
/*
 * `ecc` engines against somebody who speaks the protocol fluently and lacks one thing: the server's
 * key, the device's, or a part of what has to be signed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/ecc_impostor.h"
#include "tests/vectors.h"

static ecc_world world;
static ecc_key other_key;
static ecc_pair pair;
static ecc_impostor impostor;

static const talc_engine_class *const ecc = &talc_engine_ecc;

static int open_pair(void **state)
{
    (void)state;
    memset(&impostor, 0, sizeof impostor);
    ecc_pair_open(&pair, &world);
    return 0;
}

static int close_pair(void **state)
{
    (void)state;
    ecc_impostor_end(&impostor);
    ecc_pair_close(&pair);
    return 0;
}

static void open_again(void)
{
    (void)close_pair(NULL);
    (void)open_pair(NULL);
}

/* ---------------------------------------------------------------- in the server's place */

static void sign_as_server(const uint8_t th2[TALC_SHA256_SIZE], const ecc_key *named,
                           const ecc_key *signer, uint8_t signature[TALC_ECC_SIGNATURE_SIZE])
{
    talc_ecc_statement statement;
    talc_ecc_state_server(&statement, th2, named->pin);
    ecc_sign(signer, &statement, signature);
}

/* What the server would have signed in the client's part of the same handshake. */
static void sign_as_client(const ecc_key *signer, uint8_t signature[TALC_ECC_SIGNATURE_SIZE])
{
    talc_ecc_statement statement;
    talc_ecc_claim claim = { impostor.th, world.server_key.pin, world.server_key.pin, "", 0 };
    talc_ecc_state_client(&statement, &claim);
    ecc_sign(signer, &statement, signature);
}

typedef enum server_fault {
    NO_FAULT,
    OWN_KEY,            /* his own in place of the server's */
    OWN_KEY_OTHER_NAME, /* his own, and the server's hash */
    OTHER_NAME,         /* the server's key, and the hash of another */
    OTHER_TRANSCRIPT,   /* a signature of the server from another session */
    CLIENT_SIGNATURE,   /* a signature that the server's key made in the client's role */
    NO_SIGNATURE,
    CHANGED_SIGNATURE
} server_fault;

static void sign_with(server_fault fault, uint8_t signature[TALC_ECC_SIGNATURE_SIZE])
{
    const uint8_t other_th[TALC_SHA256_SIZE] = { 1 };
    const ecc_key *server = &world.server_key;
    switch (fault) {
    case OWN_KEY: sign_as_server(impostor.th, &other_key, &other_key, signature); break;
    case OWN_KEY_OTHER_NAME: sign_as_server(impostor.th, server, &other_key, signature); break;
    case OTHER_NAME: sign_as_server(impostor.th, &other_key, server, signature); break;
    case OTHER_TRANSCRIPT: sign_as_server(other_th, server, server, signature); break;
    case CLIENT_SIGNATURE: sign_as_client(server, signature); break;
    case NO_SIGNATURE: memset(signature, 0, TALC_ECC_SIGNATURE_SIZE); break;
    default: sign_as_server(impostor.th, server, server, signature);
    }
    signature[TALC_ECC_SIGNATURE_SIZE - 1] ^= fault == CHANGED_SIGNATURE;
}

static void only_the_server_is_taken_for_the_server(void **state)
{
    (void)state;
    for (server_fault fault = NO_FAULT; fault <= CHANGED_SIGNATURE; fault++) {
        uint8_t signature[TALC_ECC_SIGNATURE_SIZE];
        uint8_t m2[ECC_M2_RECORD_SIZE];
        open_again();
        ecc_impostor_hear_m1(&impostor, pair.client.wire.bytes);
        sign_with(fault, signature);
        ecc_impostor_say_m2(&impostor, signature, m2);
        talc_status status = ecc_feed(&pair.client, m2, sizeof m2);
        if (status != (fault == NO_FAULT ? TALC_OK : TALC_ERROR_VERIFY)) {
            fail_msg("fault %d: status %d", (int)fault, status);
        }
        assert_int_equal(ecc_record_count(&pair.client.wire), fault == NO_FAULT ? 2 : 1);
        if (fault != NO_FAULT) {
            ecc_expect_failure(&pair.client, TALC_ERROR_VERIFY, "did not prove");
            assert_false(ecc->is_final(pair.client.engine));
            assert_false(ecc->established(pair.client.engine));
        }
    }
}

/* ---------------------------------------------------------------- in a device's place */

/* What is signed, and by whom; what is not said is right. */
typedef struct client_fault {
    const char *label;
    const char *shown_id;  /* in M3 */
    const char *signed_id; /* NULL: the same */
    bool signs_with_own_key;
    bool names_own_key;    /* as the device's, in what is signed */
    bool names_own_server; /* likewise as the server's */
    bool signs_other_session;
    bool signs_as_server;
    const char *words; /* NULL: he is taken for the device, which he is */
} client_fault;

static const client_fault client_faults[] = {
    { .label = "the device itself", .shown_id = ECC_DEVICE },
    { .label = "another key", .shown_id = ECC_DEVICE, .signs_with_own_key = true,
      .names_own_key = true, .words = "its signature" },
    { .label = "another key in the device's name", .shown_id = ECC_DEVICE,
      .signs_with_own_key = true, .words = "its signature" },
    { .label = "the device's key in another's name", .shown_id = ECC_DEVICE,
      .names_own_key = true, .words = "its signature" },
    { .label = "what the device said to another server", .shown_id = ECC_DEVICE,
      .names_own_server = true, .words = "its signature" },
    { .label = "what the device said in another session", .shown_id = ECC_DEVICE,
      .signs_other_session = true, .words = "its signature" },
    { .label = "what the device's key said in a server's role", .shown_id = ECC_DEVICE,
      .signs_as_server = true, .words = "its signature" },
    { .label = "what the device said under another ID", .shown_id = ECC_DEVICE,
      .signed_id = "meter-77", .words = "its signature" },
    { .label = "a beginning of the ID", .shown_id = "meter-", .words = "not in the registry" },
    { .label = "more than the ID", .shown_id = "meter-7 ", .words = "an ID that is none" },
    { .label = "the ID in other letters", .shown_id = "METER-7", .words = "not in the registry" },
    { .label = "another who is enrolled", .shown_id = "other", .words = "its signature" },
};

static void sign_m3(const client_fault *fault, uint8_t signature[TALC_ECC_SIGNATURE_SIZE])
{
    const uint8_t other_th[TALC_SHA256_SIZE] = { 1 };
    const char *id = fault->signed_id == NULL ? fault->shown_id : fault->signed_id;
    const ecc_key *signer = fault->signs_with_own_key ? &other_key : &world.device_key;
    talc_ecc_statement statement;
    talc_ecc_claim claim = {
        fault->signs_other_session ? other_th : impostor.th,
        fault->names_own_server ? other_key.pin : world.server_key.pin,
        fault->names_own_key ? other_key.pin : world.device_key.pin,
        id,
        strlen(id),
    };
    if (fault->signs_as_server) {
        talc_ecc_state_server(&statement, impostor.th, world.device_key.pin);
    } else {
        talc_ecc_state_client(&statement, &claim);
    }
    ecc_sign(signer, &statement, signature);
}

/* M1 and M2 of the impostor with the server. */
static void begin_as_client(void)
{
    uint8_t m1[ECC_M1_RECORD_SIZE];
    uint8_t sig_s[TALC_ECC_SIGNATURE_SIZE];
    ecc_impostor_say_m1(&impostor, m1);
    assert_int_equal(ecc_feed(&pair.server, m1, sizeof m1), TALC_OK);
    ecc_impostor_hear_m2(&impostor, pair.server.wire.bytes, sig_s);
}

static talc_status say_m3(const uint8_t *m3, size_t size)
{
    uint8_t record[ECC_RECORD_SIZE_MAX];
    size_t record_size = ecc_impostor_say_m3(&impostor, m3, size, record);
    return ecc_feed(&pair.server, record, record_size);
}

/* The server's alert, and nothing else. */
static void expect_access_denied(void)
{
    static const uint8_t access_denied[] = { 2, 49 };
    uint8_t alert[2];
    size_t size;
    const uint8_t *record = ecc_record(&pair.server.wire, 1, &size);
    assert_int_equal(ecc_record_count(&pair.server.wire), 2);
    talc_ecc_sealing what = { record, 1, record + TALC_RECORD_HEADER_SIZE,
                              size - TALC_RECORD_HEADER_SIZE };
    assert_int_equal(size, 23);
    assert_int_equal(talc_ecc_unseal(&impostor.hs[TALC_ROLE_SERVER], &what, alert), TALC_OK);
    assert_memory_equal(alert, access_denied, sizeof alert);
}

static void only_the_device_is_taken_for_the_device(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof client_faults / sizeof client_faults[0]; i++) {
        const client_fault *fault = &client_faults[i];
        uint8_t bytes[TALC_ECC_M3_SIZE_MAX];
        talc_ecc_m3 m3 = { .device_id_size = strlen(fault->shown_id) };
        open_again();
        begin_as_client();
        memcpy(m3.device_id, fault->shown_id, m3.device_id_size);
        sign_m3(fault, m3.signature);
        talc_status status = say_m3(bytes, talc_ecc_m3_write(&m3, bytes));
        if ((status == TALC_OK) != (fault->words == NULL) ||
            ecc->established(pair.server.engine) != (fault->words == NULL)) {
            fail_msg("%s: status %d", fault->label, status);
        }
        if (fault->words != NULL) {
            ecc_expect_failure(&pair.server, TALC_ERROR_VERIFY, fault->words);
            expect_access_denied();
        }
    }
}

/* In the server's log there is nothing that a client chose and an ID may not hold. */
static void an_id_that_is_none_does_not_get_into_a_log(void **state)
{
    (void)state;
    static const char *const ids[] = { "a\"b", "line\nbreak", "\x1b[31m", "a b", "\\" };
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        uint8_t bytes[TALC_ECC_M3_SIZE_MAX];
        talc_ecc_m3 m3 = { .device_id_size = strlen(ids[i]) };
        open_again();
        begin_as_client();
        memcpy(m3.device_id, ids[i], m3.device_id_size);
        assert_int_equal(say_m3(bytes, talc_ecc_m3_write(&m3, bytes)), TALC_ERROR_VERIFY);
        ecc_expect_failure(&pair.server, TALC_ERROR_VERIFY, "an ID that is none");
        assert_null(strstr(ecc->failure(pair.server.engine)->text, ids[i]));
        expect_access_denied();
    }
}

/* Nobody but the client could have written it, and outside it looks like any refusal. */
static void an_m3_that_is_none_is_refused_like_a_device(void **state)
{
    (void)state;
    uint8_t bytes[TALC_ECC_M3_SIZE_MAX];
    talc_ecc_m3 m3 = { .device_id = "meter-7", .device_id_size = 7 };
    size_t size = talc_ecc_m3_write(&m3, bytes);
    for (size_t at = 0; at < 3; at++) { /* the type, and the size of the ID */
        open_again();
        begin_as_client();
        bytes[at] ^= 1;
        assert_int_equal(say_m3(bytes, size), TALC_ERROR_PROTOCOL);
        bytes[at] ^= 1;
        ecc_expect_failure(&pair.server, TALC_ERROR_PROTOCOL, "no message");
        expect_access_denied();
    }
}

/* ---------------------------------------------------------------- points of low order */

/* Everything else is right: he has the server's key. */
static void a_client_does_not_agree_on_zero(void **state)
{
    (void)state;
    const uint8_t zeros[TALC_ECC_PUBLIC_KEY_SIZE] = { 0 };
    unsigned found = 0;
    const cJSON *row;
    cJSON *rows = vectors_load("ecc");
    cJSON_ArrayForEach(row, rows)
    {
        if (cJSON_HasObjectItem(row, "public_key")) {
            size_t size;
            uint8_t *point = vector_bytes(row, "public_key", &size);
            uint8_t signature[TALC_ECC_SIGNATURE_SIZE];
            uint8_t m2[ECC_M2_RECORD_SIZE];
            assert_int_equal(size, TALC_ECC_PUBLIC_KEY_SIZE);
            open_again();
            ecc_impostor_pretend(&impostor, pair.client.wire.bytes, point, zeros);
            sign_with(NO_FAULT, signature);
            ecc_impostor_say_m2(&impostor, signature, m2);
            assert_int_equal(ecc_feed(&pair.client, m2, sizeof m2), TALC_ERROR_PROTOCOL);
            assert_false(ecc->is_final(pair.client.engine));
            assert_int_equal(ecc_record_count(&pair.client.wire), 1);
            free(point);
            found++;
        }
    }
    cJSON_Delete(rows);
    assert_true(found > 0);
}

static void a_server_does_not_agree_on_zero(void **state)
{
    (void)state;
    static const uint8_t illegal_parameter[] = { 21, 0xec, 0x01, 0, 2, 2, 47 };
    unsigned found = 0;
    const cJSON *row;
    cJSON *rows = vectors_load("ecc");
    cJSON_ArrayForEach(row, rows)
    {
        if (cJSON_HasObjectItem(row, "public_key")) {
            size_t size;
            uint8_t *point = vector_bytes(row, "public_key", &size);
            uint8_t m1[ECC_M1_RECORD_SIZE] = { 22, 0xec, 0x01, 0, 35, 1, 0, 32 };
            memcpy(m1 + 8, point, size);
            open_again();
            assert_int_equal(ecc_feed(&pair.server, m1, sizeof m1), TALC_ERROR_PROTOCOL);
            ecc_expect_failure(&pair.server, TALC_ERROR_PROTOCOL, "low order");
            assert_int_equal(pair.server.wire.size, sizeof illegal_parameter);
            assert_memory_equal(pair.server.wire.bytes, illegal_parameter,
                                sizeof illegal_parameter);
            free(point);
            found++;
        }
    }
    cJSON_Delete(rows);
    assert_true(found > 0);
}

/* ---------------------------------------------------------------- a server that misbehaves */

/* M1 to M3 of the client with an impostor who has the server's key. */
static void begin_as_server(void)
{
    uint8_t signature[TALC_ECC_SIGNATURE_SIZE];
    uint8_t m2[ECC_M2_RECORD_SIZE];
    talc_ecc_m3 m3;
    size_t size;
    ecc_impostor_hear_m1(&impostor, pair.client.wire.bytes);
    sign_with(NO_FAULT, signature);
    ecc_impostor_say_m2(&impostor, signature, m2);
    assert_int_equal(ecc_feed(&pair.client, m2, sizeof m2), TALC_OK);
    const uint8_t *record = ecc_record(&pair.client.wire, 1, &size);
    ecc_impostor_hear_m3(&impostor, record, size, &m3);
    assert_memory_equal(m3.device_id, ECC_DEVICE, m3.device_id_size);
}

static talc_status say(const talc_ecc_traffic *traffic, talc_record_type type,
                       const talc_ecc_sealing *plaintext)
{
    uint8_t record[ECC_RECORD_SIZE_MAX];
    size_t size = ecc_seal_record(traffic, type, plaintext, record);
    return ecc_feed(&pair.client, record, size);
}

static void an_m4_that_does_not_accept_is_an_error(void **state)
{
    (void)state;
    const uint8_t rejected[] = { 4, 0, 8, 'r', 'e', 'j', 'e', 'c', 't', 'e', 'd' };
    const talc_ecc_sealing m4 = { NULL, 1, rejected, sizeof rejected };
    begin_as_server();
    assert_int_equal(say(&impostor.ap[TALC_ROLE_SERVER], TALC_RECORD_HANDSHAKE, &m4),
                     TALC_ERROR_PROTOCOL);
    ecc_expect_failure(&pair.client, TALC_ERROR_PROTOCOL, "accepted");
    assert_true(ecc->is_final(pair.client.engine));
}

/* M4 and everything later is under ap_s; a refusal, and only that, under hs_s. */
static void each_record_has_its_key(void **state)
{
    (void)state;
    uint8_t accepted[TALC_ECC_M4_SIZE];
    const uint8_t denied[] = { 2, 49 };
    const talc_ecc_sealing m4 = { NULL, 1, accepted, sizeof accepted };
    const talc_ecc_sealing alert = { NULL, 1, denied, sizeof denied };
    talc_ecc_m4_write(accepted);
    begin_as_server();
    const talc_ecc_traffic *hs_s = &impostor.hs[TALC_ROLE_SERVER];
    const talc_ecc_traffic *ap_s = &impostor.ap[TALC_ROLE_SERVER];
    assert_int_equal(say(hs_s, TALC_RECORD_HANDSHAKE, &m4), TALC_OK);
    assert_int_equal(ecc->takes_back(pair.client.engine), 32);
    assert_int_equal(say(ap_s, TALC_RECORD_ALERT, &alert), TALC_OK);
    assert_int_equal(ecc->takes_back(pair.client.engine), 23);
    assert_int_equal(say(ap_s, TALC_RECORD_HANDSHAKE, &m4), TALC_OK);
    assert_int_equal(ecc->takes_back(pair.client.engine), 0);
    assert_int_equal(say(hs_s, TALC_RECORD_ALERT, &alert), TALC_OK);
    assert_int_equal(ecc->takes_back(pair.client.engine), 23);
}

typedef struct alert_row {
    uint8_t description;
    talc_status before_m4; /* under hs_s */
    talc_status after_m4;  /* under ap_s */
} alert_row;

static const alert_row alert_rows[] = {
    { 49, TALC_ERROR_REFUSED, TALC_ERROR_REFUSED },
    { 80, TALC_ERROR_REFUSED, TALC_ERROR_PROTOCOL },
    { 10, TALC_ERROR_REFUSED, TALC_ERROR_PROTOCOL },
    { 255, TALC_ERROR_REFUSED, TALC_ERROR_PROTOCOL },
};

/* A refusal that the server proved to be its own is final. */
static void alerts_say_why(void **state)
{
    (void)state;
    uint8_t accepted[TALC_ECC_M4_SIZE];
    const talc_ecc_sealing m4 = { NULL, 1, accepted, sizeof accepted };
    talc_ecc_m4_write(accepted);
    for (size_t i = 0; i < sizeof alert_rows / sizeof alert_rows[0]; i++) {
        const alert_row *row = &alert_rows[i];
        const uint8_t bytes[] = { 2, row->description };
        for (unsigned number = 1; number <= 2; number++) {
            const talc_ecc_sealing alert = { NULL, number, bytes, sizeof bytes };
            open_again();
            begin_as_server();
            const talc_ecc_traffic *ap_s = &impostor.ap[TALC_ROLE_SERVER];
            if (number == 2) {
                assert_int_equal(say(ap_s, TALC_RECORD_HANDSHAKE, &m4), TALC_OK);
            }
            assert_int_equal(
                say(number == 1 ? &impostor.hs[TALC_ROLE_SERVER] : ap_s, TALC_RECORD_ALERT,
                    &alert),
                number == 1 ? row->before_m4 : row->after_m4);
            assert_int_equal(ecc->failure(pair.client.engine)->alert, row->description);
            assert_true(ecc->is_final(pair.client.engine));
        }
    }
}

static int begin(void **state)
{
    (void)state;
    ecc_world_begin(&world);
    ecc_key_of(&other_key, "the impostor");
    ecc_enrol(world.registry, "other", &other_key);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ecc_world_end(&world);
    return 0;
}

#define with_pair(test) cmocka_unit_test_setup_teardown(test, open_pair, close_pair)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_pair(only_the_server_is_taken_for_the_server),
        with_pair(only_the_device_is_taken_for_the_device),
        with_pair(an_id_that_is_none_does_not_get_into_a_log),
        with_pair(an_m3_that_is_none_is_refused_like_a_device),
        with_pair(a_client_does_not_agree_on_zero),
        with_pair(a_server_does_not_agree_on_zero),
        with_pair(an_m4_that_does_not_accept_is_an_error),
        with_pair(each_record_has_its_key),
        with_pair(alerts_say_why),
    };
    return cmocka_run_group_tests_name("ecc_impostors", tests, begin, end);
}
