/* SPDX-License-Identifier: MIT */
/*
 * A refused handshake ends with one alert in the clear that names the reason, where the other side
 * may not have the keys for another one: never with two, and never as the answer to an alert.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "records/envelope.h"
#include "tests/pair.h"

#define TEXT_MAX 16384
#define PROTOCOL_VERSION 70 /* RFC 8446 section 6 */
#define UNKNOWN_CA 48
#define MISSING_EXTENSION 109
#define LIMIT_MS 60000u

/* What a side is given that the other one does not like. */
typedef enum mismatch {
    SERVER_WANTS_TLS13,
    SERVER_TRUSTS_OTHERS,
    CLIENT_TRUSTS_OTHERS,
    CLIENT_HAS_A_PSK
} mismatch;

/* Alerts in the clear that a direction carried, each once. */
typedef struct alerts {
    unsigned count[2];
    int description[2];
    uint64_t seen_to[2]; /* the stream, up to this offset */
} alerts;

typedef struct row {
    const char *label;
    mismatch mismatch;
    talc_tls_version version; /* of the client; the server's too, unless it wants another */
    int to_server;            /* description of the one alert in the clear, 0: none */
    int to_client;
} row;

static const row rows[] = {
    { "mbedTLS says it in the clear by itself", SERVER_WANTS_TLS13, TALC_TLS_1_2, 0,
      PROTOCOL_VERSION },
    { "mbedTLS says it under keys that the client has put away", SERVER_TRUSTS_OTHERS, TALC_TLS_1_3,
      0, UNKNOWN_CA },
    { "TLS 1.2 has no keys yet", SERVER_TRUSTS_OTHERS, TALC_TLS_1_2, 0, UNKNOWN_CA },
    { "nothing in common", CLIENT_HAS_A_PSK, TALC_TLS_1_3, 0, MISSING_EXTENSION },
    { "a client does not write under its keys yet", CLIENT_TRUSTS_OTHERS, TALC_TLS_1_3, UNKNOWN_CA,
      0 },
    { "a client of TLS 1.2 has none", CLIENT_TRUSTS_OTHERS, TALC_TLS_1_2, UNKNOWN_CA, 0 },
};

static pair_credentials usual;
static pair_credentials others;
static pair_credentials psk;

/* ---------------------------------------------------------------- looking */

static void look_at(alerts *seen, path_direction direction, const talc_envelope *envelope)
{
    uint64_t offset = envelope->offset;
    for (size_t i = 0; i < envelope->piece_count; i++) {
        const talc_piece *piece = &envelope->pieces[i];
        bool is_new = offset >= seen->seen_to[direction];
        offset += (piece->continues ? 0 : TALC_RECORD_HEADER_SIZE) + piece->fragment_size;
        if (is_new && piece->type == TALC_RECORD_ALERT && piece->length == 2) {
            seen->count[direction]++;
            seen->description[direction] = piece->fragment[1];
        }
    }
    if (offset > seen->seen_to[direction]) {
        seen->seen_to[direction] = offset;
    }
}

static bool look(void *context, test_path *path, path_parcel *parcel)
{
    talc_envelope envelope;
    (void)path;
    assert_int_equal(
        talc_envelope_read((const char *)parcel->body, parcel->body_size, TEXT_MAX, &envelope),
        TALC_OK);
    look_at(context, parcel->direction, &envelope);
    talc_envelope_clear(&envelope);
    return true;
}

/* ---------------------------------------------------------------- one refusal */

static void disagree(test_pair *pair, mismatch how)
{
    switch (how) {
    case SERVER_WANTS_TLS13:
        pair->server_config.tls_version_min = TALC_TLS_1_3;
        pair->server_config.tls_version_max = TALC_TLS_1_3;
        break;
    case SERVER_TRUSTS_OTHERS: pair->server_config.trust = others.server_trust; break;
    case CLIENT_TRUSTS_OTHERS: pair->client_config.trust = others.client_trust; break;
    default: pair->client_config.identity = psk.client; pair->client_config.trust = NULL;
    }
}

static void expect(const row *what, const alerts *seen, path_direction direction, int description)
{
    unsigned count = description == 0 ? 0 : 1;
    if (seen->count[direction] != count || seen->description[direction] != description) {
        fail_msg("%s: %u alerts in the clear to the %s, the last one is %d", what->label,
                 seen->count[direction], direction == PATH_TO_SERVER ? "server" : "client",
                 seen->description[direction]);
    }
}

static void refuse(const row *what)
{
    static test_pair pair;
    pair_outcome outcome;
    alerts seen = { .count = { 0 } };
    pair_options options = { .credentials = &usual, .version = what->version };
    pair_begin(&pair, &options);
    disagree(&pair, what->mismatch);
    pair_start(&pair);
    pair.path.watcher = look;
    pair.path.watcher_context = &seen;
    talc_request request = pair_request(TALC_GET, "hello", 1);
    pair_send(pair.client, &request, &outcome);
    assert_true(pair_run(&pair, &outcome, LIMIT_MS));
    pair_pass(&pair, LIMIT_MS); /* what an alert is answered by */
    assert_true(outcome.status == TALC_ERROR_REFUSED || outcome.status == TALC_ERROR_VERIFY);
    assert_int_equal(pair.events[TALC_EVENT_SESSION_REFUSED], 1);
    assert_int_equal(pair.runs, 0);
    expect(what, &seen, PATH_TO_SERVER, what->to_server);
    expect(what, &seen, PATH_TO_CLIENT, what->to_client);
    pair_end(&pair);
}

static void one_alert_in_the_clear(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        refuse(&rows[i]);
    }
}

static int load(void **state)
{
    (void)state;
    pair_credentials_load(&usual, PAIR_CERTIFICATES);
    pair_credentials_load(&others, PAIR_RSA_CHAIN);
    pair_credentials_load(&psk, PAIR_PSK);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    pair_credentials_free(&usual);
    pair_credentials_free(&others);
    pair_credentials_free(&psk);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_alert_in_the_clear),
    };
    return cmocka_run_group_tests_name("plain_alert", tests, load, unload);
}
