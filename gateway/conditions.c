/* SPDX-License-Identifier: MIT */
#include "gateway/conditions.h"

#include "gateway/codes.h"
#include "gateway/entity_tags.h"
#include "gateway/field_list.h"
#include "gateway/known_options.h"

#include <string.h>

/* `"00112233445566778899"` and ", ", for every option that a message may have. */
#define LIST_SIZE (TALC_COAP_MESSAGE_OPTIONS_MAX * 20 + 4)

static void begin_list(talc_text_writer *writer, char text[LIST_SIZE])
{
    talc_text_writer_init(writer, text, LIST_SIZE - 1);
}

static void add_tag(talc_text_writer *writer, const uint8_t *bytes, size_t size)
{
    talc_text_writer_string(writer, writer->size > 0 ? ", " : "");
    talc_gateway_tag_write(writer, bytes, size);
}

static void end_list(talc_gateway_draft *draft, talc_text_writer *writer, const char *name)
{
    if (writer->size > 0) {
        writer->text[writer->size] = '\0';
        talc_gateway_draft_field(draft, name, writer->text);
    }
}

static void remember(talc_gateway_asked *asked, const talc_coap_message_option *option,
                     talc_text_writer *writer)
{
    talc_gateway_tag tag = { { 0 }, (uint8_t)option->size };
    memcpy(tag.bytes, option->value, option->size);
    if (talc_gateway_tag_ask(asked, &tag) && writer != NULL) {
        add_tag(writer, tag.bytes, tag.size);
    }
}

void talc_gateway_conditions_to_http(talc_gateway_draft *draft, talc_gateway_asked *asked,
                                     const talc_coap_message *request)
{
    char match_text[LIST_SIZE], none_match_text[LIST_SIZE];
    talc_text_writer match, none_match;
    bool is_any = false;
    begin_list(&match, match_text);
    begin_list(&none_match, none_match_text);
    asked->has_if_none_match = talc_coap_message_find(request, TALC_COAP_IF_NONE_MATCH) != NULL;
    for (size_t i = 0; i < request->option_count; i++) {
        const talc_coap_message_option *option = &request->options[i];
        if (talc_gateway_option_classify(request, i) != TALC_GATEWAY_OPTION_KNOWN) {
            continue;
        }
        if (option->number == TALC_COAP_IF_MATCH && option->size == 0) {
            is_any = true;
        } else if (option->number == TALC_COAP_IF_MATCH) {
            add_tag(&match, option->value, option->size);
        } else if (option->number == TALC_COAP_ETAG && request->code == TALC_GET &&
                   !asked->has_if_none_match) {
            remember(asked, option, &none_match);
        }
    }
    if (is_any) {
        talc_gateway_draft_field(draft, "If-Match", "*");
    } else {
        end_list(draft, &match, "If-Match");
    }
    if (asked->has_if_none_match) {
        talc_gateway_draft_field(draft, "If-None-Match", "*");
    } else {
        end_list(draft, &none_match, "If-None-Match");
    }
}

static bool is_any(const talc_text_reader *element)
{
    return element->size == 1 && element->text[0] == '*';
}

/* Weak tags never match here (RFC 9110 section 13.1.1), and tags of another origin's form cannot.
 */
static uint8_t match_to_coap(talc_gateway_draft *draft, talc_gateway_asked *asked,
                             const talc_http_message *request)
{
    talc_gateway_field_list list;
    talc_text_reader element;
    talc_gateway_tag tag;
    bool is_weak;
    talc_gateway_field_list_init(&list, request, "If-Match");
    while (talc_gateway_field_list_next(&list, &element)) {
        if (is_any(&element)) {
            talc_gateway_draft_option(draft, TALC_COAP_IF_MATCH, NULL, 0);
            asked->has_condition = 1;
        } else if (talc_gateway_tag_read(&element, &tag, &is_weak) && !is_weak) {
            talc_gateway_draft_option(draft, TALC_COAP_IF_MATCH, tag.bytes, tag.size);
            asked->has_condition = 1;
        }
    }
    if (!asked->has_condition && talc_gateway_field_count(request, "If-Match") > 0) {
        return talc_gateway_draft_refuse(draft, TALC_GATEWAY_PRECONDITION_FAILED,
                                         "If-Match names no entity-tag of a CoAP origin");
    }
    return 0;
}

static void validators_to_coap(talc_gateway_draft *draft, talc_gateway_asked *asked,
                               talc_gateway_field_list *list)
{
    talc_text_reader element;
    talc_gateway_tag tag;
    bool is_weak;
    while (talc_gateway_field_list_next(list, &element)) {
        if (talc_gateway_tag_read(&element, &tag, &is_weak) && talc_gateway_tag_ask(asked, &tag)) {
            talc_gateway_draft_option(draft, TALC_COAP_ETAG, tag.bytes, tag.size);
        }
    }
}

static uint8_t none_match_to_coap(talc_gateway_draft *draft, talc_gateway_asked *asked,
                                  const talc_http_message *request)
{
    talc_gateway_field_list list;
    talc_text_reader element;
    talc_gateway_field_list_init(&list, request, "If-None-Match");
    if (asked->code == TALC_GET) {
        validators_to_coap(draft, asked, &list);
        return 0;
    }
    if (!talc_gateway_field_list_next(&list, &element)) {
        return 0;
    }
    if (!is_any(&element) || talc_gateway_field_list_next(&list, &element)) {
        return talc_gateway_draft_refuse(draft, TALC_GATEWAY_NOT_IMPLEMENTED,
                                         "If-None-Match with entity-tags has no translation for "
                                         "this method, only \"*\" has");
    }
    talc_gateway_draft_option(draft, TALC_COAP_IF_NONE_MATCH, NULL, 0);
    asked->has_if_none_match = 1;
    asked->has_condition = 1;
    return 0;
}

uint8_t talc_gateway_conditions_to_coap(talc_gateway_draft *draft, talc_gateway_asked *asked,
                                        const talc_http_message *request)
{
    uint8_t refusal = match_to_coap(draft, asked, request);
    return refusal != 0 ? refusal : none_match_to_coap(draft, asked, request);
}

void talc_gateway_conditions_onward(talc_gateway_draft *draft, talc_gateway_asked *asked,
                                    const talc_coap_message *request)
{
    asked->has_if_none_match = talc_coap_message_find(request, TALC_COAP_IF_NONE_MATCH) != NULL;
    for (size_t i = 0; i < request->option_count; i++) {
        const talc_coap_message_option *option = &request->options[i];
        bool is_known = talc_gateway_option_classify(request, i) == TALC_GATEWAY_OPTION_KNOWN;
        if (is_known && (option->number == TALC_COAP_IF_MATCH || option->number == TALC_COAP_ETAG ||
                         option->number == TALC_COAP_IF_NONE_MATCH)) {
            talc_gateway_draft_option(draft, option->number, option->value, option->size);
        }
        if (is_known && option->number == TALC_COAP_ETAG && request->code == TALC_GET) {
            remember(asked, option, NULL);
        }
    }
}
