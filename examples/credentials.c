/* SPDX-License-Identifier: MIT */
#include "credentials.h"

#include <stdio.h>
#include <string.h>

static int pin_take(credentials *c, const char *value)
{
    if (c->pin_count == CREDENTIALS_PINS_MAX) {
        return -1;
    }
    c->pins[c->pin_count++] = value;
    return 0;
}

static int anchor_take(credentials *c, const char *value)
{
    if (c->anchor_count == CREDENTIALS_ANCHORS_MAX) {
        return -1;
    }
    c->anchor_paths[c->anchor_count++] = value;
    return 0;
}

static int mode_take(credentials *c, const char *value)
{
    static const char *const words[] = { "none", "tls", "dtls", "ecc" };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(value, words[i]) == 0) {
            c->mode = (talc_mode)i;
            return 0;
        }
    }
    return -1;
}

int credentials_take(credentials *c, int option, const char *value)
{
    switch (option) {
    case 'c': c->certificate_path = value; return 0;
    case 'k': c->key_path = value; return 0;
    case 'a': return anchor_take(c, value);
    case 's': c->psk_path = value; return 0;
    case '2': c->tls_version = TALC_TLS_1_2; return 0;
    case 'i': return pin_take(c, value);
    case 'm': return mode_take(c, value);
    case 'd': c->device_id = value; return 0;
    case 'K': c->server_key_path = value; return 0;
    case 'r': c->registry_path = value; return 0;
    default: return -1;
    }
}

static talc_status pins_add(const credentials *c, talc_config *config)
{
    for (size_t i = 0; i < c->pin_count; i++) {
        uint8_t pin[TALC_PIN_SIZE];
        talc_status status = talc_pin_parse(c->pins[i], pin);
        if (status != TALC_OK) {
            snprintf(config->failure->text, sizeof config->failure->text,
                     "--pin %.80s is not 64 hex digits", c->pins[i]);
            return status;
        }
        status = talc_trust_add_pin(config->trust, pin);
        if (status != TALC_OK) {
            return status;
        }
    }
    return TALC_OK;
}

/* A client with a pre-shared key needs no trust: the key proves the server too. */
static talc_status trust_load(const credentials *c, credentials_role role, talc_config *config)
{
    if (c->psk_path != NULL && role == CREDENTIALS_CLIENT) {
        return TALC_OK;
    }
    talc_status status = talc_trust_new(&config->trust);
    for (size_t i = 0; i < c->anchor_count && status == TALC_OK; i++) {
        status = talc_trust_add_anchor_file(config->trust, c->anchor_paths[i], config->failure);
    }
    if (status == TALC_OK && c->psk_path != NULL) {
        status = talc_trust_add_psk_file(config->trust, c->psk_path, config->failure);
    }
    if (status == TALC_OK && c->server_key_path != NULL) {
        status = talc_trust_add_server_key_file(config->trust, c->server_key_path,
                                                config->failure);
    }
    return status == TALC_OK ? pins_add(c, config) : status;
}

static talc_status identity_load(const credentials *c, credentials_role role, talc_config *config)
{
    if (c->psk_path != NULL && role == CREDENTIALS_CLIENT) {
        return talc_identity_from_psk_file(&config->identity, c->psk_path, config->failure);
    }
    if (c->certificate_path == NULL) {
        return c->key_path == NULL ? TALC_OK
                                   : talc_identity_from_key_file(&config->identity, c->device_id,
                                                                 c->key_path, config->failure);
    }
    /* A PEM file may hold both. */
    const char *key_path = c->key_path != NULL ? c->key_path : c->certificate_path;
    return talc_identity_from_files(&config->identity, c->certificate_path, key_path,
                                    config->failure);
}

talc_status credentials_load(const credentials *c, credentials_role role, talc_config *config)
{
    config->mode = c->mode;
    config->tls_version_min = c->tls_version;
    config->tls_version_max = c->tls_version;
    talc_status status = identity_load(c, role, config);
    if (status == TALC_OK) {
        status = trust_load(c, role, config);
    }
    if (status == TALC_OK && c->registry_path != NULL) {
        status = talc_registry_from_file(&config->registry, c->registry_path, config->failure);
    }
    if (status != TALC_OK && config->failure->text[0] == '\0') {
        snprintf(config->failure->text, sizeof config->failure->text, "%s",
                 talc_status_text(status));
    }
    return status;
}

void credentials_free(talc_config *config)
{
    talc_identity_free(config->identity);
    talc_trust_free(config->trust);
    talc_registry_free(config->registry);
    config->identity = NULL;
    config->trust = NULL;
    config->registry = NULL;
}
