/* SPDX-License-Identifier: MIT */
#include "framing.h"

#include "framing_options.h"
#include "framing_wire.h"

typedef struct frame_option {
    uint32_t number;
    const uint8_t *value;
    size_t size;
} frame_option;

typedef struct frame_reader {
    talc_byte_reader bytes;
    talc_frame *frame;
    talc_frame_options options;
} frame_reader;

/* TALC_ERROR_UNSUPPORTED: to be treated like an option that nobody here understands. */
typedef talc_status (*option_take)(talc_frame_options *options, const frame_option *option);

typedef struct option_rule {
    uint16_t number;
    uint16_t size_min;
    uint16_t size_max;
    bool repeatable;
    option_take take;
} option_rule;

void talc_frame_init(talc_frame *frame, uint8_t code)
{
    memset(frame, 0, sizeof *frame);
    frame->code = code;
    frame->content_format = TALC_OPTION_ABSENT;
    frame->accept = TALC_OPTION_ABSENT;
}

/* ---------------------------------------------------------------- header */

talc_status talc_frame_measure(const uint8_t *bytes, size_t size, uint64_t *frame_size)
{
    talc_byte_reader reader = { bytes, size };
    uint32_t first;
    uint32_t extension;
    if (!talc_byte_reader_uint(&reader, 1, &first)) {
        return TALC_WANT_INPUT;
    }
    uint32_t token_size = first & 0x0F;
    if (token_size > TALC_TOKEN_SIZE_MAX) {
        return TALC_ERROR_MALFORMED;
    }
    size_t width = talc_nibble_width(first >> 4);
    if (!talc_byte_reader_uint(&reader, width, &extension)) {
        return TALC_WANT_INPUT;
    }
    /* Len, its extension, the code; in 64 bits, where 4 bytes plus their base do not wrap. */
    *frame_size = 1 + (uint64_t)width + 1 + token_size;
    *frame_size += (uint64_t)talc_nibble_base(first >> 4) + extension;
    return TALC_OK;
}

static talc_status read_header(frame_reader *reader, const uint8_t *bytes, size_t size)
{
    uint64_t frame_size = 0;
    if (talc_frame_measure(bytes, size, &frame_size) != TALC_OK || frame_size != size) {
        return TALC_ERROR_MALFORMED;
    }
    talc_frame *frame = reader->frame;
    const uint8_t *skipped;
    const uint8_t *token;
    uint32_t code;
    frame->token_size = bytes[0] & 0x0F;
    if (!talc_byte_reader_take(&reader->bytes, 1 + talc_nibble_width(bytes[0] >> 4), &skipped) ||
        !talc_byte_reader_uint(&reader->bytes, 1, &code) ||
        !talc_byte_reader_take(&reader->bytes, frame->token_size, &token)) {
        return TALC_ERROR_MALFORMED;
    }
    frame->code = (uint8_t)code;
    memcpy(frame->token, token, frame->token_size);
    return TALC_OK;
}

/* ---------------------------------------------------------------- meaning of options */

/* Talked to inside a session, this server has one name: which one was meant makes no difference. */
static talc_status take_address(talc_frame_options *options, const frame_option *option)
{
    (void)options;
    (void)option;
    return TALC_OK;
}

static talc_status take_path(talc_frame_options *options, const frame_option *option)
{
    return talc_path_form_append(&options->path, option->value, option->size);
}

static talc_status take_query(talc_frame_options *options, const frame_option *option)
{
    return talc_path_form_append(&options->query, option->value, option->size);
}

static talc_status take_content_format(talc_frame_options *options, const frame_option *option)
{
    options->frame->content_format = (int)talc_byte_uint(option->value, option->size);
    return TALC_OK;
}

static talc_status take_accept(talc_frame_options *options, const frame_option *option)
{
    options->frame->accept = (int)talc_byte_uint(option->value, option->size);
    return TALC_OK;
}

static talc_status take_max_message_size(talc_frame_options *options, const frame_option *option)
{
    options->frame->max_message_size = talc_byte_uint(option->value, option->size);
    return TALC_OK;
}

static talc_status take_guard(talc_frame_options *options, const frame_option *option)
{
    (void)option;
    options->frame->guard = true;
    return TALC_OK;
}

static talc_status take_replaces(talc_frame_options *options, const frame_option *option)
{
    options->frame->replaces = true;
    memcpy(options->frame->other_session, option->value, option->size);
    return TALC_OK;
}

/* No side sends both; of a peer that does, the second one is not believed. */
static talc_status take_replaced(talc_frame_options *options, const frame_option *option)
{
    if (options->frame->replaces) {
        return TALC_ERROR_UNSUPPORTED;
    }
    options->frame->replaced = true;
    memcpy(options->frame->other_session, option->value, option->size);
    return TALC_OK;
}

/* RFC 7252 section 5.10, the sizes too. */
static const option_rule request_options[] = {
    { TALC_OPTION_URI_HOST, 1, 255, false, take_address },
    { TALC_OPTION_URI_PORT, 0, 2, false, take_address },
    { TALC_OPTION_URI_PATH, 0, TALC_SEGMENT_SIZE_MAX, true, take_path },
    { TALC_OPTION_CONTENT_FORMAT, 0, 2, false, take_content_format },
    { TALC_OPTION_URI_QUERY, 0, TALC_SEGMENT_SIZE_MAX, true, take_query },
    { TALC_OPTION_ACCEPT, 0, 2, false, take_accept },
};

/* An option that is not defined for a response counts as unknown there (RFC 7252 section 5.4). */
static const option_rule response_options[] = {
    { TALC_OPTION_CONTENT_FORMAT, 0, 2, false, take_content_format },
};

/* RFC 8323 section 5.3, and ours. The options of Ping, Pong, Release and Abort are all elective
 * and change nothing here, so there are no rules for them. */
