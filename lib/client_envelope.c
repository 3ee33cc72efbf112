/* SPDX-License-Identifier: MIT */
#include "lib/client_state.h"

bool talc_client_carries_large_bodies(const talc_client *client)
{
    return client->path.limits.body_size > client->path.limits.message_size;
}

static talc_status compose(talc_client *client, const talc_exchange_plan *plan,
                           const talc_open_exchange *open, size_t *size)
{
    const talc_carrier_limits *limits = &client->path.limits;
    talc_composition how = {
        .request = open->request,
        .from_acknowledged = plan->action != TALC_ACTION_SEND,
        .limits = *limits,
        .body_limit = talc_client_carries_large_bodies(client) ? 0 : (uint32_t)limits->message_size,
        .hold_s = plan->hold_s,
        .now_ms = open->sent_ms,
    };
    return talc_session_compose(client->session, &how, client->body,
                                client->configuration.config.body_size_max, size);
}

static talc_status hand_over(talc_client *client, const talc_open_exchange *open, size_t body_size)
{
    talc_carrier_request request = {
        .exchange = open->number,
        .attempt = client->exchanges.attempt,
        .session_id = client->session->id,
        .body = (const uint8_t *)client->body,
        .body_size = body_size,
    };
    client->counters.exchanges++;
    client->counters.repeats += client->exchanges.attempt > 0;
    client->counters.body_bytes_out += body_size;
    return client->path.carrier->send(client->path.link, &request);
}

talc_status talc_client_submit(talc_client *client, const talc_exchange_plan *plan,
                               const talc_open_exchange *open)
{
    size_t body_size;
    talc_status status = compose(client, plan, open, &body_size);
    return status == TALC_OK ? hand_over(client, open, body_size) : status;
}

void talc_client_say_last_words(talc_client *client)
{
    uint32_t cancelled;
    talc_exchange_plan last = { TALC_ACTION_SEND, 0, 0 };
    if (!talc_session_has_unsent(client->session)) {
        return;
    }
    talc_open_exchange *open =
        talc_exchanges_start(&client->exchanges, &last, talc_configuration_now_ms(&client->configuration), 0, &cancelled);
    if (cancelled != 0) {
        client->path.carrier->cancel(client->path.link, cancelled);
    }
    (void)talc_client_submit(client, &last, open);
    open->is_open = false; /* nobody cancels it at the carrier, and nobody takes its answer */
}
