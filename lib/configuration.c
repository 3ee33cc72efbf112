/* SPDX-License-Identifier: MIT */
#include "lib/configuration.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/credentials.h"
#include "lib/failure.h"
#include "lib/framing.h"
#include "lib/registry.h"
#include "lib/ticket_store.h"
#include "records/envelope.h"

static talc_status refuse(talc_failure *failure, const char *field, const char *rule)
{
    return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                            "the configuration's %s is out of range: %s", field, rule);
}

static talc_status check_mode(const talc_config *config, talc_failure *failure)
{
    if ((unsigned)config->mode > TALC_MODE_ECC) {
        return refuse(failure, "mode", "one of enum talc_mode");
    }
    return TALC_OK;
}

static bool speaks_tls(const talc_config *config)
{
    return config->mode == TALC_MODE_TLS || config->mode == TALC_MODE_DTLS;
}

/* Whether they suffice is for the engine or the link to say. */
static talc_status check_credentials(const talc_config *config, talc_failure *failure)
{
    bool is_tls = speaks_tls(config);
    /* A server of both may have a bare key, if it serves pre-shared keys in TLS. */
    return is_tls && config->registry == NULL ? talc_identity_check_tls(config->identity, failure)
                                              : TALC_OK;
}

static bool is_version(talc_tls_version version)
{
    return version == TALC_TLS_1_2 || version == TALC_TLS_1_3;
}

static bool is_power_of_two(uint32_t number)
{
    return number != 0 && (number & (number - 1)) == 0;
}

static talc_status check_sizes(const talc_config *config, talc_failure *failure)
{
    if (config->message_body_size < TALC_ENVELOPE_BODY_LIMIT_MIN ||
        config->message_body_size > TALC_MESSAGE_BODY_MAX) {
        return refuse(failure, "message_body_size", "256 to 1023 bytes");
    }
    if (config->body_size_max < config->message_body_size || config->body_size_max > 65536) {
        return refuse(failure, "body_size_max", "message_body_size to 65536 bytes");
    }
    if (!is_power_of_two(config->block_size) || config->block_size < 16 ||
        config->block_size > 512) {
        return refuse(failure, "block_size", "16, 32, 64, 128, 256 or 512 bytes");
    }
    if (config->message_size_max < TALC_MESSAGE_SIZE_BASE ||
        config->message_size_max > 1024 * 1024) {
        return refuse(failure, "message_size_max", "1152 bytes to 1 MiB");
    }
    if (config->pipeline_size_max < 4096) {
        return refuse(failure, "pipeline_size_max", "4096 bytes or more");
    }
    return TALC_OK;
}

static talc_status check_limits(const talc_config *config, talc_failure *failure)
{
    if (config->hold_s > TALC_ENVELOPE_HOLD_MAX_S) {
        return refuse(failure, "hold_s", "0 to 25 s");
    }
    if (config->request_timeout_ms == 0) {
        return refuse(failure, "request_timeout_ms", "above 0");
    }
    if (config->sessions_max == 0 || config->half_open_max == 0) {
        return refuse(failure, "sessions_max or half_open_max", "above 0");
    }
    if (config->ticket_lifetime_s > TALC_TICKET_LIFETIME_MAX_S) {
        return refuse(failure, "ticket_lifetime_s", "0 to 604800 s");
    }
    if (config->half_open_timeout_ms == 0 || config->idle_timeout_ms == 0) {
        return refuse(failure, "half_open_timeout_ms or idle_timeout_ms", "above 0");
    }
    if (config->resource_path == NULL || config->resource_path[0] != '/' ||
        strlen(config->resource_path) > TALC_PATH_SIZE_MAX) {
        return refuse(failure, "resource_path", "begins with '/', to 256 bytes");
    }
    return TALC_OK;
}

static talc_status check(const talc_config *config, talc_failure *failure)
{
    talc_status status = check_mode(config, failure);
    if (status == TALC_OK) {
        status = check_credentials(config, failure);
    }
    if (status != TALC_OK) {
        return status;
    }
    if (!is_version(config->tls_version_min) || !is_version(config->tls_version_max) ||
        config->tls_version_min > config->tls_version_max) {
        return refuse(failure, "tls_version_min or tls_version_max",
                      "TALC_TLS_1_2 or TALC_TLS_1_3, the minimum not above the maximum");
    }
    status = check_sizes(config, failure);
    return status == TALC_OK ? check_limits(config, failure) : status;
}

/* Copies a string field in place; NULL stays NULL. */
static bool own(const char **field)
{
    if (*field == NULL) {
        return true;
    }
    *field = strdup(*field);
    return *field != NULL;
}

