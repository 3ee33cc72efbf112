/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "lib/client_state.h"
#include "lib/crypto.h"
#include "lib/failure.h"

#define RETRY_DEFAULT_MS 1000u
#define RETRY_MAX_MS 30000u
#define ANSWERS_BEFORE_LARGER 64u

static uint64_t now_ms(const talc_client *client)
{
    return talc_configuration_now_ms(&client->configuration);
}

/* ---------------------------------------------------------------- what the path's failures mean */

/* One step down: first no bodies that need block-wise transfer, then smaller ones. */
static void use_smaller_bodies(talc_client *client)
{
    talc_carrier_limits *limits = &client->path.limits;
    if (!talc_client_carries_large_bodies(client)) {
        limits->message_size /= 2;
        if (limits->message_size < TALC_ENVELOPE_BODY_LIMIT_MIN) {
            limits->message_size = TALC_ENVELOPE_BODY_LIMIT_MIN;
        }
    }
    limits->body_size = limits->message_size;
    client->path.answered = 0;
    if (client->session != NULL) {
        client->session->message_size = limits->message_size;
    }
}

static const char *outcome_text(talc_outcome outcome)
{
    switch (outcome) {
    case TALC_OUTCOME_LOST:
        return "nobody answered";
    case TALC_OUTCOME_RESET:
        return "the next hop answered with a reset: it does not know the exchange";
    case TALC_OUTCOME_UNREACHABLE:
        return "the address cannot be reached, or nobody listens there";
    case TALC_OUTCOME_TOO_LARGE:
        return "a body was larger than the path carries";
    default:
        return "the answer held no envelope";
    }
}

static void note_path_failure(talc_client *client, const talc_carrier_answer *answer)
{
    char code[TALC_CODE_TEXT_SIZE];
    talc_failure *failure = &client->path.failure;
    talc_failure_clear(failure);
    talc_status status = answer->outcome == TALC_OUTCOME_ANSWER ||
                                 answer->outcome == TALC_OUTCOME_UNREACHABLE ||
                                 answer->outcome == TALC_OUTCOME_RESET
                             ? TALC_ERROR_UNREACHABLE
                             : TALC_ERROR_TIMEOUT;
    failure->coap_code = answer->code;
    if (answer->reason != NULL) {
        talc_failure_set(failure, TALC_STAGE_PATH, status, "%s", answer->reason);
    } else if (talc_code_is_success(answer->code)) {
        talc_failure_set(failure, TALC_STAGE_PATH, status,
                         "the path answered %s without proof that it comes from the server",
                         talc_code_text(answer->code, code));
    } else if (answer->code != 0) {
        talc_failure_set(failure, TALC_STAGE_PATH, status,
                         "the path answered %s without an envelope of this session: something "
                         "between here and the server, or a server without talc",
                         talc_code_text(answer->code, code));
    } else {
        talc_failure_set(failure, TALC_STAGE_PATH, status, "%s", outcome_text(answer->outcome));
    }
}

static bool asks_for_smaller_bodies(const talc_carrier_answer *answer)
{
    return answer->outcome == TALC_OUTCOME_TOO_LARGE || answer->code == TALC_CODE(4, 2) ||
           answer->code == TALC_CODE(4, 8) || answer->code == TALC_CODE(4, 13);
}

static uint32_t wait_of(const talc_carrier_answer *answer)
{
    if (answer->code != TALC_CODE(4, 29) && answer->code != TALC_CODE(5, 3)) {
        return 0;
    }
    uint32_t wait_ms = answer->retry_after_ms == 0 ? RETRY_DEFAULT_MS : answer->retry_after_ms;
    return wait_ms < RETRY_MAX_MS ? wait_ms : RETRY_MAX_MS;
}

/* The exchange brought nothing that counts; it speaks of the path, never of the session. */
static void take_path_failure(talc_client *client, const talc_carrier_answer *answer)
{
    if (talc_exchanges_is_current(&client->exchanges, answer->exchange)) {
        note_path_failure(client, answer);
    }
    if (asks_for_smaller_bodies(answer)) {
        use_smaller_bodies(client);
    }
    talc_exchanges_failed(&client->exchanges, answer->exchange, wait_of(answer), now_ms(client));
}

/* ---------------------------------------------------------------- answers */

typedef struct error_meaning {
    talc_envelope_error error;
    talc_status status;
    const char *text;
} error_meaning;

