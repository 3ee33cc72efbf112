/* SPDX-License-Identifier: MIT */
/* What each mode asks of a client's and a server's credentials, and how it says what is missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/credential_folder.h"

#include <talc/talc.h>

typedef enum side {
    CLIENT,
    SERVER
} side;

/* What it is given; NULL: nothing. */
typedef struct credentials_given {
    const char *certificate; /* with its key */
    const char *key;         /* bare */
    const char *device_id;
    const char *psk;
    const char *anchors;
    const char *psks;
    const char *server_key;
    const char *registry;
} credentials_given;

typedef struct configuration_row {
    const char *what;
    talc_mode mode;
    side side;
    credentials_given given;
    talc_status status;
    const char *text; /* that the failure holds */
} configuration_row;

#define CERTIFICATE .certificate = "client"
#define DEVICE .key = "device.key", .device_id = "device-7"

static const configuration_row rows[] = {
    { "none asks for nothing", TALC_MODE_NONE, CLIENT, { 0 }, TALC_OK, "" },
    { "none asks for nothing", TALC_MODE_NONE, SERVER, { 0 }, TALC_OK, "" },
    { "none does not mind credentials", TALC_MODE_NONE, CLIENT,
      { CERTIFICATE, .anchors = "ca.pem" }, TALC_OK, "" },
    { "tls by certificate", TALC_MODE_TLS, CLIENT, { CERTIFICATE, .anchors = "ca.pem" }, TALC_OK,
      "" },
    { "tls without trust", TALC_MODE_TLS, CLIENT, { CERTIFICATE }, TALC_ERROR_TRUST,
      "anchor or a pin" },
    { "tls with a bare key", TALC_MODE_TLS, CLIENT, { DEVICE, .anchors = "ca.pem" },
      TALC_ERROR_IDENTITY, "bare key" },
    { "tls with a bare key beside a registry", TALC_MODE_TLS, CLIENT,
      { DEVICE, .anchors = "ca.pem", .registry = "registry.json" }, TALC_ERROR_IDENTITY,
      "bare key" },
    { "tls and ecc", TALC_MODE_TLS, SERVER,
      { .certificate = "server", .anchors = "ca.pem", .registry = "registry.json" }, TALC_OK,
      "" },
    { "tls by pre-shared keys, and ecc by a bare key", TALC_MODE_TLS, SERVER,
      { .key = "ecc-server.key", .psks = "psk-server.txt", .registry = "registry.json" }, TALC_OK,
      "" },
    { "tls and ecc without a key", TALC_MODE_TLS, SERVER,
      { .psks = "psk-server.txt", .registry = "registry.json" }, TALC_ERROR_IDENTITY, "P-256" },
    { "tls and ecc with a key of RSA", TALC_MODE_TLS, SERVER,
      { .certificate = "rsa-server", .anchors = "rsa-ca.pem", .registry = "registry.json" },
      TALC_ERROR_IDENTITY, "P-256" },
    { "dtls by certificate", TALC_MODE_DTLS, CLIENT, { CERTIFICATE, .anchors = "ca.pem" }, TALC_OK,
      "" },
    { "dtls by a pre-shared key", TALC_MODE_DTLS, CLIENT, { .psk = "psk-client.txt" }, TALC_OK,
      "" },
    { "dtls without anything", TALC_MODE_DTLS, CLIENT, { 0 }, TALC_ERROR_TRUST, "anchor or a pin" },
    { "dtls with a bare key", TALC_MODE_DTLS, CLIENT, { DEVICE, .anchors = "ca.pem" },
      TALC_ERROR_IDENTITY, "bare key" },
    { "ecc", TALC_MODE_ECC, CLIENT, { DEVICE, .server_key = "ecc-server.pub" }, TALC_OK, "" },
    { "ecc with the certificate of the server", TALC_MODE_ECC, CLIENT,
      { DEVICE, .server_key = "server.pem" }, TALC_OK, "" },
    { "ecc without the server's key", TALC_MODE_ECC, CLIENT, { DEVICE }, TALC_ERROR_TRUST,
      "server" },
    { "ecc with anchors instead", TALC_MODE_ECC, CLIENT, { DEVICE, .anchors = "ca.pem" },
      TALC_ERROR_TRUST, "server" },
    { "ecc without an ID", TALC_MODE_ECC, CLIENT,
      { .key = "device.key", .server_key = "ecc-server.pub" }, TALC_ERROR_IDENTITY, "ID" },
    { "ecc by certificate", TALC_MODE_ECC, CLIENT, { CERTIFICATE, .server_key = "ecc-server.pub" },
      TALC_ERROR_IDENTITY, "" },
    { "ecc by a pre-shared key", TALC_MODE_ECC, CLIENT,
      { .psk = "psk-client.txt", .server_key = "ecc-server.pub" }, TALC_ERROR_IDENTITY, "" },
    { "ecc", TALC_MODE_ECC, SERVER, { .key = "ecc-server.key", .registry = "registry.json" },
      TALC_OK, "" },
    { "ecc by the key of a certificate", TALC_MODE_ECC, SERVER,
      { .certificate = "server", .registry = "registry.json" }, TALC_OK, "" },
    { "ecc without a registry", TALC_MODE_ECC, SERVER, { .key = "ecc-server.key" },
      TALC_ERROR_TRUST, "registry" },
    { "ecc without a key", TALC_MODE_ECC, SERVER, { .registry = "registry.json" },
      TALC_ERROR_IDENTITY, "" },
};

