/* SPDX-License-Identifier: MIT */
/* Who is believed in a DTLS session: real handshakes of mbedTLS with our verification on one side
 * of them, and the same certificates as another TLS library would show them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <mbedtls/oid.h>
#include <mbedtls/psa_util.h>

#include "lib/credentials.h"
#include "lib/crypto.h"
#include "lib/dtls_credentials.h"
#include "lib/dtls_peer.h"
#include "tests/credential_folder.h"
#include "tests/dtls_pair.h"
#include "tests/peers.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SENSOR "sensor.example"

/* ---------------------------------------------------------------- a table of certificates */

/* What the other side shows, and what is made of it. */
typedef struct row {
    const char *label;
    peers_side judge;      /* whom our side believes */
    const char *shown;     /* NAME.pem and NAME.key; NULL: nothing */
    dtls_usage usage;      /* not 0: a fresh certificate with this usage instead, of ca.pem */
    const char *name;      /* that is wanted of a server */
    talc_status status;    /* TALC_OK: the peer is believed */
    talc_credential credential;
    const char *words;     /* the peer's name, or a part of the reasons */
    int alert;             /* that the other side gets; 0: none */
} row;

#define CA .anchors = "ca.pem"
#define GOOD TALC_OK, TALC_CREDENTIAL_CERTIFICATE
#define PINNED TALC_OK, TALC_CREDENTIAL_PIN
#define BAD TALC_ERROR_VERIFY, TALC_CREDENTIAL_NONE

#define UNKNOWN_CA MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA
#define BAD_CERT MBEDTLS_SSL_ALERT_MSG_BAD_CERT
#define REVOKED MBEDTLS_SSL_ALERT_MSG_CERT_REVOKED
#define EXPIRED MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED
#define UNSUPPORTED MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT

static const row servers[] = {
    { "a good one", { CA }, "server", 0, SENSOR, GOOD, SENSOR, 0 },
    { "by its address", { CA }, "server-ip", 0, "127.0.0.1", GOOD, "server", 0 },
    { "one of two anchors", { .anchors = "anchors.pem" }, "other-server", 0, SENSOR, GOOD, SENSOR,
      0 },
    { "a chain of RSA", { .anchors = "rsa-ca.pem" }, "rsa-server", 0, SENSOR, GOOD, SENSOR, 0 },
    { "pinned", { .pin = "server.pin" }, "server", 0, "other.example", PINNED, "server.pin", 0 },
    { "pinned and anchored", { CA, .pin = "server.pin" }, "server", 0, SENSOR, PINNED,
      "server.pin", 0 },
    { "to be used by servers", { CA }, "server", DTLS_FOR_SERVERS, SENSOR, GOOD, SENSOR, 0 },

    { "another name", { CA }, "wrong-name", 0, SENSOR, BAD,
      "for another name (\"sensor.example\" was wanted)", BAD_CERT },
    { "another address", { CA }, "server-ip", 0, "127.0.0.2", BAD, "\"127.0.0.2\" was wanted",
      BAD_CERT },
    { "a name for an address", { CA }, "server", 0, "127.0.0.1", BAD, "for another name",
      BAD_CERT },
    { "another authority", { CA }, "other-server", 0, SENSOR, BAD, "no trust anchor vouches",
      UNKNOWN_CA },
    { "self-signed", { CA }, "self-signed", 0, SENSOR, BAD, "no trust anchor vouches", UNKNOWN_CA },
    { "expired", { CA }, "expired", 0, SENSOR, BAD, "has expired", EXPIRED },
    { "on the list", { CA, .revocations = "crl.pem" }, "revoked", 0, SENSOR, BAD, "is revoked",
      REVOKED },
    { "not on the list", { CA, .revocations = "crl.pem" }, "server", 0, SENSOR, GOOD, SENSOR, 0 },
    { "a revoked key", { CA, .revoked_pin = "server.pin" }, "server", 0, SENSOR, BAD, "is revoked",
      REVOKED },
    { "a revoked authority", { CA, .revoked_pin = "ca.pin" }, "server", 0, SENSOR, BAD,
      "is revoked", REVOKED },
    { "pinned, and revoked", { .pin = "server.pin", .revoked_pin = "server.pin" }, "server", 0,
      SENSOR, BAD,
      "is revoked", REVOKED },
    { "not the pinned one", { .pin = "client.pin" }, "server", 0, SENSOR, BAD,
      "the server's key is not one of those that are pinned", UNKNOWN_CA },
    { "weak", { CA }, "weak", 0, SENSOR, BAD, "too weak", UNSUPPORTED },
};

