/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "lib/engine_ecc.h"

/* ---------------------------------------------------------------- M1 and M2 */

static talc_status write_m2(const talc_ecc_engine *engine,
                            const uint8_t server_key[TALC_ECC_PUBLIC_KEY_SIZE],
                            uint8_t bytes[TALC_ECC_M2_SIZE])
{
    talc_ecc_m2 m2;
    talc_ecc_statement statement;
    uint8_t signature[TALC_ECC_SIGNATURE_SIZE];
    uint8_t header[TALC_RECORD_HEADER_SIZE];
    talc_ecc_sealing what = { header, engine->out.count, signature, sizeof signature };
    memcpy(m2.server_key, server_key, sizeof m2.server_key);
    talc_ecc_header_build(TALC_RECORD_HANDSHAKE, TALC_ECC_M2_SIZE, header);
    talc_ecc_state_server(&statement, engine->th, engine->context->own_pin);
    talc_status status = talc_ecc_sign(engine->context->signer, &statement, signature);
    if (status == TALC_OK) {
        status = talc_ecc_seal(&engine->out.handshake, &what, m2.sealed_signature);
    }
    if (status == TALC_OK) {
        talc_ecc_m2_write(&m2, bytes);
    }
    return status;
}

static talc_status say_m2(talc_ecc_engine *engine,
                          const uint8_t server_key[TALC_ECC_PUBLIC_KEY_SIZE])
{
    uint8_t bytes[TALC_ECC_M2_SIZE];
    talc_status status = talc_ecc_derive_handshake(engine, server_key);
    if (status == TALC_OK) {
        status = write_m2(engine, server_key, bytes);
    }
    if (status == TALC_OK) {
        status = talc_ecc_th_next(engine->th, bytes, sizeof bytes, engine->th);
    }
    if (status != TALC_OK) {
        return talc_ecc_fail_here(engine, status);
    }
    engine->phase = TALC_ECC_AWAITS_M3;
    return talc_ecc_put_plain(engine, TALC_RECORD_HANDSHAKE, bytes, sizeof bytes);
}

talc_status talc_ecc_answer(talc_ecc_engine *engine, const talc_ecc_ephemeral *ephemeral)
{
    talc_ecc_m1 m1;
    engine->ephemeral = *ephemeral;
    if (talc_ecc_m1_read(&m1, talc_ecc_fragment(engine), talc_ecc_fragment_size(engine)) !=
        TALC_OK) {
        return TALC_ERROR_MALFORMED;
    }
    talc_ecc_m1_write(&m1, engine->m1);
    talc_status status = talc_ecc_agree_with(engine, m1.client_key);
    if (status == TALC_ERROR_MALFORMED) {
        talc_ecc_say_alert(engine, TALC_ECC_ILLEGAL_PARAMETER);
        return talc_ecc_doubt(engine, TALC_ERROR_PROTOCOL,
                              "the client's ephemeral key is a point of low order");
    }
    return status == TALC_OK ? say_m2(engine, ephemeral->public_key)
                             : talc_ecc_fail_here(engine, status);
}

static talc_status take_m1(talc_ecc_engine *engine)
{
    talc_ecc_ephemeral ephemeral;
    talc_status status = talc_ecc_ephemeral_generate(&ephemeral);
    return status == TALC_OK ? talc_ecc_answer(engine, &ephemeral)
                             : talc_ecc_fail_here(engine, status);
}

/* ---------------------------------------------------------------- M3 and M4 */

static talc_status refuse_device(talc_ecc_engine *engine, const talc_ecc_m3 *m3, const char *why)
{
    char text[256];
    if (talc_device_id_is_valid(m3->device_id, m3->device_id_size)) {
        snprintf(text, sizeof text, "device \"%.*s\" was refused: %s", (int)m3->device_id_size,
                 (const char *)m3->device_id, why);
    } else {
        snprintf(text, sizeof text, "a device with an ID that is none was refused: %s", why);
    }
    talc_ecc_say_alert(engine, TALC_ECC_ACCESS_DENIED);
    return talc_ecc_fail(engine, TALC_ERROR_VERIFY, text);
}

static talc_status check_signature(const talc_ecc_engine *engine, const talc_ecc_m3 *m3,
                                   const uint8_t point[TALC_P256_POINT_SIZE],
                                   const uint8_t th3[TALC_SHA256_SIZE])
{
    uint8_t device_pin[TALC_PIN_SIZE];
    psa_key_id_t verifier = PSA_KEY_ID_NULL;
    talc_ecc_statement statement;
    talc_ecc_claim claim = { th3, engine->context->own_pin, device_pin, m3->device_id,
                             m3->device_id_size };
    talc_status status = talc_p256_pin(point, device_pin);
    if (status == TALC_OK) {
        status = talc_ecc_verifier_import(point, &verifier);
    }
    if (status == TALC_OK) {
        talc_ecc_state_client(&statement, &claim);
        status = talc_ecc_verify(verifier, &statement, m3->signature);
    }
    psa_destroy_key(verifier);
    return status == TALC_ERROR_MALFORMED ? TALC_ERROR_VERIFY : status; /* a key that is none */
}

