/* SPDX-License-Identifier: MIT */
#include "gateway/translation_request.h"

#include "gateway/codes.h"
#include "gateway/known_options.h"

#include <arpa/inet.h>
#include <string.h>

void talc_gateway_asked_begin(talc_gateway_asked *asked, uint8_t code,
                              const talc_gateway_uri *target)
{
    asked->code = code;
    asked->is_head = 0;
    asked->has_if_none_match = 0;
    asked->has_condition = 0;
    asked->had_observe = 0;
    asked->tag_count = 0;
    asked->target = *target;
}

static uint8_t check_hops(talc_gateway_draft *draft, const talc_coap_message *request,
                          const talc_gateway_self *self, uint32_t *hops_left)
{
    *hops_left = TALC_GATEWAY_HOPS_DEFAULT;
    if (talc_coap_message_find(request, TALC_COAP_HOP_LIMIT) == NULL) {
        return 0;
    }
    uint32_t hops = talc_coap_message_uint(request, TALC_COAP_HOP_LIMIT, 0);
    if (hops == 0 || hops > UINT8_MAX) {
        return talc_gateway_draft_refuse(draft, TALC_CODE_BAD_REQUEST,
                                         "Hop-Limit has to be 1 to 255");
    }
    if (hops == 1) {
        return talc_gateway_draft_refuse(draft, TALC_GATEWAY_HOP_LIMIT_REACHED, "%s",
                                         self->pseudonym);
    }
    *hops_left = hops - 1;
    return 0;
}

uint8_t talc_gateway_check_request(talc_gateway_draft *draft, const talc_coap_message *request,
                                   const talc_gateway_self *self, uint32_t *hops_left)
{
    for (size_t i = 0; i < request->option_count; i++) {
        if (talc_gateway_option_classify(request, i) == TALC_GATEWAY_OPTION_BAD) {
            return talc_gateway_draft_refuse(draft, TALC_CODE_BAD_OPTION,
                                             "option %u is not understood here",
                                             (unsigned)request->options[i].number);
        }
    }
    uint8_t refusal = check_hops(draft, request, self, hops_left);
    return refusal != 0 ? refusal : talc_gateway_check_body(draft, request->body_size, self);
}

uint8_t talc_gateway_check_body(talc_gateway_draft *draft, size_t body_size,
                                const talc_gateway_self *self)
{
    return body_size <= self->body_size
               ? 0
               : talc_gateway_draft_refuse(draft, TALC_CODE_TOO_LARGE,
                                           "a body may have %zu bytes here (--max-body)",
                                           self->body_size);
}

bool talc_gateway_method_has_body(uint8_t code)
{
    return code != TALC_GET && code != TALC_DELETE;
}

uint8_t talc_gateway_finish_request(talc_gateway_draft *draft)
{
    return draft->is_full == 0
               ? 0
               : talc_gateway_draft_refuse(draft, TALC_CODE_BAD_REQUEST,
                                           "more options, or longer ones, than can be translated");
}

/* An address is where the message goes anyway. */
static bool is_name(const talc_gateway_uri *target)
{
    struct in_addr address;
    return !target->has_colon && inet_pton(AF_INET, target->host, &address) != 1;
}

void talc_gateway_draft_target(talc_gateway_draft *draft, const talc_gateway_uri *target)
{
    if (is_name(target)) {
        talc_gateway_draft_option(draft, TALC_COAP_URI_HOST, (const uint8_t *)target->host,
                                  strlen(target->host));
    }
    talc_gateway_draft_path(draft, TALC_COAP_URI_PATH, target->path);
    talc_gateway_draft_query(draft, TALC_COAP_URI_QUERY, target->query);
}
