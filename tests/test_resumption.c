/* SPDX-License-Identifier: MIT */
/*
 * Sessions that a ticket stood in for certificates in: handlers and clients see the same peer as
 * before, and nobody is believed longer, or elsewhere, than in a full handshake.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/credential_folder.h"
#include "tests/who_asks.h"

static pair_credentials credentials[PAIR_KINDS];

/* ---------------------------------------------------------------- who is who */

static void everybody_stays_who_they_are(void **state)
{
    static const pair_kind kinds[] = { PAIR_CERTIFICATES, PAIR_PINS, PAIR_RSA_CHAIN };
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        test_pair pair;
        who_begin(&pair, &credentials[kinds[i]]);
        who_start(&pair);
        who_asks_anew(&pair, pair.client, 0);
        const who_sight client = who_at_client;
        const who_sight server = who_at_server;
        assert_true(server.peer.name[0] != 0 && client.peer.name[0] != 0);
        for (int again = 0; again < 3; again++) {
            who_asks_anew(&pair, pair.client, 1);
            assert_memory_equal(&who_at_client.peer, &client.peer, sizeof client.peer);
            assert_memory_equal(&who_at_server.peer, &server.peer, sizeof server.peer);
        }
        pair_end(&pair);
    }
}

static void nobody_stays_nobody(void **state)
{
    test_pair pair;
    (void)state;
    who_begin(&pair, &credentials[PAIR_CERTIFICATES]);
    pair.client_config.identity = NULL;
    pair.server_config.client_authentication = TALC_CLIENTS_ANONYMOUS;
    who_start(&pair);
    for (int again = 0; again < 3; again++) {
        who_asks_anew(&pair, pair.client, again > 0);
        assert_int_equal(who_at_server.peer.credential, TALC_CREDENTIAL_NONE);
        assert_string_equal(who_at_server.peer.name, "");
        assert_string_equal(who_at_client.peer.name, "sensor.example");
    }
    pair_end(&pair);
}

static void a_client_made_later_resumes_from_the_store(void **state)
{
    test_pair pair;
    (void)state;
    who_begin(&pair, &credentials[PAIR_CERTIFICATES]);
    talc_tickets *tickets = who_new_store(&pair);
    who_start(&pair);
    who_asks_anew(&pair, pair.client, 0);
    const who_sight server = who_at_server;
    assert_int_equal(talc_tickets_size(tickets), 1);

    talc_client *later = pair_add_client(&pair, NULL);
    who_asks_anew(&pair, later, 1);
    assert_memory_equal(&who_at_server.peer, &server.peer, sizeof server.peer);
    assert_int_equal(talc_tickets_size(tickets), 1); /* that one is gone, and another came */

    talc_tickets_clear(tickets);
    who_asks_anew(&pair, later, 0);
    talc_tickets_free(tickets);
    who_asks_anew(&pair, later, 1); /* the clients hold it */
    pair_end(&pair);
}

/* ---------------------------------------------------------------- what keeps clients apart */

static void be_somebody_else(talc_config *config)
{
    config->identity = credentials[PAIR_CERTIFICATES].other_client;
}

static void be_nobody(talc_config *config)
{
    config->identity = NULL;
}

static void speak_more_versions(talc_config *config)
{
    config->tls_version_min = TALC_TLS_1_2;
}

static void believe_the_pin(talc_config *config)
{
    config->trust = credentials[PAIR_PINS].client_trust;
}

static void look_elsewhere(talc_config *config)
{
    config->server_name = "SENSOR.example"; /* the same server, to a certificate */
}