/* What a server seems to have said becomes the reason of a request that meets its deadline. */
static void note_error(talc_client *client, talc_envelope_error error)
{
    static const error_meaning meanings[] = {
        { TALC_ENVELOPE_ERROR_OVERLOADED, TALC_ERROR_OVERLOADED,
          "the server has no room for another session" },
        { TALC_ENVELOPE_ERROR_UNSUPPORTED, TALC_ERROR_UNSUPPORTED,
          "the server does not serve this kind of session" },
        { TALC_ENVELOPE_ERROR_UNKNOWN_SESSION, TALC_ERROR_UNREACHABLE,
          "the server does not know the session: it was restarted, or several servers share the "
          "address and each exchange meets another one" },
        { TALC_ENVELOPE_ERROR_MALFORMED, TALC_ERROR_UNREACHABLE,
          "the server cannot read what the path makes of our envelopes" },
    };
    talc_failure *failure = &client->path.failure;
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (meanings[i].error == error) {
            int coap_code = failure->coap_code;
            talc_failure_clear(failure);
            failure->coap_code = coap_code;
            talc_failure_set(failure, TALC_STAGE_PATH, meanings[i].status, "%s", meanings[i].text);
        }
    }
}

/* An `e` that no tag vouches for, or one that says that the server cannot go on: a hint. */
static void take_hint(talc_client *client, const talc_carrier_answer *answer,
                      talc_envelope_error error)
{
    take_path_failure(client, answer);
    note_error(client, error);
    if (error != TALC_ENVELOPE_ERROR_UNKNOWN_SESSION &&
        error != TALC_ENVELOPE_ERROR_UNSUPPORTED && error != TALC_ENVELOPE_ERROR_LOST_STATE) {
        return;
    }
    if (!talc_exchanges_hint(&client->exchanges, now_ms(client))) {
        return;
    }
    talc_client_lose_session(client, "the server does not know the session any more");
}

/* Anybody can make us think that the path is narrow; after a while that is tried again. */
static void try_larger_bodies(talc_client *client)
{
    talc_client_path *path = &client->path;
    if (path->limits.message_size < path->carried.message_size &&
        ++path->answered >= ANSWERS_BEFORE_LARGER) {
        path->limits.message_size = path->carried.message_size;
        path->limits.body_size = path->limits.message_size;
        client->session->message_size = path->limits.message_size;
        path->answered = 0;
    }
}

static void take_fields(talc_client *client, const talc_envelope *envelope,
                        const talc_intake *intake, bool is_newest)
{
    client->heard_ms = now_ms(client);
    try_larger_bodies(client);
    talc_exchanges_answered(&client->exchanges, envelope->request, intake->brought_news,
                            now_ms(client));
    if (is_newest && envelope->more && intake->brought_news) {
        talc_exchanges_ask_again(&client->exchanges);
    }
}

/* Before the session is open an answer that does not fit what we sent may come from a server to which the
 * path gave bytes that are not ours: it can never go on with us. If it persists, another session is
 * begun. */
static talc_envelope_error meaning_of_dropped(const talc_client *client,
                                              const talc_envelope *envelope, bool is_newest)
{
    bool is_lost = is_newest && !client->conversation.has_peer_csm &&
                   envelope->error == TALC_ENVELOPE_ERROR_NONE;
    return is_lost ? TALC_ENVELOPE_ERROR_LOST_STATE : envelope->error;
}

static void take_envelope(talc_client *client, const talc_carrier_answer *answer,
                          const talc_envelope *envelope)
{
    bool is_newest;
    talc_intake intake;
    bool was_open = talc_session_is_established(client->session);
    if (!talc_exchanges_is_open(&client->exchanges, envelope->request, &is_newest)) {
        take_path_failure(client, answer);
        note_error(client, envelope->error);
        return;
    }
    talc_session_take(client->session, envelope, now_ms(client), &intake);
    if (intake.result == TALC_INTAKE_DROPPED) {
        take_hint(client, answer, meaning_of_dropped(client, envelope, is_newest));
        return;
    }
    if (envelope->error == TALC_ENVELOPE_ERROR_LOST_STATE && is_newest && intake.is_vouched_for) {
        talc_client_lose_session(client, "the server lost the session's state");
        return;
    }
    if (intake.result == TALC_INTAKE_LOST_STATE && is_newest) {
        /* Requests may overtake each other, so this may be older than what was heard before. It is
         * true if the answers to further requests say the same. */
        take_hint(client, answer, TALC_ENVELOPE_ERROR_LOST_STATE);
        return;
    }
    if (envelope->error != TALC_ENVELOPE_ERROR_NONE && is_newest && !intake.is_vouched_for) {
        take_hint(client, answer, envelope->error);
        return;
    }
    take_fields(client, envelope, &intake, is_newest);
    if (!was_open && talc_session_is_established(client->session)) {
        client->counters.handshake_exchanges = client->counters.exchanges;
    }
    talc_client_read_session(client);
}

