/* SPDX-License-Identifier: MIT */
/* What a server seals into a ticket: only it can open it, for a while, and it holds what was proved
 * against what is believed today. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/crypto.h"
#include "lib/ticket_proof.h"
#include "lib/ticket_seal.h"

#define PERIOD_MS 7200000u
#define NOW_MS 50000000u
#define SECRET "the state of a session"
#define SECRET_SIZE (sizeof SECRET - 1)

static const uint8_t purpose[TALC_PIN_SIZE] = { 1, 2, 3 };
static const uint8_t other_purpose[TALC_PIN_SIZE] = { 1, 2, 4 };

static talc_ticket_seal *new_seal(void)
{
    talc_ticket_seal *seal;
    assert_int_equal(talc_ticket_seal_new(&seal, PERIOD_MS), TALC_OK);
    return seal;
}

static size_t close_secret(talc_ticket_seal *seal, uint64_t now_ms, uint8_t sealed[128])
{
    size_t size;
    talc_ticket_text text = { (const uint8_t *)SECRET, SECRET_SIZE, sealed, 128, purpose };
    assert_int_equal(talc_ticket_seal_close(seal, &text, now_ms, &size), TALC_OK);
    return size;
}

static talc_status open_secret(talc_ticket_seal *seal, const uint8_t *sealed, size_t sealed_size,
                               uint64_t now_ms)
{
    static const uint8_t nothing[128];
    uint8_t opened[128] = { 0 };
    size_t size;
    talc_ticket_text text = { sealed, sealed_size, opened, sizeof opened, purpose };
    talc_status status = talc_ticket_seal_open(seal, &text, now_ms, &size);
    assert_int_equal(size, status == TALC_OK ? SECRET_SIZE : 0);
    assert_memory_equal(opened, status == TALC_OK ? (const void *)SECRET : nothing, SECRET_SIZE);
    return status;
}

static void what_is_sealed_can_be_opened(void **state)
{
    uint8_t sealed[128];
    talc_ticket_seal *seal = new_seal();
    (void)state;
    size_t size = close_secret(seal, NOW_MS, sealed);
    assert_int_equal(size, SECRET_SIZE + TALC_TICKET_SEAL_SIZE);
    for (size_t i = 0; i + SECRET_SIZE <= size; i++) {
        assert_memory_not_equal(sealed + i, SECRET, SECRET_SIZE);
    }
    assert_int_equal(open_secret(seal, sealed, size, NOW_MS), TALC_OK);
    talc_ticket_seal_free(seal);
}

static void the_same_is_never_sealed_the_same_way(void **state)
{
    uint8_t first[128], second[128];
    talc_ticket_seal *seal = new_seal();
    (void)state;
    size_t size = close_secret(seal, NOW_MS, first);
    assert_int_equal(close_secret(seal, NOW_MS, second), size);
    assert_memory_not_equal(first, second, size);
    talc_ticket_seal_free(seal);
}

static void a_changed_ticket_is_refused(void **state)
{
    uint8_t sealed[128];
    talc_ticket_seal *seal = new_seal();
    (void)state;
    size_t size = close_secret(seal, NOW_MS, sealed);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(open_secret(seal, sealed, size, NOW_MS), TALC_ERROR_MALFORMED);
        sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t cut = 0; cut < size; cut++) {
        assert_int_equal(open_secret(seal, sealed, cut, NOW_MS), TALC_ERROR_MALFORMED);
    }
    assert_int_equal(open_secret(seal, sealed, size, NOW_MS), TALC_OK);
    talc_ticket_seal_free(seal);
}

static void another_seal_does_not_open_it(void **state)
{
    uint8_t sealed[128];
    talc_ticket_seal *seal = new_seal();
    talc_ticket_seal *other = new_seal();
    (void)state;
    size_t size = close_secret(seal, NOW_MS, sealed);
    assert_int_equal(open_secret(other, sealed, size, NOW_MS), TALC_ERROR_MALFORMED);
    (void)close_secret(other, NOW_MS, (uint8_t[128]){ 0 });
    assert_int_equal(open_secret(other, sealed, size, NOW_MS), TALC_ERROR_MALFORMED);
    talc_ticket_seal_free(seal);
    talc_ticket_seal_free(other);
}

static void another_purpose_does_not_open_it(void **state)
{
    uint8_t sealed[128], opened[128];
    talc_ticket_seal *seal = new_seal();
    (void)state;
    size_t size = close_secret(seal, NOW_MS, sealed);
    talc_ticket_text text = { sealed, size, opened, sizeof opened, other_purpose };
    assert_int_equal(talc_ticket_seal_open(seal, &text, NOW_MS, &size), TALC_ERROR_MALFORMED);
    talc_ticket_seal_free(seal);
}

static void a_key_goes_after_two_periods(void **state)
{
    static const struct {
        uint64_t sealed_after_ms; /* since the key's first use */
        uint64_t opened_after_ms;
        talc_status status;
    } cases[] = {
        { 0, PERIOD_MS - 1, TALC_OK },
        { 0, PERIOD_MS, TALC_OK },
        { 0, 2 * PERIOD_MS - 1, TALC_OK },
        { 0, 2 * PERIOD_MS, TALC_ERROR_MALFORMED },
        { PERIOD_MS - 1, 2 * PERIOD_MS - 1, TALC_OK }, /* a whole period */
        { PERIOD_MS - 1, 2 * PERIOD_MS, TALC_ERROR_MALFORMED },
        { PERIOD_MS, 2 * PERIOD_MS, TALC_OK }, /* by the next key */
        { PERIOD_MS, 3 * PERIOD_MS - 1, TALC_OK },
        { PERIOD_MS, 3 * PERIOD_MS, TALC_ERROR_MALFORMED },
        { 0, 100 * PERIOD_MS, TALC_ERROR_MALFORMED },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t first[128], sealed[128];
        talc_ticket_seal *seal = new_seal();
        (void)close_secret(seal, NOW_MS, first);
        size_t size = close_secret(seal, NOW_MS + cases[i].sealed_after_ms, sealed);
        /* Looking at it meanwhile changes nothing. */
        (void)open_secret(seal, first, size, NOW_MS + cases[i].sealed_after_ms);
        for (int times = 0; cases[i].status == TALC_OK && times < 2; times++) {
            (void)open_secret(seal, sealed, size, NOW_MS + cases[i].opened_after_ms);
        }
        talc_status status = open_secret(seal, sealed, size, NOW_MS + cases[i].opened_after_ms);
        if (status != cases[i].status) {
            fail_msg("case %zu: %d", i, status);
        }
        talc_ticket_seal_free(seal);
    }
}

