/* SPDX-License-Identifier: MIT */
/* A request that arrives twice is executed once (RFC 7252 section 4.5): the server of mode `none`,
 * and the table that it remembers requests in. */
#include "tests/direct_pair.h"
#include "transport/coap_duplicates.h"

#include <string.h>

#define GET WIRE_CODE(0, 1)
#define POST WIRE_CODE(0, 2)
#define EXCHANGE_LIFETIME_MS 247000
#define NON_LIFETIME_MS 145000

/* ---------------------------------------------------------------- requests */

static void request_make(direct_caller *caller, wire_message *request, unsigned type)
{
    direct_call_request(caller, request, type, POST);
    wire_text(request, WIRE_URI_PATH, "a");
    wire_payload(request, "21.5", 4);
}

static void assert_same(const wire_message *left, const wire_message *right)
{
    assert_int_equal(left->size, right->size);
    assert_memory_equal(left->bytes, right->bytes, left->size);
}

static void a_repeat_gets_the_same_answer_and_runs_nothing(void **state)
{
    static const struct {
        uint8_t code;
        size_t size;
        int format;
    } rows[] = { { WIRE_CODE(2, 5), 5, 0 },
                 { WIRE_CODE(2, 4), 0, TALC_OPTION_ABSENT },
                 { WIRE_CODE(2, 5), 1023, 60 },
                 { WIRE_CODE(2, 5), 5000, 60 }, /* the first block */
                 { WIRE_CODE(4, 4), 9, 0 },
                 { WIRE_CODE(5, 0), 0, TALC_OPTION_ABSENT } };
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wire_message request, first;
        pair->answer_code = rows[i].code;
        pair->answer_size = rows[i].size;
        pair->answer_format = rows[i].format;
        request_make(&caller, &request, WIRE_CON);
        first = *direct_call(&caller, &request);
        assert_int_equal(wire_code(&first), rows[i].code);
        pair->answer_code = WIRE_CODE(4, 3); /* what another run would answer */
        pair->answer_size = 77;
        for (int repeats = 0; repeats < 3; repeats++) {
            assert_same(direct_call(&caller, &request), &first);
        }
        assert_int_equal(pair->requests, i + 1);
    }
    direct_call_end(&caller);
}

static void refusals_are_repeated_too(void **state)
{
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    wire_message request, first;
    direct_call_request(&caller, &request, WIRE_CON, POST);
    wire_uint(&request, WIRE_BLOCK1, WIRE_BLOCK(3, 0, 0));
    wire_payload(&request, "0123456789abcdef", 16);
    first = *direct_call(&caller, &request);
    assert_int_equal(wire_code(&first), WIRE_CODE(4, 8));
    assert_same(direct_call(&caller, &request), &first);
    assert_int_equal(pair->requests, 0);
    direct_call_end(&caller);
}

