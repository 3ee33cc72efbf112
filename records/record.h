/* SPDX-License-Identifier: MIT */
#ifndef TALC_RECORDS_RECORD_H
#define TALC_RECORDS_RECORD_H

/**
 * The TLS record header (RFC 5246 section 6.2.1, RFC 8446 section 5.1) and the cutting of a byte
 * stream into records. Nothing here allocates; nothing here keeps a pointer.
 */

#include <stddef.h>
#include <stdint.h>

#include "talc/status.h"

#define TALC_RECORD_HEADER_SIZE 5

/** Largest fragment, 2^14 + 2048 (RFC 5246 section 6.2.3). RFC 8446 section 5.2 allows less; the
 *  engine that reads the record holds its peer to that. */
#define TALC_FRAGMENT_SIZE_MAX 18432

/** ContentType, RFC 8446 section 5.1. */
typedef enum talc_record_type {
    TALC_RECORD_CHANGE_CIPHER_SPEC = 20,
    TALC_RECORD_ALERT = 21,
    TALC_RECORD_HANDSHAKE = 22,
    TALC_RECORD_APPLICATION_DATA = 23
} talc_record_type;

#define TALC_RECORD_VERSION_TLS10 0x0301 /**< on a first client record, RFC 8446 section 5.1 */
#define TALC_RECORD_VERSION_TLS12 0x0303 /**< on all others, TLS 1.3 included */
#define TALC_RECORD_VERSION_ECC 0xEC01   /**< talc's own handshake */

typedef struct talc_record_header {
    uint8_t type;     /**< one of talc_record_type */
    uint16_t version; /**< one of TALC_RECORD_VERSION_ */
    uint16_t length;  /**< of the fragment, 1..TALC_FRAGMENT_SIZE_MAX bytes */
} talc_record_header;

/**
 * TALC_OK if the header is one that talc carries, TALC_ERROR_MALFORMED for another type or version,
 * a length above the limit, or 0: an encrypted record is never empty, RFC 8446 section 5.1 forbids
 * empty fragments of all types but application data, and an envelope cannot carry one.
 */
talc_status talc_record_header_check(const talc_record_header *header);

/**
 * Reads the first 5 of `size` bytes. TALC_OK; TALC_WANT_INPUT if there are fewer than 5;
 * TALC_ERROR_MALFORMED as above. `header` is written on TALC_OK only.
 */
talc_status talc_record_header_parse(const uint8_t *bytes, size_t size, talc_record_header *header);

/** Writes the 5 bytes; the caller vouches for the values. */
void talc_record_header_build(const talc_record_header *header,
                              uint8_t bytes[TALC_RECORD_HEADER_SIZE]);

/**
 * Follows a stream that arrives in pieces of any size and tells where each record lies. Holds
 * no more than one unfinished header.
 */
typedef struct talc_record_splitter {
    uint64_t record_offset;    /**< where the record that was reported last begins in the stream */
    uint64_t stream_offset;    /**< bytes of the stream seen so far */
    talc_record_header header; /* of the record under way, once its 5 bytes are there */
    uint8_t bytes[TALC_RECORD_HEADER_SIZE];
    uint8_t byte_count;     /* header bytes seen, 0..5 */
    uint16_t fragment_left; /* fragment bytes not seen yet */
    talc_status status;     /* TALC_OK, or the error that sticks */
} talc_record_splitter;

/** Begins at `stream_offset`, which must be where a record begins. */
void talc_record_splitter_init(talc_record_splitter *splitter, uint64_t stream_offset);

/**
 * Takes bytes up to the end of one record. `*used` says how many of `size` were taken.
 * TALC_OK: a record is complete; it begins at splitter->record_offset and has `*header`. Call again
 * with the rest. TALC_WANT_INPUT: all bytes are taken and the record under way is not complete.
 * TALC_ERROR_MALFORMED: a header that talc_record_header_parse refuses; sticks.
 * `bytes` may be NULL when size is 0.
 */
talc_status talc_record_splitter_next(talc_record_splitter *splitter, const uint8_t *bytes,
                                      size_t size, size_t *used, talc_record_header *header);

#endif
