/* SPDX-License-Identifier: MIT */
/* Listeners of either kind: of carriers, whose bodies are envelopes, and direct ones. */
#include "lib/failure.h"
#include "lib/server_state.h"
#include "transport/table.h"

/* Room for a reassembly before anybody has shown a credential. */
#define ANONYMOUS_BODY_SIZE 4096u

static talc_status carrier_open(talc_listening *listening, const char *uri, talc_failure *failure)
{
    const talc_config *config = &listening->server->configuration.config;
    talc_listener_events events = { listening, talc_server_take_inbound, talc_server_knows };
    uint32_t anonymous = config->body_size_max < ANONYMOUS_BODY_SIZE ? config->body_size_max
                                                                     : ANONYMOUS_BODY_SIZE;
    talc_listener_target target = {
        .uri = uri,
        .path = config->resource_path,
        .message_size = config->message_body_size,
        .body_size = config->body_size_max,
        .anonymous_body_size = anonymous,
        .block_size = config->block_size,
        .https_certificate_path = config->https_certificate_path,
        .https_key_path = config->https_key_path,
    };
    listening->listener = config->listener != NULL ? config->listener : talc_listener_find(uri);
    if (listening->listener == NULL) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_UNSUPPORTED,
                                "no listener for %s: this build knows coap://, http://, "
                                "https:// and loopback://",
                                uri);
    }
    return listening->listener->open(&listening->link, &target, &events, failure);
}

static talc_status direct_open(talc_listening *listening, const char *uri, talc_failure *failure)
{
    const talc_config *config = &listening->server->configuration.config;
    talc_direct_server_events events = talc_listening_events(listening);
    listening->direct = talc_direct_server_find(config->mode, uri);
    if (listening->direct == NULL) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_UNSUPPORTED,
                                "mode %s cannot listen at %s: it speaks %s",
                                talc_mode_text(config->mode), uri,
                                config->mode == TALC_MODE_DTLS ? "coap:// and coaps://"
                                                               : "coap://");
    }
    return listening->direct->open(&listening->link, uri, config, &events, failure);
}

talc_status talc_listening_open(talc_listening *listening, const char *uri, talc_failure *failure)
{
    return talc_configuration_tunnels(&listening->server->configuration)
               ? carrier_open(listening, uri, failure)
               : direct_open(listening, uri, failure);
}

void talc_listening_close(talc_listening *listening)
{
    if (listening->direct != NULL) {
        talc_listening_orphan(listening);
        listening->direct->close(listening->link);
    } else {
        listening->listener->close(listening->link);
    }
}

talc_status talc_listening_process(talc_listening *listening)
{
    return listening->direct != NULL ? listening->direct->process(listening->link)
                                     : listening->listener->process(listening->link);
}

uint32_t talc_listening_timeout_ms(const talc_listening *listening)
{
    return listening->direct != NULL ? listening->direct->timeout_ms(listening->link)
                                     : listening->listener->timeout_ms(listening->link);
}

int talc_listening_descriptor(const talc_listening *listening)
{
    return listening->direct != NULL ? listening->direct->descriptor(listening->link)
                                     : listening->listener->descriptor(listening->link);
}

uint16_t talc_listening_port(const talc_listening *listening)
{
    return listening->direct != NULL ? listening->direct->port(listening->link)
                                     : listening->listener->port(listening->link);
}

void talc_listening_count(const talc_listening *listening, talc_server_info *info)
{
    size_t open = 0;
    size_t half_open = 0;
    if (listening->direct != NULL) {
        listening->direct->count(listening->link, &open, &half_open);
    }
    info->sessions += open + half_open;
    info->half_open += half_open;
}