/* Each differs from the request before it in one thing. */
static void what_differs_is_another_request(void **state)
{
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    direct_caller other = direct_call_begin(pair);
    const uint8_t token[2] = { 1, 2 }, other_token[2] = { 1, 3 };
    const struct {
        unsigned type, code;
        uint16_t id;
        const uint8_t *token;
        size_t token_size;
        const char *path, *payload;
    } rows[] = {
        { WIRE_CON, POST, 1, token, 2, "a", "x" },
        { WIRE_CON, POST, 2, token, 2, "a", "x" },
        { WIRE_NON, POST, 2, token, 2, "a", "x" },
        { WIRE_NON, GET, 2, token, 2, "a", "x" },
        { WIRE_NON, GET, 2, other_token, 2, "a", "x" },
        { WIRE_NON, GET, 2, other_token, 1, "a", "x" },
        { WIRE_NON, GET, 2, other_token, 1, "b", "x" },
        { WIRE_NON, GET, 2, other_token, 1, "b", "y" },
        { WIRE_NON, GET, 2, other_token, 1, "b", "yz" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wire_message request;
        wire_begin(&request, rows[i].type, rows[i].code, rows[i].id, rows[i].token,
                   rows[i].token_size);
        wire_text(&request, WIRE_URI_PATH, rows[i].path);
        wire_payload(&request, rows[i].payload, strlen(rows[i].payload));
        direct_call(&caller, &request);
        assert_int_equal(pair->requests, 2 * i + 1);
        direct_call(&other, &request); /* from another port */
        assert_int_equal(pair->requests, 2 * i + 2);
    }
    direct_call_end(&caller);
    direct_call_end(&other);
}

static void a_repeat_of_one_that_is_not_confirmable_is_passed_over(void **state)
{
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    wire_message request;
    request_make(&caller, &request, WIRE_NON);
    direct_call(&caller, &request);
    direct_call_send(&caller, &request);
    direct_call_expect_silence(&caller);
    assert_int_equal(pair->requests, 1 + 1);
    direct_call_end(&caller);
}

static void a_repeat_is_acknowledged_while_the_answer_is_awaited_and_afterwards(void **state)
{
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    wire_message request, ack;
    pair->hold = 1;
    request_make(&caller, &request, WIRE_CON);
    ack = *direct_call(&caller, &request);
    assert_int_equal(wire_type(&ack), WIRE_ACK);
    assert_int_equal(wire_code(&ack), 0);
    assert_same(direct_call(&caller, &request), &ack);
    direct_pair_release(pair, 0, 10);
    direct_call_await(&caller);
    assert_int_equal(wire_type(&caller.answer), WIRE_CON);
    wire_message taken;
    wire_begin(&taken, WIRE_ACK, 0, wire_id(&caller.answer), NULL, 0);
    direct_call_send(&caller, &taken);
    assert_same(direct_call(&caller, &request), &ack);
    assert_int_equal(pair->requests, 1);
    direct_call_end(&caller);
}

static void a_repeated_block_changes_nothing(void **state)
{
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    pair->answer_size = 3000;
    for (uint32_t number = 0; number < 3; number++) {
        wire_message request, first;
        direct_call_request(&caller, &request, WIRE_CON, POST);
        wire_text(&request, WIRE_URI_PATH, "a");
        wire_uint(&request, WIRE_BLOCK1, WIRE_BLOCK(number, number < 2, 0));
        wire_payload(&request, "0123456789abcdef", 16);
        first = *direct_call(&caller, &request);
        assert_int_equal(wire_code(&first), number < 2 ? WIRE_CODE(2, 31) : TALC_CODE_CONTENT);
        assert_same(direct_call(&caller, &request), &first);
    }
    assert_int_equal(pair->requests, 1);
    assert_int_equal(pair->request.payload_size, 48);
    for (uint32_t number = 1; number < 6; number++) { /* of the answer */
        wire_message request, first;
        direct_call_request(&caller, &request, WIRE_CON, POST);
        wire_text(&request, WIRE_URI_PATH, "a");
        wire_uint(&request, WIRE_BLOCK2, WIRE_BLOCK(number, 0, 5));
        first = *direct_call(&caller, &request);
        assert_same(direct_call(&caller, &request), &first);
    }
    assert_int_equal(pair->requests, 1);
    direct_call_end(&caller);
}

/* ---------------------------------------------------------------- the table */

static talc_coap_message_key key_of(uint8_t asker, uint32_t number)
{
    talc_coap_message_key key;
    memset(&key, 0, sizeof key);
    key.asker.peer[0] = asker;
    memcpy(key.digest, &number, sizeof number);
    key.type = COAP_MESSAGE_CON;
    return key;
}

static void remember_for(talc_coap_duplicates *table, uint8_t asker, uint32_t number,
                         const coap_pdu_t *response)
{
    talc_coap_message_key key = key_of(asker, number);
    talc_coap_duplicate *added = talc_coap_duplicates_add(table, &key, number);
    assert_non_null(added);
    talc_coap_duplicate_finish(table, added, response);
}

static void remember(talc_coap_duplicates *table, uint32_t number, const coap_pdu_t *response)
{
    remember_for(table, 0, number, response);
}

static talc_coap_duplicate *found(const talc_coap_duplicates *table, uint8_t asker,
                                  uint32_t number)
{
    talc_coap_message_key key = key_of(asker, number);
    return talc_coap_duplicates_find(table, &key, 100000);
}

static coap_pdu_t *response_make(size_t size)
{
    static const uint8_t zeros[1024];
    coap_pdu_t *pdu = coap_pdu_init(COAP_MESSAGE_ACK, COAP_RESPONSE_CODE(205), 1, 2000);
    assert_non_null(pdu);
    assert_true(coap_add_option(pdu, COAP_OPTION_ETAG, 2, zeros) > 0);
    assert_int_equal(coap_add_data(pdu, size, zeros), 1);
    return pdu;
}

static void requests_are_remembered_as_long_as_their_ids_may_not_be_used_again(void **state)
{
    static const struct {
        coap_pdu_type_t type;
        uint64_t lifetime_ms;
    } rows[] = { { COAP_MESSAGE_CON, EXCHANGE_LIFETIME_MS },
                 { COAP_MESSAGE_NON, NON_LIFETIME_MS } };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        talc_coap_duplicates table = { 0 };
        talc_coap_message_key key = key_of(1, 1);
        key.type = (uint8_t)rows[i].type;
        talc_coap_duplicate *added = talc_coap_duplicates_add(&table, &key, 1000);
        talc_coap_duplicate_finish(&table, added, NULL);
        uint64_t end_ms = 1000 + rows[i].lifetime_ms;
        assert_ptr_equal(talc_coap_duplicates_find(&table, &key, end_ms - 1), added);
        assert_null(talc_coap_duplicates_find(&table, &key, end_ms));
        assert_non_null(talc_coap_duplicates_add(&table, &key, end_ms)); /* in its place */
        assert_int_equal(table.count, 1);
        talc_coap_duplicates_clear(&table);
    }
}

