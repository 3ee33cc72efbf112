/* SPDX-License-Identifier: MIT */
/* Tickets that the tls engine gives to OpenSSL's programs, and those that OpenSSL and GnuTLS give. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/crypto.h"
#include "lib/engine_tls.h"
#include "tests/credential_folder.h"
#include "tests/tls_peer.h"

static const struct {
    tls_peer server;
    bool resumes;
} servers[] = {
    { { "OpenSSL's server, TLS 1.3", TALC_ROLE_CLIENT, CERTIFICATES, TALC_TLS_1_3,
        OPENSSL_SERVER PEM_SERVER "-tls1_3", "ACCEPT", "clat\n" },
      true },
    { { "OpenSSL's server, TLS 1.2", TALC_ROLE_CLIENT, CERTIFICATES, TALC_TLS_1_2,
        OPENSSL_SERVER PEM_SERVER "-tls1_2", "ACCEPT", "clat\n" },
      false },
    { { "OpenSSL's server, pre-shared key", TALC_ROLE_CLIENT, PRE_SHARED_KEY, TALC_TLS_1_3,
        OPENSSL_SERVER "-nocert " OPENSSL_PSK "-tls1_3", "ACCEPT", "clat\n" },
      false },
    { { "GnuTLS's server, TLS 1.3", TALC_ROLE_CLIENT, CERTIFICATES, TALC_TLS_1_3,
        GNUTLS_SERVER GNUTLS_PEM_SERVER "--priority=NORMAL:-VERS-ALL:+VERS-TLS1.3", "Listening",
        "talc\n" },
      true },
};

static size_t tickets_of(const void *context)
{
    const talc_tls_resumption *resumption = ((const talc_tls_context *)context)->resumption;
    return resumption == NULL ? 0 : talc_tickets_size(resumption->tickets);
}

/* Twice with the same context: a second session has a ticket of the first. */
static void servers_of_others_resume_our_sessions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++) {
        tls_program program;
        const tls_peer *server = &servers[i].server;
        void *context = tls_peer_context(server);
        uint16_t port = tls_peer_start(server, &program);
        assert_false(tls_peer_use(server, context, &program, port));
        assert_int_equal(tickets_of(context), servers[i].resumes); /* OpenSSL gives two */
        if (tls_peer_use(server, context, &program, port) != servers[i].resumes) {
            fail_msg("%s: %s", server->label, servers[i].resumes ? "not resumed" : "resumed");
        }
        tls_program_stop(&program);
        talc_engine_tls.context_free(context);
    }
}

static const tls_peer keeping = { "OpenSSL's client keeps its session", TALC_ROLE_SERVER,
                                   CERTIFICATES, TALC_TLS_1_3,
                                   OPENSSL_CLIENT PEM_CLIENT "-tls1_3 -sess_out %S", NULL, NULL };

/* Without its certificate, so that only the ticket can tell who it is. */
static void we_resume_sessions_of_others(void **state)
{
    static const tls_peer resuming = { "OpenSSL's client resumes", TALC_ROLE_SERVER, CERTIFICATES,
                                        TALC_TLS_1_3, OPENSSL_CLIENT "-tls1_3 -sess_in %S", NULL,
                                        NULL };
    char command[TLS_PEER_COMMAND_MAX];
    tls_program reader;
    (void)state;
    tls_peer_session_file = scratch_text("");
    void *context = tls_peer_context(&keeping);
    assert_false(tls_peer_serve(&keeping, context));
    assert_true(tls_peer_serve(&resuming, context));
    talc_engine_tls.context_free(context);

    tls_peer_command("openssl sess_id -noout -text -in %S", 0, command);
    tls_program_start(&reader, command);
    /* 7200 s since the full handshake, of which a part has passed. */
    tls_program_expect(&reader, "TLS session ticket lifetime hint: 7");
    tls_program_expect(&reader, "Max Early Data: 0");
    tls_program_stop(&reader);
}

static bool has_session(void)
{
    struct stat file;
    return stat(tls_peer_session_file, &file) == 0 && file.st_size > 0;
}

/* A session that allows it early data: ours do not. */
static void keep_session_with_early_data(void)
{
    char command[TLS_PEER_COMMAND_MAX];
    tls_program server, client;
    uint16_t port = tls_free_port();
    tls_peer_command("openssl s_server -accept 127.0.0.1:%P -alpn coap -early_data -tls1_3 "
            "-cert %C/server.pem -key %C/server.key", port, command);
    tls_program_start(&server, command);
    tls_program_expect(&server, "ACCEPT");
    tls_peer_command("openssl s_client -connect 127.0.0.1:%P -alpn coap -tls1_3 -sess_out %S", port, command);
    tls_program_start(&client, command);
    for (int step = 0; step < TLS_PEER_STEPS && !has_session(); step++) {
        (void)poll(NULL, 0, TLS_PEER_STEP_MS);
    }
    assert_true(has_session());
    tls_program_stop(&client);
    tls_program_stop(&server);
}

/* 0-RTT can be replayed, so nobody may be heard before the handshake is over. */
static void early_data_is_never_read(void **state)
{
    char command[TLS_PEER_COMMAND_MAX];
    uint8_t plaintext[64];
    uint16_t port;
    size_t size;
    tls_program program;
    void *engine;
    talc_failure failure;
    int listening = tls_listen(&port);
    (void)state;
    memset(&failure, 0, sizeof failure);
    tls_peer_session_file = scratch_text("");
    keep_session_with_early_data();
    void *context = tls_peer_context(&keeping);
    tls_peer_command(OPENSSL_CLIENT PEM_CLIENT "-tls1_3 -sess_in %S -early_data %C/ca.pem", port, command);
    tls_program_start(&program, command);
    int connection = tls_accept(listening, &program);
    talc_engine_setup setup = { context, NULL, { tls_peer_send, &connection } };
    assert_int_equal(talc_engine_tls.open(&engine, &setup, &failure), TALC_OK);
    talc_status status = TALC_OK;
    for (int step = 0; step < TLS_PEER_STEPS && status == TALC_OK; step++) {
        uint8_t bytes[4096];
        struct pollfd readable = { .fd = connection, .events = POLLIN };
        (void)poll(&readable, 1, TLS_PEER_STEP_MS);
        ssize_t arrived = recv(connection, bytes, sizeof bytes, 0);
        status = arrived > 0 ? talc_engine_tls.feed(engine, bytes, (size_t)arrived) : status;
        assert_false(talc_engine_tls.established(engine));
        assert_int_not_equal(talc_engine_tls.read(engine, plaintext, sizeof plaintext, &size),
                             TALC_OK);
    }
    assert_int_equal(status, TALC_ERROR_PROTOCOL); /* its record is under keys that we never make */
    talc_engine_tls.free(engine);
    talc_engine_tls.context_free(context);
    tls_program_stop(&program);
    close(connection);
    close(listening);
}

static int start(void **state)
{
    (void)state;
    return talc_crypto_start() == TALC_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_of_others_resume_our_sessions),
        cmocka_unit_test(we_resume_sessions_of_others),
        cmocka_unit_test(early_data_is_never_read),
    };
    return cmocka_run_group_tests_name("ticket_peers", tests, start, remove_scratch);
}
