/* SPDX-License-Identifier: MIT */
#include "framing.h"

#include "framing_wire.h"
#include "path.h"

#define BODY_SIZE_MAX ((uint64_t)UINT32_MAX + TALC_NIBBLE_4_BYTES_BASE)

/* Where options go: their numbers are written as differences. */
typedef struct option_writer {
    talc_byte_writer *bytes;
    uint32_t last_number;
    uint32_t number; /* of the next one */
} option_writer;

/* ---------------------------------------------------------------- numbers */

static unsigned nibble_for(uint64_t value)
{
    if (value < TALC_NIBBLE_1_BYTE_BASE) {
        return (unsigned)value;
    }
    if (value < TALC_NIBBLE_2_BYTES_BASE) {
        return TALC_NIBBLE_1_BYTE;
    }
    return value < TALC_NIBBLE_4_BYTES_BASE ? TALC_NIBBLE_2_BYTES : TALC_NIBBLE_4_BYTES;
}

static void put_extension(talc_byte_writer *bytes, uint64_t value)
{
    unsigned nibble = nibble_for(value);
    talc_byte_writer_uint(bytes, talc_nibble_width(nibble),
                          (uint32_t)(value - talc_nibble_base(nibble)));
}

/* ---------------------------------------------------------------- options */

static void put_option(option_writer *writer, const uint8_t *value, size_t size)
{
    uint32_t delta = writer->number - writer->last_number;
    talc_byte_writer_uint(writer->bytes, 1, nibble_for(delta) << 4 | nibble_for(size));
    put_extension(writer->bytes, delta);
    put_extension(writer->bytes, size);
    talc_byte_writer_put(writer->bytes, value, size);
    writer->last_number = writer->number;
}

/* Without leading zeros (RFC 7252 section 3.2). */
static void put_uint_option(option_writer *writer, uint32_t number, uint32_t value)
{
    uint8_t bytes[4];
    talc_byte_writer digits = { bytes, sizeof bytes, 0 };
    size_t width = 0;
    while (width < sizeof bytes && value >> (8 * width) != 0) {
        width++;
    }
    talc_byte_writer_uint(&digits, width, value);
    writer->number = number;
    put_option(writer, bytes, width);
}

static void put_format_option(option_writer *writer, uint32_t number, int format)
{
    if (format != TALC_OPTION_ABSENT) {
        put_uint_option(writer, number, (uint32_t)format);
    }
}

static talc_status put_segment(void *context, const uint8_t *value, size_t size)
{
    put_option(context, value, size);
    return TALC_OK;
}

/* `text` is an array of TALC_PATH_SIZE_MAX + 1. */
static talc_status put_list(option_writer *writer, uint32_t number, const talc_path_syntax *syntax,
                            const char *text)
{
    const char *end = memchr(text, '\0', TALC_PATH_SIZE_MAX + 1);
    if (end == NULL) {
        return TALC_ERROR_ARGUMENT;
    }
    writer->number = number;
    return talc_path_each(syntax, text, (size_t)(end - text), put_segment, writer);
}

static talc_status put_request_options(option_writer *writer, const talc_frame *frame)
{
    talc_status status =
        put_list(writer, TALC_OPTION_URI_PATH, &talc_path_syntax_path, frame->path);
    if (status != TALC_OK) {
        return status;
    }
    put_format_option(writer, TALC_OPTION_CONTENT_FORMAT, frame->content_format);
    status = put_list(writer, TALC_OPTION_URI_QUERY, &talc_path_syntax_query, frame->query);
    put_format_option(writer, TALC_OPTION_ACCEPT, frame->accept);
    return status;
}

static void put_csm_options(option_writer *writer, const talc_frame *frame)
{
    if (frame->max_message_size != 0) {
        put_uint_option(writer, TALC_CSM_MAX_MESSAGE_SIZE, frame->max_message_size);
    }
    if (frame->guard) {
        writer->number = TALC_CSM_GUARD;
        put_option(writer, NULL, 0);
    }
    if (frame->replaces || frame->replaced) {
        writer->number = frame->replaces ? TALC_CSM_REPLACES : TALC_CSM_REPLACED;
        put_option(writer, frame->other_session, sizeof frame->other_session);
    }
}

