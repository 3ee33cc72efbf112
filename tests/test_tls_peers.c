/* SPDX-License-Identifier: MIT */
/*
 * The tls engine against OpenSSL's and GnuTLS's own programs, over TCP: what leaves the engine is
 * plain TLS, and so is what it takes. One line of text goes there and comes back.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/crypto.h"
#include "lib/engine.h"
#include "tests/credential_folder.h"
#include "tests/tls_program.h"

#define PATIENCE_STEPS 1000
#define STEP_MS 20

typedef enum kind { CERTIFICATES, PRE_SHARED_KEY } kind;

typedef struct peer_case {
    const char *label;
    talc_role role; /* ours */
    kind kind;
    talc_tls_version version;
    const char *command; /* %P port, %C folder, %K key in hex */
    const char *ready;   /* what a server says when it listens */
    const char *answer;  /* what our client reads after it wrote "talc\n" */
} peer_case;

#define OPENSSL_CLIENT                                                                             \
    "openssl s_client -connect 127.0.0.1:%P -alpn coap -quiet -no_ign_eof "
#define OPENSSL_SERVER "openssl s_server -accept 127.0.0.1:%P -alpn coap -rev "
#define GNUTLS_CLIENT "gnutls-cli -p %P --alpn=coap 127.0.0.1 "
#define GNUTLS_SERVER "gnutls-serv -p %P --echo --alpn=coap "

#define PEM_CLIENT                                                                                 \
    "-CAfile %C/ca.pem -verify_return_error -verify_hostname sensor.example "                     \
    "-cert %C/client.pem -key %C/client.key "
#define PEM_SERVER "-CAfile %C/ca.pem -Verify 1 -cert %C/server.pem -key %C/server.key "
#define GNUTLS_PEM_CLIENT                                                                          \
    "--x509cafile=%C/ca.pem --x509certfile=%C/client.pem --x509keyfile=%C/client.key "            \
    "--verify-hostname=sensor.example --sni-hostname=sensor.example "
#define GNUTLS_PEM_SERVER                                                                          \
    "--x509cafile=%C/ca.pem --x509certfile=%C/server.pem --x509keyfile=%C/server.key "            \
    "--require-client-cert "
#define OPENSSL_PSK "-psk_identity client-1 -psk %K "
#define GNUTLS_PSK "--pskusername=client-1 --pskkey=%K "

