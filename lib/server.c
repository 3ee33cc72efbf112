/* SPDX-License-Identifier: MIT */
#include "talc/server.h"

#include <stdlib.h>
#include <string.h>

#include "lib/failure.h"
#include "lib/record_log.h"
#include "lib/server_state.h"
#include "lib/waiting.h"

static talc_status add_engine(talc_server *server, talc_server_engine *engine,
                              const talc_engine_class *class, talc_failure *failure)
{
    engine->class = class;
    return class->context_new(&engine->context, TALC_ROLE_SERVER, &server->configuration.config,
                              failure);
}

static talc_status add_engines(talc_server *server, talc_failure *failure)
{
    const talc_config *config = &server->configuration.config;
    talc_status status = TALC_OK;
    if (config->mode == TALC_MODE_TLS) {
        status = add_engine(server, &server->tls, &talc_engine_tls, failure);
    }
    if (status == TALC_OK && (config->mode == TALC_MODE_ECC ||
                              (config->mode == TALC_MODE_TLS && config->registry != NULL))) {
        status = add_engine(server, &server->ecc, &talc_engine_ecc, failure);
    }
    return status;
}

static void drop_engine(talc_server_engine *engine)
{
    if (engine->context != NULL) {
        engine->class->context_free(engine->context);
    }
}

static talc_status set_up(talc_server *server, const talc_config *config, talc_failure *failure)
{
    talc_status status = talc_configuration_copy(&server->configuration, config, failure);
    if (status != TALC_OK) {
        return status;
    }
    config = &server->configuration.config;
    status = talc_crypto_start();
    if (status == TALC_OK) {
        status = talc_random_fill(server->table_secret, sizeof server->table_secret);
    }
    if (status != TALC_OK) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, status, "%s",
                                talc_status_text(status));
    }
    server->discovery = (talc_route_target){ talc_server_discover, server };
    status = add_engines(server, failure);
    if (status == TALC_OK) {
        status = talc_record_log_open(&server->journal, config->journal_path, failure);
    }
    if (status == TALC_OK) {
        server->body = malloc(config->body_size_max);
        status = server->body == NULL ? talc_failure_set(failure, TALC_STAGE_CONFIGURE,
                                                         TALC_ERROR_MEMORY, "out of memory")
                                      : TALC_OK;
    }
    return status;
}

talc_status talc_server_new(talc_server **made, const talc_config *config)
{
    talc_failure spare;
    talc_failure *failure = talc_configuration_failure(config, &spare);
    if (made == NULL || config == NULL) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "a server needs a place to be stored and a configuration");
    }
    *made = NULL;
    talc_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_MEMORY, "out of memory");
    }
    talc_status status = set_up(server, config, failure);
    server->configuration.config.failure = failure == &spare ? NULL : failure;
    if (status != TALC_OK) {
        talc_server_free(server);
        return status;
    }
    *made = server;
    return TALC_OK;
}

void talc_server_free(talc_server *server)
{
    if (server == NULL) {
        return;
    }
    while (server->served != NULL) {
        talc_served_free(server->served);
    }
    for (size_t i = 0; i < server->listening_count; i++) {
        talc_listening_close(&server->listenings[i]);
    }
    talc_routes_free(&server->routes);
    drop_engine(&server->tls);
    drop_engine(&server->ecc);
    (void)talc_journal_close(server->journal);
    talc_configuration_free(&server->configuration);
    free(server->body);
    talc_wipe(server, sizeof *server);
    free(server);
}

/* ---------------------------------------------------------------- listeners */

talc_status talc_server_listen(talc_server *server, const char *uri)
{
    talc_failure spare;
    if (server == NULL) {
        return TALC_ERROR_ARGUMENT;
    }
    talc_failure *failure = talc_configuration_failure(&server->configuration.config, &spare);
    if (uri == NULL) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "a listener needs a URI, such as coap://[::]");
    }
    if (server->listening_count == TALC_LISTENERS_MAX) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "a server has at most %d listeners", TALC_LISTENERS_MAX);
    }
    talc_listening *listening = &server->listenings[server->listening_count];
    memset(listening, 0, sizeof *listening);
    listening->server = server;
    talc_status status = talc_listening_open(listening, uri, failure);
    server->listening_count += status == TALC_OK;
    return status;
}

