/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "lib/engine_ecc.h"
#include "lib/failure.h"

/* ---------------------------------------------------------------- the end */

talc_status talc_ecc_doubt(talc_ecc_engine *engine, talc_status status, const char *text)
{
    talc_stage stage = engine->phase == TALC_ECC_OPEN ? TALC_STAGE_SESSION : TALC_STAGE_HANDSHAKE;
    if (engine->status == TALC_OK) {
        engine->status = status;
        talc_failure_set(&engine->failure, stage, status, "%s",
                         text == NULL ? talc_status_text(status) : text);
    }
    return engine->status;
}

talc_status talc_ecc_fail(talc_ecc_engine *engine, talc_status status, const char *text)
{
    engine->is_final = engine->is_final || engine->status == TALC_OK;
    return talc_ecc_doubt(engine, status, text);
}

/* ---------------------------------------------------------------- out */

void talc_ecc_header_build(talc_record_type type, size_t fragment_size,
                           uint8_t header[TALC_RECORD_HEADER_SIZE])
{
    talc_record_header fields = { (uint8_t)type, TALC_RECORD_VERSION_ECC,
                                  (uint16_t)fragment_size };
    talc_record_header_build(&fields, header);
}

static talc_status put(talc_ecc_engine *engine, const uint8_t *record, size_t size)
{
    talc_status status = engine->sink.put(engine->sink.context, record, size);
    if (status != TALC_OK) {
        return talc_ecc_fail(engine, status, NULL);
    }
    engine->out.count++;
    return TALC_OK;
}

talc_status talc_ecc_put_plain(talc_ecc_engine *engine, talc_record_type type,
                               const uint8_t *fragment, size_t size)
{
    uint8_t record[TALC_RECORD_HEADER_SIZE + TALC_ECC_M2_SIZE];
    if (size > TALC_ECC_M2_SIZE) {
        return talc_ecc_fail(engine, TALC_ERROR_ARGUMENT, NULL);
    }
    talc_ecc_header_build(type, size, record);
    memcpy(record + TALC_RECORD_HEADER_SIZE, fragment, size);
    return put(engine, record, TALC_RECORD_HEADER_SIZE + size);
}

talc_status talc_ecc_put_sealed(talc_ecc_engine *engine, talc_record_type type,
                                const talc_ecc_traffic *traffic, const uint8_t *plaintext,
                                size_t size)
{
    uint8_t record[TALC_RECORD_HEADER_SIZE + TALC_ECC_FRAGMENT_MAX];
    if (size > TALC_ECC_PLAINTEXT_MAX) {
        return talc_ecc_fail(engine, TALC_ERROR_ARGUMENT, NULL);
    }
    talc_ecc_header_build(type, size + TALC_ECC_TAG_SIZE, record);
    talc_ecc_sealing what = { record, engine->out.count, plaintext, size };
    talc_status status = talc_ecc_seal(traffic, &what, record + TALC_RECORD_HEADER_SIZE);
    if (status != TALC_OK) {
        return talc_ecc_fail(engine, status, NULL);
    }
    return put(engine, record, TALC_RECORD_HEADER_SIZE + size + TALC_ECC_TAG_SIZE);
}

/* ---------------------------------------------------------------- in */

/* What may come, by phase. Anything else is not looked into. So the path cannot make a side wait for the
 * rest of a record that is longer than any that is due. */
typedef struct due_record {
    talc_ecc_phase phase;
    talc_record_type type;
    size_t size_min; /* of the fragment */
    size_t size_max;
} due_record;

