/* SPDX-License-Identifier: MIT */

/* CoAP as an observer reads it: datagrams, which answer belongs to which request, and bodies that
 * travel in blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/crypto.h"
#include "lib/hex.h"
#include "tools/inspect_flows.h"

static const uint8_t session_id[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 };

/* In hexadecimal digits: the parts that messages are made of. */
#define POST "40020001"
#define POST_TOKEN "42020001aabb"
#define CONTENT_FORMAT "1132"                                /* option 12 after Uri-Path: 50 */
#define URI_PATH "bb2e77656c6c2d6b6e6f776e0461746c73"        /* .well-known, atls */
#define URI_QUERY "3d05733d41414543417751464267634943516f4c" /* s=AAECAwQFBgcICQoL */
#define ADDRESS URI_PATH CONTENT_FORMAT URI_QUERY
#define TEXT "ff7b7d"

static const struct datagram_row {
    const char *name;
    const char *digits;
    bool is_read;
    bool has_session;
    size_t payload_size;
} datagram_rows[] = {
    { "a request", POST ADDRESS TEXT, true, true, 2 },
    { "one with a token", POST_TOKEN ADDRESS TEXT, true, true, 2 },
    { "one of somebody else", POST URI_PATH TEXT, true, false, 2 },
    { "an answer", "62440001aabb" TEXT, true, false, 2 },
    { "an answer without a payload", "62440001aabb", true, false, 0 },
    { "a marker without a payload", "62440001aabbff", false, false, 0 },
    { "an empty acknowledgement", "60000001", false, false, 0 },
    { "version 0", "00020001" TEXT, false, false, 0 },
    { "version 2", "80020001" TEXT, false, false, 0 },
    { "a token of 9 bytes", "49020001aabbaabbaabbaabbaa" TEXT, false, false, 0 },
    { "half a token", "42020001aa", false, false, 0 },
    { "a header that is cut", "400200", false, false, 0 },
    { "nothing", "", false, false, 0 },
    { "an option that is cut", POST "bb2e77", false, false, 0 },
    { "a reserved delta", POST "f0", false, false, 0 },
    { "a reserved length", POST "0f", false, false, 0 },
    { "a code of class 7", "40e10001", false, false, 0 },
    { "DTLS", "16fefd00000000000000000000", false, false, 0 },
    { "TLS", "1603010005010000", false, false, 0 },
};

static size_t read_digits(const char *digits, uint8_t **bytes)
{
    size_t size = strlen(digits) / 2;
    *bytes = malloc(size + (size == 0)); /* so that a sanitizer sees a read behind it */
    assert_non_null(*bytes);
    assert_true(talc_hex_read(*bytes, size, digits));
    return size;
}

static void a_datagram_is_a_message_or_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof datagram_rows / sizeof datagram_rows[0]; i++) {
        const struct datagram_row *row = &datagram_rows[i];
        inspect_coap message;
        uint8_t *bytes;
        size_t size = read_digits(row->digits, &bytes);
        bool is_read = inspect_coap_read(bytes, size, &message);
        if (is_read != row->is_read || (is_read && (message.has_session != row->has_session ||
                                                    message.payload_size != row->payload_size))) {
            fail_msg("%s", row->name);
        }
        if (row->has_session) {
            assert_memory_equal(message.session_id, session_id, sizeof session_id);
        }
        free(bytes);
    }
}

static const struct block_row {
    const char *digits; /* of a Block2 option of an answer, 23 = 13 + 10 */
    bool is_there;
    bool more;
    size_t offset;
} block_rows[] = {
    { "62440001aabbd00a", true, false, 0 },
    { "62440001aabbd10a0d", true, true, 0 },
    { "62440001aabbd10a1d", true, true, 512 },
    { "62440001aabbd10a25", true, false, 1024 },
    { "62440001aabbd20a1006", true, false, 256 * 1024 },
    { "62440001aabbd30afffff7", true, false, (size_t)0xfffff * 2048 },
    { "62440001aabbd40a00fffff7", false, false, 0 },
    { "62440001aabb", false, false, 0 },
};

static void a_block_has_a_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof block_rows / sizeof block_rows[0]; i++) {
        const struct block_row *row = &block_rows[i];
        inspect_coap message;
        uint8_t *bytes;
        size_t size = read_digits(row->digits, &bytes);
        assert_true(inspect_coap_read(bytes, size, &message));
        if (message.block2.is_there != row->is_there || message.block2.more != row->more ||
            message.block2.offset != row->offset) {
            fail_msg("%s: offset %zu", row->digits, message.block2.offset);
        }
        free(bytes);
    }
}

static void a_proxy_uri_names_the_session(void **state)
{
    (void)state;
    static const char uri[] = "coap://h/.well-known/atls?s=AAECAwQFBgcICQoL";
    uint8_t bytes[80] = { 0x40, 0x02, 0, 1, 0xdd, 35 - 13, sizeof uri - 1 - 13 };
    inspect_coap message;
    memcpy(bytes + 7, uri, sizeof uri - 1);
    assert_true(inspect_coap_read(bytes, 7 + sizeof uri - 1, &message));
    assert_true(message.has_session);
    assert_memory_equal(message.session_id, session_id, sizeof session_id);
}

/* ---------------------------------------------------------------- flows */

typedef struct observed {
    inspection all;
    inspect_view *view;
    inspect_flows *flows;
    uint64_t frame;
} observed;