static void another_client_does_not_use_it(void **state)
{
    static const struct {
        const char *label;
        void (*change)(talc_config *config);
        talc_credential credential;
        const char *name;
    } cases[] = {
        { "another identity", be_somebody_else, TALC_CREDENTIAL_CERTIFICATE, "client-2.example" },
        { "no identity", be_nobody, TALC_CREDENTIAL_NONE, "" },
        { "other versions", speak_more_versions, TALC_CREDENTIAL_CERTIFICATE, "client-1" },
        { "another trust", believe_the_pin, TALC_CREDENTIAL_CERTIFICATE, "client-1" },
        { "another name", look_elsewhere, TALC_CREDENTIAL_CERTIFICATE, "client-1" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_pair pair;
        who_begin(&pair, &credentials[PAIR_CERTIFICATES]);
        pair.server_config.client_authentication = TALC_CLIENTS_ANONYMOUS;
        talc_tickets *tickets = who_new_store(&pair);
        who_start(&pair);
        who_asks_anew(&pair, pair.client, 0);

        cases[i].change(&pair.client_config);
        talc_client *other = pair_add_client(&pair, NULL);
        who_asks_anew(&pair, other, 0);
        if (who_at_server.peer.credential != cases[i].credential ||
            strcmp(who_at_server.peer.name, cases[i].name) != 0) {
            fail_msg("%s: %s", cases[i].label, who_at_server.peer.name);
        }
        assert_int_equal(talc_tickets_size(tickets), 2);
        who_asks_anew(&pair, pair.client, 1);
        assert_string_equal(who_at_server.peer.name, "client-1");
        talc_tickets_free(tickets);
        pair_end(&pair);
    }
}

/* ---------------------------------------------------------------- servers that change */

static void another_server_asks_for_certificates(void **state)
{
    test_pair pair;
    (void)state;
    who_begin(&pair, &credentials[PAIR_CERTIFICATES]);
    who_start(&pair);
    who_asks_anew(&pair, pair.client, 0);
    assert_int_equal(pair_close(&pair, pair.client, WHO_CLOSE_MS), TALC_OK);
    who_restart_server(&pair);
    assert_int_equal(who_asks(&pair, pair.client), TALC_OK);
    assert_int_equal(who_at_server.session.is_resumed, 0);
    assert_int_equal(who_at_client.session.is_resumed, 0);
    assert_string_equal(who_at_server.peer.name, "client-1");
    assert_int_equal(who_at_client.session.exchanges, 2); /* the refused ticket costs none */
    who_asks_anew(&pair, pair.client, 1);
    pair_end(&pair);
}

static void an_impostor_is_found_out_behind_a_ticket(void **state)
{
    test_pair pair;
    pair_credentials impostor = credentials[PAIR_CERTIFICATES];
    talc_failure failure;
    (void)state;
    who_begin(&pair, &impostor);
    who_start(&pair);
    who_asks_anew(&pair, pair.client, 0);
    assert_int_equal(pair_close(&pair, pair.client, WHO_CLOSE_MS), TALC_OK);
    assert_int_equal(talc_identity_from_files(&impostor.server,
                                              credential_path("other-server.pem"),
                                              credential_path("other-server.key"), &failure),
                     TALC_OK);
    pair.server_config.identity = impostor.server;
    who_restart_server(&pair);
    assert_int_equal(who_asks(&pair, pair.client), TALC_ERROR_VERIFY);
    assert_contains(talc_client_failure(pair.client)->text, "no trust anchor vouches for");
    talc_identity_free(impostor.server);
    pair_end(&pair);
}

static void a_revoked_client_is_refused_with_its_ticket(void **state)
{
    test_pair pair;
    uint8_t pin[TALC_PIN_SIZE];
    talc_trust *without;
    (void)state;
    who_begin(&pair, &credentials[PAIR_CERTIFICATES]);
    who_start(&pair);
    who_asks_anew(&pair, pair.client, 0);
    assert_int_equal(pair_close(&pair, pair.client, WHO_CLOSE_MS), TALC_OK);

    assert_int_equal(talc_trust_new(&without), TALC_OK);
    assert_int_equal(talc_trust_add_anchor_file(without, credential_path("ca.pem"), NULL), TALC_OK);
    assert_int_equal(talc_identity_pin(pair.client_config.identity, pin), TALC_OK);
    assert_int_equal(talc_trust_revoke_pin(without, pin), TALC_OK);
    pair.server_config.trust = without;
    who_restart_server(&pair);
    assert_int_equal(who_asks(&pair, pair.client), TALC_ERROR_REFUSED);
    assert_contains(pair.last_failure.text, "is revoked");
    assert_int_equal(pair.events[TALC_EVENT_SESSION_OPENED], 1);
    talc_trust_free(without);
    pair_end(&pair);
}

/* ---------------------------------------------------------------- costs */

static void pre_shared_keys_have_no_tickets(void **state)
{
    test_pair pair;
    (void)state;
    who_begin(&pair, &credentials[PAIR_PSK]);
    talc_tickets *tickets = who_new_store(&pair);
    who_start(&pair);
    for (int again = 0; again < 3; again++) {
        who_asks_anew(&pair, pair.client, 0);
        assert_int_equal(who_at_server.peer.credential, TALC_CREDENTIAL_PSK);
        assert_int_equal(talc_tickets_size(tickets), 0);
    }
    talc_tickets_free(tickets);
    pair_end(&pair);
}

static size_t body_max[2];

static bool note_size(void *context, test_path *path, path_parcel *parcel)
{
    (void)context;
    (void)path;
    body_max[parcel->direction] = parcel->body_size > body_max[parcel->direction]
                                      ? parcel->body_size
                                      : body_max[parcel->direction];
    return true;
}

/* Even where certificates take many. */
static void a_resumed_session_takes_two_exchanges(void **state)
{
    static const pair_kind kinds[] = { PAIR_CERTIFICATES, PAIR_PINS, PAIR_RSA_CHAIN };
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        test_pair pair;
        who_begin(&pair, &credentials[kinds[i]]);
        who_start(&pair);
        who_asks_anew(&pair, pair.client, 0);
        assert_int_equal(pair_close(&pair, pair.client, WHO_CLOSE_MS), TALC_OK);
        memset(body_max, 0, sizeof body_max);
        pair.path.watcher = note_size;
        assert_int_equal(who_asks(&pair, pair.client), TALC_OK);
        assert_int_equal(who_at_client.session.is_resumed, 1);
        assert_int_equal(who_at_client.session.exchanges, 2);
        assert_in_range(body_max[PATH_TO_SERVER], 1, 1023 - 330); /* the longest name fits too */
        assert_in_range(body_max[PATH_TO_CLIENT], 1, 1023 - 330);
        pair_end(&pair);
    }
}