/* mbedTLS's server does not show these: they are only judged as shown. */
static const row misused_servers[] = {
    { "to be used by clients", { CA }, "server", DTLS_FOR_CLIENTS, SENSOR, BAD,
      "extended key usage does not allow this", 0 },
    { "to sign certificates", { CA }, "server", DTLS_FOR_SIGNING, SENSOR, BAD,
      "key usage does not allow this", 0 },
};

static const row clients[] = {
    { "a good one", { CA }, "client", 0, NULL, GOOD, "client-1", 0 },
    { "with a dNSName", { CA }, "client-san", 0, NULL, GOOD, "client-2.example", 0 },
    { "a chain of RSA", { .anchors = "rsa-ca.pem" }, "rsa-client", 0, NULL, GOOD, "client-rsa", 0 },
    { "pinned", { .pin = "client.pin" }, "client", 0, NULL, PINNED, "client.pin", 0 },
    { "to be used by clients", { CA }, "client", DTLS_FOR_CLIENTS, NULL, GOOD, SENSOR, 0 },

    { "none", { CA }, NULL, 0, NULL, BAD, "the client showed no certificate, and one is required",
      MBEDTLS_SSL_ALERT_MSG_NO_CERT },
    { "another authority", { CA }, "other-client", 0, NULL, BAD, "no trust anchor vouches",
      UNKNOWN_CA },
    { "expired", { CA }, "expired", 0, NULL, BAD, "has expired", EXPIRED },
    { "a revoked key", { CA, .revoked_pin = "client.pin" }, "client", 0, NULL, BAD, "is revoked",
      REVOKED },
    { "not the pinned one", { .pin = "server.pin" }, "client", 0, NULL, BAD,
      "the client's key is not one of those that are pinned", UNKNOWN_CA },
    { "to be used by servers", { CA }, "client", DTLS_FOR_SERVERS, NULL, BAD,
      "extended key usage does not allow this", UNSUPPORTED },
};

static void check_believed(const row *at, const talc_peer *who)
{
    const peers_side shown = { .name = at->words };
    assert_int_equal(who->engine, TALC_ENGINE_DTLS);
    assert_int_equal(who->credential, at->credential);
    assert_string_equal(who->name, peers_shown_name(&shown));
}

static void check_refused(const row *at, const talc_failure *failure)
{
    assert_int_equal(failure->status, at->status);
    assert_int_equal(failure->stage, TALC_STAGE_HANDSHAKE);
    assert_contains(failure->text, at->words);
}

