/* SPDX-License-Identifier: MIT */
/*
 * The tls engine against OpenSSL's and GnuTLS's own programs, over TCP: what leaves the engine is
 * plain TLS, and so is what it takes. One line of text goes there and comes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/crypto.h"
#include "tests/credential_folder.h"
#include "tests/tls_peer.h"

static const tls_peer cases[] = {
    { "OpenSSL's client, TLS 1.3, certificates", TALC_ROLE_SERVER, CERTIFICATES, TALC_TLS_1_3,
      OPENSSL_CLIENT PEM_CLIENT "-tls1_3", NULL, NULL },
    { "OpenSSL's client, TLS 1.2, certificates", TALC_ROLE_SERVER, CERTIFICATES, TALC_TLS_1_2,
      OPENSSL_CLIENT PEM_CLIENT "-tls1_2", NULL, NULL },
    { "OpenSSL's client, TLS 1.3, pre-shared key", TALC_ROLE_SERVER, PRE_SHARED_KEY, TALC_TLS_1_3,
      OPENSSL_CLIENT OPENSSL_PSK "-tls1_3", NULL, NULL },
    { "OpenSSL's client, TLS 1.2, pre-shared key", TALC_ROLE_SERVER, PRE_SHARED_KEY, TALC_TLS_1_2,
      OPENSSL_CLIENT OPENSSL_PSK "-tls1_2 -cipher ECDHE-PSK-CHACHA20-POLY1305", NULL, NULL },
    { "OpenSSL's server, TLS 1.3, certificates", TALC_ROLE_CLIENT, CERTIFICATES, TALC_TLS_1_3,
      OPENSSL_SERVER PEM_SERVER "-tls1_3", "ACCEPT", "clat\n" },
    { "OpenSSL's server, TLS 1.2, certificates", TALC_ROLE_CLIENT, CERTIFICATES, TALC_TLS_1_2,
      OPENSSL_SERVER PEM_SERVER "-tls1_2", "ACCEPT", "clat\n" },
    { "OpenSSL's server, TLS 1.3, pre-shared key", TALC_ROLE_CLIENT, PRE_SHARED_KEY, TALC_TLS_1_3,
      OPENSSL_SERVER "-nocert " OPENSSL_PSK "-tls1_3", "ACCEPT", "clat\n" },
    { "OpenSSL's server, TLS 1.2, pre-shared key", TALC_ROLE_CLIENT, PRE_SHARED_KEY, TALC_TLS_1_2,
      OPENSSL_SERVER "-nocert " OPENSSL_PSK "-tls1_2 -cipher ECDHE-PSK-CHACHA20-POLY1305",
      "ACCEPT", "clat\n" },
    { "GnuTLS's client, TLS 1.3, certificates", TALC_ROLE_SERVER, CERTIFICATES, TALC_TLS_1_3,
      GNUTLS_CLIENT GNUTLS_PEM_CLIENT "--priority=NORMAL:-VERS-ALL:+VERS-TLS1.3", NULL, NULL },
    { "GnuTLS's client, TLS 1.2, certificates", TALC_ROLE_SERVER, CERTIFICATES, TALC_TLS_1_2,
      GNUTLS_CLIENT GNUTLS_PEM_CLIENT "--priority=NORMAL:-VERS-ALL:+VERS-TLS1.2", NULL, NULL },
    { "GnuTLS's client, TLS 1.3, pre-shared key", TALC_ROLE_SERVER, PRE_SHARED_KEY, TALC_TLS_1_3,
      GNUTLS_CLIENT GNUTLS_PSK
      "--priority=NORMAL:-VERS-ALL:+VERS-TLS1.3:+DHE-PSK:+ECDHE-PSK:+PSK",
      NULL, NULL },
    { "GnuTLS's server, TLS 1.3, certificates", TALC_ROLE_CLIENT, CERTIFICATES, TALC_TLS_1_3,
      GNUTLS_SERVER GNUTLS_PEM_SERVER "--priority=NORMAL:-VERS-ALL:+VERS-TLS1.3", "Listening",
      "talc\n" },
    { "GnuTLS's server, TLS 1.2, certificates", TALC_ROLE_CLIENT, CERTIFICATES, TALC_TLS_1_2,
      GNUTLS_SERVER GNUTLS_PEM_SERVER "--priority=NORMAL:-VERS-ALL:+VERS-TLS1.2", "Listening",
      "talc\n" },
};

static void other_implementations_understand_us(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        void *context = tls_peer_context(&cases[i]);
        print_message("%s\n", cases[i].label);
        if (cases[i].role == TALC_ROLE_SERVER) {
            assert_false(tls_peer_serve(&cases[i], context));
        } else {
            tls_program program;
            uint16_t port = tls_peer_start(&cases[i], &program);
            assert_false(tls_peer_use(&cases[i], context, &program, port));
            tls_program_stop(&program);
        }
        talc_engine_tls.context_free(context);
    }
}

/* OpenSSL does not know RFC 8449: its server sends files in records of 16 KiB. It is told why that
 * ends the session. */
static void a_record_above_the_limit_is_answered(void **state)
{
    static const tls_peer server = { "OpenSSL's server, large records", TALC_ROLE_CLIENT,
                                      CERTIFICATES, TALC_TLS_1_3,
                                      "openssl s_server -accept 127.0.0.1:%P -alpn coap -WWW -state "
                                      PEM_SERVER "-tls1_3",
                                      "ACCEPT", NULL };
    static const char request[] = "GET /tests/vectors/frames.json HTTP/1.0\r\n\r\n";
    char command[TLS_PEER_COMMAND_MAX];
    uint8_t plaintext[64];
    uint16_t port = tls_free_port();
    size_t size;
    tls_program program;
    void *engine;
    talc_failure failure;
    talc_status status = TALC_WANT_INPUT;
    (void)state;
    memset(&failure, 0, sizeof failure);
    void *context = tls_peer_context(&server);
    tls_peer_command(server.command, port, command);
    tls_program_start(&program, command);
    tls_program_expect(&program, server.ready);
    int connection = tls_connect(port);
    talc_engine_setup setup = { context, "sensor.example", { tls_peer_send, &connection } };
    assert_int_equal(talc_engine_tls.open(&engine, &setup, &failure), TALC_OK);
    tls_peer_shake_hands(connection, engine, &program, server.label);

    assert_int_equal(talc_engine_tls.write(engine, (const uint8_t *)request, sizeof request - 1),
                     TALC_OK);
    for (int step = 0; step < TLS_PEER_STEPS && status >= TALC_OK; step++) {
        if (status == TALC_WANT_INPUT) {
            (void)tls_peer_receive(connection, engine, server.label);
        }
        status = talc_engine_tls.read(engine, plaintext, sizeof plaintext, &size);
    }
    assert_int_equal(status, TALC_ERROR_PROTOCOL);
    assert_contains(talc_engine_tls.failure(engine)->text, "a record above 8192 bytes");
    tls_program_expect(&program, "record overflow");

    talc_engine_tls.free(engine);
    talc_engine_tls.context_free(context);
    tls_program_stop(&program);
    close(connection);
}

static int start(void **state)
{
    (void)state;
    return talc_crypto_start() == TALC_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_implementations_understand_us),
        cmocka_unit_test(a_record_above_the_limit_is_answered),
    };
    return cmocka_run_group_tests_name("tls_peers", tests, start, NULL);
}
