/* SPDX-License-Identifier: MIT */
/* A CoAP response as an HTTP response (RFC 8075 section 7, RFC 7252 section 10.2). */
#include "gateway/caching.h"
#include "gateway/codes.h"
#include "gateway/entity_tags.h"
#include "gateway/known_options.h"
#include "gateway/location.h"
#include "gateway/media_types.h"
#include "gateway/translation_response.h"

#include <stdio.h>
#include <string.h>

static bool has_own_status(uint8_t code)
{
    unsigned status = (unsigned)(code >> 5) * 100 + (code & 31);
    return code >> 5 == 2 || talc_gateway_status_of(code) == status;
}

static unsigned status_of(const talc_gateway_asked *asked, const talc_coap_message *response)
{
    switch (response->code) {
    case TALC_CODE_DELETED:
    case TALC_CODE_CHANGED: return response->body_size > 0 ? 200 : 204;
    /* Note 6 of the table: the client's doing only if something of his became an option. */
    case TALC_CODE_BAD_OPTION: return asked->has_condition ? 400 : 500;
    default: return talc_gateway_status_of(response->code);
    }
}

/* Options that are safe to forward have no place in HTTP; a critical one is not to be lost. */
static bool check_options(talc_gateway_draft *draft, const talc_coap_message *response)
{
    for (size_t i = 0; i < response->option_count; i++) {
        if (talc_gateway_option_classify(response, i) == TALC_GATEWAY_OPTION_FORWARD &&
            talc_gateway_option_is_critical(response->options[i].number)) {
            talc_gateway_draft_refuse(draft, TALC_GATEWAY_BAD_GATEWAY,
                                      "option %u of the origin's response has no counterpart in "
                                      "HTTP",
                                      (unsigned)response->options[i].number);
            return false;
        }
    }
    return true;
}

/* 2.03 is of use to those only who have what it names. */
static bool check_valid(talc_gateway_draft *draft, const talc_gateway_asked *asked,
                        const talc_coap_message *response)
{
    if (response->code == TALC_GATEWAY_VALID && asked->tag_count == 0) {
        talc_gateway_draft_refuse(draft, TALC_GATEWAY_BAD_GATEWAY,
                                  "the origin answered 2.03 and no ETag was sent");
        return false;
    }
    return true;
}

static void add_tag(talc_gateway_draft *draft, const talc_coap_message *response)
{
    char text[24];
    talc_text_writer writer;
    const talc_coap_message_option *tag = talc_coap_message_find(response, TALC_COAP_ETAG);
    if (tag == NULL || tag->size == 0 || tag->size > 8) {
        return;
    }
    talc_text_writer_init(&writer, text, sizeof text - 1);
    talc_gateway_tag_write(&writer, tag->value, tag->size);
    text[writer.size] = '\0';
    talc_gateway_draft_field(draft, "ETag", text);
}

static void add_type(talc_gateway_draft *draft, const talc_coap_message *response)
{
    char text[TALC_GATEWAY_MEDIA_TYPE_SIZE] = "text/plain;charset=utf-8";
    const char *coding = NULL;
    uint32_t format = talc_coap_message_uint(response, TALC_COAP_CONTENT_FORMAT, UINT32_MAX);
    /* Nobody else is to guess what a device wrote: a browser would find HTML. */
    talc_gateway_draft_field(draft, "X-Content-Type-Options", "nosniff");
    /* To a browser all devices behind this gateway are one origin. What one of them wrote, as a
     * script in XML, is not to read or command the others. */
    talc_gateway_draft_field(draft, "Content-Security-Policy", "default-src 'none'; sandbox");
    if (format <= UINT16_MAX) {
        coding = talc_gateway_format_text((uint16_t)format, text);
    } else if (response->code >> 5 == 2) {
        return; /* what it is is not known; of errors it is a diagnosis */
    }
    talc_gateway_draft_field(draft, "Content-Type", text);
    if (coding != NULL) {
        talc_gateway_draft_field(draft, "Content-Encoding", coding);
    }
}

/* A status that says less than the code did gets words (RFC 8075 section 7, note 7). */
static void add_words(talc_gateway_draft *draft, const talc_coap_message *response)
{
    char text[48];
    snprintf(text, sizeof text, "CoAP server returned " TALC_GATEWAY_CODE_FORMAT,
             TALC_GATEWAY_CODE_ARGUMENTS(response->code));
    draft->http.body = (const uint8_t *)talc_gateway_draft_text(draft, text);
    draft->http.body_size = strlen(text);
    talc_gateway_draft_field(draft, "Content-Type", "text/plain;charset=utf-8");
}

static void add_body(talc_gateway_draft *draft, const talc_coap_message *response)
{
    if (draft->http.status == 204 || draft->http.status == 304) {
        return;
    }
    if (response->body_size > 0) {
        draft->http.body = response->body;
        draft->http.body_size = response->body_size;
        add_type(draft, response);
    } else if (!has_own_status(response->code)) {
        add_words(draft, response);
    }
}

void talc_gateway_response_to_http(talc_gateway_draft *draft, const talc_gateway_asked *asked,
                                   const talc_coap_message *response, const talc_gateway_self *self)
{
    talc_gateway_begin_response(draft);
    if (!talc_gateway_check_response(draft, response, self) || !check_options(draft, response) ||
        !check_valid(draft, asked, response)) {
        talc_gateway_fail_http(draft);
        return;
    }
    draft->http.status = status_of(asked, response);
    add_body(draft, response);
    if (response->code >> 5 == 2) {
        add_tag(draft, response);
    }
    if (response->code == TALC_CODE_CREATED) {
        talc_gateway_location_to_http(draft, asked, response);
    }
    talc_gateway_caching_to_http(draft, asked, response);
    if (draft->is_full) {
        talc_gateway_fail_http(draft);
    }
}
