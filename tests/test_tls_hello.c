/* SPDX-License-Identifier: MIT */
/* Whether a ServerHello of TLS 1.2 agrees to the extended master secret, told from its bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/tls_hello.h"

#define EMS "\x00\x17\x00\x00"               /* extended_master_secret, RFC 7627 section 5.1 */
#define RENEGOTIATION "\xff\x01\x00\x01\x00" /* RFC 5746 */
#define ALPN                                                                                       \
    "\x00\x10\x00\x07\x00\x05\x04"                                                                 \
    "coap"
#define SESSION_ID_32 "0123456789abcdef0123456789abcdef"
#define WITHOUT_BLOCK ((size_t)-1)

/* A ServerHello, RFC 5246 section 7.4.1.3; what is 0 is as it has to be. */
typedef struct hello_row {
    const char *label;
    const char *extensions;
    size_t extensions_size; /* WITHOUT_BLOCK: not even their length */
    bool has_it;
    const char *session_id; /* NULL: empty */
    uint8_t record_type;
    uint8_t message_type;
    int record_more;  /* added to the length that the record states */
    int message_more; /* likewise the message */
    int block_more;   /* likewise the extensions */
    size_t tail_size; /* bytes of another message behind it, in the same record */
} hello_row;

#define EXTENSIONS(text) (text), sizeof(text) - 1

static const hello_row rows[] = {
    { "alone", EXTENSIONS(EMS), .has_it = true },
    { "first", EXTENSIONS(EMS ALPN RENEGOTIATION), .has_it = true },
    { "between others", EXTENSIONS(RENEGOTIATION EMS ALPN), .has_it = true },
    { "last", EXTENSIONS(RENEGOTIATION ALPN EMS), .has_it = true },
    { "behind a session id", EXTENSIONS(RENEGOTIATION EMS), .has_it = true,
      .session_id = SESSION_ID_32 },
    { "before other messages", EXTENSIONS(EMS), .has_it = true, .tail_size = 100 },
    { "absent", EXTENSIONS(RENEGOTIATION ALPN), .has_it = false },
    { "absent, a session id", EXTENSIONS(ALPN), .has_it = false, .session_id = SESSION_ID_32 },
    { "no extensions", EXTENSIONS(""), .has_it = false },
    { "no extension block", "", WITHOUT_BLOCK, .has_it = false },
    { "in a session id", EXTENSIONS(""), .has_it = false,
      .session_id = EMS EMS EMS EMS EMS EMS EMS EMS },
    { "in another extension", EXTENSIONS("\xff\x01\x00\x04" EMS), .has_it = false },
    { "behind the block", EXTENSIONS(ALPN EMS), .has_it = false, .block_more = -4 },
    { "a block beyond the message", EXTENSIONS(EMS), .has_it = false, .block_more = 1 },
    { "a block beyond the message, into another", EXTENSIONS(EMS), .has_it = false, .block_more = 4,
      .tail_size = 100 },
    { "an extension beyond the block", EXTENSIONS("\x00\x17\x00\x01"), .has_it = false },
    { "an extension before it beyond the block", EXTENSIONS("\x00\x10\x01\x00" EMS),
      .has_it = false },
    { "half an extension", EXTENSIONS(ALPN "\x00\x17\x00"), .has_it = false },
    { "half a type", EXTENSIONS(ALPN "\x17"), .has_it = false },
    { "its type turned round", EXTENSIONS("\x17\x00\x00\x00"), .has_it = false },
    { "a message beyond its record", EXTENSIONS(EMS), .has_it = false, .record_more = -101,
      .tail_size = 100 },
    { "a message that is longer than what came", EXTENSIONS(EMS), .has_it = false,
      .record_more = 50, .message_more = 50 },
    { "a message that ends before its extensions", EXTENSIONS(EMS), .has_it = false,
      .message_more = -4 },
    { "a message that ends inside it", EXTENSIONS(EMS), .has_it = false, .message_more = -1 },
    { "a ClientHello", EXTENSIONS(EMS), .has_it = false, .message_type = 1 },
    { "a HelloRequest", EXTENSIONS(EMS), .has_it = false, .message_type = 255 },
    { "a Certificate", EXTENSIONS(EMS), .has_it = false, .message_type = 11 },
    { "an alert", EXTENSIONS(EMS), .has_it = false, .record_type = 21 },
    { "application data", EXTENSIONS(EMS), .has_it = false, .record_type = 23 },
};

/* ---------------------------------------------------------------- making one */

typedef struct made_hello {
    uint8_t bytes[1024];
    size_t size;
} made_hello;

static void put(made_hello *made, const void *bytes, size_t size)
{
    assert_true(size <= sizeof made->bytes - made->size);
    if (size > 0) {
        memcpy(made->bytes + made->size, bytes, size);
        made->size += size;
    }
}