/* A handshake between our side (`role`) and one that shows what the row says. */
static void judge_by_handshake(const row *at, talc_role role)
{
    talc_peer who;
    talc_failure failure;
    print_message("%s\n", at->label);
    dtls_pair *pair = dtls_pair_new(role, &at->judge, at->name);
    dtls_pair_show(pair, at->shown, at->usage);
    dtls_pair_run(pair);
    if (at->status == TALC_OK) {
        assert_true(dtls_pair_is_up(pair));
        assert_int_equal(talc_dtls_peer_judge(pair->peer, &pair->ours.ssl, &who, &failure),
                         TALC_OK);
        assert_true(talc_dtls_peer_is_same(pair->peer, &pair->ours.ssl));
        check_believed(at, &who);
    } else {
        assert_false(dtls_pair_is_up(pair));
        memset(&failure, 0, sizeof failure);
        assert_int_equal(talc_dtls_peer_explain(pair->peer, &failure), at->status);
        check_refused(at, &failure);
        assert_true(talc_dtls_peer_has_refused(pair->peer));
        assert_int_equal(talc_dtls_peer_judge(pair->peer, &pair->ours.ssl, &who, &failure),
                         TALC_ERROR_PROTOCOL);
        assert_int_equal(dtls_pair_alert(pair), at->alert);
    }
    dtls_pair_free(pair);
}

static void servers_are_judged_within_the_handshake(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(servers); i++) {
        judge_by_handshake(&servers[i], TALC_ROLE_CLIENT);
    }
}

static void clients_are_judged_within_the_handshake(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(clients); i++) {
        judge_by_handshake(&clients[i], TALC_ROLE_SERVER);
    }
}

/* The judgement afterwards is one of its own: it finds what the handshake was not asked about. */
static void judge_afterwards(const row *at, talc_role role)
{
    talc_peer who;
    talc_failure failure;
    print_message("%s\n", at->label);
    dtls_pair *pair = dtls_pair_new(role, &at->judge, at->name);
    dtls_pair_show(pair, at->shown, at->usage);
    pair->is_detached = true;
    dtls_pair_run(pair);
    assert_true(dtls_pair_is_up(pair));
    assert_int_equal(talc_dtls_peer_judge(pair->peer, &pair->ours.ssl, &who, &failure), at->status);
    if (at->status == TALC_OK) {
        check_believed(at, &who);
    } else {
        check_refused(at, &failure);
        assert_false(talc_dtls_peer_is_same(pair->peer, &pair->ours.ssl));
        talc_dtls_peer_refuse(pair->peer, &pair->ours.ssl);
        assert_int_equal(dtls_pair_read(pair), MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE);
    }
    dtls_pair_free(pair);
}

static void servers_are_judged_after_the_handshake(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(servers); i++) {
        judge_afterwards(&servers[i], TALC_ROLE_CLIENT);
    }
}

static void clients_are_judged_after_the_handshake(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(clients); i++) {
        judge_afterwards(&clients[i], TALC_ROLE_SERVER);
    }
}

/* ---------------------------------------------------------------- other TLS libraries */

/* Shows a chain from the top down, as OpenSSL's callback does; `count` certificates of it at most,
 * counted from the leaf. */
static bool show(talc_dtls_peer *peer, const mbedtls_x509_crt *chain, unsigned count, bool anchored)
{
    const mbedtls_x509_crt *list[8];
    unsigned length = 0;
    for (; chain != NULL && length < count; chain = chain->next) {
        list[length++] = chain;
    }
    bool believed = true;
    for (unsigned depth = length; depth-- > 0;) {
        talc_dtls_certificate certificate = { list[depth]->raw.p, list[depth]->raw.len, depth,
                                              anchored };
        believed = talc_dtls_peer_show(peer, &certificate);
        assert_true(depth == 0 || believed);
    }
    return believed;
}

static void judge_as_shown(const row *at, talc_role role)
{
    talc_peer who;
    talc_failure failure;
    print_message("%s\n", at->label);
    dtls_pair *pair = dtls_pair_new(role, &at->judge, at->name);
    dtls_pair_show(pair, at->shown, at->usage);
    if (at->shown != NULL) {
        assert_int_equal(show(pair->peer, &pair->theirs.chain, 8, false), at->status == TALC_OK);
    }
    assert_int_equal(talc_dtls_peer_judge(pair->peer, NULL, &who, &failure), at->status);
    if (at->status == TALC_OK) {
        check_believed(at, &who);
    } else {
        check_refused(at, &failure);
    }
    dtls_pair_free(pair);
}

