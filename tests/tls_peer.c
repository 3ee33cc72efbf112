/* SPDX-License-Identifier: MIT */
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

#include "tests/credential_folder.h"
#include "tests/tls_peer.h"

const char *tls_peer_session_file;

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

void tls_peer_command(const char *form, uint16_t port, char command[TLS_PEER_COMMAND_MAX])
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
            part = *at == 'P'   ? number
                   : *at == 'C' ? folder
                   : *at == 'S' ? tls_peer_session_file
                                : key_digits();
        }
        int size = snprintf(command + used, TLS_PEER_COMMAND_MAX - used, "%s", part);
        assert_true(size >= 0 && (size_t)size < TLS_PEER_COMMAND_MAX - used);
        used += (size_t)size;
    }
}

talc_status tls_peer_send(void *context, const uint8_t *bytes, size_t size)
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
            (void)poll(&writable, 1, TLS_PEER_STEP_MS);
        }
    }
    return TALC_OK;
}

void *tls_peer_context(const tls_peer *peer)
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
bool tls_peer_receive(int connection, void *engine, const char *label)
{
    uint8_t bytes[4096];
    struct pollfd readable = { .fd = connection, .events = POLLIN };
    (void)poll(&readable, 1, TLS_PEER_STEP_MS);
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
    for (int step = 0; step < TLS_PEER_STEPS && (used == 0 || text[used - 1] != '\n'); step++) {
        size_t size;
        bool is_open = tls_peer_receive(connection, engine, label);
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

void tls_peer_shake_hands(int connection, void *engine, tls_program *program, const char *label)
{
    for (int step = 0; step < TLS_PEER_STEPS && !talc_engine_tls.established(engine); step++) {
        if (!tls_peer_receive(connection, engine, label)) {
            break;
        }
    }
    if (!talc_engine_tls.established(engine)) {
        tls_program_listen(program);
        fail_msg("%s: no handshake; program: %s", label, program->text);
    }
}

/* Says whether the session was resumed. */
bool tls_peer_serve(const tls_peer *peer, void *context)
{
    char command[TLS_PEER_COMMAND_MAX];
    char text[64];
    uint16_t port;
    tls_program program;
    void *engine;
    talc_failure failure;
    talc_engine_facts facts;
    int listening = tls_listen(&port);
    memset(&failure, 0, sizeof failure);
    tls_peer_command(peer->command, port, command);
    tls_program_start(&program, command);
    int connection = tls_accept(listening, &program);
    talc_engine_setup setup = { context, NULL, { tls_peer_send, &connection } };
    assert_int_equal(talc_engine_tls.open(&engine, &setup, &failure), TALC_OK);

    tls_peer_shake_hands(connection, engine, &program, peer->label);
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
    return facts.is_resumed;
}

/* Starts a server; returns its port. */
uint16_t tls_peer_start(const tls_peer *peer, tls_program *program)
{
    char command[TLS_PEER_COMMAND_MAX];
    uint16_t port = tls_free_port();
    tls_peer_command(peer->command, port, command);
    tls_program_start(program, command);
    if (strcmp(peer->ready, "ACCEPT") == 0) {
        tls_program_expect(program, peer->ready); /* GnuTLS's buffers its greeting */
    }
    return port;
}

/* One session with a server that runs. Says whether it was resumed. */
bool tls_peer_use(const tls_peer *peer, void *context, tls_program *program, uint16_t port)
{
    char text[64];
    void *engine;
    talc_failure failure;
    talc_engine_facts facts;
    memset(&failure, 0, sizeof failure);
    int connection = tls_connect(port);
    talc_engine_setup setup = { context, "sensor.example", { tls_peer_send, &connection } };
    assert_int_equal(talc_engine_tls.open(&engine, &setup, &failure), TALC_OK);

    tls_peer_shake_hands(connection, engine, program, peer->label);
    talc_engine_tls.describe(engine, &facts);
    assert_string_equal(facts.peer.name,
                        peer->kind == CERTIFICATES ? "sensor.example" : "client-1");
    assert_int_equal(talc_engine_tls.write(engine, (const uint8_t *)"talc\n", 5), TALC_OK);
    (void)read_text(connection, engine, program, peer->label, text);
    assert_string_equal(text, peer->answer);

    talc_engine_tls.free(engine);
    close(connection);
    return facts.is_resumed;
}