static void put_number(made_hello *made, size_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(value >> (8 * (size - 1 - i)));
        put(made, &byte, 1);
    }
}

static void put_body(made_hello *made, const hello_row *row)
{
    uint8_t random[32];
    size_t id_size = row->session_id == NULL ? 0 : sizeof SESSION_ID_32 - 1;
    memset(random, 0xA5, sizeof random);
    put_number(made, 0x0303, 2);
    put(made, random, sizeof random);
    put_number(made, id_size, 1);
    put(made, row->session_id, id_size);
    put_number(made, 0xC0AE, 2);
    put_number(made, 0, 1);
    if (row->extensions_size != WITHOUT_BLOCK) {
        put_number(made, row->extensions_size + (size_t)row->block_more, 2);
        put(made, row->extensions, row->extensions_size);
    }
}

static void make(made_hello *made, const hello_row *row)
{
    static const uint8_t tail[100] = { 11 };
    made_hello body = { .size = 0 };
    uint8_t type = row->message_type == 0 ? 2 : row->message_type;
    put_body(&body, row);
    made->size = 0;
    put_number(made, row->record_type == 0 ? 22 : row->record_type, 1);
    put_number(made, 0x0303, 2);
    put_number(made, 4 + body.size + row->tail_size + (size_t)row->record_more, 2);
    put_number(made, type == 255 ? 0 : type, 1);
    put_number(made, body.size + (size_t)row->message_more, 3);
    put(made, body.bytes, body.size);
    put(made, tail, row->tail_size);
}

/* ---------------------------------------------------------------- the tests */

static void every_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        made_hello made;
        talc_tls_hello hello = { .size = 0 };
        make(&made, &rows[i]);
        talc_tls_hello_gather(&hello, made.bytes, made.size);
        if (talc_tls_hello_has_extended_master_secret(&hello) != rows[i].has_it) {
            fail_msg("%s", rows[i].label);
        }
    }
}

/* What is not there yet does not count, even if the memory behind holds the rest. */
static void cut_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        made_hello made;
        talc_tls_hello hello = { .size = 0 };
        make(&made, &rows[i]);
        talc_tls_hello_gather(&hello, made.bytes, made.size);
        for (hello.size = 0; hello.size + rows[i].tail_size < made.size; hello.size++) {
            if (talc_tls_hello_has_extended_master_secret(&hello)) {
                fail_msg("%s: cut at %zu of %zu", rows[i].label, hello.size, made.size);
            }
        }
    }
}

/* The stream comes in pieces of any size. */
static void gathered_byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        made_hello made;
        talc_tls_hello hello = { .size = 0 };
        make(&made, &rows[i]);
        for (size_t at = 0; at < made.size; at++) {
            talc_tls_hello_gather(&hello, made.bytes + at, 1);
            talc_tls_hello_gather(&hello, made.bytes + at, 0);
        }
        assert_int_equal(hello.size, made.size);
        assert_memory_equal(hello.bytes, made.bytes, made.size);
        assert_int_equal(talc_tls_hello_has_extended_master_secret(&hello), rows[i].has_it);
    }
}

/* A whole stream passes by; its first message is all that is kept. */
static void no_more_than_its_room(void **state)
{
    (void)state;
    made_hello made;
    talc_tls_hello hello = { .size = 0 };
    uint8_t more[1000];
    memset(more, 0x17, sizeof more);
    make(&made, &rows[0]);
    talc_tls_hello_gather(&hello, made.bytes, made.size);
    for (int i = 0; i < 10; i++) {
        talc_tls_hello_gather(&hello, more, sizeof more);
        assert_int_equal(hello.size, TALC_TLS_HELLO_SIZE_MAX);
    }
    assert_memory_equal(hello.bytes, made.bytes, made.size);
    assert_true(talc_tls_hello_has_extended_master_secret(&hello));
}

/* A ServerHello beyond that room counts as one without. */
static void larger_than_its_room(void **state)
{
    (void)state;
    static char extensions[600] = { 0x00, 0x10, 0x02, 0x50 }; /* one of 592 bytes */
    memcpy(extensions + 596, EMS, 4);
    const hello_row row = { "large", extensions, sizeof extensions, .has_it = true };
    made_hello made;
    talc_tls_hello hello = { .size = 0 };
    make(&made, &row);
    talc_tls_hello_gather(&hello, made.bytes, made.size);
    assert_int_equal(hello.size, TALC_TLS_HELLO_SIZE_MAX);
    assert_false(talc_tls_hello_has_extended_master_secret(&hello));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(gathered_byte_by_byte),
        cmocka_unit_test(no_more_than_its_room),
        cmocka_unit_test(larger_than_its_room),
    };
    return cmocka_run_group_tests_name("tls_hello", tests, NULL, NULL);
}
