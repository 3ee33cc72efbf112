/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "lib/ecc_status.h"
#include "lib/engine_ecc.h"
#include "lib/failure.h"

static talc_status refuse(talc_failure *failure, talc_status status, const char *text)
{
    return talc_failure_set(failure, TALC_STAGE_CONFIGURE, status, "%s", text);
}

/* ---------------------------------------------------------------- what a side has to have */

static talc_status check_client(const talc_config *config, talc_failure *failure)
{
    const talc_identity *identity = config->identity;
    if (identity == NULL || identity->credential != TALC_CREDENTIAL_DEVICE ||
        identity->device_id[0] == 0) {
        return refuse(failure, TALC_ERROR_IDENTITY,
                      "a client in mode ecc needs a device's ID and its key as identity "
                      "(talc_identity_from_key_file())");
    }
    if (config->trust == NULL || config->trust->server_key_count == 0) {
        return refuse(failure, TALC_ERROR_TRUST,
                      "a client in mode ecc needs trust that holds the server's public key "
                      "(talc_trust_add_server_key_file())");
    }
    return TALC_OK;
}

static talc_status check_server(const talc_config *config, talc_failure *failure)
{
    if (config->identity == NULL) {
        return refuse(failure, TALC_ERROR_IDENTITY,
                      "a server for ecc needs a P-256 key as identity, bare or with a certificate");
    }
    if (config->registry == NULL) {
        return refuse(failure, TALC_ERROR_TRUST,
                      "a server for ecc needs a registry of the devices that it serves");
    }
    return TALC_OK;
}

/* ---------------------------------------------------------------- what a side keeps */

static talc_status load_identity(talc_ecc_context *context, const talc_identity *identity,
                                 talc_failure *failure)
{
    uint8_t secret[TALC_P256_SECRET_SIZE];
    uint8_t point[TALC_P256_POINT_SIZE];
    talc_status status = talc_identity_p256(identity, secret, point);
    if (status == TALC_OK) {
        status = talc_ecc_signer_import(secret, &context->signer);
    }
    talc_wipe(secret, sizeof secret);
    if (status == TALC_OK) {
        status = talc_p256_pin(point, context->own_pin);
    }
    if (status == TALC_ERROR_IDENTITY) {
        return refuse(failure, status, "ecc needs an identity whose key is on the curve P-256");
    }
    return status == TALC_OK ? TALC_OK
                             : refuse(failure, status, "the identity's key cannot be used");
}

static talc_status load_trust(talc_ecc_context *context, const talc_trust *trust,
                              talc_failure *failure)
{
    for (size_t i = 0; i < trust->server_key_count; i++) {
        talc_status status =
            talc_ecc_verifier_import(trust->server_keys[i], &context->server_keys[i]);
        if (status == TALC_OK) {
            status = talc_p256_pin(trust->server_keys[i], context->server_pins[i]);
        }
        if (status != TALC_OK) {
            return refuse(failure, status == TALC_ERROR_MALFORMED ? TALC_ERROR_TRUST : status,
                          "a server's key of the trust cannot be used");
        }
        context->server_key_count = i + 1;
    }
    return TALC_OK;
}

static psa_status_t make_nobody(uint8_t point[TALC_P256_POINT_SIZE])
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_key_id_t key = PSA_KEY_ID_NULL;
    size_t size = 0;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1));
    psa_set_key_bits(&attributes, 256);
    psa_status_t status = psa_generate_key(&attributes, &key);
    if (status == PSA_SUCCESS) {
        status = psa_export_public_key(key, point, TALC_P256_POINT_SIZE, &size);
    }
    psa_destroy_key(key);
    return status == PSA_SUCCESS && size != TALC_P256_POINT_SIZE ? PSA_ERROR_CORRUPTION_DETECTED
                                                                 : status;
}

static talc_status load_registry(talc_ecc_context *context, talc_registry *registry,
                                 talc_failure *failure)
{
    talc_status status = talc_ecc_status(make_nobody(context->nobody));
    if (status != TALC_OK) {
        return refuse(failure, status, "no key could be made");
    }
    context->registry = talc_registry_hold(registry);
    return TALC_OK;
}

static talc_status load(talc_ecc_context *context, const talc_config *config,
                        talc_failure *failure)
{
    bool is_client = context->role == TALC_ROLE_CLIENT;
    talc_status status =
        is_client ? check_client(config, failure) : check_server(config, failure);
    if (status == TALC_OK) {
        status = load_identity(context, config->identity, failure);
    }
    if (status != TALC_OK) {
        return status;
    }
    if (!is_client) {
        return load_registry(context, config->registry, failure);
    }
    memcpy(context->device_id, config->identity->device_id, sizeof context->device_id);
    return load_trust(context, config->trust, failure);
}

talc_status talc_ecc_context_new(void **made, talc_role role, const talc_config *config,
                                 talc_failure *failure)
{
    *made = NULL;
    talc_ecc_context *context = calloc(1, sizeof *context);
    if (context == NULL) {
        return refuse(failure, TALC_ERROR_MEMORY, "out of memory");
    }
    context->role = role;
    talc_status status = load(context, config, failure);
    if (status != TALC_OK) {
        talc_ecc_context_free(context);
        return status;
    }
    *made = context;
    return TALC_OK;
}

void talc_ecc_context_free(void *made)
{
    talc_ecc_context *context = made;
    if (context == NULL) {
        return;
    }
    psa_destroy_key(context->signer);
    for (size_t i = 0; i < TALC_SERVER_KEYS_MAX; i++) {
        psa_destroy_key(context->server_keys[i]);
    }
    talc_registry_free(context->registry);
    free(context);
}