static const peer_case cases[] = {
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

/* The line `NAME:HEX` of psk-client.txt, its hex digits. */
static const char *key_digits(void)
{
    static char line[256];
    size_t size;
    uint8_t *bytes = credential_bytes("psk-client.txt", &size);
    assert_true(size < sizeof line);
    memcpy(line, bytes, size);
    line[size] = 0;
    free(bytes);
    char *colon = strchr(line, ':');
    assert_non_null(colon);
    colon[1 + strcspn(colon + 1, "\r\n")] = 0;
    return colon + 1;
}

static void fill_in(const char *form, uint16_t port, char *command, size_t capacity)
{
    const char *folder = getenv("TALC_TEST_CREDENTIALS");
    size_t used = 0;
    assert_non_null(folder);
    for (const char *at = form; *at != 0; at++) {
        char number[8];
        char one[2] = { *at, 0 };
        const char *part = one;
        if (at[0] == '%' && at[1] != 0) {
            at++;
            (void)snprintf(number, sizeof number, "%u", (unsigned)port);
            part = *at == 'P' ? number : *at == 'C' ? folder : key_digits();
        }
        int size = snprintf(command + used, capacity - used, "%s", part);
        assert_true(size >= 0 && (size_t)size < capacity - used);
        used += (size_t)size;
    }
}

static talc_status send_records(void *context, const uint8_t *bytes, size_t size)
{
    int connection = *(int *)context;
    struct pollfd writable = { .fd = connection, .events = POLLOUT };
    while (size > 0) {
        ssize_t sent = send(connection, bytes, size, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) {
            return TALC_ERROR_IO;
        }
        if (sent > 0) {
            bytes += sent;
            size -= (size_t)sent;
        } else {
            (void)poll(&writable, 1, STEP_MS);
        }
    }
    return TALC_OK;
}

static void *make_context(const peer_case *peer)
{
    talc_failure failure;
    talc_identity *identity = NULL;
    talc_trust *trust;
    void *context;
    bool is_server = peer->role == TALC_ROLE_SERVER;
    memset(&failure, 0, sizeof failure);
    assert_int_equal(talc_trust_new(&trust), TALC_OK);
    if (peer->kind == PRE_SHARED_KEY && is_server) {
        assert_int_equal(
            talc_trust_add_psk_file(trust, credential_path("psk-server.txt"), &failure), TALC_OK);
    } else if (peer->kind == PRE_SHARED_KEY) {
        assert_int_equal(
            talc_identity_from_psk_file(&identity, credential_path("psk-client.txt"), &failure),
            TALC_OK);
    } else {
        assert_int_equal(talc_trust_add_anchor_file(trust, credential_path("ca.pem"), &failure),
                         TALC_OK);
        assert_int_equal(
            talc_identity_from_files(&identity,
                                     credential_path(is_server ? "server.pem" : "client.pem"),
                                     credential_path(is_server ? "server.key" : "client.key"),
                                     &failure),
            TALC_OK);
    }
    talc_config config = TALC_CONFIG_DEFAULT;
    config.identity = identity;
    config.trust = trust;
    config.tls_version_min = config.tls_version_max = peer->version;
    assert_int_equal(talc_engine_tls.context_new(&context, peer->role, &config, &failure),
                     TALC_OK);
    talc_identity_free(identity);
    talc_trust_free(trust);
    return context;
}

/* Moves what has arrived into the engine; false once the other side is gone. */
static bool receive_records(int connection, void *engine, const char *label)
{
    uint8_t bytes[4096];
    struct pollfd readable = { .fd = connection, .events = POLLIN };
    (void)poll(&readable, 1, STEP_MS);
    ssize_t size = recv(connection, bytes, sizeof bytes, 0);
    if (size > 0 && talc_engine_tls.feed(engine, bytes, (size_t)size) != TALC_OK) {
        fail_msg("%s: %s", label, talc_engine_tls.failure(engine)->text);
    }
    return size > 0 || (size < 0 && errno == EAGAIN);
}

/* Pumps until `wanted` bytes of plaintext are there. */
static size_t read_text(int connection, void *engine, tls_program *program, const char *label,
                        char text[64])
{
    size_t used = 0;
    for (int step = 0; step < PATIENCE_STEPS && (used == 0 || text[used - 1] != '\n'); step++) {
        size_t size;
        bool is_open = receive_records(connection, engine, label);
        while (used < 63 && talc_engine_tls.read(engine, (uint8_t *)text + used, 63 - used,
                                                 &size) == TALC_OK) {
            used += size;
        }
        if (!is_open && used == 0) {
            break;
        }
    }
    text[used] = 0;
    if (used == 0) {
        tls_program_listen(program);
        fail_msg("%s: nothing came; engine: \"%s\"; program: %s", label,
                 talc_engine_tls.failure(engine)->text, program->text);
    }
    return used;
}

static void shake_hands(int connection, void *engine, tls_program *program, const char *label)
{
    for (int step = 0; step < PATIENCE_STEPS && !talc_engine_tls.established(engine); step++) {
        if (!receive_records(connection, engine, label)) {
            break;
        }
    }
    if (!talc_engine_tls.established(engine)) {
        tls_program_listen(program);
        fail_msg("%s: no handshake; program: %s", label, program->text);
    }
}

static void serve_program(const peer_case *peer, void *context)
{
    char command[2048];
    char text[64];
    uint16_t port;
    tls_program program;
    void *engine;
    talc_failure failure;
    talc_engine_facts facts;
    int listening = tls_listen(&port);
    memset(&failure, 0, sizeof failure);
    fill_in(peer->command, port, command, sizeof command);
    tls_program_start(&program, command);
    int connection = tls_accept(listening, &program);
    talc_engine_setup setup = { context, NULL, { send_records, &connection } };
    assert_int_equal(talc_engine_tls.open(&engine, &setup, &failure), TALC_OK);

    shake_hands(connection, engine, &program, peer->label);
    talc_engine_tls.describe(engine, &facts);
    assert_string_equal(facts.peer.name, "client-1");
    assert_int_equal(write(program.input, "talc\n", 5), 5);
    size_t size = read_text(connection, engine, &program, peer->label, text);
    assert_string_equal(text, "talc\n");
    assert_int_equal(talc_engine_tls.write(engine, (const uint8_t *)"heard: ", 7), TALC_OK);
    assert_int_equal(talc_engine_tls.write(engine, (const uint8_t *)text, size), TALC_OK);
    tls_program_expect(&program, "heard: talc");

    talc_engine_tls.free(engine);
    tls_program_stop(&program);
    close(connection);
    close(listening);
}

static void use_program(const peer_case *peer, void *context)
{
    char command[2048];
    char text[64];
    uint16_t port = tls_free_port();
    tls_program program;
    void *engine;
    talc_failure failure;
    memset(&failure, 0, sizeof failure);
    fill_in(peer->command, port, command, sizeof command);
    tls_program_start(&program, command);
    if (strcmp(peer->ready, "ACCEPT") == 0) {
        tls_program_expect(&program, peer->ready); /* GnuTLS's buffers its greeting */
    }
    int connection = tls_connect(port);
    talc_engine_setup setup = { context, "sensor.example", { send_records, &connection } };
    assert_int_equal(talc_engine_tls.open(&engine, &setup, &failure), TALC_OK);

    shake_hands(connection, engine, &program, peer->label);
    assert_int_equal(talc_engine_tls.write(engine, (const uint8_t *)"talc\n", 5), TALC_OK);
    (void)read_text(connection, engine, &program, peer->label, text);
    assert_string_equal(text, peer->answer);

    talc_engine_tls.free(engine);
    tls_program_stop(&program);
    close(connection);
}

static void other_implementations_understand_us(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        void *context = make_context(&cases[i]);
        print_message("%s\n", cases[i].label);
        if (cases[i].role == TALC_ROLE_SERVER) {
            serve_program(&cases[i], context);
        } else {
            use_program(&cases[i], context);
        }
        talc_engine_tls.context_free(context);
    }
}