void talc_client_take_answer(void *context, const talc_carrier_answer *answer)
{
    talc_client *client = context;
    talc_envelope envelope;
    if (client->session == NULL ||
        talc_exchanges_find(&client->exchanges, answer->exchange) == NULL) {
        return;
    }
    client->counters.body_bytes_in += answer->body_size;
    if (answer->outcome != TALC_OUTCOME_ANSWER || answer->body_size == 0 ||
        talc_envelope_read((const char *)answer->body, answer->body_size,
                           client->configuration.config.body_size_max, &envelope) != TALC_OK) {
        take_path_failure(client, answer);
        return;
    }
    take_envelope(client, answer, &envelope);
    talc_envelope_clear(&envelope);
}

/* ---------------------------------------------------------------- envelopes out */

static talc_exchange_plan plan(const talc_client *client, uint64_t now)
{
    const talc_session *session = client->session;
    if (session == NULL) {
        return (talc_exchange_plan){ TALC_ACTION_WAIT, UINT64_MAX, 0 };
    }
    talc_exchange_needs needs = {
        .has_unsent = talc_session_has_unsent(session),
        .has_unacknowledged = session->out.acknowledged < session->out.carried,
        .expects = talc_client_expects(client),
        .may_hold = client->conversation.has_peer_csm && !client->is_closing,
    };
    return talc_exchanges_plan(&client->exchanges, &needs, now);
}

static void send_envelope(talc_client *client, const talc_exchange_plan *plan, uint64_t now)
{
    uint32_t cancelled;
    uint32_t jitter = 0;
    (void)talc_random_fill(&jitter, sizeof jitter);
    if (plan->action == TALC_ACTION_REPEAT && talc_client_carries_large_bodies(client)) {
        /* Perhaps a block-wise body was lost on the way, which not every path tells. */
        use_smaller_bodies(client);
    }
    talc_open_exchange *open =
        talc_exchanges_start(&client->exchanges, plan, now, jitter, &cancelled);
    if (cancelled != 0) {
        client->path.carrier->cancel(client->path.link, cancelled);
    }
    talc_status status = talc_client_submit(client, plan, open);
    if (status != TALC_OK) {
        talc_carrier_answer failed = { .exchange = open->number,
                                       .outcome = status == TALC_ERROR_TOO_LARGE
                                                      ? TALC_OUTCOME_TOO_LARGE
                                                      : TALC_OUTCOME_UNREACHABLE };
        take_path_failure(client, &failed);
    }
}

void talc_client_drive(talc_client *client)
{
    uint64_t now = now_ms(client);
    /* Two exchanges may be open, so this ends; the bound is against a carrier that fails at once. */
    for (int sent = 0; sent < 2 * TALC_EXCHANGES_OPEN_MAX; sent++) {
        talc_client_ensure_session(client);
        if (client->session == NULL) {
            return;
        }
        talc_conversation_flush(&client->conversation);
        talc_exchange_plan next = plan(client, now);
        if (next.action == TALC_ACTION_WAIT) {
            return;
        }
        send_envelope(client, &next, now);
    }
}

uint32_t talc_client_plan_timeout_ms(const talc_client *client, uint64_t now)
{
    bool waits = talc_client_requests_any(&client->requests, TALC_REQUEST_WAITS) ||
                 (client->session == NULL &&
                  talc_client_requests_any(&client->requests, TALC_REQUEST_HELD));
    talc_exchange_plan next = plan(client, now);
    if (waits && !client->is_closing) {
        next.action = TALC_ACTION_WAIT;
        next.at_ms = client->session == NULL ? client->next_session_ms : now;
    }
    if (next.action != TALC_ACTION_WAIT) {
        return 0;
    }
    if (next.at_ms == UINT64_MAX) {
        return UINT32_MAX;
    }
    uint64_t left = next.at_ms > now ? next.at_ms - now : 0;
    return left < UINT32_MAX ? (uint32_t)left : UINT32_MAX - 1;
}