static void what_is_over_is_let_go(void **state)
{
    talc_coap_duplicates table = { 0 };
    coap_pdu_t *response = response_make(100);
    (void)state;
    remember(&table, 1000, response);
    remember(&table, 2000, response);
    assert_int_equal(talc_coap_duplicates_expire(&table, 1000 + EXCHANGE_LIFETIME_MS), 1);
    assert_true(table.bytes > 100 && table.bytes < 200);
    assert_int_equal(talc_coap_duplicates_expire(&table, 2000 + EXCHANGE_LIFETIME_MS), 0);
    assert_int_equal(table.bytes, 0);
    assert_null(table.by_key);
    coap_delete_pdu(response);
}

static void the_oldest_gives_way_but_not_one_that_waits(void **state)
{
    talc_coap_duplicates table = { 0 };
    talc_coap_message_key waiting = key_of(0, 1);
    (void)state;
    talc_coap_duplicate *first = talc_coap_duplicates_add(&table, &waiting, 1);
    for (uint32_t number = 2; number <= TALC_COAP_DUPLICATES_MAX + 10; number++) {
        remember(&table, number, NULL);
    }
    assert_int_equal(table.count, TALC_COAP_DUPLICATES_MAX);
    assert_ptr_equal(found(&table, 0, 1), first);
    assert_int_equal(talc_coap_duplicate_waiting(first), 1);
    assert_null(found(&table, 0, 11));
    assert_non_null(found(&table, 0, 12));
    talc_coap_duplicates_clear(&table);
    assert_null(table.askers);
}

static int has_response(const talc_coap_duplicate *duplicate)
{
    coap_pdu_t *pdu = coap_pdu_init(COAP_MESSAGE_ACK, 0, 1, 2000);
    assert_non_null(pdu);
    talc_coap_duplicate_repeat(duplicate, pdu);
    int has = coap_pdu_get_code(pdu) != 0;
    coap_delete_pdu(pdu);
    return has;
}

/* From one address nobody can make the server forget what others have asked. */
static void who_has_a_share_of_the_table_gives_way_himself(void **state)
{
    talc_coap_duplicates table = { 0 };
    coap_pdu_t *response = response_make(1000);
    (void)state;
    remember_for(&table, 1, 1, response);
    for (uint32_t number = 1; number <= 2 * TALC_COAP_DUPLICATES_MAX; number++) {
        remember_for(&table, 2, number, response);
    }
    assert_int_equal(table.count, TALC_COAP_DUPLICATES_MAX);
    coap_pdu_t *repeated = coap_pdu_init(COAP_MESSAGE_ACK, 0, 1, 2000);
    talc_coap_duplicate_repeat(found(&table, 1, 1), repeated);
    assert_int_equal(coap_pdu_get_code(repeated), COAP_RESPONSE_CODE(205));
    coap_delete_pdu(repeated);
    remember_for(&table, 3, 1, response); /* and a newcomer finds room */
    assert_non_null(found(&table, 3, 1));
    coap_delete_pdu(response);
    talc_coap_duplicates_clear(&table);
}

