/* SPDX-License-Identifier: MIT */
/* M1 to M4 as bytes: what they are, and what they are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/ecc_message.h"
#include "tests/vectors.h"

#define MESSAGE_SIZE_MAX TALC_ECC_M3_SIZE_MAX

/* Reads a message and writes it again; returns the size of what was written, 0: it was refused. */
static size_t read_and_write(unsigned number, const uint8_t *bytes, size_t size,
                             uint8_t written[MESSAGE_SIZE_MAX])
{
    talc_ecc_m1 m1;
    talc_ecc_m2 m2;
    talc_ecc_m3 m3;
    talc_status status;
    switch (number) {
    case 1:
        status = talc_ecc_m1_read(&m1, bytes, size);
        if (status == TALC_OK) {
            talc_ecc_m1_write(&m1, written);
            return TALC_ECC_M1_SIZE;
        }
        break;
    case 2:
        status = talc_ecc_m2_read(&m2, bytes, size);
        if (status == TALC_OK) {
            talc_ecc_m2_write(&m2, written);
            return TALC_ECC_M2_SIZE;
        }
        break;
    case 3:
        status = talc_ecc_m3_read(&m3, bytes, size);
        if (status == TALC_OK) {
            size_t again = talc_ecc_m3_write(&m3, written);
            assert_int_not_equal(again, 0);
            return again;
        }
        break;
    default:
        assert_int_equal(number, 4);
        status = talc_ecc_m4_read(bytes, size);
        if (status == TALC_OK) {
            talc_ecc_m4_write(written);
            return TALC_ECC_M4_SIZE;
        }
    }
    assert_int_equal(status, TALC_ERROR_MALFORMED);
    return 0;
}

/* Of each handshake that is a vector, each message. */
static void for_each_message(void (*check)(unsigned number, const uint8_t *bytes, size_t size))
{
    static const char *const keys[] = { "m1", "m2", "m3", "m4" };
    unsigned found = 0;
    const cJSON *row;
    cJSON *rows = vectors_load("ecc");
    cJSON_ArrayForEach(row, rows)
    {
        for (unsigned i = 0; i < 4 && vector_string(row, "m1") != NULL; i++) {
            size_t size;
            uint8_t *bytes = vector_bytes(row, keys[i], &size);
            check(i + 1, bytes, size);
            free(bytes);
            found++;
        }
    }
    cJSON_Delete(rows);
    assert_true(found > 0);
}

static void check_same(unsigned number, const uint8_t *bytes, size_t size)
{
    uint8_t written[MESSAGE_SIZE_MAX];
    assert_int_equal(read_and_write(number, bytes, size, written), size);
    assert_memory_equal(written, bytes, size);
}

static void what_is_read_is_written_again(void **state)
{
    (void)state;
    for_each_message(check_same);
}

static void check_sizes(unsigned number, const uint8_t *bytes, size_t size)
{
    switch (number) {
    case 1: assert_int_equal(size, TALC_ECC_M1_SIZE); break;
    case 2: assert_int_equal(size, TALC_ECC_M2_SIZE); break;
    case 3: assert_in_range(size, TALC_ECC_M3_SIZE_MIN, TALC_ECC_M3_SIZE_MAX); break;
    default: assert_int_equal(size, TALC_ECC_M4_SIZE);
    }
    assert_int_equal(bytes[0], number);
}

static void a_message_has_its_size(void **state)
{
    (void)state;
    for_each_message(check_sizes);
}

/* Every beginning of a message, and a message with more bytes behind it. */
static void check_cut(unsigned number, const uint8_t *bytes, size_t size)
{
    uint8_t written[MESSAGE_SIZE_MAX];
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *part = vector_allocate(cut);
        memcpy(part, bytes, cut);
        assert_int_equal(read_and_write(number, part, cut, written), 0);
        free(part);
    }
    for (size_t more = 1; more < 70; more++) {
        uint8_t *longer = vector_allocate(size + more);
        memset(longer, 0, size + more);
        memcpy(longer, bytes, size);
        assert_int_equal(read_and_write(number, longer, size + more, written), 0);
        free(longer);
    }
}

static void a_message_ends_where_it_ends(void **state)
{
    (void)state;
    for_each_message(check_cut);
}

/* Type, sizes and words have one value each: another bit makes another message, or none. */
static void check_bits(unsigned number, const uint8_t *bytes, size_t size)
{
    uint8_t written[MESSAGE_SIZE_MAX];
    uint8_t *changed = vector_allocate(size);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        memcpy(changed, bytes, size);
        changed[bit / 8] ^= (uint8_t)(1u << bit % 8);
        size_t again = read_and_write(number, changed, size, written);
        if (again != 0) {
            assert_int_equal(again, size);
            assert_memory_equal(written, changed, size);
        }
    }
    free(changed);
}

static void nothing_in_a_message_is_passed_over(void **state)
{
    (void)state;
    for_each_message(check_bits);
}

static void what_is_no_message_is_refused(void **state)
{
    (void)state;
    unsigned found = 0;
    const cJSON *row;
    cJSON *rows = vectors_load("ecc");
    cJSON_ArrayForEach(row, rows)
    {
        uint8_t written[MESSAGE_SIZE_MAX];
        unsigned number = (unsigned)vector_number(row, "message", 0);
        if (number == 0) {
            continue;
        }
        size_t size;
        uint8_t *bytes = vector_bytes(row, "hex", &size);
        if (read_and_write(number, bytes, size, written) != 0) {
            fail_msg("%s is read", vector_string(row, "name"));
        }
        free(bytes);
        found++;
    }
    cJSON_Delete(rows);
    assert_true(found > 0);
}

static void an_id_has_1_to_64_bytes(void **state)
{
    (void)state;
    static const struct {
        size_t id_size;
        size_t message_size; /* 0: it is not written */
    } rows[] = {
        { 0, 0 }, { 1, TALC_ECC_M3_SIZE_MIN }, { 64, TALC_ECC_M3_SIZE_MAX }, { 65, 0 },
        { SIZE_MAX, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t written[MESSAGE_SIZE_MAX];
        talc_ecc_m3 m3 = { .device_id_size = rows[i].id_size };
        assert_int_equal(talc_ecc_m3_write(&m3, written), rows[i].message_size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_is_written_again),
        cmocka_unit_test(a_message_has_its_size),
        cmocka_unit_test(a_message_ends_where_it_ends),
        cmocka_unit_test(nothing_in_a_message_is_passed_over),
        cmocka_unit_test(what_is_no_message_is_refused),
        cmocka_unit_test(an_id_has_1_to_64_bytes),
    };
    return cmocka_run_group_tests_name("ecc_message", tests, NULL, NULL);
}