/* Every device takes one look-up and one verification, and every refusal one alert, the same one: the
 * path and the client cannot tell which IDs are enrolled. */
static talc_status judge(talc_ecc_engine *engine, const talc_ecc_m3 *m3,
                         const uint8_t th3[TALC_SHA256_SIZE])
{
    const talc_ecc_context *context = engine->context;
    talc_registry_entry entry;
    engine->generation = talc_registry_generation(context->registry);
    talc_registry_look_up(context->registry, m3->device_id, m3->device_id_size, &entry);
    bool is_known = entry.state != TALC_DEVICE_UNKNOWN;
    talc_status status =
        check_signature(engine, m3, is_known ? entry.key : context->nobody, th3);
    if (status != TALC_OK && status != TALC_ERROR_VERIFY) {
        return talc_ecc_fail_here(engine, status);
    }
    if (!is_known) {
        return refuse_device(engine, m3, "it is not in the registry");
    }
    if (status != TALC_OK) {
        return refuse_device(engine, m3, "its signature is not of the key that is enrolled");
    }
    if (entry.state != TALC_DEVICE_ENROLLED) {
        return refuse_device(engine, m3, "it is revoked");
    }
    memcpy(engine->device_key, entry.key, sizeof engine->device_key);
    engine->peer.engine = TALC_ENGINE_ECC;
    engine->peer.credential = TALC_CREDENTIAL_DEVICE;
    memcpy(engine->peer.name, m3->device_id, m3->device_id_size);
    return TALC_OK;
}

static talc_status say_m4(talc_ecc_engine *engine)
{
    uint8_t bytes[TALC_ECC_M4_SIZE];
    talc_ecc_traffic_free(&engine->in.handshake);
    talc_ecc_traffic_free(&engine->out.handshake);
    engine->phase = TALC_ECC_OPEN;
    talc_ecc_m4_write(bytes);
    return talc_ecc_put_sealed(engine, TALC_RECORD_HANDSHAKE, &engine->out.application, bytes,
                               sizeof bytes);
}

static talc_status take_m3(talc_ecc_engine *engine)
{
    talc_ecc_m3 m3;
    uint8_t bytes[TALC_ECC_M3_SIZE_MAX];
    uint8_t th3[TALC_SHA256_SIZE];
    size_t size = talc_ecc_fragment_size(engine) - TALC_ECC_TAG_SIZE;
    talc_status status = talc_ecc_unseal_record(engine, &engine->in.handshake, bytes);
    if (status != TALC_OK) {
        return status == TALC_ERROR_MALFORMED ? status : talc_ecc_fail_here(engine, status);
    }
    /* Before anybody is judged, so that a refusal can be tagged, and costs as much. */
    memcpy(th3, engine->th, sizeof th3);
    status = talc_ecc_derive_application(engine, bytes, size);
    if (status != TALC_OK) {
        return talc_ecc_fail_here(engine, status);
    }
    if (talc_ecc_m3_read(&m3, bytes, size) != TALC_OK) {
        talc_ecc_say_alert(engine, TALC_ECC_ACCESS_DENIED);
        return talc_ecc_fail(engine, TALC_ERROR_PROTOCOL,
                             "the client's M3 is no message, under the right keys");
    }
    status = judge(engine, &m3, th3);
    return status == TALC_OK ? say_m4(engine) : status;
}

talc_status talc_ecc_server_take(talc_ecc_engine *engine)
{
    return engine->phase == TALC_ECC_AWAITS_M1 ? take_m1(engine) : take_m3(engine);
}

/* ---------------------------------------------------------------- after the handshake */

talc_status talc_ecc_look_again(talc_ecc_engine *engine)
{
    const talc_ecc_context *context = engine->context;
    talc_registry_entry entry;
    char text[192];
    if (context->role != TALC_ROLE_SERVER || engine->phase != TALC_ECC_OPEN) {
        return TALC_OK;
    }
    uint64_t generation = talc_registry_generation(context->registry);
    if (generation == engine->generation) {
        return TALC_OK;
    }
    talc_registry_look_up(context->registry, engine->peer.name, strlen(engine->peer.name), &entry);
    bool is_same = talc_bytes_equal(entry.key, engine->device_key, sizeof entry.key);
    if (entry.state == TALC_DEVICE_ENROLLED && is_same) {
        engine->generation = generation;
        return TALC_OK;
    }
    snprintf(text, sizeof text, "device \"%s\" is not served any more: %s", engine->peer.name,
             entry.state == TALC_DEVICE_REVOKED    ? "it was revoked"
             : entry.state == TALC_DEVICE_ENROLLED ? "it was enrolled with another key"
                                                   : "it was taken out of the registry");
    talc_ecc_say_alert(engine, TALC_ECC_ACCESS_DENIED);
    return talc_ecc_fail(engine, TALC_ERROR_REFUSED, text);
}