uint16_t talc_server_port(const talc_server *server, size_t listener)
{
    if (server == NULL || listener >= server->listening_count) {
        return 0;
    }
    return talc_listening_port(&server->listenings[listener]);
}

int talc_server_descriptor(const talc_server *server, size_t listener)
{
    if (server == NULL || listener >= server->listening_count) {
        return -1;
    }
    return talc_listening_descriptor(&server->listenings[listener]);
}

/* ---------------------------------------------------------------- resources */

talc_status talc_server_handle(talc_server *server, const char *path, unsigned methods,
                               talc_handler *handler, void *context)
{
    talc_failure spare;
    talc_route_target target = { handler, context };
    if (server == NULL) {
        return TALC_ERROR_ARGUMENT;
    }
    talc_failure *failure = talc_configuration_failure(&server->configuration.config, &spare);
    talc_status status = talc_routes_add(&server->routes, path, methods, &target);
    if (status != TALC_OK) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, status,
                                "the resource \"%.200s\" cannot be served: %s",
                                path == NULL ? "" : path,
                                status == TALC_ERROR_MEMORY
                                    ? "out of memory"
                                    : "it needs a handler, methods of enum talc_method that it does "
                                      "not have yet, and a path as in talc_request");
    }
    return TALC_OK;
}

/* ---------------------------------------------------------------- time */

talc_status talc_server_process(talc_server *server)
{
    talc_status status = TALC_OK;
    if (server == NULL || server->is_inside) {
        return TALC_ERROR_ARGUMENT;
    }
    server->is_inside = true;
    for (size_t i = 0; i < server->listening_count; i++) {
        talc_status one = talc_listening_process(&server->listenings[i]);
        status = status == TALC_OK ? one : status;
    }
    talc_server_expire(server, talc_server_now_ms(server));
    server->is_inside = false;
    return status;
}

uint32_t talc_server_timeout_ms(const talc_server *server)
{
    if (server == NULL) {
        return UINT32_MAX;
    }
    uint64_t now = talc_server_now_ms(server);
    uint64_t next_ms = talc_server_next_ms(server);
    uint64_t left = next_ms == UINT64_MAX ? UINT32_MAX : next_ms > now ? next_ms - now : 0;
    uint32_t timeout_ms = left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
    for (size_t i = 0; i < server->listening_count; i++) {
        uint32_t one = talc_listening_timeout_ms(&server->listenings[i]);
        timeout_ms = one < timeout_ms ? one : timeout_ms;
    }
    return timeout_ms;
}

talc_status talc_server_wait(talc_server *server, uint32_t timeout_ms)
{
    int descriptors[TALC_LISTENERS_MAX];
    if (server == NULL || server->is_inside) {
        return TALC_ERROR_ARGUMENT;
    }
    for (size_t i = 0; i < server->listening_count; i++) {
        descriptors[i] = talc_server_descriptor(server, i);
    }
    uint32_t own_ms = talc_server_timeout_ms(server);
    talc_wait_readable(descriptors, server->listening_count,
                       own_ms < timeout_ms ? own_ms : timeout_ms);
    return talc_server_process(server);
}

void talc_server_info_get(const talc_server *server, talc_server_info *info)
{
    memset(info, 0, sizeof *info);
    if (server == NULL) {
        return;
    }
    info->sessions = server->half_open_count + server->open_count;
    info->half_open = server->half_open_count;
    info->tombstones = server->tombstone_count + server->refused_count;
    for (size_t i = 0; i < server->listening_count; i++) {
        talc_listening_count(&server->listenings[i], info);
    }
}
