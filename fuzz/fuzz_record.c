/* SPDX-License-Identifier: MIT */

/* A stream has the same records, however it is cut: all at once or in pieces of 1..17 bytes. */
#include <stdlib.h>

#include "records/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Splits up to the next record, a piece at a time; says where the next begins. */
static talc_status split(talc_record_splitter *splitter, const uint8_t *data, size_t size,
                         size_t piece_size)
{
    talc_status status = TALC_WANT_INPUT;
    talc_record_header header;
    while (status == TALC_WANT_INPUT && splitter->stream_offset < size) {
        size_t left = size - (size_t)splitter->stream_offset;
        size_t used = 0;
        status = talc_record_splitter_next(splitter, data + splitter->stream_offset,
                                           left < piece_size ? left : piece_size, &used, &header);
    }
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    talc_record_splitter whole, pieces;
    talc_status statuses[2] = { TALC_OK, TALC_OK };
    talc_record_splitter_init(&whole, 0);
    talc_record_splitter_init(&pieces, 0);
    while (statuses[0] == TALC_OK) {
        statuses[0] = split(&whole, data, size, size);
        statuses[1] = split(&pieces, data, size, 1 + size % 17);
        if (statuses[0] != statuses[1] || whole.record_offset != pieces.record_offset) {
            abort();
        }
    }
    return 0;
}
