/* SPDX-License-Identifier: MIT */
#include "tests/gateway_messages.h"

#include "talc/message.h"

uint8_t gateway_code(const char *text)
{
    unsigned class, detail;
    assert_non_null(text);
    assert_int_equal(sscanf(text, "%u.%u", &class, &detail), 2);
    return TALC_CODE(class, detail);
}

static const uint8_t *keep(gateway_message *message, const void *bytes, size_t size)
{
    assert_true(size <= sizeof message->store - message->stored);
    uint8_t *kept = &message->store[message->stored];
    memcpy(kept, bytes, size);
    message->stored += size;
    return kept;
}

/* A number, a text, or {"hex": bytes}. */
static void read_value(gateway_message *message, talc_coap_message_option *option,
                       const cJSON *value)
{
    uint8_t bytes[4];
    size_t size = 0;
    if (cJSON_IsNumber(value)) {
        uint32_t number = (uint32_t)value->valuedouble;
        for (int shift = 24; shift >= 0; shift -= 8) {
            if (size > 0 || number >> shift != 0) {
                bytes[size++] = (uint8_t)(number >> shift);
            }
        }
        option->value = keep(message, bytes, size);
    } else if (cJSON_IsString(value)) {
        size = strlen(cJSON_GetStringValue(value));
        option->value = keep(message, cJSON_GetStringValue(value), size);
    } else {
        uint8_t *decoded = vector_bytes(value, "hex", &size);
        option->value = keep(message, decoded, size);
        free(decoded);
    }
    option->size = (uint16_t)size;
}

static void read_options(gateway_message *message, const cJSON *options)
{
    const cJSON *option = NULL;
    cJSON_ArrayForEach(option, options)
    {
        size_t at = message->coap.option_count++;
        assert_true(at < TALC_COAP_MESSAGE_OPTIONS_MAX);
        message->options[at].number = (uint16_t)cJSON_GetArrayItem(option, 0)->valuedouble;
        read_value(message, &message->options[at], cJSON_GetArrayItem(option, 1));
    }
    message->coap.options = message->options;
}

static void read_fields(gateway_message *message, const cJSON *fields)
{
    const cJSON *field = NULL;
    cJSON_ArrayForEach(field, fields)
    {
        size_t at = message->http.field_count++;
        assert_true(at < TALC_GATEWAY_FIELDS_MAX);
        message->fields[at].name = cJSON_GetStringValue(cJSON_GetArrayItem(field, 0));
        message->fields[at].value = cJSON_GetStringValue(cJSON_GetArrayItem(field, 1));
    }
    message->http.fields = message->fields;
}

bool gateway_message_read(gateway_message *message, const cJSON *row)
{
    const char *code = vector_string(row, "code");
    const char *body = vector_string(row, "body");
    memset(message, 0, sizeof *message);
    if (code != NULL) {
        message->coap.code = gateway_code(code);
        read_options(message, cJSON_GetObjectItemCaseSensitive(row, "options"));
        message->coap.body = (const uint8_t *)body;
        message->coap.body_size = body != NULL ? strlen(body) : 0;
        return true;
    }
    message->http.method = vector_string(row, "method");
    message->http.target = vector_string(row, "target");
    message->http.status = (unsigned)vector_number(row, "status", 0);
    read_fields(message, cJSON_GetObjectItemCaseSensitive(row, "fields"));
    message->http.body = (const uint8_t *)body;
    message->http.body_size = body != NULL ? strlen(body) : 0;
    return false;
}

void gateway_uri_read(talc_gateway_uri *uri, const char *text)
{
    assert_non_null(text);
    if (talc_gateway_uri_read(uri, text, strlen(text)) != TALC_OK) {
        fail_msg("%s is no URI", text);
    }
}

talc_gateway_self gateway_self_read(const cJSON *self)
{
    return (talc_gateway_self){
        .pseudonym = "gw-1",
        .body_size = (size_t)vector_number(self, "body_size", 65536),
        .passes_any_format = (int)vector_number(self, "passes_any_format", 0),
    };
}

static void read_way(talc_gateway_way *way, const cJSON *row)
{
    const char *kind = row != NULL ? vector_string(row, "kind") : "forward";
    way->kind = strcmp(kind, "mapped") == 0    ? TALC_GATEWAY_MAPPED
                : strcmp(kind, "reverse") == 0 ? TALC_GATEWAY_REVERSE
                                               : TALC_GATEWAY_FORWARD;
    if (row != NULL && vector_string(row, "prefix") != NULL) {
        snprintf(way->prefix, sizeof way->prefix, "%s", vector_string(row, "prefix"));
    }
    if (row != NULL && vector_string(row, "base") != NULL) {
        snprintf(way->base, sizeof way->base, "%s", vector_string(row, "base"));
    }
}