static const option_rule csm_options[] = {
    { TALC_CSM_MAX_MESSAGE_SIZE, 0, 4, false, take_max_message_size },
    { TALC_CSM_GUARD, 0, 0, false, take_guard },
    { TALC_CSM_REPLACES, TALC_SESSION_ID_SIZE, TALC_SESSION_ID_SIZE, false, take_replaces },
    { TALC_CSM_REPLACED, TALC_SESSION_ID_SIZE, TALC_SESSION_ID_SIZE, false, take_replaced },
};

#define ROWS(table) (sizeof(table) / sizeof *(table))

static const option_rule *find_rule(uint8_t code, uint32_t number)
{
    const option_rule *rules = response_options;
    size_t count = ROWS(response_options);
    if (code >> 5 == 0) {
        rules = request_options;
        count = ROWS(request_options);
    } else if (code >> 5 == 7) { /* each signaling code has option numbers of its own */
        rules = csm_options;
        count = code == TALC_CODE_CSM ? ROWS(csm_options) : 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (rules[i].number == number) {
            return &rules[i];
        }
    }
    return NULL;
}

/* A size that is not allowed and one repeat too many make an option an unknown one (RFC 7252
 * sections 5.4.3 and 5.4.5); an odd number makes that critical (section 5.4.6). */
static talc_status take_option(talc_frame_options *options, const frame_option *option)
{
    talc_frame *frame = options->frame;
    const option_rule *rule = find_rule(frame->code, option->number);
    bool is_repeated = option->number == options->last;
    talc_status status = TALC_ERROR_UNSUPPORTED;
    if (rule != NULL && option->size >= rule->size_min && option->size <= rule->size_max &&
        (rule->repeatable || !is_repeated)) {
        status = rule->take(options, option);
    }
    if (status != TALC_ERROR_UNSUPPORTED) {
        return status;
    }
    if ((option->number & 1) != 0 && frame->refused_option == 0) {
        frame->refused_option = option->number;
    }
    return TALC_OK;
}

void talc_frame_options_begin(talc_frame_options *options, talc_frame *frame, uint8_t code)
{
    talc_frame_init(frame, code);
    options->frame = frame;
    options->last = 0;
    options->is_too_large = false;
    talc_path_form_start(&options->path, &talc_path_syntax_path, frame->path);
    talc_path_form_start(&options->query, &talc_path_syntax_query, frame->query);
}

talc_status talc_frame_options_take(talc_frame_options *options, uint32_t number,
                                    const uint8_t *value, size_t size)
{
    const frame_option option = { number, value, size };
    talc_status status = TALC_OK;
    if (number < options->last || number > TALC_OPTION_NUMBER_MAX) {
        return TALC_ERROR_MALFORMED;
    }
    if (options->frame->code != TALC_CODE_EMPTY) {
        status = take_option(options, &option);
    }
    options->last = number;
    if (status == TALC_ERROR_TOO_LARGE) { /* the rest may be worse */
        options->is_too_large = true;
        return TALC_OK;
    }
    return status;
}

talc_status talc_frame_options_end(const talc_frame_options *options)
{
    return options->is_too_large ? TALC_ERROR_TOO_LARGE : TALC_OK;
}

/* ---------------------------------------------------------------- options and payload */

static bool read_extended(talc_byte_reader *bytes, unsigned nibble, uint32_t *value)
{
    if (nibble == TALC_NIBBLE_4_BYTES ||
        !talc_byte_reader_uint(bytes, talc_nibble_width(nibble), value)) {
        return false;
    }
    *value += talc_nibble_base(nibble);
    return true;
}

/* On entry `option` is the one before. */
static talc_status read_option(talc_byte_reader *bytes, frame_option *option)
{
    uint32_t first;
    uint32_t delta;
    uint32_t size;
    if (!talc_byte_reader_uint(bytes, 1, &first) || !read_extended(bytes, first >> 4, &delta) ||
        !read_extended(bytes, first & 0x0F, &size) ||
        !talc_byte_reader_take(bytes, size, &option->value) ||
        delta > TALC_OPTION_NUMBER_MAX - option->number) {
        return TALC_ERROR_MALFORMED;
    }
    option->number += delta;
    option->size = size;
    return TALC_OK;
}

static talc_status read_payload(frame_reader *reader)
{
    const uint8_t *marker;
    if (!talc_byte_reader_take(&reader->bytes, 1, &marker) || reader->bytes.size == 0) {
        return TALC_ERROR_MALFORMED;
    }
    reader->frame->payload_size = reader->bytes.size;
    (void)talc_byte_reader_take(&reader->bytes, reader->bytes.size, &reader->frame->payload);
    return TALC_OK;
}

static talc_status read_options(frame_reader *reader)
{
    frame_option option = { 0 };
    while (reader->bytes.size > 0 && reader->bytes.bytes[0] != TALC_PAYLOAD_MARKER) {
        talc_status status = read_option(&reader->bytes, &option);
        if (status == TALC_OK) {
            status = talc_frame_options_take(&reader->options, option.number, option.value,
                                             option.size);
        }
        if (status != TALC_OK) {
            return status;
        }
    }
    talc_status status = reader->bytes.size > 0 ? read_payload(reader) : TALC_OK;
    return status != TALC_OK ? status : talc_frame_options_end(&reader->options);
}

talc_status talc_frame_read(const uint8_t *bytes, size_t size, talc_frame *frame)
{
    frame_reader reader = { .bytes = { bytes, size }, .frame = frame };
    talc_frame_options_begin(&reader.options, frame, TALC_CODE_EMPTY);
    talc_status status = read_header(&reader, bytes, size);
    return status == TALC_OK ? read_options(&reader) : status;
}