/* Nor from all the ports of one; and what others ask then costs him, too. */
static void a_share_is_of_an_address_with_all_its_ports(void **state)
{
    talc_coap_duplicates table = { 0 };
    coap_pdu_t *response = response_make(1000);
    (void)state;
    remember_for(&table, 1, 1, response);
    for (uint32_t number = 1; number <= 2 * TALC_COAP_DUPLICATES_MAX; number++) {
        talc_coap_message_key key = key_of(2, number);
        memcpy(key.asker.peer + 2, &(uint16_t){ (uint16_t)(number % 1000) }, 2); /* the port */
        talc_coap_duplicate_finish(&table, talc_coap_duplicates_add(&table, &key, number),
                                   response);
    }
    assert_int_equal(table.count, TALC_COAP_DUPLICATES_MAX);
    for (uint32_t number = 1; number <= 100; number++) {
        remember_for(&table, 3, number, response);
    }
    assert_non_null(found(&table, 1, 1));
    assert_true(has_response(found(&table, 1, 1)));
    assert_non_null(found(&table, 3, 1));
    coap_delete_pdu(response);
    talc_coap_duplicates_clear(&table);
    assert_null(table.askers);
    assert_null(table.hosts);
    assert_null(table.large);
}

static void when_all_wait_no_more_are_taken(void **state)
{
    talc_coap_duplicates table = { 0 };
    (void)state;
    for (uint32_t number = 1; number <= TALC_COAP_DUPLICATES_MAX; number++) {
        talc_coap_message_key key = key_of(0, number);
        assert_non_null(talc_coap_duplicates_add(&table, &key, 1));
    }
    talc_coap_message_key own = key_of(0, 0), other = key_of(1, 0);
    assert_null(talc_coap_duplicates_add(&table, &own, 1));
    assert_null(talc_coap_duplicates_add(&table, &other, 1));
    talc_coap_duplicates_clear(&table);
    assert_int_equal(table.count, 0);
    assert_null(table.askers);
}

/* Without its response a request still runs nothing again, unless that does no harm. */
static void responses_go_before_requests(void **state)
{
    talc_coap_duplicates table = { 0 };
    coap_pdu_t *response = response_make(1000);
    talc_coap_message_key safe = key_of(0, 1000000);
    (void)state;
    safe.is_safe = 1;
    talc_coap_duplicate *added = talc_coap_duplicates_add(&table, &safe, 1);
    talc_coap_duplicate_finish(&table, added, response);
    for (uint32_t number = 1; number <= 10000; number++) {
        remember(&table, number, response);
        assert_true(table.bytes <= TALC_COAP_DUPLICATE_BYTES_MAX);
    }
    assert_int_equal(table.count, 10000);
    assert_true(has_response(found(&table, 0, 10000)));
    assert_false(has_response(found(&table, 0, 1)));
    assert_null(talc_coap_duplicates_find(&table, &safe, 1));
    assert_true(table.bytes > TALC_COAP_DUPLICATE_BYTES_MAX - 2000);
    coap_delete_pdu(response);
    talc_coap_duplicates_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIRECT_CASE(a_repeat_gets_the_same_answer_and_runs_nothing),
        DIRECT_CASE(refusals_are_repeated_too),
        DIRECT_CASE(what_differs_is_another_request),
        DIRECT_CASE(a_repeat_of_one_that_is_not_confirmable_is_passed_over),
        DIRECT_CASE(a_repeat_is_acknowledged_while_the_answer_is_awaited_and_afterwards),
        DIRECT_CASE(a_repeated_block_changes_nothing),
        cmocka_unit_test(requests_are_remembered_as_long_as_their_ids_may_not_be_used_again),
        cmocka_unit_test(what_is_over_is_let_go),
        cmocka_unit_test(the_oldest_gives_way_but_not_one_that_waits),
        cmocka_unit_test(who_has_a_share_of_the_table_gives_way_himself),
        cmocka_unit_test(a_share_is_of_an_address_with_all_its_ports),
        cmocka_unit_test(when_all_wait_no_more_are_taken),
        cmocka_unit_test(responses_go_before_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
