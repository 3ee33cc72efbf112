/* SPDX-License-Identifier: MIT */
/* What a datagram of DTLS shows without its keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/dtls_record.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Headers: type, version, epoch, sequence number, length (RFC 6347 section 4.1). */
#define CLEAR(type, size) type "\xfe\xfd\x00\x00\x00\x00\x00\x00\x00\x01\x00" size
#define SEALED(type, size) type "\xfe\xfd\x00\x01\x00\x00\x00\x00\x00\x01\x00" size
#define ALERT "\x15"
#define HANDSHAKE "\x16"
#define DATA "\x17"
#define CONNECTION_ID "\x19"
#define BAD_RECORD_MAC "\x02\x14"
#define CLOSE_NOTIFY "\x01\x00"
#define HELLO "\x01\x00\x00\x00"
#define FINISHED "\x14\x00\x00\x00"
#define EIGHT "8 bytes."

typedef struct row {
    const char *label;
    const char *bytes;
    size_t size;
    talc_dtls_shown shown;
} row;

#define BYTES(text) (text), sizeof(text) - 1
#define NOTHING { TALC_DTLS_NO_ALERT, false, false, false, NULL }

static const row rows[] = {
    { "nothing", BYTES(""), NOTHING },
    { "half a header", BYTES("\x15\xfe\xfd\x00\x00\x00\x00\x00\x00\x00\x01\x00"), NOTHING },
    { "a header alone", BYTES(CLEAR(ALERT, "\x02")), NOTHING },
    { "half an alert", BYTES(CLEAR(ALERT, "\x02") "\x02"), NOTHING },
    { "an alert", BYTES(CLEAR(ALERT, "\x02") BAD_RECORD_MAC), { 20, false, false, false, NULL } },
    { "the end", BYTES(CLEAR(ALERT, "\x02") CLOSE_NOTIFY), { 0, false, false, false, NULL } },
    { "an alert of another size", BYTES(CLEAR(ALERT, "\x04") BAD_RECORD_MAC "ab"), NOTHING },
    { "two alerts",
      BYTES(CLEAR(ALERT, "\x02") CLOSE_NOTIFY CLEAR(ALERT, "\x02") BAD_RECORD_MAC),
      { 20, false, false, false, NULL } },
    { "an alert under keys",
      BYTES(SEALED(ALERT, "\x08") EIGHT),
      { TALC_DTLS_NO_ALERT, false, true, false, NULL } },
    { "an alert of two bytes under keys",
      BYTES(SEALED(ALERT, "\x02") BAD_RECORD_MAC),
      { TALC_DTLS_NO_ALERT, false, true, false, NULL } },
    { "data", BYTES(SEALED(DATA, "\x08") EIGHT), { TALC_DTLS_NO_ALERT, false, false, true, NULL } },
    { "data in the clear", BYTES(CLEAR(DATA, "\x08") EIGHT), NOTHING },
    { "a ClientHello",
      BYTES(CLEAR(HANDSHAKE, "\x04") HELLO),
      { TALC_DTLS_NO_ALERT, true, false, false, NULL } },
    { "a ClientHello under keys", BYTES(SEALED(HANDSHAKE, "\x04") HELLO), NOTHING },
    { "another message", BYTES(CLEAR(HANDSHAKE, "\x04") FINISHED), NOTHING },
    { "an empty handshake record", BYTES(CLEAR(HANDSHAKE, "\x00") HELLO), NOTHING },
    { "an empty record before another",
      BYTES(CLEAR(HANDSHAKE, "\x00") CLEAR(ALERT, "\x02") BAD_RECORD_MAC),
      { 20, false, false, false, NULL } },
    { "a record with a connection id", BYTES(SEALED(CONNECTION_ID, "\x08") EIGHT), NOTHING },
    { "all of it",
      BYTES(CLEAR(HANDSHAKE, "\x04") HELLO CLEAR(ALERT, "\x02") BAD_RECORD_MAC SEALED(DATA, "\x08")
                EIGHT SEALED(ALERT, "\x08") EIGHT),
      { 20, true, true, true, NULL } },
    { "what is cut off hides nothing before it",
      BYTES(SEALED(DATA, "\x08") EIGHT CLEAR(ALERT, "\x03") BAD_RECORD_MAC),
      { TALC_DTLS_NO_ALERT, false, false, true, NULL } },
};

static void datagrams_show(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const row *at = &rows[i];
        talc_dtls_shown shown;
        uint8_t *exact =
            malloc(at->size > 0 ? at->size : 1); /* a sanitizer sees what lies behind */
        assert_non_null(exact);
        memcpy(exact, at->bytes, at->size);
        print_message("%s\n", at->label);
        talc_dtls_shown_read(exact, at->size, &shown);
        assert_int_equal(shown.alert, at->shown.alert);
        assert_int_equal(shown.client_hello, at->shown.client_hello);
        assert_int_equal(shown.sealed_alert, at->shown.sealed_alert);
        assert_int_equal(shown.sealed_data, at->shown.sealed_data);
        free(exact);
    }
}

#define RANDOM "0123456789abcdef0123456789abcdef"
#define MESSAGE(offset) "\x01\x00\x00\x30\x00\x01" offset "\x00\x00\x30\xfe\xfd"

/* The random of a ClientHello is told where it stands in the message's first fragment. */
static void a_hello_shows_its_random(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        bool is_shown;
    } hellos[] = {
        { BYTES(CLEAR(HANDSHAKE, "\x2e") MESSAGE("\x00\x00\x00") RANDOM), true },
        { BYTES(CLEAR(HANDSHAKE, "\x30") MESSAGE("\x00\x00\x00") RANDOM "\x00\x00"), true },
        { BYTES(CLEAR(HANDSHAKE, "\x2e") MESSAGE("\x00\x00\x01") RANDOM), false },
        { BYTES(CLEAR(HANDSHAKE, "\x2e") MESSAGE("\x01\x00\x00") RANDOM), false },
        { BYTES(CLEAR(HANDSHAKE, "\x2d") MESSAGE("\x00\x00\x00") RANDOM), false },
        { BYTES(CLEAR(HANDSHAKE, "\x04") HELLO), false },
    };
    for (size_t i = 0; i < COUNT(hellos); i++) {
        talc_dtls_shown shown;
        talc_dtls_shown_read((const uint8_t *)hellos[i].bytes, hellos[i].size, &shown);
        assert_true(shown.client_hello);
        assert_int_equal(shown.client_random != NULL, hellos[i].is_shown);
        if (hellos[i].is_shown) {
            assert_memory_equal(shown.client_random, RANDOM, TALC_DTLS_RANDOM_SIZE);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hello_shows_its_random),
        cmocka_unit_test(datagrams_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
