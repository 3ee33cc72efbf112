/* SPDX-License-Identifier: MIT */
/* The guard tag: what it covers, and that nothing else passes for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/guard.h"
#include "tests/vectors.h"

#define TEXT_MAX 16384

typedef struct guarded {
    uint8_t *key;
    uint8_t *session_id;
    talc_guard guard;
    talc_envelope envelope;
} guarded;

static void load(const cJSON *row, guarded *loaded)
{
    size_t size;
    loaded->key = vector_bytes(row, "key", &size);
    assert_int_equal(size, TALC_HMAC_KEY_SIZE);
    loaded->session_id = vector_bytes(row, "session", &size);
    assert_int_equal(size, TALC_SESSION_ID_SIZE);
    loaded->guard = (talc_guard){ loaded->key, (talc_role)vector_number(row, "direction", 2),
                                  loaded->session_id };
    char *text = vector_input(row, &size);
    assert_int_equal(talc_envelope_read(text, size, TEXT_MAX, &loaded->envelope), TALC_OK);
    free(text);
}

static void unload(guarded *loaded)
{
    talc_envelope_clear(&loaded->envelope);
    free(loaded->key);
    free(loaded->session_id);
}

static void check_row(const cJSON *row)
{
    guarded loaded;
    uint8_t wanted[TALC_GUARD_SIZE];
    const char *name = vector_string(row, "name");
    load(row, &loaded);
    bool is_right = name[0] == 'y';
    if (talc_guard_verify(&loaded.guard, &loaded.envelope) != is_right) {
        fail_msg("%s: the tag is taken for %s", name, is_right ? "wrong" : "right");
    }
    memcpy(wanted, loaded.envelope.guard, sizeof wanted);
    memset(loaded.envelope.guard, 0, sizeof loaded.envelope.guard);
    loaded.envelope.has_guard = false;
    assert_int_equal(talc_guard_tag(&loaded.guard, &loaded.envelope), TALC_OK);
    assert_true(loaded.envelope.has_guard);
    bool is_same = memcmp(wanted, loaded.envelope.guard, sizeof wanted) == 0;
    if (is_same != is_right) {
        fail_msg("%s: another tag is computed", name);
    }
    unload(&loaded);
}

static void test_vectors(void **state)
{
    (void)state;
    const cJSON *row;
    cJSON *rows = vectors_load("guard");
    cJSON_ArrayForEach(row, rows)
    {
        check_row(row);
    }
    cJSON_Delete(rows);
}

/* Before there are keys a NULL key stands for 32 zero bytes. */
static void test_no_key_is_the_zero_key(void **state)
{
    (void)state;
    const cJSON *row;
    unsigned found = 0;
    cJSON *rows = vectors_load("guard");
    cJSON_ArrayForEach(row, rows)
    {
        guarded loaded;
        load(row, &loaded);
        bool is_zero = strspn(vector_string(row, "key"), "0") == 2 * TALC_HMAC_KEY_SIZE;
        loaded.guard.key = NULL;
        if (vector_string(row, "name")[0] == 'y') {
            assert_int_equal(talc_guard_verify(&loaded.guard, &loaded.envelope), is_zero);
            found += is_zero;
        }
        unload(&loaded);
    }
    cJSON_Delete(rows);
    assert_true(found > 0);
}

static int start(void **state)
{
    (void)state;
    return talc_crypto_start() == TALC_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_no_key_is_the_zero_key),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
