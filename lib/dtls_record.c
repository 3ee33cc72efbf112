/* SPDX-License-Identifier: MIT */
#include "lib/dtls_record.h"

#include "records/record.h"

#define HEADER_SIZE 13 /* type, version, epoch, sequence number of 6 bytes, length */
#define EPOCH_OFFSET 3
#define LENGTH_OFFSET 11
#define ALERT_SIZE 2
#define CLIENT_HELLO 1
#define FRAGMENT_OFFSET 6 /* of a handshake message, 3 bytes (RFC 6347 section 4.2.2) */
#define RANDOM_OFFSET 14  /* behind the message's header and the version */

/* One record; `fragment` has `size` bytes. */
typedef struct record {
    uint8_t type;
    bool is_clear; /* epoch 0 */
    const uint8_t *fragment;
    size_t size;
} record;

static size_t read_uint16(const uint8_t bytes[2])
{
    return (size_t)bytes[0] << 8 | bytes[1];
}

/* Reads the record at the beginning; how many bytes it takes, 0 if it is not all there. */
static size_t read_record(const uint8_t *bytes, size_t size, record *read)
{
    if (size < HEADER_SIZE) {
        return 0;
    }
    read->type = bytes[0];
    read->is_clear = read_uint16(bytes + EPOCH_OFFSET) == 0;
    read->size = read_uint16(bytes + LENGTH_OFFSET);
    read->fragment = bytes + HEADER_SIZE;
    return read->size <= size - HEADER_SIZE ? HEADER_SIZE + read->size : 0;
}

static const uint8_t *client_random(const record *hello)
{
    const uint8_t *offset = hello->fragment + FRAGMENT_OFFSET;
    if (hello->size < RANDOM_OFFSET + TALC_DTLS_RANDOM_SIZE || offset[0] != 0 || offset[1] != 0 ||
        offset[2] != 0) {
        return NULL;
    }
    return hello->fragment + RANDOM_OFFSET;
}

static void show(const record *seen, talc_dtls_shown *shown)
{
    if (seen->type == TALC_RECORD_ALERT && !seen->is_clear) {
        shown->sealed_alert = true;
    } else if (seen->type == TALC_RECORD_ALERT && seen->size == ALERT_SIZE) {
        shown->alert = seen->fragment[1];
    } else if (seen->type == TALC_RECORD_APPLICATION_DATA && !seen->is_clear) {
        shown->sealed_data = true;
    } else if (seen->type == TALC_RECORD_HANDSHAKE && seen->is_clear && seen->size > 0 &&
               seen->fragment[0] == CLIENT_HELLO) {
        shown->client_hello = true;
        shown->client_random = client_random(seen);
    }
}

void talc_dtls_shown_read(const uint8_t *bytes, size_t size, talc_dtls_shown *shown)
{
    record seen;
    size_t offset = 0;
    *shown = (talc_dtls_shown){ .alert = TALC_DTLS_NO_ALERT };
    for (size_t taken; (taken = read_record(bytes + offset, size - offset, &seen)) > 0;
         offset += taken) {
        show(&seen, shown);
    }
}