static void load_identity(talc_config *config, const credentials_given *given)
{
    if (given->certificate != NULL) {
        char certificate[64], key[64];
        snprintf(certificate, sizeof certificate, "%s.pem", given->certificate);
        snprintf(key, sizeof key, "%s.key", given->certificate);
        assert_int_equal(talc_identity_from_files(&config->identity, credential_path(certificate),
                                                  credential_path(key), config->failure),
                         TALC_OK);
    }
    if (given->key != NULL) {
        assert_int_equal(talc_identity_from_key_file(&config->identity, given->device_id,
                                                     credential_path(given->key),
                                                     config->failure),
                         TALC_OK);
    }
    if (given->psk != NULL) {
        assert_int_equal(talc_identity_from_psk_file(&config->identity,
                                                     credential_path(given->psk),
                                                     config->failure),
                         TALC_OK);
    }
}

typedef talc_status add_file(talc_trust *trust, const char *path, talc_failure *failure);

static void load_file(talc_config *config, add_file *add, const char *name)
{
    if (name != NULL) {
        assert_int_equal(add(config->trust, credential_path(name), config->failure), TALC_OK);
    }
}

static void load_trust(talc_config *config, const credentials_given *given)
{
    assert_int_equal(talc_trust_new(&config->trust), TALC_OK);
    load_file(config, talc_trust_add_anchor_file, given->anchors);
    load_file(config, talc_trust_add_psk_file, given->psks);
    load_file(config, talc_trust_add_server_key_file, given->server_key);
    if (given->registry != NULL) {
        assert_int_equal(talc_registry_from_file(&config->registry,
                                                 credential_path(given->registry),
                                                 config->failure),
                         TALC_OK);
    }
}

static talc_status start(const configuration_row *row, const talc_config *config)
{
    talc_client *client = NULL;
    talc_server *server = NULL;
    talc_status status =
        row->side == CLIENT ? talc_client_new(&client, config, "coap://127.0.0.1:9", NULL)
                            : talc_server_new(&server, config);
    if (status == TALC_OK && server != NULL) {
        status = talc_server_listen(server, "coap://127.0.0.1:0");
    }
    talc_client_free(client);
    talc_server_free(server);
    return status;
}

static void credentials_suffice_or_what_is_missing_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const configuration_row *row = &rows[i];
        talc_failure failure = { 0 };
        talc_config config = TALC_CONFIG_DEFAULT;
        config.mode = row->mode;
        config.failure = &failure;
        config.server_name = "sensor.example";
        load_identity(&config, &row->given);
        load_trust(&config, &row->given);
        talc_status status = start(row, &config);
        if (status != row->status || strstr(failure.text, row->text) == NULL) {
            fail_msg("%s (%s): %s \"%s\" instead of %s with \"%s\"", row->what,
                     row->side == CLIENT ? "client" : "server", talc_status_text(status),
                     failure.text, talc_status_text(row->status), row->text);
        }
        talc_identity_free(config.identity);
        talc_trust_free(config.trust);
        talc_registry_free(config.registry);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_suffice_or_what_is_missing_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
