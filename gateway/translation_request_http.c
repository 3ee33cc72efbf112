/* SPDX-License-Identifier: MIT */
/* A CoAP request as an HTTP request (RFC 7252 section 10.1). */
#include "gateway/codes.h"
#include "gateway/conditions.h"
#include "gateway/known_options.h"
#include "gateway/media_types.h"
#include "gateway/translation_request.h"

#include <stdio.h>

static uint8_t check_method(talc_gateway_draft *draft, uint8_t code)
{
    if (talc_gateway_method_text(code) != NULL) {
        return 0;
    }
    if (code == TALC_GATEWAY_FETCH || code == TALC_GATEWAY_IPATCH) {
        return talc_gateway_draft_refuse(draft, TALC_GATEWAY_NOT_IMPLEMENTED,
                                         "%s has no counterpart in HTTP",
                                         code == TALC_GATEWAY_FETCH ? "FETCH" : "iPATCH");
    }
    return talc_gateway_draft_refuse(draft, TALC_CODE_METHOD_NOT_ALLOWED, "unknown method 0.%02u",
                                     (unsigned)code);
}

/* Options that are safe to forward end here all the same: HTTP has no place for them, so a
 * critical one (as OSCORE's) would be lost without a word. */
static uint8_t check_options(talc_gateway_draft *draft, const talc_coap_message *request)
{
    for (size_t i = 0; i < request->option_count; i++) {
        if (talc_gateway_option_classify(request, i) == TALC_GATEWAY_OPTION_FORWARD &&
            talc_gateway_option_is_critical(request->options[i].number)) {
            return talc_gateway_draft_refuse(draft, TALC_CODE_BAD_OPTION,
                                             "option %u has no counterpart in HTTP",
                                             (unsigned)request->options[i].number);
        }
    }
    return 0;
}

static void add_format(talc_gateway_draft *draft, const talc_coap_message *request)
{
    char text[TALC_GATEWAY_MEDIA_TYPE_SIZE];
    if (draft->http.body_size == 0 ||
        talc_coap_message_find(request, TALC_COAP_CONTENT_FORMAT) == NULL) {
        return; /* what it is stays unsaid */
    }
    uint32_t format = talc_coap_message_uint(request, TALC_COAP_CONTENT_FORMAT, 0);
    const char *coding = talc_gateway_format_text((uint16_t)format, text);
    talc_gateway_draft_field(draft, "Content-Type", text);
    if (coding != NULL) {
        talc_gateway_draft_field(draft, "Content-Encoding", coding);
    }
}

static void add_accept(talc_gateway_draft *draft, const talc_coap_message *request)
{
    char text[TALC_GATEWAY_MEDIA_TYPE_SIZE];
    if (talc_coap_message_find(request, TALC_COAP_ACCEPT) == NULL) {
        return;
    }
    uint32_t format = talc_coap_message_uint(request, TALC_COAP_ACCEPT, 0);
    const char *coding = talc_gateway_format_text((uint16_t)format, text);
    if (coding == NULL) {
        talc_gateway_draft_field(draft, "Accept", text);
    }
}

/* RFC 9110 section 7.6.3. The hop before had no name for itself. */
static void add_via(talc_gateway_draft *draft, const talc_gateway_self *self)
{
    char text[160];
    int size = snprintf(text, sizeof text, "CoAP/1 %s", self->pseudonym);
    if (size < 0 || (size_t)size >= sizeof text) {
        draft->is_full = 1;
        return;
    }
    talc_gateway_draft_field(draft, "Via", text);
}

static void add_target(talc_gateway_draft *draft, const talc_gateway_uri *target)
{
    char text[TALC_GATEWAY_URI_SIZE_MAX + TALC_GATEWAY_URI_ORIGIN_SIZE];
    if (talc_gateway_uri_write(target, text, sizeof text) != TALC_OK) {
        draft->is_full = 1;
        return;
    }
    draft->http.target = talc_gateway_draft_text(draft, text);
}

uint8_t talc_gateway_request_to_http(talc_gateway_draft *draft, talc_gateway_asked *asked,
                                     const talc_coap_message *request,
                                     const talc_gateway_uri *target, const talc_gateway_self *self)
{
    uint32_t hops_left;
    draft->reason[0] = '\0';
    talc_gateway_draft_begin(draft);
    talc_gateway_asked_begin(asked, request->code, target);
    uint8_t refusal = check_method(draft, request->code);
    refusal = refusal != 0 ? refusal : check_options(draft, request);
    refusal = refusal != 0 ? refusal : talc_gateway_check_request(draft, request, self, &hops_left);
    if (refusal != 0) {
        return refusal;
    }
    asked->had_observe = talc_coap_message_find(request, TALC_COAP_OBSERVE) != NULL;
    draft->http.method = talc_gateway_method_text(request->code);
    if (talc_gateway_method_has_body(request->code)) {
        draft->http.body = request->body;
        draft->http.body_size = request->body_size;
    }
    add_target(draft, target);
    add_via(draft, self);
    add_accept(draft, request);
    add_format(draft, request);
    talc_gateway_conditions_to_http(draft, asked, request);
    return talc_gateway_finish_request(draft);
}
