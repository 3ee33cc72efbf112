/* SPDX-License-Identifier: MIT */
/* An HTTP request as a CoAP request (RFC 8075, RFC 7252 section 10.2). */
#include "gateway/codes.h"
#include "gateway/conditions.h"
#include "gateway/field_list.h"
#include "gateway/media_types.h"
#include "gateway/translation_request.h"

#include <string.h>

static uint8_t check_method(talc_gateway_draft *draft, const talc_http_message *request)
{
    uint8_t code = talc_gateway_method_of(request->method);
    if (code == 0) {
        return talc_gateway_draft_refuse(draft, TALC_GATEWAY_NOT_IMPLEMENTED,
                                         "this method has no counterpart in CoAP; GET, HEAD, POST, "
                                         "PUT, PATCH and DELETE have");
    }
    /* It would have no meaning, and some read it as the next request. */
    if (!talc_gateway_method_has_body(code) && request->body_size > 0) {
        return talc_gateway_draft_refuse(draft, TALC_CODE_BAD_REQUEST,
                                         "GET, HEAD and DELETE have no body here");
    }
    return 0;
}

/* received-by of an element of Via, behind the protocol (RFC 9110 section 7.6.3). */
static bool is_own(talc_text_reader *element, const talc_gateway_self *self)
{
    talc_text_reader_until(element, " \t");
    talc_text_reader_skip_blanks(element);
    return talc_text_piece_is(talc_text_reader_until(element, " \t("), self->pseudonym);
}

static uint8_t check_via(talc_gateway_draft *draft, const talc_http_message *request,
                         const talc_gateway_self *self)
{
    talc_gateway_field_list list;
    talc_text_reader element;
    talc_gateway_field_list_init(&list, request, "Via");
    while (talc_gateway_field_list_next(&list, &element)) {
        if (is_own(&element, self)) {
            return talc_gateway_draft_refuse(draft, TALC_GATEWAY_HOP_LIMIT_REACHED, "%s",
                                             self->pseudonym);
        }
    }
    return 0;
}

static uint8_t refuse_format(talc_gateway_draft *draft)
{
    return talc_gateway_draft_refuse(draft, TALC_CODE_UNSUPPORTED_FORMAT,
                                     "Content-Encoding without Content-Type, or a Content-Type "
                                     "that is not one media type");
}

/* Names what it did not know: curl says application/x-www-form-urlencoded unless it is told. The
 * parameters' values are the client's own words and stay out. */
static uint8_t refuse_type(talc_gateway_draft *draft, const talc_gateway_media_type *type,
                           const char *coding)
{
    int has_parameters = type->charset[0] != '\0' || type->variant[0] != '\0';
    return talc_gateway_draft_refuse(draft, TALC_CODE_UNSUPPORTED_FORMAT,
                                     "no CoAP content format for Content-Type %s%s%s%s", type->name,
                                     has_parameters ? " with its parameters" : "",
                                     coding[0] != '\0' ? ", Content-Encoding " : "", coding);
}

/* RFC 8075 section 6.1. Without Content-Type the format stays unsaid on the other side too. */
static uint8_t add_format(talc_gateway_draft *draft, const talc_http_message *request,
                          const talc_gateway_self *self)
{
    talc_gateway_media_type type;
    talc_text_reader reader;
    char coding[16];
    size_t count = talc_gateway_field_count(request, "Content-Type");
    talc_gateway_coding_read(request, coding);
    if (request->body_size == 0 || (count == 0 && coding[0] == '\0')) {
        return 0;
    }
    talc_text_reader_string(&reader, talc_http_field_find(request, "Content-Type"));
    if (count != 1 || !talc_gateway_media_type_read(&type, &reader)) {
        return refuse_format(draft);
    }
    int32_t format = talc_gateway_format_of(&type, coding);
    if (format < 0 || (talc_gateway_media_type_is_payload(&type) && !self->passes_any_format)) {
        return refuse_type(draft, &type, coding);
    }
    talc_gateway_draft_uint(draft, TALC_COAP_CONTENT_FORMAT, (uint32_t)format);
    return 0;
}

static uint8_t add_accept(talc_gateway_draft *draft, talc_gateway_asked *asked,
                          const talc_http_message *request, const talc_gateway_self *self)
{
    talc_gateway_wish wish = talc_gateway_accept_read(request);
    if (wish.format < 0) {
        return 0;
    }
    if (wish.is_payload && !self->passes_any_format) {
        return talc_gateway_draft_refuse(draft, TALC_GATEWAY_NOT_ACCEPTABLE,
                                         "application/coap-payload is not passed here");
    }
    talc_gateway_draft_uint(draft, TALC_COAP_ACCEPT, (uint32_t)wish.format);
    asked->has_condition = 1;
    return 0;
}

static uint8_t check_request(talc_gateway_draft *draft, const talc_http_message *request,
                             const talc_gateway_self *self)
{
    uint8_t refusal = check_method(draft, request);
    refusal = refusal != 0 ? refusal : check_via(draft, request, self);
    return refusal != 0 ? refusal : talc_gateway_check_body(draft, request->body_size, self);
}

uint8_t talc_gateway_request_to_coap(talc_gateway_draft *draft, talc_gateway_asked *asked,
                                     const talc_http_message *request,
                                     const talc_gateway_uri *target, const talc_gateway_self *self)
{
    draft->reason[0] = '\0';
    talc_gateway_draft_begin(draft);
    talc_gateway_asked_begin(asked, talc_gateway_method_of(request->method), target);
    asked->is_head = strcmp(request->method, "HEAD") == 0;
    uint8_t refusal = check_request(draft, request, self);
    if (refusal != 0) {
        return refusal;
    }
    draft->coap.code = asked->code;
    draft->coap.body = request->body;
    draft->coap.body_size = request->body_size;
    talc_gateway_draft_target(draft, target);
    talc_gateway_draft_uint(draft, TALC_COAP_HOP_LIMIT, TALC_GATEWAY_HOPS_DEFAULT);
    refusal = add_format(draft, request, self);
    refusal = refusal != 0 ? refusal : add_accept(draft, asked, request, self);
    refusal = refusal != 0 ? refusal : talc_gateway_conditions_to_coap(draft, asked, request);
    return refusal != 0 ? refusal : talc_gateway_finish_request(draft);
}