static void chains_are_judged_as_they_are_shown(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(servers); i++) {
        judge_as_shown(&servers[i], TALC_ROLE_CLIENT);
    }
    for (size_t i = 0; i < COUNT(misused_servers); i++) {
        judge_as_shown(&misused_servers[i], TALC_ROLE_CLIENT);
    }
    for (size_t i = 0; i < COUNT(clients); i++) {
        judge_as_shown(&clients[i], TALC_ROLE_SERVER);
    }
}

/* The leaf of a chain whose middle is not shown. */
typedef struct lone_row {
    const char *label;
    peers_side judge;
    const char *name;
    bool is_anchored; /* the library says so */
    talc_status status;
} lone_row;

static const lone_row lone_leaves[] = {
    { "the library vouches", { .anchors = "rsa-ca.pem" }, SENSOR, true, TALC_OK },
    { "nobody vouches", { .anchors = "rsa-ca.pem" }, SENSOR, false, TALC_ERROR_VERIFY },
    { "for another name", { .anchors = "rsa-ca.pem" }, "other", true, TALC_ERROR_VERIFY },
    { "revoked keys cannot be looked for", { .anchors = "rsa-ca.pem", .revoked_pin = "client.pin" },
      SENSOR, true, TALC_ERROR_VERIFY },
    { "nor can lists", { .anchors = "rsa-ca.pem", .revocations = "crl.pem" }, SENSOR, true,
      TALC_ERROR_VERIFY },
    { "no anchors of ours", { .pin = "client.pin" }, SENSOR, true, TALC_ERROR_VERIFY },
};

static void a_lone_leaf_is_believed_on_the_librarys_word(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lone_leaves); i++) {
        const lone_row *at = &lone_leaves[i];
        talc_peer who;
        talc_failure failure;
        print_message("%s\n", at->label);
        dtls_pair *pair = dtls_pair_new(TALC_ROLE_CLIENT, &at->judge, at->name);
        dtls_pair_show(pair, "rsa-server", 0);
        assert_int_equal(show(pair->peer, &pair->theirs.chain, 1, at->is_anchored),
                         at->status == TALC_OK);
        assert_int_equal(talc_dtls_peer_judge(pair->peer, NULL, &who, &failure), at->status);
        dtls_pair_free(pair);
    }
}

/* A second handshake on the same session does not live on the first one's certificates. */
static void what_was_shown_before_is_forgotten(void **state)
{
    (void)state;
    static const peers_side judge = { .anchors = "rsa-ca.pem" };
    talc_peer who;
    talc_failure failure;
    dtls_pair *pair = dtls_pair_new(TALC_ROLE_CLIENT, &judge, SENSOR);
    dtls_pair_show(pair, "rsa-server", 0);
    assert_true(show(pair->peer, &pair->theirs.chain, 8, false));
    assert_false(show(pair->peer, &pair->theirs.chain, 1, false));
    assert_int_equal(talc_dtls_peer_judge(pair->peer, NULL, &who, &failure), TALC_ERROR_VERIFY);
    talc_dtls_certificate junk = { (const uint8_t *)"junk", 4, 1, true };
    assert_false(talc_dtls_peer_show(pair->peer, &junk));
    assert_int_equal(talc_dtls_peer_judge(pair->peer, NULL, &who, &failure), TALC_ERROR_VERIFY);
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
        cmocka_unit_test(servers_are_judged_within_the_handshake),
        cmocka_unit_test(clients_are_judged_within_the_handshake),
        cmocka_unit_test(servers_are_judged_after_the_handshake),
        cmocka_unit_test(clients_are_judged_after_the_handshake),
        cmocka_unit_test(chains_are_judged_as_they_are_shown),
        cmocka_unit_test(a_lone_leaf_is_believed_on_the_librarys_word),
        cmocka_unit_test(what_was_shown_before_is_forgotten),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
