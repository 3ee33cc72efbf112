/* SPDX-License-Identifier: MIT */
/* An HTTP response as a CoAP response (RFC 7252 section 10.1). */
#include "gateway/caching.h"
#include "gateway/codes.h"
#include "gateway/entity_tags.h"
#include "gateway/field_list.h"
#include "gateway/location.h"
#include "gateway/media_types.h"
#include "gateway/translation_response.h"

#include <stdio.h>
#include <string.h>

/* What the body of a response is. */
typedef struct content {
    int32_t format; /* -1: has none, or is not said */
    bool is_text;
    bool is_structured;
    bool is_coded; /* in a content coding that no format names */
} content;

static content read_content(const talc_http_message *response)
{
    content read = { TALC_GATEWAY_FORMAT_NONE, false, false, false };
    talc_gateway_media_type type;
    talc_text_reader reader;
    char coding[16];
    talc_gateway_coding_read(response, coding);
    read.is_coded = coding[0] != '\0';
    talc_text_reader_string(&reader, talc_http_field_find(response, "Content-Type"));
    if (talc_gateway_field_count(response, "Content-Type") != 1 ||
        !talc_gateway_media_type_read(&type, &reader)) {
        return read;
    }
    read.format = talc_gateway_format_of(&type, coding);
    read.is_coded = read.is_coded && read.format < 0;
    if (read.format < 0 && !read.is_coded) {
        read.format = talc_gateway_format_general(&type);
    }
    read.is_text = read.format == TALC_GATEWAY_FORMAT_TEXT_PLAIN;
    read.is_structured = talc_gateway_media_type_is_structured(&type);
    return read;
}

static uint8_t not_modified(talc_gateway_draft *draft, const talc_gateway_asked *asked)
{
    if (asked->tag_count > 0) {
        return TALC_GATEWAY_VALID;
    }
    if (asked->has_if_none_match) {
        return TALC_GATEWAY_PRECONDITION_FAILED; /* of a GET: the resource does exist */
    }
    return talc_gateway_draft_refuse(draft, 0,
                                     "the origin answered 304 to an unconditional request");
}

/* 0, with a reason, if there is none. */
static uint8_t code_of(talc_gateway_draft *draft, const talc_gateway_asked *asked, unsigned status)
{
    if (status == 304) {
        return not_modified(draft, asked);
    }
    if (status >= 300 && status <= 399) {
        return talc_gateway_draft_refuse(
            draft, 0, "the origin answered %u; redirections are not followed", status);
    }
    if (asked->code == TALC_DELETE && (status == 404 || status == 410)) {
        return TALC_CODE_DELETED; /* RFC 7252 section 10.1.3 */
    }
    uint8_t code = status >= 200 && status <= 299   ? talc_gateway_success_of(status, asked->code)
                   : status >= 400 && status <= 599 ? talc_gateway_code_of(status)
                                                    : 0;
    return code != 0 ? code
                     : talc_gateway_draft_refuse(draft, 0, "the origin answered %u to this method",
                                                 status);
}

/* The tag of what the client has: what the origin says, or the only one that it can mean. */
static bool find_tag(const talc_gateway_asked *asked, const talc_http_message *response,
                     talc_gateway_tag *tag)
{
    talc_text_reader reader;
    bool is_weak;
    if (asked->tag_count == 1) {
        *tag = asked->tags[0];
        return true;
    }
    talc_text_reader_string(&reader, talc_http_field_find(response, "ETag"));
    return talc_gateway_tag_read(&reader, tag, &is_weak) && talc_gateway_tag_is_asked(asked, tag);
}

static bool add_tag(talc_gateway_draft *draft, const talc_gateway_asked *asked,
                    const talc_http_message *response)
{
    talc_gateway_tag tag;
    if (draft->coap.code == TALC_GATEWAY_VALID) {
        if (!find_tag(asked, response, &tag)) {
            talc_gateway_draft_refuse(draft, 0,
                                      "the origin answered 304 and did not say for which "
                                      "of several entity-tags");
            return false;
        }
    } else if (draft->coap.code >> 5 != 2 || !talc_gateway_tag_of_response(response, &tag)) {
        return true;
    }
    /* The origin may not have understood its tag in ours: what the client has is not sent again. */
    if (draft->coap.code == TALC_CODE_CONTENT && talc_gateway_tag_is_asked(asked, &tag)) {
        draft->coap.code = TALC_GATEWAY_VALID;
    }
    talc_gateway_draft_option(draft, TALC_COAP_ETAG, tag.bytes, tag.size);
    return true;
}

static void keep_body(talc_gateway_draft *draft, const talc_http_message *response, int32_t format)
{
    draft->coap.body = response->body;
    draft->coap.body_size = response->body_size;
    if (format >= 0) {
        talc_gateway_draft_uint(draft, TALC_COAP_CONTENT_FORMAT, (uint32_t)format);
    }
}

/* Programs' words pass as they are, people's as a diagnosis without a format (RFC 7252 section
 * 5.5.2) if they are short; a page does not, and its status is told instead. */
static void add_error_body(talc_gateway_draft *draft, const talc_http_message *response,
                           const content *read)
{
    char text[40];
    if (response->body_size > 0 && read->format >= 0 && read->is_structured) {
        keep_body(draft, response, read->format);
    } else if (response->body_size > 0 && read->is_text &&
               response->body_size <= TALC_GATEWAY_DIAGNOSIS_SIZE_MAX) {
        keep_body(draft, response, TALC_GATEWAY_FORMAT_NONE);
    } else if (draft->coap.code != TALC_GATEWAY_HOP_LIMIT_REACHED) {
        snprintf(text, sizeof text, "HTTP server returned %u", response->status);
        draft->coap.body = (const uint8_t *)talc_gateway_draft_text(draft, text);
        draft->coap.body_size = strlen(text);
    }
}

static bool add_body(talc_gateway_draft *draft, const talc_http_message *response)
{
    content read = read_content(response);
    if (draft->coap.code >> 5 != 2) {
        add_error_body(draft, response, &read);
        return true;
    }
    if (draft->coap.code == TALC_GATEWAY_VALID || response->body_size == 0 ||
        response->status >= 400) {
        return true;
    }
    if (read.is_coded) {
        talc_gateway_draft_refuse(draft, 0,
                                  "the origin answered in a content coding that was not "
                                  "asked for");
        return false;
    }
    keep_body(draft, response, read.format);
    return true;
}

static bool check_size(talc_gateway_draft *draft, const talc_http_message *response,
                       const talc_gateway_self *self)
{
    if (response->body_size > self->body_size) {
        talc_gateway_draft_refuse(draft, 0, "the origin's response has more than %zu bytes",
                                  self->body_size);
        return false;
    }
    return true;
}

void talc_gateway_response_to_coap(talc_gateway_draft *draft, const talc_gateway_asked *asked,
                                   const talc_http_message *response, const talc_gateway_self *self)
{
    talc_gateway_begin_response(draft);
    draft->coap.code = code_of(draft, asked, response->status);
    if (draft->coap.code == 0 || !check_size(draft, response, self) ||
        !add_tag(draft, asked, response) || !add_body(draft, response)) {
        talc_gateway_fail_coap(draft);
        return;
    }
    const char *location = talc_http_field_find(response, "Location");
    if (draft->coap.code == TALC_CODE_CREATED && location != NULL) {
        talc_gateway_location_to_coap(draft, asked, location);
    }
    talc_gateway_caching_to_coap(draft, asked, response);
    if (!talc_gateway_prepend_self(draft, self) || draft->is_full) {
        talc_gateway_fail_coap(draft);
    }
}