static void begin(observed *seen)
{
    memset(seen, 0, sizeof *seen);
    assert_true(inspection_begin(&seen->all));
    seen->view = inspection_view(&seen->all, "view");
    seen->flows = inspect_flows_new();
    assert_non_null(seen->flows);
}

static void end(observed *seen)
{
    inspect_flows_free(seen->flows);
    inspection_end(&seen->all);
}

/* Gives a message with this payload behind its head to the flows; false: it belongs to nobody. */
static bool observe(observed *seen, inspect_direction sender, const char *head, const char *payload)
{
    bool is_request = sender == INSPECT_CLIENT;
    uint8_t bytes[256];
    inspect_coap message;
    size_t size = strlen(head) / 2;
    inspect_datagram datagram = { .frame = ++seen->frame, .bytes = bytes };
    assert_true(talc_hex_read(bytes, size, head));
    if (payload[0] != '\0') {
        bytes[size++] = 0xff;
        memcpy(bytes + size, payload, strlen(payload));
        size += strlen(payload);
    }
    datagram.size = size;
    snprintf(datagram.source, sizeof datagram.source, is_request ? "c:1" : "s:2");
    snprintf(datagram.destination, sizeof datagram.destination, is_request ? "s:2" : "c:1");
    assert_true(inspect_coap_read(bytes, size, &message));
    if (!inspect_flows_know(seen->flows, &datagram, &message)) {
        return false;
    }
    inspect_flows_take(seen->flows, &seen->all, seen->view, &datagram, &message);
    return true;
}

#define ASK "42020001aabb" ADDRESS
#define ANSWER "62440001aabb"

static void an_answer_belongs_to_the_request_with_its_token(void **state)
{
    (void)state;
    observed seen;
    begin(&seen);
    assert_false(observe(&seen, INSPECT_SERVER, ANSWER, "{\"i\":1}"));
    assert_true(observe(&seen, INSPECT_CLIENT, ASK, "{\"i\":1}"));
    assert_false(observe(&seen, INSPECT_SERVER, "62440001aabc", "{\"i\":1}"));
    assert_true(observe(&seen, INSPECT_SERVER, ANSWER, "{\"i\":1}"));
    assert_int_equal(seen.view->sessions->totals[INSPECT_SERVER].envelopes, 1);
    assert_string_equal(seen.view->sessions->client, "c:1");
    assert_int_equal(seen.all.finding_count, 0);
    end(&seen);
}

/* Block1 is option 27: 12 after Uri-Query; blocks of 16 bytes. */
#define PIECE_1 "{\"i\":1,\"n\":0,\"r\""
#define PIECE_2 ":[{\"t\":22,\"f\":\"A"
#define PIECE_3 "QAA\"}]}"

static void a_body_is_put_together_from_blocks(void **state)
{
    (void)state;
    observed seen;
    begin(&seen);
    assert_true(observe(&seen, INSPECT_CLIENT, ASK "c108", PIECE_1));
    assert_true(observe(&seen, INSPECT_SERVER, "625f0001aabbd10e08", ""));
    assert_true(observe(&seen, INSPECT_CLIENT, ASK "c118", PIECE_2));
    assert_true(observe(&seen, INSPECT_CLIENT, ASK "c118", PIECE_2)); /* CoAP repeats it */
    assert_true(observe(&seen, INSPECT_CLIENT, ASK "c120", PIECE_3));
    assert_true(observe(&seen, INSPECT_CLIENT, ASK "c120", PIECE_3));
    /* The answer comes in blocks too; the second one is asked for without a payload. */
    assert_true(observe(&seen, INSPECT_SERVER, ANSWER "d10a08", PIECE_1));
    assert_true(observe(&seen, INSPECT_CLIENT, ASK "8118", ""));
    assert_true(observe(&seen, INSPECT_SERVER, ANSWER "d10a18", PIECE_2));
    assert_true(observe(&seen, INSPECT_SERVER, ANSWER "d10a20", PIECE_3));
    inspection_finish(&seen.all);
    const inspect_session *session = seen.view->sessions;
    for (int direction = 0; direction < 2; direction++) {
        assert_int_equal(session->totals[direction].envelopes, 1);
        assert_int_equal(session->totals[direction].body_bytes, strlen(PIECE_1 PIECE_2 PIECE_3));
        assert_int_equal(session->streams[direction].record_count, 1);
    }
    assert_int_equal(seen.all.finding_count, 0);
    end(&seen);
}

static void a_body_whose_blocks_are_missing_is_none(void **state)
{
    (void)state;
    observed seen;
    begin(&seen);
    assert_true(observe(&seen, INSPECT_CLIENT, ASK "c108", PIECE_1));
    assert_true(observe(&seen, INSPECT_CLIENT, ASK "c120", PIECE_3));
    assert_null(seen.view->sessions);
    end(&seen);
}

static int start(void **state)
{
    (void)state;
    return talc_crypto_start() == TALC_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_datagram_is_a_message_or_none),
        cmocka_unit_test(a_block_has_a_place),
        cmocka_unit_test(a_proxy_uri_names_the_session),
        cmocka_unit_test(an_answer_belongs_to_the_request_with_its_token),
        cmocka_unit_test(a_body_is_put_together_from_blocks),
        cmocka_unit_test(a_body_whose_blocks_are_missing_is_none),
    };
    return cmocka_run_group_tests_name("inspect_coap", tests, start, NULL);
}