static void sealing_goes_on_with_a_new_key(void **state)
{
    uint8_t old[128], young[128];
    talc_ticket_seal *seal = new_seal();
    (void)state;
    size_t size = close_secret(seal, NOW_MS, old);
    (void)close_secret(seal, NOW_MS + PERIOD_MS, young);
    assert_memory_not_equal(old, young, 4); /* the key's name */
    assert_int_equal(open_secret(seal, old, size, NOW_MS + PERIOD_MS), TALC_OK);
    assert_int_equal(open_secret(seal, young, size, NOW_MS + PERIOD_MS), TALC_OK);
    talc_ticket_seal_free(seal);
}

static void room_is_not_overrun(void **state)
{
    uint8_t sealed[128], opened[SECRET_SIZE];
    size_t size;
    talc_ticket_seal *seal = new_seal();
    (void)state;
    talc_ticket_text text = { (const uint8_t *)SECRET, SECRET_SIZE, sealed,
                              SECRET_SIZE + TALC_TICKET_SEAL_SIZE - 1, purpose };
    assert_int_equal(talc_ticket_seal_close(seal, &text, NOW_MS, &size), TALC_ERROR_TOO_LARGE);
    text.capacity = 0;
    assert_int_equal(talc_ticket_seal_close(seal, &text, NOW_MS, &size), TALC_ERROR_TOO_LARGE);
    size = close_secret(seal, NOW_MS, sealed);
    text = (talc_ticket_text){ sealed, size, opened, SECRET_SIZE - 1, purpose };
    assert_int_equal(talc_ticket_seal_open(seal, &text, NOW_MS, &size), TALC_ERROR_TOO_LARGE);
    talc_ticket_seal_free(seal);
}

/* ---------------------------------------------------------------- proofs */

static const uint8_t key_of_client[TALC_PIN_SIZE] = { 0xAB, 0xCD };

