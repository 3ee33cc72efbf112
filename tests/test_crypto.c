/* SPDX-License-Identifier: MIT */
/* The primitives from PSA, by the vectors of FIPS 180-4 and RFC 4231, and what failures and texts
 * promise. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/crypto.h"
#include "lib/failure.h"
#include "lib/hex.h"

static void assert_hex(const uint8_t *bytes, size_t size, const char *digits)
{
    char written[2 * 64 + 1] = { 0 };
    assert_true(size <= 64);
    talc_hex_write(written, bytes, size);
    assert_string_equal(written, digits);
}

/* --- SHA-256 (FIPS 180-4, examples of its publisher) --- */

static void sha256_of_known_messages(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        const char *digest;
    } cases[] = {
        { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t digest[TALC_SHA256_SIZE];
        assert_int_equal(talc_sha256(cases[i].message, strlen(cases[i].message), digest), TALC_OK);
        assert_hex(digest, sizeof(digest), cases[i].digest);
    }
}

static void sha256_takes_nothing_at_null(void **state)
{
    (void)state;
    uint8_t digest[TALC_SHA256_SIZE];
    assert_int_equal(talc_sha256(NULL, 0, digest), TALC_OK);
    assert_hex(digest, sizeof(digest),
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* --- HMAC-SHA-256 (RFC 4231; a key below 32 bytes is the same with zeros behind it) --- */

static const struct hmac_case {
    const char *key;
    const char *message;
    const char *mac;
} hmac_cases[] = {
    { "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "Hi There",
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
    { "4a656665", "what do ya want for nothing?",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
};

static void hmac_of_known_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(hmac_cases) / sizeof(hmac_cases[0]); i++) {
        uint8_t key[TALC_HMAC_KEY_SIZE] = { 0 };
        uint8_t mac[TALC_SHA256_SIZE];
        const struct hmac_case *known = &hmac_cases[i];
        assert_true(talc_hex_read(key, strlen(known->key) / 2, known->key));
        const talc_span span = { known->message, strlen(known->message) };
        assert_int_equal(talc_hmac(key, &span, 1, mac), TALC_OK);
        assert_hex(mac, sizeof(mac), known->mac);
    }
}

static void hmac_depends_on_the_bytes_and_not_on_their_spans(void **state)
{
    (void)state;
    static const uint8_t key[TALC_HMAC_KEY_SIZE] = { 0x4a, 0x65, 0x66, 0x65 };
    const talc_span spans[] = {
        { "what do ya ", 11 }, { NULL, 0 }, { "want for ", 9 }, { "nothing?", 8 }
    };
    uint8_t mac[TALC_SHA256_SIZE];
    assert_int_equal(talc_hmac(key, spans, 4, mac), TALC_OK);
    assert_hex(mac, sizeof(mac), hmac_cases[1].mac);
}

static void hmac_of_nothing_depends_on_the_key(void **state)
{
    (void)state;
    uint8_t key[TALC_HMAC_KEY_SIZE] = { 0 };
    uint8_t macs[2][TALC_SHA256_SIZE];
    assert_int_equal(talc_hmac(key, NULL, 0, macs[0]), TALC_OK);
    key[31] = 1;
    assert_int_equal(talc_hmac(key, NULL, 0, macs[1]), TALC_OK);
    assert_memory_not_equal(macs[0], macs[1], TALC_SHA256_SIZE);
}

/* PSA's key slots would run out if a key were left behind. */
static void hmac_leaves_no_key_behind(void **state)
{
    (void)state;
    static const uint8_t key[TALC_HMAC_KEY_SIZE] = { 1 };
    uint8_t mac[TALC_SHA256_SIZE];
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(talc_hmac(key, NULL, 0, mac), TALC_OK);
    }
}

/* --- Randomness, comparison, wiping --- */

static void random_bytes_differ_from_call_to_call(void **state)
{
    (void)state;
    uint8_t draws[2][32] = { { 0 } };
    assert_int_equal(talc_random_fill(draws[0], sizeof(draws[0])), TALC_OK);
    assert_int_equal(talc_random_fill(draws[1], sizeof(draws[1])), TALC_OK);
    assert_memory_not_equal(draws[0], draws[1], sizeof(draws[0]));
}

static void random_bytes_fill_any_size(void **state)
{
    (void)state;
    static const size_t sizes[] = { 1, 16, 1024, 5000 };
    static uint8_t bytes[5001];
    assert_int_equal(talc_random_fill(NULL, 0), TALC_OK);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        memset(bytes, 0, sizeof(bytes));
        assert_int_equal(talc_random_fill(bytes, sizes[i]), TALC_OK);
        assert_int_equal(bytes[sizes[i]], 0);
    }
}

static void equal_bytes_are_equal(void **state)
{
    (void)state;
    const uint8_t left[4] = { 1, 2, 3, 4 };
    for (size_t i = 0; i < sizeof(left); i++) {
        uint8_t right[4] = { 1, 2, 3, 4 };
        assert_true(talc_bytes_equal(left, right, sizeof(right)));
        right[i] ^= 0x80;
        assert_false(talc_bytes_equal(left, right, sizeof(right)));
        assert_true(talc_bytes_equal(left, right, i));
    }
}

