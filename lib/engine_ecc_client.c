/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "lib/engine_ecc.h"
#include "lib/hex.h"
#include "lib/tls_alert.h"

/* ---------------------------------------------------------------- M1 */

talc_status talc_ecc_begin(talc_ecc_engine *engine, const talc_ecc_ephemeral *ephemeral)
{
    talc_ecc_m1 m1;
    engine->ephemeral = *ephemeral;
    memcpy(m1.client_key, ephemeral->public_key, sizeof m1.client_key);
    talc_ecc_m1_write(&m1, engine->m1);
    return talc_ecc_put_plain(engine, TALC_RECORD_HANDSHAKE, engine->m1, sizeof engine->m1);
}

/* ---------------------------------------------------------------- M2 and M3 */

/* Which of the servers that this side trusts has signed; all are tried, for M2 does not tell. */
static talc_status find_server(const talc_ecc_engine *engine,
                               const uint8_t signature[TALC_ECC_SIGNATURE_SIZE],
                               const uint8_t **server_pin)
{
    const talc_ecc_context *context = engine->context;
    talc_status status = TALC_ERROR_VERIFY;
    for (size_t i = 0; i < context->server_key_count && status == TALC_ERROR_VERIFY; i++) {
        talc_ecc_statement statement;
        *server_pin = context->server_pins[i];
        talc_ecc_state_server(&statement, engine->th, *server_pin);
        status = talc_ecc_verify(context->server_keys[i], &statement, signature);
    }
    return status;
}

/* M2 up to who signed it. TALC_ERROR_VERIFY: nobody that this side trusts. */
static talc_status read_m2(talc_ecc_engine *engine, const uint8_t **server_pin)
{
    talc_ecc_m2 m2;
    uint8_t signature[TALC_ECC_SIGNATURE_SIZE];
    talc_status status =
        talc_ecc_m2_read(&m2, talc_ecc_fragment(engine), talc_ecc_fragment_size(engine));
    if (status == TALC_OK) {
        status = talc_ecc_agree_with(engine, m2.server_key);
    }
    if (status == TALC_OK) {
        status = talc_ecc_derive_handshake(engine, m2.server_key);
    }
    if (status != TALC_OK) {
        return status;
    }
    talc_ecc_sealing what = { engine->record, engine->in.count, m2.sealed_signature,
                              sizeof m2.sealed_signature };
    status = talc_ecc_unseal(&engine->in.handshake, &what, signature);
    return status == TALC_OK ? find_server(engine, signature, server_pin) : status;
}

static talc_status write_m3(const talc_ecc_engine *engine, const uint8_t *server_pin,
                            uint8_t bytes[TALC_ECC_M3_SIZE_MAX], size_t *size)
{
    const talc_ecc_context *context = engine->context;
    talc_ecc_m3 m3;
    talc_ecc_statement statement;
    m3.device_id_size = strlen(context->device_id);
    memcpy(m3.device_id, context->device_id, m3.device_id_size);
    talc_ecc_claim claim = { engine->th, server_pin, context->own_pin, m3.device_id,
                             m3.device_id_size };
    talc_ecc_state_client(&statement, &claim);
    talc_status status = talc_ecc_sign(context->signer, &statement, m3.signature);
    *size = status == TALC_OK ? talc_ecc_m3_write(&m3, bytes) : 0;
    return status;
}

static void note_server(talc_ecc_engine *engine, const uint8_t *server_pin)
{
    engine->peer.engine = TALC_ENGINE_ECC;
    engine->peer.credential = TALC_CREDENTIAL_PIN;
    talc_hex_write(engine->peer.name, server_pin, TALC_PIN_SIZE);
}

/* The server is known: this side proves itself, and can speak from then on. */
static talc_status say_m3(talc_ecc_engine *engine, const uint8_t *server_pin)
{
    uint8_t bytes[TALC_ECC_M3_SIZE_MAX];
    size_t size = 0;
    talc_status status = talc_ecc_th_next(engine->th, talc_ecc_fragment(engine),
                                          talc_ecc_fragment_size(engine), engine->th);
    if (status == TALC_OK) {
        status = write_m3(engine, server_pin, bytes, &size);
    }
    if (status == TALC_OK) {
        status = talc_ecc_put_sealed(engine, TALC_RECORD_HANDSHAKE, &engine->out.handshake, bytes,
                                     size);
    }
    if (status == TALC_OK) {
        status = talc_ecc_derive_application(engine, bytes, size);
    }
    if (status != TALC_OK) {
        return talc_ecc_fail_here(engine, status);
    }
    talc_ecc_traffic_free(&engine->out.handshake);
    note_server(engine, server_pin);
    engine->phase = TALC_ECC_AWAITS_M4;
    return TALC_OK;
}

/* Before M2 nobody has keys: whoever wrote this, it is a reason to begin again and no more. */
static talc_status take_plain_alert(talc_ecc_engine *engine)
{
    char text[192];
    int description = talc_ecc_fragment(engine)[1];
    engine->failure.alert = description;
    snprintf(text, sizeof text,
             "an alert came in the clear, which anybody can write: %s (%d): %s",
             talc_tls_alert_name(description), description, talc_tls_alert_meaning(description));
    return talc_ecc_doubt(engine, TALC_ERROR_REFUSED, text);
}

static talc_status take_m2(talc_ecc_engine *engine)
{
    const uint8_t *server_pin = NULL;
    talc_status status = read_m2(engine, &server_pin);
    switch (status) {
    case TALC_OK:
        return say_m3(engine, server_pin);
    case TALC_ERROR_MALFORMED:
        return status;
    case TALC_ERROR_VERIFY:
        return talc_ecc_doubt(engine, status,
                              "the server did not prove that it holds one of the keys that this "
                              "side trusts");
    default:
        return talc_ecc_fail_here(engine, status);
    }
}

/* ---------------------------------------------------------------- M4 */

/* Before M4 a server speaks under hs_s, when it refuses, or under ap_s, when it accepts. */
static talc_status take_refusal(talc_ecc_engine *engine)
{
    uint8_t alert[TALC_ECC_ALERT_SIZE];
    talc_status status = talc_ecc_unseal_record(engine, &engine->in.handshake, alert);
    if (status == TALC_OK) {
        return talc_ecc_take_alert(engine, alert);
    }
    return status == TALC_ERROR_MALFORMED ? status : talc_ecc_fail_here(engine, status);
}

static talc_status take_m4(talc_ecc_engine *engine)
{
    uint8_t bytes[TALC_ECC_M4_SIZE];
    talc_status status = talc_ecc_unseal_record(engine, &engine->in.application, bytes);
    if (status != TALC_OK) {
        return status == TALC_ERROR_MALFORMED ? status : talc_ecc_fail_here(engine, status);
    }
    if (talc_ecc_m4_read(bytes, sizeof bytes) != TALC_OK) {
        talc_ecc_say_alert(engine, TALC_ECC_DECODE_ERROR);
        return talc_ecc_fail(engine, TALC_ERROR_PROTOCOL,
                             "the server's M4 does not say that this side is accepted");
    }
    talc_ecc_traffic_free(&engine->in.handshake);
    engine->phase = TALC_ECC_OPEN;
    return TALC_OK;
}

talc_status talc_ecc_client_take(talc_ecc_engine *engine)
{
    bool is_alert = talc_ecc_record_type(engine) == TALC_RECORD_ALERT;
    if (engine->phase == TALC_ECC_AWAITS_M2) {
        return is_alert ? take_plain_alert(engine) : take_m2(engine);
    }
    return is_alert ? take_refusal(engine) : take_m4(engine);
}
