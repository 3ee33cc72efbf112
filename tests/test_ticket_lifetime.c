/* SPDX-License-Identifier: MIT */
/* How long a ticket is good: counted from the last handshake with certificates, on both sides, and never
 * longer than those certificates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/credentials.h"
#include "tests/credential_folder.h"
#include "tests/who_asks.h"

#define YEAR_S (366 * 24 * 3600)

static pair_credentials credentials[PAIR_KINDS];

static void a_ticket_has_its_time(void **state)
{
    static const struct {
        const char *label;
        uint32_t server_s, client_s;
        uint32_t passes_s;
        int is_resumed;
    } cases[] = {
        { "in time", 1000, 1000, 900, 1 },
        { "too late for both", 1000, 1000, 1001, 0 },
        { "too late for the server", 1000, 604800, 1001, 0 },
        { "too late for the client", 604800, 1000, 1001, 0 },
        { "a week", 604800, 604800, 604700, 1 },
        { "the server gives none", 0, 1000, 1, 0 },
        { "the client wants none", 1000, 0, 1, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_pair pair;
        who_begin(&pair, &credentials[PAIR_CERTIFICATES]);
        pair.server_config.ticket_lifetime_s = cases[i].server_s;
        pair.client_config.ticket_lifetime_s = cases[i].client_s;
        talc_tickets *tickets = who_new_store(&pair);
        who_start(&pair);
        who_asks_anew(&pair, pair.client, 0);
        assert_int_equal(talc_tickets_size(tickets), cases[i].server_s > 0 && cases[i].client_s > 0);
        assert_int_equal(pair_close(&pair, pair.client, WHO_CLOSE_MS), TALC_OK);
        pair.path.now_ms += 1000u * (uint64_t)cases[i].passes_s;
        if (who_asks(&pair, pair.client) != TALC_OK ||
            who_at_server.session.is_resumed != cases[i].is_resumed ||
            who_at_client.session.is_resumed != cases[i].is_resumed) {
            fail_msg("%s: resumed %d", cases[i].label, who_at_server.session.is_resumed);
        }
        talc_tickets_free(tickets);
        pair_end(&pair);
    }
}

/* Nobody asks for it any more: filing another one clears it away. */
static void an_old_ticket_is_not_kept(void **state)
{
    static const uint32_t lifetimes_s[][2] = { { 1000, 604800 }, { 604800, 1000 } };
    (void)state;
    for (size_t i = 0; i < sizeof lifetimes_s / sizeof lifetimes_s[0]; i++) {
        test_pair pair;
        who_begin(&pair, &credentials[PAIR_CERTIFICATES]);
        pair.server_config.ticket_lifetime_s = lifetimes_s[i][0];
        pair.client_config.ticket_lifetime_s = lifetimes_s[i][1];
        talc_tickets *tickets = who_new_store(&pair);
        who_start(&pair);
        talc_client *other = pair_add_client(&pair, credentials[PAIR_CERTIFICATES].other_client);
        who_asks_anew(&pair, pair.client, 0);
        assert_int_equal(pair_close(&pair, pair.client, WHO_CLOSE_MS), TALC_OK);
        pair.path.now_ms += 1001000;
        who_asks_anew(&pair, other, 0);
        assert_int_equal(talc_tickets_size(tickets), 1);
        talc_tickets_free(tickets);
        pair_end(&pair);
    }
}

/* However often a session is resumed, certificates are shown again once the time is over. */
static void resuming_makes_it_no_longer(void **state)
{
    test_pair pair;
    (void)state;
    who_begin(&pair, &credentials[PAIR_CERTIFICATES]);
    pair.server_config.ticket_lifetime_s = 1000;
    who_start(&pair);
    for (unsigned passed_s = 0; passed_s < 3000; passed_s += 300) {
        who_asks_anew(&pair, pair.client, passed_s % 1200 != 0); /* 0, 300, 600, 900 s old */
        assert_int_equal(pair_close(&pair, pair.client, WHO_CLOSE_MS), TALC_OK);
        pair.path.now_ms += 300000;
    }
    pair_end(&pair);
}