static const due_record due_records[] = {
    { TALC_ECC_AWAITS_M1, TALC_RECORD_HANDSHAKE, TALC_ECC_M1_SIZE, TALC_ECC_M1_SIZE },
    { TALC_ECC_AWAITS_M2, TALC_RECORD_HANDSHAKE, TALC_ECC_M2_SIZE, TALC_ECC_M2_SIZE },
    { TALC_ECC_AWAITS_M2, TALC_RECORD_ALERT, TALC_ECC_ALERT_SIZE, TALC_ECC_ALERT_SIZE },
    { TALC_ECC_AWAITS_M3, TALC_RECORD_HANDSHAKE, TALC_ECC_M3_SIZE_MIN + TALC_ECC_TAG_SIZE,
      TALC_ECC_M3_SIZE_MAX + TALC_ECC_TAG_SIZE },
    { TALC_ECC_AWAITS_M4, TALC_RECORD_HANDSHAKE, TALC_ECC_M4_SIZE + TALC_ECC_TAG_SIZE,
      TALC_ECC_M4_SIZE + TALC_ECC_TAG_SIZE },
    { TALC_ECC_AWAITS_M4, TALC_RECORD_ALERT, TALC_ECC_ALERT_SIZE + TALC_ECC_TAG_SIZE,
      TALC_ECC_ALERT_SIZE + TALC_ECC_TAG_SIZE },
    { TALC_ECC_OPEN, TALC_RECORD_ALERT, TALC_ECC_ALERT_SIZE + TALC_ECC_TAG_SIZE,
      TALC_ECC_ALERT_SIZE + TALC_ECC_TAG_SIZE },
    { TALC_ECC_OPEN, TALC_RECORD_APPLICATION_DATA, 1 + TALC_ECC_TAG_SIZE, TALC_ECC_FRAGMENT_MAX },
};

static bool is_due(talc_ecc_phase phase, const talc_record_header *header)
{
    for (size_t i = 0; i < sizeof due_records / sizeof due_records[0]; i++) {
        const due_record *due = &due_records[i];
        if (due->phase == phase && due->type == header->type &&
            header->length >= due->size_min && header->length <= due->size_max) {
            return header->version == TALC_RECORD_VERSION_ECC;
        }
    }
    return false;
}

/* Takes bytes until `wanted` ones of the record are there; returns how many were taken. */
static size_t take_up_to(talc_ecc_engine *engine, size_t wanted, const uint8_t *bytes, size_t size)
{
    size_t missing = engine->record_size < wanted ? wanted - engine->record_size : 0;
    size_t taken = size < missing ? size : missing;
    memcpy(engine->record + engine->record_size, bytes, taken);
    engine->record_size += taken;
    return taken;
}

talc_status talc_ecc_gather(talc_ecc_engine *engine, const uint8_t *bytes, size_t size,
                            size_t *used)
{
    talc_record_header header;
    *used = take_up_to(engine, TALC_RECORD_HEADER_SIZE, bytes, size);
    talc_status status = talc_record_header_parse(engine->record, engine->record_size, &header);
    if (status != TALC_OK) {
        return status;
    }
    if (!is_due(engine->phase, &header)) {
        return TALC_ERROR_MALFORMED;
    }
    size_t whole = TALC_RECORD_HEADER_SIZE + (size_t)header.length;
    *used += take_up_to(engine, whole, bytes + *used, size - *used);
    return engine->record_size == whole ? TALC_OK : TALC_WANT_INPUT;
}

talc_record_type talc_ecc_record_type(const talc_ecc_engine *engine)
{
    return (talc_record_type)engine->record[0];
}

const uint8_t *talc_ecc_fragment(const talc_ecc_engine *engine)
{
    return engine->record + TALC_RECORD_HEADER_SIZE;
}

size_t talc_ecc_fragment_size(const talc_ecc_engine *engine)
{
    return engine->record_size - TALC_RECORD_HEADER_SIZE;
}

talc_status talc_ecc_unseal_record(const talc_ecc_engine *engine, const talc_ecc_traffic *traffic,
                                   uint8_t *plaintext)
{
    talc_ecc_sealing what = { engine->record, engine->in.count, talc_ecc_fragment(engine),
                              talc_ecc_fragment_size(engine) };
    return talc_ecc_unseal(traffic, &what, plaintext);
}

talc_status talc_ecc_take_back(talc_ecc_engine *engine, size_t behind)
{
    engine->taken_back = engine->record_size + behind;
    engine->record_size = 0;
    engine->failed_count++;
    if (engine->failed_count >= TALC_ECC_FAILED_MAX) {
        talc_ecc_say_alert(engine, TALC_ECC_UNEXPECTED_MESSAGE);
        return talc_ecc_fail(engine, TALC_ERROR_PROTOCOL,
                             "too many records came that the other side did not write: these keys "
                             "are used up");
    }
    return TALC_OK;
}