/* ---------------------------------------------------------------- messages */

static bool is_format(int format)
{
    return format == TALC_OPTION_ABSENT || (format >= 0 && format <= UINT16_MAX);
}

static talc_status check_frame(const talc_frame *frame)
{
    if (frame->token_size > TALC_TOKEN_SIZE_MAX || !is_format(frame->content_format) ||
        !is_format(frame->accept) || (frame->replaces && frame->replaced) ||
        (frame->payload == NULL && frame->payload_size > 0)) {
        return TALC_ERROR_ARGUMENT;
    }
    return TALC_OK;
}

/* What Len counts (RFC 8323 section 3.2): options, marker and payload. */
static talc_status put_body(talc_byte_writer *bytes, const talc_frame *frame)
{
    option_writer options = { bytes, 0, 0 };
    talc_status status = TALC_OK;
    if (frame->code == TALC_CODE_CSM) {
        put_csm_options(&options, frame);
    } else if (frame->code >> 5 == 0 && frame->code != TALC_CODE_EMPTY) {
        status = put_request_options(&options, frame);
    } else if (frame->code >> 5 != 7 && frame->code != TALC_CODE_EMPTY) {
        put_format_option(&options, TALC_OPTION_CONTENT_FORMAT, frame->content_format);
    }
    if (frame->payload_size > 0) {
        talc_byte_writer_uint(bytes, 1, TALC_PAYLOAD_MARKER);
        talc_byte_writer_put(bytes, frame->payload, frame->payload_size);
    }
    return status;
}

static void put_header(talc_byte_writer *bytes, const talc_frame *frame, uint64_t body_size)
{
    talc_byte_writer_uint(bytes, 1, nibble_for(body_size) << 4 | frame->token_size);
    put_extension(bytes, body_size);
    talc_byte_writer_put(bytes, &frame->code, 1);
    talc_byte_writer_put(bytes, frame->token, frame->token_size);
}

talc_status talc_frame_write(const talc_frame *frame, uint8_t *bytes, size_t capacity,
                             size_t *size)
{
    talc_byte_writer measured = { NULL, 0, 0 };
    talc_byte_writer written = { bytes, capacity, 0 };
    *size = 0;
    talc_status status = check_frame(frame);
    if (status == TALC_OK) {
        status = put_body(&measured, frame);
    }
    if (status != TALC_OK) {
        return status;
    }
    if (measured.size > capacity || measured.size > BODY_SIZE_MAX) {
        return TALC_ERROR_TOO_LARGE;
    }
    put_header(&written, frame, measured.size);
    status = put_body(&written, frame);
    if (!talc_byte_writer_fits(&written)) {
        return TALC_ERROR_TOO_LARGE;
    }
    *size = written.size;
    return status;
}

/* ---------------------------------------------------------------- upper bound */

/* Options with an extended delta (2 bytes) and without an extended size. */
#define FORMAT_OPTION_SIZE_MAX (1 + 1 + 2)
#define CSM_OPTIONS_SIZE_MAX ((1 + 4) + (1 + 2) + (1 + 2 + TALC_SESSION_ID_SIZE))

/* Each segment takes 1 byte beside its value, 2 from 13 bytes on: never more than doubles. The
 * first one of a list may need an extended delta, and has no separator before it. */
static size_t list_size_max(const char *text)
{
    const char *end = memchr(text, '\0', TALC_PATH_SIZE_MAX + 1);
    return 2 * (end == NULL ? TALC_PATH_SIZE_MAX : (size_t)(end - text)) + 2;
}

size_t talc_frame_size_max(const talc_frame *frame)
{
    size_t size = TALC_FRAME_HEADER_SIZE_MAX + TALC_TOKEN_SIZE_MAX + list_size_max(frame->path) +
                  list_size_max(frame->query) + 2 * FORMAT_OPTION_SIZE_MAX + CSM_OPTIONS_SIZE_MAX +
                  1;
    return frame->payload_size > SIZE_MAX - size ? SIZE_MAX : size + frame->payload_size;
}