static talc_ticket_proof proof_of(talc_credential credential)
{
    talc_ticket_proof proof;
    memset(&proof, 0, sizeof proof);
    proof.peer.engine = TALC_ENGINE_TLS;
    proof.peer.credential = credential;
    proof.proved_at_ms = NOW_MS;
    proof.not_after = talc_ticket_never;
    if (credential == TALC_CREDENTIAL_CERTIFICATE) {
        memcpy(proof.peer.name, "client-1", sizeof "client-1");
    }
    if (credential == TALC_CREDENTIAL_PIN) {
        memcpy(proof.peer.name, "abcd", 4);
        memset(proof.peer.name + 4, '0', 60);
    }
    if (credential != TALC_CREDENTIAL_NONE) {
        memcpy(proof.pin, key_of_client, sizeof proof.pin);
    }
    return proof;
}

static void a_proof_is_read_as_it_was_written(void **state)
{
    static const talc_credential credentials[] = { TALC_CREDENTIAL_NONE,
                                                   TALC_CREDENTIAL_CERTIFICATE,
                                                   TALC_CREDENTIAL_PIN };
    (void)state;
    for (size_t i = 0; i < sizeof credentials / sizeof credentials[0]; i++) {
        uint8_t bytes[TALC_TICKET_PROOF_SIZE_MAX];
        talc_ticket_proof read;
        size_t used;
        talc_ticket_proof proof = proof_of(credentials[i]);
        proof.not_after = (mbedtls_x509_time){ 2031, 2, 3, 4, 5, 6 };
        size_t size = talc_ticket_proof_write(&proof, bytes);
        assert_int_equal(talc_ticket_proof_read(&read, bytes, size, &used), TALC_OK);
        assert_int_equal(used, size);
        assert_memory_equal(&read, &proof, sizeof proof);
        for (size_t cut = 0; cut < size; cut++) {
            assert_int_equal(talc_ticket_proof_read(&read, bytes, cut, &used),
                             TALC_ERROR_MALFORMED);
        }
    }
}

static void the_longest_name_has_room(void **state)
{
    uint8_t bytes[TALC_TICKET_PROOF_SIZE_MAX];
    talc_ticket_proof read;
    size_t used;
    talc_ticket_proof proof = proof_of(TALC_CREDENTIAL_CERTIFICATE);
    (void)state;
    memset(proof.peer.name, 'n', TALC_PEER_NAME_SIZE_MAX - 1);
    size_t size = talc_ticket_proof_write(&proof, bytes);
    assert_int_equal(size, TALC_TICKET_PROOF_SIZE_MAX);
    assert_int_equal(talc_ticket_proof_read(&read, bytes, size, &used), TALC_OK);
    assert_string_equal(read.peer.name, proof.peer.name);
}

static void only_certificates_and_pins_are_read(void **state)
{
    (void)state;
    for (unsigned credential = 0; credential < 256; credential++) {
        uint8_t bytes[TALC_TICKET_PROOF_SIZE_MAX];
        talc_ticket_proof read;
        size_t used;
        talc_ticket_proof proof = proof_of(TALC_CREDENTIAL_CERTIFICATE);
        size_t size = talc_ticket_proof_write(&proof, bytes);
        bytes[15] = (uint8_t)credential;
        talc_status status = talc_ticket_proof_read(&read, bytes, size, &used);
        assert_int_equal(status, credential <= TALC_CREDENTIAL_PIN ? TALC_OK : TALC_ERROR_MALFORMED);
    }
}

/* What the server believes, and what comes of a ticket then. */
typedef struct belief {
    const char *label;
    talc_credential credential;
    bool has_trust, has_anchors, has_pin, has_other_pin, has_revoked_pin, serves_anyone;
    bool holds;
} belief;