static void read_tags(talc_gateway_asked *asked, const cJSON *tags)
{
    const cJSON *tag = NULL;
    cJSON_ArrayForEach(tag, tags)
    {
        const char *hex = cJSON_GetStringValue(tag);
        talc_gateway_tag *read = &asked->tags[asked->tag_count++];
        read->size = (uint8_t)(strlen(hex) / 2);
        assert_true(read->size <= sizeof read->bytes);
        for (size_t i = 0; i < read->size; i++) {
            unsigned byte;
            assert_int_equal(sscanf(&hex[2 * i], "%2x", &byte), 1);
            read->bytes[i] = (uint8_t)byte;
        }
    }
}

void gateway_asked_read(talc_gateway_asked *asked, const cJSON *row)
{
    memset(asked, 0, sizeof *asked);
    asked->code = gateway_code(vector_string(row, "code"));
    asked->is_head = (int)vector_number(row, "is_head", 0);
    asked->has_if_none_match = (int)vector_number(row, "has_if_none_match", 0);
    asked->has_condition = (int)vector_number(row, "has_condition", 0);
    asked->had_observe = (int)vector_number(row, "had_observe", 0);
    if (vector_string(row, "target") != NULL) {
        gateway_uri_read(&asked->target, vector_string(row, "target"));
    }
    read_tags(asked, cJSON_GetObjectItemCaseSensitive(row, "tags"));
    read_way(&asked->way, cJSON_GetObjectItemCaseSensitive(row, "way"));
}

static void check_bytes(const char *what, const char *name, const void *is, size_t size,
                        const void *wanted, size_t wanted_size)
{
    if (size != wanted_size || (size > 0 && memcmp(is, wanted, size) != 0)) {
        fail_msg("%s: %s is \"%.*s\" (%zu), not \"%.*s\" (%zu)", name, what, (int)size,
                 size > 0 ? (const char *)is : "", size, (int)wanted_size,
                 wanted_size > 0 ? (const char *)wanted : "", wanted_size);
    }
}

static void check_coap(const talc_coap_message *is, const talc_coap_message *wanted,
                       const char *name)
{
    if (is->code != wanted->code) {
        fail_msg("%s: code %u.%02u", name, (unsigned)is->code >> 5, is->code & 31u);
    }
    for (size_t i = 0; i < is->option_count && i < wanted->option_count; i++) {
        const talc_coap_message_option *option = &is->options[i];
        if (option->number != wanted->options[i].number) {
            fail_msg("%s: option %zu is number %u", name, i, (unsigned)option->number);
        }
        check_bytes("an option", name, option->value, option->size, wanted->options[i].value,
                    wanted->options[i].size);
    }
    if (is->option_count != wanted->option_count) {
        fail_msg("%s: %zu options, not %zu", name, is->option_count, wanted->option_count);
    }
    check_bytes("the body", name, is->body, is->body_size, wanted->body, wanted->body_size);
}

static void check_text(const char *what, const char *name, const char *is, const char *wanted)
{
    check_bytes(what, name, is, is != NULL ? strlen(is) : 0, wanted,
                wanted != NULL ? strlen(wanted) : 0);
}

static void check_http(const talc_http_message *is, const talc_http_message *wanted,
                       const char *name)
{
    check_text("the method", name, is->method, wanted->method);
    check_text("the target", name, is->target, wanted->target);
    if (is->status != wanted->status) {
        fail_msg("%s: status %u, not %u", name, is->status, wanted->status);
    }
    for (size_t i = 0; i < is->field_count && i < wanted->field_count; i++) {
        check_text("a field's name", name, is->fields[i].name, wanted->fields[i].name);
        check_text(is->fields[i].name, name, is->fields[i].value, wanted->fields[i].value);
    }
    if (is->field_count != wanted->field_count) {
        fail_msg("%s: %zu fields, not %zu", name, is->field_count, wanted->field_count);
    }
    check_bytes("the body", name, is->body, is->body_size, wanted->body, wanted->body_size);
}

void gateway_draft_check(const talc_gateway_draft *draft, const cJSON *wanted, const char *name)
{
    static gateway_message message;
    assert_non_null(wanted);
    if (gateway_message_read(&message, wanted)) {
        check_coap(&draft->coap, &message.coap, name);
    } else {
        check_http(&draft->http, &message.http, name);
    }
}

void gateway_asked_check(const talc_gateway_asked *asked, const cJSON *wanted, const char *name)
{
    static talc_gateway_asked read;
    gateway_asked_read(&read, wanted);
    if (asked->code != read.code || asked->is_head != read.is_head ||
        asked->has_if_none_match != read.has_if_none_match ||
        asked->has_condition != read.has_condition || asked->had_observe != read.had_observe ||
        asked->tag_count != read.tag_count) {
        fail_msg("%s: remembers code %u, head %d, if-none-match %d, condition %d, observe %d, %zu "
                 "tags",
                 name, (unsigned)asked->code, asked->is_head, asked->has_if_none_match,
                 asked->has_condition, asked->had_observe, asked->tag_count);
    }
    for (size_t i = 0; i < read.tag_count; i++) {
        check_bytes("a tag", name, asked->tags[i].bytes, asked->tags[i].size, read.tags[i].bytes,
                    read.tags[i].size);
    }
}
