/* SPDX-License-Identifier: MIT */
#include "gateway/translation_response.h"

#include "gateway/codes.h"
#include "gateway/known_options.h"
#include "gateway/text_reader.h"

#include <stdio.h>
#include <string.h>

void talc_gateway_begin_response(talc_gateway_draft *draft)
{
    draft->reason[0] = '\0';
    talc_gateway_draft_begin(draft);
}

bool talc_gateway_check_response(talc_gateway_draft *draft, const talc_coap_message *response,
                                 const talc_gateway_self *self)
{
    unsigned class = response->code >> 5;
    if ((class != 2 && class != 4 && class != 5) || response->code == TALC_CODE(2, 31)) {
        talc_gateway_draft_refuse(draft, TALC_GATEWAY_BAD_GATEWAY,
                                  "the origin's response has the code " TALC_GATEWAY_CODE_FORMAT,
                                  TALC_GATEWAY_CODE_ARGUMENTS(response->code));
        return false;
    }
    if (response->body_size > self->body_size) {
        talc_gateway_draft_refuse(draft, TALC_GATEWAY_BAD_GATEWAY,
                                  "the origin's response has more than %zu bytes", self->body_size);
        return false;
    }
    for (size_t i = 0; i < response->option_count; i++) {
        if (talc_gateway_option_classify(response, i) == TALC_GATEWAY_OPTION_BAD) {
            talc_gateway_draft_refuse(draft, TALC_GATEWAY_BAD_GATEWAY,
                                      "the origin's response has option %u, which is not "
                                      "understood here",
                                      (unsigned)response->options[i].number);
            return false;
        }
    }
    return true;
}

/* Whether one of the words of a diagnosis is this. */
static bool has_word(const talc_coap_message *message, const char *word)
{
    talc_text_reader reader;
    talc_text_reader_init(&reader, (const char *)message->body, message->body_size);
    do {
        if (talc_text_piece_is(talc_text_reader_until(&reader, " "), word)) {
            return true;
        }
    } while (talc_text_reader_take(&reader, ' '));
    return false;
}

bool talc_gateway_prepend_self(talc_gateway_draft *draft, const talc_gateway_self *self)
{
    char text[TALC_GATEWAY_DIAGNOSIS_SIZE_MAX];
    if (draft->coap.code != TALC_GATEWAY_HOP_LIMIT_REACHED) {
        return true;
    }
    if (has_word(&draft->coap, self->pseudonym)) {
        talc_gateway_draft_refuse(draft, TALC_GATEWAY_BAD_GATEWAY,
                                  "a 5.08 of this gateway came back to it");
        return false;
    }
    if (draft->coap.body_size > sizeof text / 2 ||
        talc_coap_message_find(&draft->coap, TALC_COAP_CONTENT_FORMAT) != NULL) {
        return true; /* no room, or no diagnosis: it passes as it is */
    }
    int size = snprintf(text, sizeof text, "%s%s%.*s", self->pseudonym,
                        draft->coap.body_size > 0 ? " " : "", (int)draft->coap.body_size,
                        draft->coap.body_size > 0 ? (const char *)draft->coap.body : "");
    if (size > 0 && (size_t)size < sizeof text) {
        draft->coap.body = (const uint8_t *)talc_gateway_draft_text(draft, text);
        draft->coap.body_size = strlen(text);
    }
    return true;
}

static const char *reason_of(talc_gateway_draft *draft)
{
    if (draft->reason[0] == '\0') {
        talc_gateway_draft_refuse(draft, TALC_GATEWAY_BAD_GATEWAY,
                                  "the origin's response has more than can be translated");
    }
    return draft->reason;
}

void talc_gateway_fail_coap(talc_gateway_draft *draft)
{
    talc_gateway_error_coap(draft, TALC_GATEWAY_BAD_GATEWAY, reason_of(draft), 0);
}

void talc_gateway_fail_http(talc_gateway_draft *draft)
{
    talc_gateway_error_http(draft, TALC_GATEWAY_BAD_GATEWAY, reason_of(draft), 0);
}