/* OpenSSL does not know RFC 8449: its server sends files in records of 16 KiB. It is told why that
 * ends the session. */
static void a_record_above_the_limit_is_answered(void **state)
{
    static const peer_case server = { "OpenSSL's server, large records", TALC_ROLE_CLIENT,
                                      CERTIFICATES, TALC_TLS_1_3,
                                      "openssl s_server -accept 127.0.0.1:%P -alpn coap -WWW -state "
                                      PEM_SERVER "-tls1_3",
                                      "ACCEPT", NULL };
    static const char request[] = "GET /tests/vectors/frames.json HTTP/1.0\r\n\r\n";
    char command[2048];
    uint8_t plaintext[64];
    uint16_t port = tls_free_port();
    size_t size;
    tls_program program;
    void *engine;
    talc_failure failure;
    talc_status status = TALC_WANT_INPUT;
    (void)state;
    memset(&failure, 0, sizeof failure);
    void *context = make_context(&server);
    fill_in(server.command, port, command, sizeof command);
    tls_program_start(&program, command);
    tls_program_expect(&program, server.ready);
    int connection = tls_connect(port);
    talc_engine_setup setup = { context, "sensor.example", { send_records, &connection } };
    assert_int_equal(talc_engine_tls.open(&engine, &setup, &failure), TALC_OK);
    shake_hands(connection, engine, &program, server.label);

    assert_int_equal(talc_engine_tls.write(engine, (const uint8_t *)request, sizeof request - 1),
                     TALC_OK);
    for (int step = 0; step < PATIENCE_STEPS && status >= TALC_OK; step++) {
        if (status == TALC_WANT_INPUT) {
            (void)receive_records(connection, engine, server.label);
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