static const belief beliefs[] = {
    { .label = "a certificate, where anchors are believed", .holds = true,
      .credential = TALC_CREDENTIAL_CERTIFICATE, .has_trust = true, .has_anchors = true },
    { .label = "a certificate, without anchors",
      .credential = TALC_CREDENTIAL_CERTIFICATE, .has_trust = true, .has_other_pin = true },
    { .label = "a certificate whose key is revoked",
      .credential = TALC_CREDENTIAL_CERTIFICATE, .has_trust = true, .has_anchors = true,
      .has_revoked_pin = true },
    { .label = "a certificate whose key is pinned meanwhile: it has another name now",
      .credential = TALC_CREDENTIAL_CERTIFICATE, .has_trust = true, .has_anchors = true,
      .has_pin = true },
    { .label = "a certificate, where nobody is believed", .serves_anyone = true,
      .credential = TALC_CREDENTIAL_CERTIFICATE },
    { .label = "a pin", .holds = true,
      .credential = TALC_CREDENTIAL_PIN, .has_trust = true, .has_pin = true },
    { .label = "a pin that is not pinned any more",
      .credential = TALC_CREDENTIAL_PIN, .has_trust = true, .has_anchors = true,
      .has_other_pin = true },
    { .label = "a pin that is revoked",
      .credential = TALC_CREDENTIAL_PIN, .has_trust = true, .has_pin = true,
      .has_revoked_pin = true },
    { .label = "nobody, where anyone is served", .holds = true,
      .credential = TALC_CREDENTIAL_NONE, .serves_anyone = true },
    { .label = "nobody, where clients prove themselves",
      .credential = TALC_CREDENTIAL_NONE, .has_trust = true, .has_anchors = true },
    { .label = "a pre-shared key",
      .credential = TALC_CREDENTIAL_PSK, .has_trust = true, .has_anchors = true,
      .serves_anyone = true },
};

static void a_proof_is_held_against_what_is_believed_today(void **state)
{
    static uint8_t pin[1][TALC_PIN_SIZE] = { { 0xAB, 0xCD } };
    static uint8_t other_pin[1][TALC_PIN_SIZE] = { { 0xEF } };
    (void)state;
    for (size_t i = 0; i < sizeof beliefs / sizeof beliefs[0]; i++) {
        const belief *row = &beliefs[i];
        talc_trust trust;
        memset(&trust, 0, sizeof trust);
        trust.has_anchors = row->has_anchors;
        trust.pins = row->has_pin ? pin : other_pin;
        trust.pin_count = row->has_pin || row->has_other_pin;
        trust.revoked_pins = pin;
        trust.revoked_pin_count = row->has_revoked_pin;
        talc_ticket_terms terms = { row->has_trust ? &trust : NULL, NOW_MS, PERIOD_MS,
                                    row->serves_anyone };
        talc_ticket_proof proof = proof_of(row->credential);
        if ((talc_ticket_proof_left_ms(&proof, &terms) > 0) != row->holds) {
            fail_msg("%s", row->label);
        }
    }
}

static void a_proof_grows_old(void **state)
{
    static const mbedtls_x509_time past = { 2021, 1, 1, 0, 0, 0 };
    static const struct {
        const char *label;
        int64_t age_ms;
        bool has_expired;
        uint64_t left_ms;
    } cases[] = {
        { "just now", 0, false, PERIOD_MS },
        { "in the middle", 1000, false, PERIOD_MS - 1000 },
        { "at the end", PERIOD_MS - 1, false, 1 },
        { "over", PERIOD_MS, false, 0 },
        { "long over", (int64_t)1000 * PERIOD_MS, false, 0 },
        { "before it began", -1, false, 0 },
        { "with an expired certificate", 0, true, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        talc_ticket_proof proof = proof_of(TALC_CREDENTIAL_NONE);
        talc_ticket_terms terms = { NULL, (uint64_t)((int64_t)NOW_MS + cases[i].age_ms), PERIOD_MS,
                                    true };
        proof.not_after = cases[i].has_expired ? past : talc_ticket_never;
        uint64_t left_ms = talc_ticket_proof_left_ms(&proof, &terms);
        if (left_ms != cases[i].left_ms) {
            fail_msg("%s: %llu ms left", cases[i].label, (unsigned long long)left_ms);
        }
    }
}

static int start(void **state)
{
    (void)state;
    return talc_crypto_start() == TALC_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sealed_can_be_opened),
        cmocka_unit_test(the_same_is_never_sealed_the_same_way),
        cmocka_unit_test(a_changed_ticket_is_refused),
        cmocka_unit_test(another_seal_does_not_open_it),
        cmocka_unit_test(another_purpose_does_not_open_it),
        cmocka_unit_test(a_key_goes_after_two_periods),
        cmocka_unit_test(sealing_goes_on_with_a_new_key),
        cmocka_unit_test(room_is_not_overrun),
        cmocka_unit_test(a_proof_is_read_as_it_was_written),
        cmocka_unit_test(the_longest_name_has_room),
        cmocka_unit_test(only_certificates_and_pins_are_read),
        cmocka_unit_test(a_proof_is_held_against_what_is_believed_today),
        cmocka_unit_test(a_proof_grows_old),
    };
    return cmocka_run_group_tests_name("ticket_seal", tests, start, NULL);
}
