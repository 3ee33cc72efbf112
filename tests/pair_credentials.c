/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/credential_folder.h"
#include "tests/pair.h"

static talc_identity *identity_of(const char *certificate, const char *key)
{
    talc_identity *identity;
    talc_failure failure;
    if (talc_identity_from_files(&identity, credential_path(certificate), credential_path(key),
                                 &failure) != TALC_OK) {
        fail_msg("%s", failure.text);
    }
    return identity;
}

static talc_identity *psk_of(const char *name)
{
    talc_identity *identity;
    assert_int_equal(talc_identity_from_psk_file(&identity, credential_path(name), NULL), TALC_OK);
    return identity;
}

static talc_trust *trust_in(const char *anchor)
{
    talc_trust *trust;
    assert_int_equal(talc_trust_new(&trust), TALC_OK);
    assert_int_equal(talc_trust_add_anchor_file(trust, credential_path(anchor), NULL), TALC_OK);
    return trust;
}

static talc_trust *trust_in_key_of(const talc_identity *identity)
{
    talc_trust *trust;
    uint8_t pin[TALC_PIN_SIZE];
    assert_int_equal(talc_trust_new(&trust), TALC_OK);
    assert_int_equal(talc_identity_pin(identity, pin), TALC_OK);
    assert_int_equal(talc_trust_add_pin(trust, pin), TALC_OK);
    return trust;
}

static void load_psk(pair_credentials *credentials)
{
    credentials->client = psk_of("psk-client.txt");
    credentials->other_client = psk_of("psk-client-2.txt");
    assert_int_equal(talc_trust_new(&credentials->server_trust), TALC_OK);
    assert_int_equal(
        talc_trust_add_psk_file(credentials->server_trust, credential_path("psk-server.txt"), NULL),
        TALC_OK);
}

static talc_identity *device_of(const char *device_id, const char *key)
{
    talc_identity *identity;
    talc_failure failure;
    if (talc_identity_from_key_file(&identity, device_id, credential_path(key), &failure) !=
        TALC_OK) {
        fail_msg("%s", failure.text);
    }
    return identity;
}

static void enrol(talc_registry *registry, const char *device_id, const char *key)
{
    size_t size;
    uint8_t *bytes = credential_bytes(key, &size);
    const talc_device device = { device_id, bytes, size };
    assert_int_equal(talc_registry_enrol(registry, &device, NULL), TALC_OK);
    free(bytes);
}

static void load_ecc(pair_credentials *credentials)
{
    credentials->server = device_of(NULL, "ecc-server.key");
    credentials->client = device_of(PAIR_DEVICE, "device.key");
    credentials->other_client = device_of(PAIR_OTHER_DEVICE, "device2.key");
    assert_int_equal(talc_trust_new(&credentials->client_trust), TALC_OK);
    assert_int_equal(talc_trust_add_server_key_file(credentials->client_trust,
                                                    credential_path("ecc-server.pub"), NULL),
                     TALC_OK);
    assert_int_equal(talc_registry_new(&credentials->registry), TALC_OK);
    enrol(credentials->registry, PAIR_DEVICE, "device.pub");
    enrol(credentials->registry, PAIR_OTHER_DEVICE, "device2.pub");
}

void pair_credentials_load(pair_credentials *credentials, pair_kind kind)
{
    memset(credentials, 0, sizeof *credentials);
    credentials->kind = kind;
    switch (kind) {
    case PAIR_PSK: load_psk(credentials); return;
    case PAIR_ECC: load_ecc(credentials); return;
    case PAIR_RSA_CHAIN:
        credentials->server = identity_of("rsa-server.pem", "rsa-server.key");
        credentials->client = identity_of("rsa-client.pem", "rsa-client.key");
        credentials->client_trust = trust_in("rsa-ca.pem");
        credentials->server_trust = trust_in("rsa-ca.pem");
        return;
    case PAIR_PINS:
        credentials->server = identity_of("server.pem", "server.key");
        credentials->client = identity_of("client.pem", "client.key");
        credentials->client_trust = trust_in_key_of(credentials->server);
        credentials->server_trust = trust_in_key_of(credentials->client);
        return;
    default:
        credentials->server = identity_of("server.pem", "server.key");
        credentials->client = identity_of("client.pem", "client.key");
        credentials->other_client = identity_of("client-san.pem", "client-san.key");
        credentials->client_trust = trust_in("ca.pem");
        credentials->server_trust = trust_in("ca.pem");
    }
}

void pair_credentials_free(pair_credentials *credentials)
{
    talc_identity_free(credentials->client);
    talc_identity_free(credentials->other_client);
    talc_identity_free(credentials->server);
    talc_trust_free(credentials->client_trust);
    talc_trust_free(credentials->server_trust);
    talc_registry_free(credentials->registry);
    memset(credentials, 0, sizeof *credentials);
}
