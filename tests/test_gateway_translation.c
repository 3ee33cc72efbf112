/* SPDX-License-Identifier: MIT */
/* What becomes of a message on its way through a gateway, by vectors: each row is compared as a
 * whole, so that nothing passes which is not written there. */
#include "tests/gateway_messages.h"

static talc_gateway_draft draft;
static talc_gateway_asked asked;
static gateway_message message;

static uint8_t translate_request(const cJSON *row, const talc_gateway_uri *target)
{
    const cJSON *translated = cJSON_GetObjectItemCaseSensitive(row, "translated");
    talc_gateway_self self = gateway_self_read(cJSON_GetObjectItemCaseSensitive(row, "self"));
    memset(&asked, 0xa5, sizeof asked);
    memset(&draft, 0xa5, sizeof draft);
    if (!gateway_message_read(&message, cJSON_GetObjectItemCaseSensitive(row, "request"))) {
        return talc_gateway_request_to_coap(&draft, &asked, &message.http, target, &self);
    }
    if (target->scheme == TALC_GATEWAY_COAP) {
        return talc_gateway_request_onward(&draft, &asked, &message.coap, target, &self);
    }
    assert_true(translated == NULL || vector_string(translated, "method") != NULL);
    return talc_gateway_request_to_http(&draft, &asked, &message.coap, target, &self);
}

static void check_refusal(const cJSON *row, uint8_t refusal)
{
    const char *name = vector_string(row, "name");
    const char *wanted = vector_string(row, "refusal");
    const char *reason = vector_string(row, "reason");
    if (refusal != (wanted != NULL ? gateway_code(wanted) : 0)) {
        fail_msg("%s: refused with %u.%02u %s", name, (unsigned)refusal >> 5, refusal & 31u,
                 refusal != 0 ? draft.reason : "");
    }
    if ((refusal == 0) != (draft.reason[0] == '\0') ||
        (reason != NULL && strcmp(reason, draft.reason) != 0)) {
        fail_msg("%s: the reason is \"%s\"", name, draft.reason);
    }
}

static void requests_become_what_the_vectors_say(void **state)
{
    (void)state;
    static talc_gateway_uri target;
    cJSON *rows = vectors_load("gateway-requests");
    const cJSON *row = NULL;
    cJSON_ArrayForEach(row, rows)
    {
        const cJSON *wanted = cJSON_GetObjectItemCaseSensitive(row, "asked");
        gateway_uri_read(&target, vector_string(row, "target"));
        uint8_t refusal = translate_request(row, &target);
        check_refusal(row, refusal);
        if (refusal == 0) {
            gateway_draft_check(&draft, cJSON_GetObjectItemCaseSensitive(row, "translated"),
                                vector_string(row, "name"));
            assert_memory_equal(&asked.target, &target, sizeof target);
        }
        if (wanted != NULL) {
            gateway_asked_check(&asked, wanted, vector_string(row, "name"));
        }
    }
    cJSON_Delete(rows);
}

static void translate_response(const cJSON *row)
{
    const cJSON *request = cJSON_GetObjectItemCaseSensitive(row, "asked");
    bool is_coap_client = strcmp(vector_string(row, "client"), "coap") == 0;
    talc_gateway_self self = gateway_self_read(request);
    memset(&draft, 0xa5, sizeof draft);
    gateway_asked_read(&asked, request);
    if (!gateway_message_read(&message, cJSON_GetObjectItemCaseSensitive(row, "response"))) {
        assert_true(is_coap_client);
        talc_gateway_response_to_coap(&draft, &asked, &message.http, &self);
    } else if (is_coap_client) {
        talc_gateway_response_back(&draft, &asked, &message.coap, &self);
    } else {
        talc_gateway_response_to_http(&draft, &asked, &message.coap, &self);
    }
}

static void responses_become_what_the_vectors_say(void **state)
{
    (void)state;
    cJSON *rows = vectors_load("gateway-responses");
    const cJSON *row = NULL;
    cJSON_ArrayForEach(row, rows)
    {
        translate_response(row);
        gateway_draft_check(&draft, cJSON_GetObjectItemCaseSensitive(row, "translated"),
                            vector_string(row, "name"));
    }
    cJSON_Delete(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_become_what_the_vectors_say),
        cmocka_unit_test(responses_become_what_the_vectors_say),
    };
    return cmocka_run_group_tests_name("gateway_translation", tests, NULL, NULL);
}