/* The client pins the server, whose dates do not matter then: it still offers its ticket. */
static void an_expired_client_is_refused(void **state)
{
    test_pair pair;
    pair_credentials mixed = credentials[PAIR_CERTIFICATES];
    (void)state;
    mixed.client_trust = credentials[PAIR_PINS].client_trust;
    who_begin(&pair, &mixed);
    talc_tickets *tickets = who_new_store(&pair);
    who_start(&pair);
    who_asks_anew(&pair, pair.client, 0);
    who_asks_anew(&pair, pair.client, 1);
    assert_int_equal(pair_close(&pair, pair.client, WHO_CLOSE_MS), TALC_OK);
    who_ahead_s = 11 * YEAR_S;
    assert_int_equal(who_asks(&pair, pair.client), TALC_ERROR_REFUSED);
    assert_contains(pair.last_failure.text, "the client's certificate is not believed");
    assert_contains(pair.last_failure.text, "has expired");
    assert_int_equal(talc_tickets_size(tickets), 0); /* it was offered */
    talc_tickets_free(tickets);
    pair_end(&pair);
}

static void an_expired_server_is_not_believed(void **state)
{
    test_pair pair;
    pair_credentials mixed = credentials[PAIR_CERTIFICATES];
    (void)state;
    mixed.server_trust = credentials[PAIR_PINS].server_trust;
    who_begin(&pair, &mixed);
    who_start(&pair);
    who_asks_anew(&pair, pair.client, 0);
    who_asks_anew(&pair, pair.client, 1);
    assert_int_equal(pair_close(&pair, pair.client, WHO_CLOSE_MS), TALC_OK);
    who_ahead_s = 11 * YEAR_S;
    assert_int_equal(who_asks(&pair, pair.client), TALC_ERROR_VERIFY);
    assert_contains(talc_client_failure(pair.client)->text, "has expired");
    pair_end(&pair);
}

/* A list that has ended speaks against everybody in a full handshake, so in a resumed one, too. */
static void an_expired_revocation_list_is_noticed(void **state)
{
    test_pair pair;
    pair_credentials mixed = credentials[PAIR_CERTIFICATES];
    (void)state;
    assert_int_equal(talc_trust_new(&mixed.server_trust), TALC_OK);
    assert_int_equal(
        talc_trust_add_anchor_file(mixed.server_trust, credential_path("ca.pem"), NULL), TALC_OK);
    assert_int_equal(
        talc_trust_add_revocation_file(mixed.server_trust, credential_path("crl.pem"), NULL),
        TALC_OK);
    assert_int_equal(talc_trust_add_revocation_file(mixed.server_trust,
                                                    credential_path("other-crl.pem"), NULL),
                     TALC_OK);
    mixed.server_trust->revocations.next_update.year -= 5; /* of the certificates' ten years */
    who_begin(&pair, &mixed);
    who_start(&pair);
    who_asks_anew(&pair, pair.client, 0);
    who_ahead_s = 4 * YEAR_S;
    who_asks_anew(&pair, pair.client, 1);
    assert_int_equal(pair_close(&pair, pair.client, WHO_CLOSE_MS), TALC_OK);
    who_ahead_s = 6 * YEAR_S;
    assert_int_equal(who_asks(&pair, pair.client), TALC_ERROR_REFUSED);
    assert_contains(pair.last_failure.text, "the revocation list has expired");
    pair_end(&pair);
    talc_trust_free(mixed.server_trust);
}

static void pins_do_not_expire(void **state)
{
    test_pair pair;
    (void)state;
    who_begin(&pair, &credentials[PAIR_PINS]);
    who_start(&pair);
    who_asks_anew(&pair, pair.client, 0);
    who_ahead_s = 11 * YEAR_S;
    who_asks_anew(&pair, pair.client, 1);
    pair_end(&pair);
}

static int load(void **state)
{
    (void)state;
    for (int kind = 0; kind < PAIR_KINDS; kind++) {
        pair_credentials_load(&credentials[kind], (pair_kind)kind);
    }
    return 0;
}

static int unload(void **state)
{
    (void)state;
    for (int kind = 0; kind < PAIR_KINDS; kind++) {
        pair_credentials_free(&credentials[kind]);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_has_its_time),
        cmocka_unit_test(an_old_ticket_is_not_kept),
        cmocka_unit_test(resuming_makes_it_no_longer),
        cmocka_unit_test(an_expired_client_is_refused),
        cmocka_unit_test(an_expired_server_is_not_believed),
        cmocka_unit_test(an_expired_revocation_list_is_noticed),
        cmocka_unit_test(pins_do_not_expire),
    };
    return cmocka_run_group_tests_name("ticket_lifetime", tests, load, unload);
}
