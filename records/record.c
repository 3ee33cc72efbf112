/* SPDX-License-Identifier: MIT */
#include "records/record.h"

#include <stdbool.h>
#include <string.h>

static bool version_is_known(uint16_t version)
{
    return version == TALC_RECORD_VERSION_TLS10 || version == TALC_RECORD_VERSION_TLS12 ||
           version == TALC_RECORD_VERSION_ECC;
}

talc_status talc_record_header_check(const talc_record_header *header)
{
    if (header->type < TALC_RECORD_CHANGE_CIPHER_SPEC ||
        header->type > TALC_RECORD_APPLICATION_DATA || !version_is_known(header->version) ||
        header->length == 0 || header->length > TALC_FRAGMENT_SIZE_MAX) {
        return TALC_ERROR_MALFORMED;
    }
    return TALC_OK;
}

static uint16_t read_uint16(const uint8_t bytes[2])
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

talc_status talc_record_header_parse(const uint8_t *bytes, size_t size, talc_record_header *header)
{
    if (size < TALC_RECORD_HEADER_SIZE) {
        return TALC_WANT_INPUT;
    }
    talc_record_header parsed = {
        .type = bytes[0],
        .version = read_uint16(bytes + 1),
        .length = read_uint16(bytes + 3),
    };
    talc_status status = talc_record_header_check(&parsed);
    if (status == TALC_OK) {
        *header = parsed;
    }
    return status;
}

void talc_record_header_build(const talc_record_header *header,
                              uint8_t bytes[TALC_RECORD_HEADER_SIZE])
{
    bytes[0] = header->type;
    bytes[1] = (uint8_t)(header->version >> 8);
    bytes[2] = (uint8_t)(header->version & 0xff);
    bytes[3] = (uint8_t)(header->length >> 8);
    bytes[4] = (uint8_t)(header->length & 0xff);
}

void talc_record_splitter_init(talc_record_splitter *splitter, uint64_t stream_offset)
{
    memset(splitter, 0, sizeof *splitter);
    splitter->record_offset = stream_offset;
    splitter->stream_offset = stream_offset;
}

/* Takes what the header still lacks; returns how many bytes that were. */
static size_t take_header(talc_record_splitter *splitter, const uint8_t *bytes, size_t size)
{
    size_t taken = 0;
    while (splitter->byte_count < TALC_RECORD_HEADER_SIZE && taken < size) {
        splitter->bytes[splitter->byte_count++] = bytes[taken++];
    }
    if (taken > 0 && splitter->byte_count == TALC_RECORD_HEADER_SIZE) {
        splitter->status =
            talc_record_header_parse(splitter->bytes, TALC_RECORD_HEADER_SIZE, &splitter->header);
        splitter->fragment_left = splitter->status == TALC_OK ? splitter->header.length : 0;
    }
    return taken;
}

/* Takes what the fragment still lacks; returns how many bytes that were. */
static size_t take_fragment(talc_record_splitter *splitter, size_t size)
{
    size_t taken = size < splitter->fragment_left ? size : splitter->fragment_left;
    splitter->fragment_left = (uint16_t)(splitter->fragment_left - taken);
    return taken;
}

talc_status talc_record_splitter_next(talc_record_splitter *splitter, const uint8_t *bytes,
                                      size_t size, size_t *used, talc_record_header *header)
{
    *used = 0;
    if (splitter->status != TALC_OK) {
        return splitter->status;
    }
    *used = take_header(splitter, bytes, size);
    if (splitter->status == TALC_OK) {
        *used += take_fragment(splitter, size - *used);
    }
    splitter->stream_offset += *used;
    if (splitter->status != TALC_OK) {
        return splitter->status;
    }
    if (splitter->byte_count < TALC_RECORD_HEADER_SIZE || splitter->fragment_left > 0) {
        return TALC_WANT_INPUT;
    }
    *header = splitter->header;
    splitter->record_offset =
        splitter->stream_offset - TALC_RECORD_HEADER_SIZE - splitter->header.length;
    splitter->byte_count = 0;
    return TALC_OK;
}
