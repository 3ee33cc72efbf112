/* SPDX-License-Identifier: MIT */
/* DTLS sessions with our verification on them: clients that show nothing, pre-shared keys, and what
 * becomes of a session after its handshake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/crypto.h"
#include "lib/dtls_peer.h"
#include "tests/credential_folder.h"
#include "tests/dtls_pair.h"
#include "tests/peers.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SENSOR "sensor.example"
#define CA .anchors = "ca.pem"

/* ---------------------------------------------------------------- nobody */

static void check_believed(const talc_peer *who, talc_credential credential, const char *name)
{
    assert_int_equal(who->engine, TALC_ENGINE_DTLS);
    assert_int_equal(who->credential, credential);
    assert_string_equal(who->name, name);
}

typedef struct row {
    const char *label;
    peers_side judge;
    const char *shown; /* a certificate's NAME, or NULL */
    talc_status status;
    talc_credential credential;
    const char *words; /* the peer's name, or a part of the reasons */
} row;

static void a_server_of_anyone_believes_nobody_as_nobody(void **state)
{
    (void)state;
    static const row rows[] = {
        { "none is shown", { CA }, NULL, TALC_OK, TALC_CREDENTIAL_NONE, "" },
        { "none is asked for", { 0 }, NULL, TALC_OK, TALC_CREDENTIAL_NONE, "" },
        { "a good one is shown", { CA }, "client", TALC_OK, TALC_CREDENTIAL_CERTIFICATE,
          "client-1" },
        { "a bad one is shown", { CA }, "other-client", TALC_ERROR_VERIFY, TALC_CREDENTIAL_NONE,
          "no trust anchor vouches" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const row *at = &rows[i];
        talc_peer who;
        talc_failure failure;
        print_message("%s\n", at->label);
        dtls_pair *pair = dtls_pair_of_anyone(&at->judge);
        dtls_pair_show(pair, at->shown, 0);
        dtls_pair_run(pair);
        assert_true(dtls_pair_is_up(pair)); /* a bad one is found out after the handshake */
        assert_int_equal(talc_dtls_peer_judge(pair->peer, &pair->ours.ssl, &who, &failure),
                         at->status);
        if (at->status == TALC_OK) {
            check_believed(&who, at->credential, at->words);
        } else {
            assert_int_equal(failure.status, TALC_ERROR_VERIFY);
            assert_contains(failure.text, at->words);
        }
        dtls_pair_free(pair);
    }
}

/* ---------------------------------------------------------------- pre-shared keys */

typedef struct psk_row {
    const char *label;
    const char *client; /* the file of its key */
    talc_status status;
    const char *words;
} psk_row;

static const psk_row psks[] = {
    { "a known one", "psk-client.txt", TALC_OK, "client-1" },
    { "another known one", "psk-client-2.txt", TALC_OK, "client-2" },
    { "a known name with another key", "psk-wrong.txt", TALC_ERROR_VERIFY,
      "the client named the pre-shared key \"client-1\" and does not hold it" },
    { "an unknown name", "psk-unknown.txt", TALC_ERROR_VERIFY,
      "the client named the pre-shared key \"client-3\", which is not known here" },
};

static void clients_are_known_by_their_keys(void **state)
{
    (void)state;
    static const peers_side judge = { .psks = "psk-server.txt" };
    for (size_t i = 0; i < COUNT(psks); i++) {
        const psk_row *at = &psks[i];
        talc_peer who;
        talc_failure failure = { 0 };
        print_message("%s\n", at->label);
        dtls_pair *pair = dtls_pair_new(TALC_ROLE_SERVER, &judge, NULL);
        dtls_pair_show_psk(pair, at->client);
        dtls_pair_run(pair);
        assert_int_equal(dtls_pair_is_up(pair), at->status == TALC_OK);
        if (at->status == TALC_OK) {
            assert_int_equal(talc_dtls_peer_judge(pair->peer, &pair->ours.ssl, &who, &failure),
                             TALC_OK);
            check_believed(&who, TALC_CREDENTIAL_PSK, at->words);
        } else {
            /* on the wire one looks like the other */
            assert_int_equal(dtls_pair_alert(pair), MBEDTLS_SSL_ALERT_MSG_BAD_RECORD_MAC);
            assert_int_equal(talc_dtls_peer_explain(pair->peer, &failure), at->status);
            assert_string_equal(failure.text, at->words);
        }
        dtls_pair_free(pair);
    }
}

/* The client's view of the same: its own key proves the server. */
static void servers_are_known_by_the_clients_key(void **state)
{
    (void)state;
    static const struct {
        const char *ours;
        const char *theirs;
        talc_status status;
        const char *words;
    } rows[] = {
        { "psk-client.txt", "psk-client.txt", TALC_OK, "client-1" },
        { "psk-client.txt", "psk-wrong.txt", TALC_ERROR_REFUSED,
          "the server sent the alert bad_record_mac (20): it does not know our pre-shared key" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        talc_peer who;
        talc_failure failure = { 0 };
        const peers_side judge = { .psk = rows[i].ours };
        dtls_pair *pair = dtls_pair_new(TALC_ROLE_CLIENT, &judge, NULL);
        dtls_pair_show_psk(pair, rows[i].theirs);
        dtls_pair_run(pair);
        if (rows[i].status == TALC_OK) {
            assert_int_equal(talc_dtls_peer_judge(pair->peer, &pair->ours.ssl, &who, &failure),
                             TALC_OK);
            check_believed(&who, TALC_CREDENTIAL_PSK, rows[i].words);
        } else {
            assert_int_equal(talc_dtls_peer_explain(pair->peer, &failure), rows[i].status);
            assert_int_equal(failure.alert, MBEDTLS_SSL_ALERT_MSG_BAD_RECORD_MAC);
            assert_contains(failure.text, rows[i].words);
        }
        dtls_pair_free(pair);
    }
}

/* ---------------------------------------------------------------- the session itself */

static void a_session_is_described(void **state)
{
    (void)state;
    static const peers_side judge = { CA };
    char protocol[16];
    char suite[64];
    dtls_pair *pair = dtls_pair_new(TALC_ROLE_CLIENT, &judge, SENSOR);
    dtls_pair_show(pair, "server", 0);
    dtls_pair_run(pair);
    talc_dtls_session_describe(&pair->ours.ssl, protocol, suite);
    assert_string_equal(protocol, "DTLSv1.2");
    assert_string_equal(suite, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256");
    assert_true(talc_dtls_peer_heard(pair->peer) >= 2);
    dtls_pair_free(pair);
}

/* RFC 6347 section 4.2.8: who has the address may begin again, as somebody else. */
static void another_client_on_the_same_address_is_not_the_same(void **state)
{
    (void)state;
    static const peers_side judge = { .psks = "psk-server.txt" };
    talc_peer who;
    talc_failure failure;
    dtls_pair *pair = dtls_pair_new(TALC_ROLE_SERVER, &judge, NULL);
    dtls_pair_show_psk(pair, "psk-client.txt");
    dtls_pair_run(pair);
    assert_int_equal(talc_dtls_peer_judge(pair->peer, &pair->ours.ssl, &who, &failure), TALC_OK);
    assert_string_equal(who.name, "client-1");
    assert_true(talc_dtls_peer_is_same(pair->peer, &pair->ours.ssl));
    assert_false(talc_dtls_policy_take_news(pair->policy));

    dtls_pair_show_psk(pair, "psk-client-2.txt");
    dtls_pair_begin_again(pair);
    assert_true(talc_dtls_policy_take_news(pair->policy));
    assert_false(talc_dtls_policy_take_news(pair->policy));
    assert_false(talc_dtls_peer_is_same(pair->peer, &pair->ours.ssl));
    dtls_pair_run(pair);
    assert_true(dtls_pair_is_up(pair));
    assert_false(talc_dtls_peer_is_same(pair->peer, &pair->ours.ssl));
    assert_int_equal(talc_dtls_peer_judge(pair->peer, &pair->ours.ssl, &who, &failure), TALC_OK);
    assert_string_equal(who.name, "client-2");
    assert_true(talc_dtls_peer_is_same(pair->peer, &pair->ours.ssl));
    dtls_pair_free(pair);
}

/* Paths double datagrams, and others keep them: the cookie in it is still good. */
static void the_hello_of_a_session_once_more_changes_nothing(void **state)
{
    (void)state;
    static const peers_side judge = { .psks = "psk-server.txt" };
    talc_peer who;
    talc_failure failure;
    uint8_t request[16];
    dtls_pair *pair = dtls_pair_new(TALC_ROLE_SERVER, &judge, NULL);
    dtls_pair_show_psk(pair, "psk-client.txt");
    dtls_pair_run(pair);
    assert_int_equal(talc_dtls_peer_judge(pair->peer, &pair->ours.ssl, &who, &failure), TALC_OK);

    dtls_pair_put(pair, pair->theirs.hello.bytes, pair->theirs.hello.size);
    assert_int_equal(mbedtls_ssl_read(&pair->ours.ssl, request, sizeof request),
                     MBEDTLS_ERR_SSL_WANT_READ);
    assert_true(talc_dtls_peer_is_same(pair->peer, &pair->ours.ssl));
    assert_false(talc_dtls_policy_take_news(pair->policy));
    assert_int_equal(mbedtls_ssl_write(&pair->theirs.ssl, (const uint8_t *)"request", 7), 7);
    assert_int_equal(mbedtls_ssl_read(&pair->ours.ssl, request, sizeof request), 7);
    dtls_pair_free(pair);
}

/* Naming a key is no proof that it is held: what counts is the suite that was agreed on. */
static void a_key_that_was_only_named_proves_nothing(void **state)
{
    (void)state;
    static const peers_side judge = { .psks = "psk-server.txt" };
    talc_peer who;
    talc_failure failure;
    dtls_pair *pair = dtls_pair_of_anyone(&judge);
    dtls_pair_show_psk(pair, "psk-client.txt");
    dtls_pair_run(pair);
    assert_int_equal(talc_dtls_peer_judge(pair->peer, &pair->ours.ssl, &who, &failure), TALC_OK);
    check_believed(&who, TALC_CREDENTIAL_PSK, "client-1");

    dtls_pair_show(pair, NULL, 0);
    dtls_pair_begin_again(pair);
    dtls_pair_run(pair);
    assert_true(dtls_pair_is_up(pair));
    assert_int_equal(talc_dtls_peer_judge(pair->peer, &pair->ours.ssl, &who, &failure), TALC_OK);
    check_believed(&who, TALC_CREDENTIAL_NONE, "");
    dtls_pair_free(pair);
}

/* An alert that is the other side's first word under its keys is a refusal; after data it is none.
 * */
static void an_alert_before_any_answer_is_a_refusal(void **state)
{
    (void)state;
    static const peers_side judge = { CA };
    for (int has_answered = 0; has_answered < 2; has_answered++) {
        talc_peer who;
        talc_failure failure = { 0 };
        dtls_pair *pair = dtls_pair_new(TALC_ROLE_CLIENT, &judge, SENSOR);
        dtls_pair_show(pair, "server", 0);
        dtls_pair_run(pair);
        assert_int_equal(talc_dtls_peer_judge(pair->peer, &pair->ours.ssl, &who, &failure),
                         TALC_OK);
        assert_int_equal(talc_dtls_peer_explain(pair->peer, &failure), TALC_OK);
        if (has_answered) {
            assert_int_equal(mbedtls_ssl_write(&pair->theirs.ssl, (const uint8_t *)"answer", 6), 6);
        }
        assert_int_equal(mbedtls_ssl_close_notify(&pair->theirs.ssl), 0);
        uint8_t answer[16];
        int code = 0;
        do {
            code = mbedtls_ssl_read(&pair->ours.ssl, answer, sizeof answer);
        } while (code > 0);
        assert_int_equal(code, MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY);
        assert_int_equal(talc_dtls_peer_explain(pair->peer, &failure),
                         has_answered ? TALC_OK : TALC_ERROR_REFUSED);
        dtls_pair_free(pair);
    }
}

/* A server that cannot decrypt what a wrong key encrypted drops it, and closes in the end. */
static void a_close_in_the_clear_is_a_refusal(void **state)
{
    (void)state;
    static const uint8_t closing[] = "\x15\xfe\xfd\0\0\0\0\0\0\0\x09\0\x02\x01\0";
    static const peers_side judge = { .psk = "psk-client.txt" };
    talc_failure failure = { 0 };
    dtls_pair *pair = dtls_pair_new(TALC_ROLE_CLIENT, &judge, NULL);
    dtls_pair_show_psk(pair, "psk-client.txt");
    pair->theirs.code = MBEDTLS_ERR_SSL_INTERNAL_ERROR; /* it does nothing by itself */
    dtls_pair_run(pair);
    dtls_pair_put(pair, closing, sizeof closing - 1);
    dtls_pair_run(pair);
    assert_int_equal(talc_dtls_peer_explain(pair->peer, &failure), TALC_ERROR_REFUSED);
    assert_contains(failure.text, "did not say why: it may not know our pre-shared key");
    dtls_pair_free(pair);
}

/* What is detached does not come back to a peer that is gone. */
static void a_detached_session_leaves_its_peer_alone(void **state)
{
    (void)state;
    static const peers_side judge = { CA };
    dtls_pair *pair = dtls_pair_new(TALC_ROLE_CLIENT, &judge, SENSOR);
    dtls_pair_show(pair, "server", 0);
    dtls_pair_run(pair);
    talc_dtls_peer_detach(pair->peer, &pair->ours.ssl);
    talc_dtls_peer_free(pair->peer);
    pair->peer = NULL;
    assert_int_equal(mbedtls_ssl_write(&pair->ours.ssl, (const uint8_t *)"request", 7), 7);
    assert_int_equal(dtls_pair_read(pair), 7);
    dtls_pair_free(pair);
}

static int start(void **state)
{
    (void)state;
    return talc_crypto_start() == TALC_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_of_anyone_believes_nobody_as_nobody),
        cmocka_unit_test(clients_are_known_by_their_keys),
        cmocka_unit_test(servers_are_known_by_the_clients_key),
        cmocka_unit_test(a_session_is_described),
        cmocka_unit_test(another_client_on_the_same_address_is_not_the_same),
        cmocka_unit_test(the_hello_of_a_session_once_more_changes_nothing),
        cmocka_unit_test(a_key_that_was_only_named_proves_nothing),
        cmocka_unit_test(a_close_in_the_clear_is_a_refusal),
        cmocka_unit_test(an_alert_before_any_answer_is_a_refusal),
        cmocka_unit_test(a_detached_session_leaves_its_peer_alone),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
