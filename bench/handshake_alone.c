/* SPDX-License-Identifier: MIT */
#include "bench/handshake_alone.h"

#include <string.h>

#include "lib/session.h"

#define EXCHANGES_MAX 40
#define BODY_CAPACITY 16384

typedef struct side {
    void *context; /* of the engine */
    talc_session *session;
} side;

typedef struct pair {
    side client;
    side server;
    talc_carrier_limits limits;
    uint64_t request;
} pair;

static talc_status side_open(side *opened, talc_role role, const talc_config *config,
                             talc_failure *failure)
{
    static const uint8_t id[TALC_SESSION_ID_SIZE] = { 1 };
    talc_status status = talc_engine_tls.context_new(&opened->context, role, config, failure);
    if (status != TALC_OK) {
        return status;
    }
    talc_session_setup setup = { .role = role,
                                 .id = id,
                                 .engine_class = &talc_engine_tls,
                                 .engine_context = opened->context,
                                 .server_name = config->server_name,
                                 .pipeline_size = config->pipeline_size_max,
                                 .message_size = config->message_body_size };
    return talc_session_new(&opened->session, &setup, failure);
}

static void side_close(side *closed)
{
    talc_session_free(closed->session);
    if (closed->context != NULL) {
        talc_engine_tls.context_free(closed->context);
    }
}

static talc_status pair_open(pair *opened, const handshake_case *measured, talc_failure *failure)
{
    talc_config server = credentials_server_config(measured->credentials, measured->version);
    talc_config client = credentials_client_config(measured->credentials, measured->version);
    opened->limits.message_size = client.message_body_size;
    opened->limits.body_size = measured->blockwise == TALC_BLOCKWISE_NEVER
                                   ? client.message_body_size
                                   : client.body_size_max;
    talc_status status = side_open(&opened->server, TALC_ROLE_SERVER, &server, failure);
    return status == TALC_OK ? side_open(&opened->client, TALC_ROLE_CLIENT, &client, failure)
                             : status;
}

/* One envelope from here to there; adds the size of its text to `*text_bytes`. */
static talc_status pass(pair *passing, talc_session *from, talc_session *to, uint64_t *text_bytes)
{
    static char text[BODY_CAPACITY];
    static talc_envelope envelope;
    bool is_path_narrow = passing->limits.body_size == passing->limits.message_size;
    talc_composition how = { .request = passing->request,
                             .limits = passing->limits,
                             .body_limit = from->role == TALC_ROLE_CLIENT && is_path_narrow
                                               ? (uint32_t)passing->limits.message_size
                                               : 0 };
    size_t size;
    talc_intake intake;
    talc_status status = talc_session_compose(from, &how, text, sizeof text, &size);
    if (status == TALC_OK) {
        status = talc_envelope_read(text, size, sizeof text, &envelope);
    }
    if (status == TALC_OK) {
        talc_session_take(to, &envelope, 0, &intake);
        talc_envelope_clear(&envelope);
        *text_bytes += size;
        status = to->status;
    }
    return status;
}

static bool is_over(const pair *looked_at)
{
    return talc_session_is_established(looked_at->client.session) &&
           talc_session_is_established(looked_at->server.session) &&
           !talc_session_has_unsent(looked_at->client.session) &&
           !talc_session_has_unsent(looked_at->server.session);
}

static talc_status pair_run(pair *run, handshake_alone *result, talc_failure *failure)
{
    talc_session *client = run->client.session;
    talc_session *server = run->server.session;
    while (!is_over(run)) {
        run->request++;
        talc_status status = pass(run, client, server, &result->envelope_bytes_up);
        if (status == TALC_OK) {
            status = pass(run, server, client, &result->envelope_bytes_down);
        }
        if (status != TALC_OK || ++result->exchanges > EXCHANGES_MAX) {
            *failure = client->status != TALC_OK ? client->failure : server->failure;
            return status != TALC_OK ? status : TALC_ERROR_TIMEOUT;
        }
        if (result->exchanges_client == 0 && talc_session_is_established(client)) {
            result->exchanges_client = result->exchanges;
        }
    }
    result->record_bytes_up = talc_send_stream_end(&client->out);
    result->record_bytes_down = talc_send_stream_end(&server->out);
    return TALC_OK;
}

talc_status handshake_alone_run(const handshake_case *measured, handshake_alone *result,
                                talc_failure *failure)
{
    pair run = { .request = 1u << 20 }; /* as long as most are: they start at random below 2^24 */
    memset(result, 0, sizeof *result);
    talc_status status = pair_open(&run, measured, failure);
    if (status == TALC_OK) {
        status = pair_run(&run, result, failure);
    }
    side_close(&run.client);
    side_close(&run.server);
    return status;
}
