/* SPDX-License-Identifier: MIT */
#include "bench/credentials.h"

#include <stdio.h>
#include <string.h>

#define PATH_SIZE 1024

static const char *path_in(const char *folder, const char *name, const char *suffix,
                           char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%s/%s%s", folder, name, suffix);
    return path;
}

static talc_status load_identity(talc_identity **identity, const char *folder, const char *name,
                                 talc_failure *failure)
{
    char certificate[PATH_SIZE];
    char key[PATH_SIZE];
    return talc_identity_from_files(identity, path_in(folder, name, ".pem", certificate),
                                    path_in(folder, name, ".key", key), failure);
}

static talc_status load_anchor(talc_trust *trust, const char *folder, const char *name,
                               talc_failure *failure)
{
    char path[PATH_SIZE];
    return talc_trust_add_anchor_file(trust, path_in(folder, name, ".pem", path), failure);
}

static talc_status new_trusts(credentials *loaded)
{
    talc_status status = talc_trust_new(&loaded->server_trust);
    return status == TALC_OK ? talc_trust_new(&loaded->client_trust) : status;
}

static talc_status load_psk(credentials *loaded, const char *folder, talc_failure *failure)
{
    char path[PATH_SIZE];
    talc_status status = talc_trust_new(&loaded->server_trust);
    if (status == TALC_OK) {
        status = talc_identity_from_psk_file(&loaded->client_identity,
                                             path_in(folder, "psk-client", ".txt", path), failure);
    }
    if (status == TALC_OK) {
        status = talc_trust_add_psk_file(loaded->server_trust,
                                         path_in(folder, "psk-server", ".txt", path), failure);
    }
    return status;
}

/* `prefix` comes before all names of files. */
static talc_status load_identities(credentials *loaded, const char *folder, const char *prefix,
                                   talc_failure *failure)
{
    char name[64];
    snprintf(name, sizeof name, "%sserver", prefix);
    talc_status status = load_identity(&loaded->server_identity, folder, name, failure);
    if (status == TALC_OK) {
        snprintf(name, sizeof name, "%sclient", prefix);
        status = load_identity(&loaded->client_identity, folder, name, failure);
    }
    return status == TALC_OK ? new_trusts(loaded) : status;
}

static talc_status load_certificates(credentials *loaded, const char *folder, const char *prefix,
                                     talc_failure *failure)
{
    char anchor[64];
    snprintf(anchor, sizeof anchor, "%sca", prefix);
    talc_status status = load_identities(loaded, folder, prefix, failure);
    if (status == TALC_OK) {
        status = load_anchor(loaded->server_trust, folder, anchor, failure);
    }
    return status == TALC_OK ? load_anchor(loaded->client_trust, folder, anchor, failure) : status;
}

static talc_status add_pin_of(talc_trust *trust, const talc_identity *identity)
{
    uint8_t pin[TALC_PIN_SIZE];
    talc_status status = talc_identity_pin(identity, pin);
    return status == TALC_OK ? talc_trust_add_pin(trust, pin) : status;
}

static talc_status load_pinned(credentials *loaded, const char *folder, talc_failure *failure)
{
    talc_status status = load_identities(loaded, folder, "", failure);
    if (status == TALC_OK) {
        status = add_pin_of(loaded->server_trust, loaded->client_identity);
    }
    return status == TALC_OK ? add_pin_of(loaded->client_trust, loaded->server_identity) : status;
}

/* Of scripts/make-credentials.sh. */
#define DEVICE_ID "device-7"

static talc_status load_device(credentials *loaded, const char *folder, talc_failure *failure)
{
    char path[PATH_SIZE];
    talc_status status = talc_identity_from_key_file(
        &loaded->client_identity, DEVICE_ID, path_in(folder, "device", ".key", path), failure);
    if (status == TALC_OK) {
        status = talc_trust_new(&loaded->client_trust);
    }
    if (status == TALC_OK) {
        status = talc_trust_add_server_key_file(loaded->client_trust,
                                                path_in(folder, "server", ".pem", path), failure);
    }
    return status;
}

static talc_status load_all_clients(credentials *loaded, const char *folder, talc_failure *failure)
{
    char path[PATH_SIZE];
    talc_status status = load_certificates(loaded, folder, "", failure);
    if (status == TALC_OK) {
        status = talc_trust_add_psk_file(loaded->server_trust,
                                         path_in(folder, "psk-server", ".txt", path), failure);
    }
    if (status == TALC_OK) {
        status = talc_registry_from_file(&loaded->registry,
                                         path_in(folder, "registry", ".json", path), failure);
    }
    return status;
}

talc_status credentials_load(credentials *loaded, credential_kind kind, const char *folder,
                             talc_failure *failure)
{
    memset(loaded, 0, sizeof *loaded);
    switch (kind) {
    case CREDENTIAL_SMALL_CERTIFICATE: return load_certificates(loaded, folder, "", failure);
    case CREDENTIAL_PINNED_CERTIFICATE: return load_pinned(loaded, folder, failure);
    case CREDENTIAL_PSK: return load_psk(loaded, folder, failure);
    case CREDENTIAL_LARGE_CHAIN: return load_certificates(loaded, folder, "rsa-", failure);
    case CREDENTIAL_NOTHING: return TALC_OK;
    case CREDENTIAL_DEVICE: return load_device(loaded, folder, failure);
    case CREDENTIAL_ALL_CLIENTS: return load_all_clients(loaded, folder, failure);
    }
    return TALC_ERROR_ARGUMENT;
}

void credentials_clear(credentials *loaded)
{
    talc_identity_free(loaded->server_identity);
    talc_identity_free(loaded->client_identity);
    talc_trust_free(loaded->server_trust);
    talc_trust_free(loaded->client_trust);
    talc_registry_free(loaded->registry);
    memset(loaded, 0, sizeof *loaded);
}

static talc_config config_of(talc_identity *identity, talc_trust *trust, talc_tls_version version)
{
    talc_config config = TALC_CONFIG_DEFAULT;
    config.identity = identity;
    config.trust = trust;
    config.tls_version_min = version;
    config.tls_version_max = version;
    return config;
}

talc_config credentials_server_config(const credentials *loaded, talc_tls_version version)
{
    talc_config config = config_of(loaded->server_identity, loaded->server_trust, version);
    config.registry = loaded->registry;
    return config;
}

talc_config credentials_client_config(const credentials *loaded, talc_tls_version version)
{
    talc_config config = config_of(loaded->client_identity, loaded->client_trust, version);
    config.server_name = "sensor.example";
    return config;
}