static void wiped_bytes_are_zero(void **state)
{
    (void)state;
    uint8_t bytes[3] = { 1, 2, 3 };
    talc_wipe(bytes, 2);
    assert_hex(bytes, sizeof(bytes), "000003");
    talc_wipe(NULL, 0);
}

static void *start_in_thread(void *result)
{
    uint8_t byte;
    *(talc_status *)result = talc_random_fill(&byte, 1);
    return NULL;
}

static void threads_may_start_together(void **state)
{
    (void)state;
    pthread_t threads[8];
    talc_status results[8];
    for (size_t i = 0; i < 8; i++) {
        results[i] = TALC_PENDING;
        assert_int_equal(pthread_create(&threads[i], NULL, start_in_thread, &results[i]), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(results[i], TALC_OK);
    }
}

/* --- Hex digits --- */

static void hex_is_read_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *digits;
        bool good;
    } cases[] = { { "00ff", true },  { "aBcD", true },  { "0x12", false }, { "12 4", false },
                  { "123g", false }, { "+123", false }, { "g123", false }, { "12:4", false } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t bytes[2];
        assert_int_equal(talc_hex_read(bytes, 2, cases[i].digits), cases[i].good);
    }
}

/* --- Failures --- */

static void the_first_failure_sticks(void **state)
{
    (void)state;
    talc_failure failure;
    talc_failure_clear(&failure);
    assert_int_equal(talc_failure_set(&failure, TALC_STAGE_PATH, TALC_ERROR_IO, "port %d", 5683),
                     TALC_ERROR_IO);
    assert_int_equal(talc_failure_set(&failure, TALC_STAGE_SESSION, TALC_ERROR_MEMORY, "later"),
                     TALC_ERROR_MEMORY);
    assert_int_equal(failure.status, TALC_ERROR_IO);
    assert_int_equal(failure.stage, TALC_STAGE_PATH);
    assert_string_equal(failure.text, "port 5683");
}

static void a_failure_may_be_left_out(void **state)
{
    (void)state;
    assert_int_equal(talc_failure_set(NULL, TALC_STAGE_PATH, TALC_ERROR_IO, "text"), TALC_ERROR_IO);
    talc_failure_clear(NULL);
}

static void a_long_text_is_cut(void **state)
{
    (void)state;
    talc_failure failure;
    talc_failure_clear(&failure);
    talc_failure_set(&failure, TALC_STAGE_PATH, TALC_ERROR_IO, "%1000d", 1);
    assert_int_equal(strlen(failure.text), TALC_FAILURE_TEXT_SIZE - 1);
}

static void every_status_has_a_text_of_its_own(void **state)
{
    (void)state;
    for (int left = TALC_ERROR_CANCELLED; left <= TALC_PENDING; left++) {
        const char *text = talc_status_text((talc_status)left);
        assert_string_not_equal(text, talc_status_text((talc_status)1000));
        for (int right = left + 1; right <= TALC_PENDING; right++) {
            assert_string_not_equal(text, talc_status_text((talc_status)right));
        }
    }
}

static void every_stage_has_a_word_of_its_own(void **state)
{
    (void)state;
    for (int left = TALC_STAGE_NONE; left <= TALC_STAGE_SESSION; left++) {
        const char *text = talc_stage_text((talc_stage)left);
        assert_null(strchr(text, ' '));
        for (int right = left + 1; right <= TALC_STAGE_SESSION + 1; right++) {
            assert_string_not_equal(text, talc_stage_text((talc_stage)right));
        }
    }
    assert_string_equal(talc_stage_text(TALC_STAGE_HANDSHAKE), "handshake");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_may_start_together), /* first: nothing has been started yet */
        cmocka_unit_test(sha256_of_known_messages),
        cmocka_unit_test(sha256_takes_nothing_at_null),
        cmocka_unit_test(hmac_of_known_messages),
        cmocka_unit_test(hmac_depends_on_the_bytes_and_not_on_their_spans),
        cmocka_unit_test(hmac_of_nothing_depends_on_the_key),
        cmocka_unit_test(hmac_leaves_no_key_behind),
        cmocka_unit_test(random_bytes_differ_from_call_to_call),
        cmocka_unit_test(random_bytes_fill_any_size),
        cmocka_unit_test(equal_bytes_are_equal),
        cmocka_unit_test(wiped_bytes_are_zero),
        cmocka_unit_test(hex_is_read_strictly),
        cmocka_unit_test(the_first_failure_sticks),
        cmocka_unit_test(a_failure_may_be_left_out),
        cmocka_unit_test(a_long_text_is_cut),
        cmocka_unit_test(every_status_has_a_text_of_its_own),
        cmocka_unit_test(every_stage_has_a_word_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