talc_status talc_configuration_copy(talc_configuration *configuration, const talc_config *config,
                                    talc_failure *failure)
{
    talc_config copy = TALC_CONFIG_DEFAULT;
    memset(configuration, 0, sizeof *configuration);
    if (config->config_size < offsetof(talc_config, identity) ||
        config->config_size > sizeof copy) {
        return refuse(failure, "config_size", "start from TALC_CONFIG_DEFAULT, and run with the "
                                              "library of the header or a newer one");
    }
    /* A program built with an older header knows fewer fields; the others keep their defaults. */
    memcpy(&copy, config, config->config_size);
    talc_status status = check(&copy, failure);
    if (status != TALC_OK) {
        return status;
    }
    bool owned = own(&copy.server_name);
    owned = own(&copy.resource_path) && owned;
    owned = own(&copy.journal_path) && owned;
    owned = own(&copy.https_anchors_path) && owned;
    owned = own(&copy.https_certificate_path) && owned;
    owned = own(&copy.https_key_path) && owned;
    owned = own(&copy.key_log_path) && owned;
    copy.identity = talc_identity_hold(copy.identity);
    copy.trust = talc_trust_hold(copy.trust);
    copy.registry = talc_registry_hold(copy.registry);
    copy.tickets = talc_tickets_hold(copy.tickets);
    copy.failure = NULL;
    configuration->config = copy;
    if (!owned) {
        talc_configuration_free(configuration);
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_MEMORY, "out of memory");
    }
    return TALC_OK;
}

void talc_configuration_free(talc_configuration *configuration)
{
    talc_config *config = &configuration->config;
    free((char *)config->server_name);
    free((char *)config->resource_path);
    free((char *)config->journal_path);
    free((char *)config->https_anchors_path);
    free((char *)config->https_certificate_path);
    free((char *)config->https_key_path);
    free((char *)config->key_log_path);
    talc_identity_free(config->identity);
    talc_trust_free(config->trust);
    talc_registry_free(config->registry);
    talc_tickets_free(config->tickets);
    memset(configuration, 0, sizeof *configuration);
}

uint64_t talc_configuration_now_ms(const talc_configuration *configuration)
{
    const talc_config *config = &configuration->config;
    struct timespec now;
    if (config->clock_ms != NULL) {
        return config->clock_ms(config->clock_context);
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

bool talc_configuration_tunnels(const talc_configuration *configuration)
{
    talc_mode mode = configuration->config.mode;
    return mode == TALC_MODE_TLS || mode == TALC_MODE_ECC;
}

const char *talc_mode_text(talc_mode mode)
{
    static const char *const names[] = { "none", "tls", "dtls", "ecc" };
    return (unsigned)mode <= TALC_MODE_ECC ? names[mode] : "unknown";
}

bool talc_configuration_verifies_name(const talc_configuration *configuration)
{
    const talc_config *config = &configuration->config;
    bool by_certificate =
        config->identity == NULL || config->identity->credential != TALC_CREDENTIAL_PSK;
    return by_certificate && speaks_tls(config);
}

talc_status talc_configuration_check_client(const talc_configuration *configuration,
                                            talc_failure *failure)
{
    const talc_config *config = &configuration->config;
    return speaks_tls(config) ? talc_identity_check_tls(config->identity, failure) : TALC_OK;
}

talc_failure *talc_configuration_failure(const talc_config *config, talc_failure *spare)
{
    bool known = config != NULL && config->config_size >= sizeof(talc_config);
    talc_failure *failure = known && config->failure != NULL ? config->failure : spare;
    talc_failure_clear(failure);
    return failure;
}

talc_status talc_uri_host(const char *uri, char host[TALC_HOST_SIZE_MAX])
{
    const char *begin = uri == NULL ? NULL : strstr(uri, "://");
    if (begin == NULL) {
        return TALC_ERROR_ARGUMENT;
    }
    begin += 3;
    if (memchr(begin, '@', strcspn(begin, "/?#")) != NULL) {
        return TALC_ERROR_ARGUMENT; /* a carrier might go where the name does not */
    }
    bool is_literal = *begin == '[';
    begin += is_literal;
    size_t size = strcspn(begin, is_literal ? "]%" : ":/?#");
    if (size == 0 || size >= TALC_HOST_SIZE_MAX) {
        return TALC_ERROR_ARGUMENT;
    }
    memcpy(host, begin, size);
    host[size] = 0;
    return TALC_OK;
}
