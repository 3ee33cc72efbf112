/* SPDX-License-Identifier: MIT */
#include "lib/engine_ecc.h"

static talc_ecc_direction *direction_of(talc_ecc_engine *engine, talc_role sender)
{
    return engine->context->role == sender ? &engine->out : &engine->in;
}

talc_status talc_ecc_agree_with(talc_ecc_engine *engine,
                                const uint8_t peer[TALC_ECC_PUBLIC_KEY_SIZE])
{
    talc_status status = talc_ecc_agree(engine->ephemeral.key, peer, &engine->z);
    talc_ecc_ephemeral_free(&engine->ephemeral);
    return status;
}

talc_status talc_ecc_derive_handshake(talc_ecc_engine *engine,
                                      const uint8_t server_key[TALC_ECC_PUBLIC_KEY_SIZE])
{
    talc_ecc_wanted hs_c = { engine->th, "hs_c" };
    talc_ecc_wanted hs_s = { engine->th, "hs_s" };
    talc_status status = talc_ecc_th2(engine->m1, server_key, engine->th);
    if (status == TALC_OK) {
        status = talc_ecc_traffic_derive(&direction_of(engine, TALC_ROLE_CLIENT)->handshake,
                                         engine->z, &hs_c);
    }
    if (status == TALC_OK) {
        status = talc_ecc_traffic_derive(&direction_of(engine, TALC_ROLE_SERVER)->handshake,
                                         engine->z, &hs_s);
    }
    return status;
}

static talc_status derive_guard(talc_ecc_engine *engine, talc_role sender, const char *name)
{
    talc_ecc_wanted guard = { engine->th, name };
    return talc_ecc_derive(engine->z, &guard, engine->guard_keys.of[sender], TALC_HMAC_KEY_SIZE);
}

talc_status talc_ecc_derive_application(talc_ecc_engine *engine, const uint8_t *m3, size_t size)
{
    talc_ecc_wanted ap_c = { engine->th, "ap_c" };
    talc_ecc_wanted ap_s = { engine->th, "ap_s" };
    talc_status status = talc_ecc_th_next(engine->th, m3, size, engine->th);
    if (status == TALC_OK) {
        status = talc_ecc_traffic_derive(&direction_of(engine, TALC_ROLE_CLIENT)->application,
                                         engine->z, &ap_c);
    }
    if (status == TALC_OK) {
        status = talc_ecc_traffic_derive(&direction_of(engine, TALC_ROLE_SERVER)->application,
                                         engine->z, &ap_s);
    }
    if (status == TALC_OK) {
        status = derive_guard(engine, TALC_ROLE_CLIENT, "guard_c");
    }
    if (status == TALC_OK) {
        status = derive_guard(engine, TALC_ROLE_SERVER, "guard_s");
    }
    engine->has_guard_keys = status == TALC_OK;
    psa_destroy_key(engine->z);
    engine->z = PSA_KEY_ID_NULL;
    return status;
}
