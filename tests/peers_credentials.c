/* SPDX-License-Identifier: MIT */
#include "tests/credential_folder.h"
#include "tests/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const peers_credentials peers_certificates = {
    .name = "certificates",
    .server = { .certificate = "server",
                .anchors = "ca.pem",
                .credential = TALC_CREDENTIAL_CERTIFICATE,
                .name = "sensor.example" },
    .client = { .certificate = "client",
                .anchors = "ca.pem",
                .credential = TALC_CREDENTIAL_CERTIFICATE,
                .name = "client-1" },
};

const peers_credentials peers_psk = {
    .name = "PSK",
    .server = { .psks = "psk-server.txt", .credential = TALC_CREDENTIAL_PSK, .name = "client-1" },
    .client = { .psk = "psk-client.txt", .credential = TALC_CREDENTIAL_PSK, .name = "client-1" },
};

const peers_credentials peers_pin = {
    .name = "pins",
    .server = { .certificate = "server",
                .pin = "client.pin",
                .credential = TALC_CREDENTIAL_PIN,
                .name = "server.pin" },
    .client = { .certificate = "client",
                .pin = "server.pin",
                .credential = TALC_CREDENTIAL_PIN,
                .name = "client.pin" },
};

const peers_credentials peers_rsa_chain = {
    .name = "RSA-4096 chain",
    .server = { .certificate = "rsa-server",
                .anchors = "rsa-ca.pem",
                .credential = TALC_CREDENTIAL_CERTIFICATE,
                .name = "sensor.example" },
    .client = { .certificate = "rsa-client",
                .anchors = "rsa-ca.pem",
                .credential = TALC_CREDENTIAL_CERTIFICATE,
                .name = "client-rsa" },
};

const peers_credentials peers_nobody = {
    .name = "nobody",
    .server = { .credential = TALC_CREDENTIAL_NONE, .name = "" },
    .client = { .credential = TALC_CREDENTIAL_NONE, .name = "" },
};

const peers_credentials peers_device = {
    .name = "device",
    .server = { .key = "ecc-server.key",
                .registry = "registry.json",
                .credential = TALC_CREDENTIAL_PIN,
                .name = "ecc-server.key" },
    .client = { .key = "device.key",
                .device = "device-7",
                .server_key = "ecc-server.pub",
                .credential = TALC_CREDENTIAL_DEVICE,
                .name = "device-7" },
};

static void read_pin_text(const char *file, char text[2 * TALC_PIN_SIZE + 1])
{
    size_t size;
    uint8_t *bytes = credential_bytes(file, &size);
    assert_true(size >= 2 * TALC_PIN_SIZE);
    memcpy(text, bytes, 2 * TALC_PIN_SIZE);
    text[2 * TALC_PIN_SIZE] = 0;
    free(bytes);
}

static void read_pin(const char *file, uint8_t pin[TALC_PIN_SIZE])
{
    char text[2 * TALC_PIN_SIZE + 1];
    read_pin_text(file, text);
    assert_int_equal(talc_pin_parse(text, pin), TALC_OK);
}

static void must(talc_status status, const talc_failure *failure, const char *what)
{
    if (status != TALC_OK) {
        fail_msg("%s: %s", what, failure->text);
    }
}

/* The pin of a bare key. */
static void write_pin_text(const char *file, char text[2 * TALC_PIN_SIZE + 1])
{
    talc_identity *identity;
    talc_failure failure;
    uint8_t pin[TALC_PIN_SIZE];
    must(talc_identity_from_key_file(&identity, NULL, credential_path(file), &failure), &failure,
         file);
    assert_int_equal(talc_identity_pin(identity, pin), TALC_OK);
    talc_identity_free(identity);
    for (size_t i = 0; i < sizeof pin; i++) {
        snprintf(text + 2 * i, 3, "%02x", pin[i]);
    }
}

const char *peers_shown_name(const peers_side *side)
{
    static char text[2 * TALC_PIN_SIZE + 1];
    if (strstr(side->name, ".pin") != NULL) {
        read_pin_text(side->name, text);
        return text;
    }
    if (strstr(side->name, ".key") != NULL) {
        write_pin_text(side->name, text);
        return text;
    }
    return side->name;
}

static talc_identity *identity_of(const peers_side *side)
{
    char certificate[64], key[64];
    talc_failure failure;
    talc_identity *identity = NULL;
    if (side->psk != NULL) {
        must(talc_identity_from_psk_file(&identity, credential_path(side->psk), &failure), &failure,
             side->psk);
    } else if (side->key != NULL) {
        must(talc_identity_from_key_file(&identity, side->device, credential_path(side->key),
                                         &failure),
             &failure, side->key);
    } else if (side->certificate != NULL) {
        snprintf(certificate, sizeof certificate, "%s.pem", side->certificate);
        snprintf(key, sizeof key, "%s.key", side->certificate);
        must(talc_identity_from_files(&identity, credential_path(certificate), credential_path(key),
                                      &failure),
             &failure, side->certificate);
    }
    return identity;
}

static void believe_files(talc_trust *trust, const peers_side *side)
{
    talc_failure failure;
    if (side->anchors != NULL) {
        must(talc_trust_add_anchor_file(trust, credential_path(side->anchors), &failure), &failure,
             side->anchors);
    }
    if (side->more_anchors != NULL) {
        must(talc_trust_add_anchor_file(trust, credential_path(side->more_anchors), &failure),
             &failure, side->more_anchors);
    }
    if (side->revocations != NULL) {
        must(talc_trust_add_revocation_file(trust, credential_path(side->revocations), &failure),
             &failure, side->revocations);
    }
    if (side->psks != NULL) {
        must(talc_trust_add_psk_file(trust, credential_path(side->psks), &failure), &failure,
             side->psks);
    }
    if (side->server_key != NULL) {
        must(talc_trust_add_server_key_file(trust, credential_path(side->server_key), &failure),
             &failure, side->server_key);
    }
}

static talc_trust *trust_of(const peers_side *side)
{
    uint8_t pin[TALC_PIN_SIZE];
    talc_trust *trust = NULL;
    if (side->anchors == NULL && side->pin == NULL && side->psks == NULL &&
        side->server_key == NULL) {
        return NULL;
    }
    assert_int_equal(talc_trust_new(&trust), TALC_OK);
    believe_files(trust, side);
    if (side->pin != NULL) {
        read_pin(side->pin, pin);
        assert_int_equal(talc_trust_add_pin(trust, pin), TALC_OK);
    }
    if (side->revoked_pin != NULL) {
        read_pin(side->revoked_pin, pin);
        assert_int_equal(talc_trust_revoke_pin(trust, pin), TALC_OK);
    }
    return trust;
}

static talc_registry *registry_of(const peers_side *side)
{
    talc_failure failure;
    talc_registry *registry = NULL;
    if (side->registry != NULL) {
        must(talc_registry_from_file(&registry, credential_path(side->registry), &failure),
             &failure, side->registry);
    }
    return registry;
}

void peers_configure(talc_config *config, const peers_side *side)
{
    *config = (talc_config)TALC_CONFIG_DEFAULT;
    config->registry = registry_of(side);
    config->identity = identity_of(side);
    config->trust = trust_of(side);
    config->server_name = PEERS_SERVER_NAME;
}

void peers_configure_drop(talc_config *config)
{
    talc_identity_free(config->identity);
    talc_trust_free(config->trust);
    talc_registry_free(config->registry);
}