/* ---------------------------------------------------------------- a path that interferes */

/* Changes a character inside the first record of one answer. */
static bool damage_answer(void *context, test_path *path, path_parcel *parcel)
{
    unsigned *left = context;
    (void)path;
    if (parcel->direction == PATH_TO_CLIENT && *left > 0 && parcel->body_size > 100) {
        parcel->body[90] = parcel->body[90] == 'A' ? 'B' : 'A';
        (*left)--;
    }
    return true;
}

/* A ticket is gone once it was shown. What the path breaks then is begun again with certificates,
 * within the same request. */
static void a_forged_record_costs_the_ticket_only(void **state)
{
    test_pair pair;
    unsigned left = 1;
    (void)state;
    who_begin(&pair, &credentials[PAIR_CERTIFICATES]);
    talc_tickets *tickets = who_new_store(&pair);
    who_start(&pair);
    who_asks_anew(&pair, pair.client, 0);
    assert_int_equal(pair_close(&pair, pair.client, WHO_CLOSE_MS), TALC_OK);
    pair.path.watcher = damage_answer;
    pair.path.watcher_context = &left;
    assert_int_equal(who_asks(&pair, pair.client), TALC_OK);
    assert_int_equal(left, 0);
    assert_int_equal(who_at_client.session.is_resumed, 0);
    assert_int_equal(talc_tickets_size(tickets), 1);
    who_asks_anew(&pair, pair.client, 1);
    talc_tickets_free(tickets);
    pair_end(&pair);
}

/* ---------------------------------------------------------------- the program */

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
        cmocka_unit_test(everybody_stays_who_they_are),
        cmocka_unit_test(nobody_stays_nobody),
        cmocka_unit_test(a_client_made_later_resumes_from_the_store),
        cmocka_unit_test(another_client_does_not_use_it),
        cmocka_unit_test(another_server_asks_for_certificates),
        cmocka_unit_test(an_impostor_is_found_out_behind_a_ticket),
        cmocka_unit_test(a_revoked_client_is_refused_with_its_ticket),
        cmocka_unit_test(pre_shared_keys_have_no_tickets),
        cmocka_unit_test(a_resumed_session_takes_two_exchanges),
        cmocka_unit_test(a_forged_record_costs_the_ticket_only),
    };
    return cmocka_run_group_tests_name("resumption", tests, load, unload);
}
