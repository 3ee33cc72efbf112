/* SPDX-License-Identifier: MIT */
/* Mode dtls with libcoap's own programs, which run on OpenSSL and on GnuTLS: coap-client as the
 * client of our server, coap-server as the server of our client. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <coap3/coap.h>

#include <cmocka.h>

#include "lib/guard.h"
#include "tests/credential_folder.h"
#include "tests/local_port.h"
#include "tests/peers.h"
#include "tests/tls_program.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TURNS_MAX 4000 /* a hang guard: of 10 ms each where nothing happens */
#define TURN_MS 10
#define STARTS_MAX 5
#define KEY "0123456789abcdefghijklmnopqrstuv" /* the programs take keys as text */

/* Our libcoap may run on another TLS library than mbedTLS: then there are fewer words. */
static bool sees_all(void)
{
    return coap_get_tls_library_version()->type == COAP_TLS_LIBRARY_MBEDTLS;
}

static const char *const flavours[] = { "openssl", "gnutls" };

/* ---------------------------------------------------------------- our side */

/* Who we are and whom we believe: certificates, or the key above under this name. */
typedef struct our_side {
    peers_side side;
    const char *psk_name;
} our_side;

static void configure(talc_config *config, const our_side *ours, talc_role role)
{
    peers_configure(config, &ours->side);
    config->mode = TALC_MODE_DTLS;
    if (ours->psk_name == NULL) {
        return;
    }
    const talc_psk psk = { ours->psk_name, strlen(ours->psk_name), KEY, strlen(KEY) };
    if (role == TALC_ROLE_CLIENT) {
        assert_int_equal(talc_identity_from_psk(&config->identity, &psk, NULL), TALC_OK);
    } else {
        assert_int_equal(talc_trust_new(&config->trust), TALC_OK);
        assert_int_equal(talc_trust_add_psk(config->trust, &psk, NULL), TALC_OK);
    }
}

/* ---------------------------------------------------------------- our server */

typedef struct house {
    talc_server *server;
    uint16_t port;
    resources served;
    size_t opened, refused;
    talc_failure failure;
} house;

static void on_event(void *context, const talc_event *event)
{
    house *of = context;
    of->opened += event->kind == TALC_EVENT_SESSION_OPENED;
    of->refused += event->kind == TALC_EVENT_SESSION_REFUSED;
    if (event->failure != NULL) {
        of->failure = *event->failure;
    }
}

static void house_open(house *of, const our_side *ours)
{
    talc_config config;
    memset(of, 0, sizeof *of);
    configure(&config, ours, TALC_ROLE_SERVER);
    config.on_event = on_event;
    config.on_event_context = of;
    assert_int_equal(talc_server_new(&of->server, &config), TALC_OK);
    peers_configure_drop(&config);
    assert_int_equal(talc_server_listen(of->server, "coaps://127.0.0.1:0"), TALC_OK);
    of->port = talc_server_port(of->server, 0);
    resources_serve(&of->served, of->server);
}

/* Puts the path of a credential, for each %s, into a program's arguments. */
static void fill_arguments(char *text, size_t capacity, const char *arguments)
{
    size_t used = 0;
    for (const char *at = arguments; *at != 0; at++) {
        const char *end = strchr(at, '>');
        if (*at == '<' && end != NULL) {
            char file[64] = "";
            snprintf(file, sizeof file, "%.*s", (int)(end - at - 1), at + 1);
            used += (size_t)snprintf(text + used, capacity - used, "%s", credential_path(file));
            at = end;
        } else {
            text[used++] = *at;
        }
        assert_true(used + 1 < capacity);
    }
    text[used] = 0;
}

typedef struct client_row {
    const char *label;
    our_side server;
    const char *arguments; /* of coap-client; <FILE> is one of the credentials */
    talc_credential credential;
    const char *words; /* the client's name; or a part of why we refuse it, and it gets nothing */
    int refuses_us;    /* 1: the client ends it */
} client_row;

#define CERTIFICATES { .side = { .certificate = "server", .anchors = "ca.pem" } }
#define PSK { .psk_name = "client-1" }

static const client_row client_rows[] = {
    { "PSK", PSK, "-u client-1 -k " KEY, TALC_CREDENTIAL_PSK, "client-1", 0 },
    { "certificates", CERTIFICATES, "-c <client.pem> -j <client.key> -C <ca.pem>",
      TALC_CREDENTIAL_CERTIFICATE, "client-1", 0 },

    { "a wrong key", PSK, "-u client-1 -k another-key-of-some-length", TALC_CREDENTIAL_NONE,
      "does not hold it", 0 },
    { "an unknown name", PSK, "-u client-2 -k " KEY, TALC_CREDENTIAL_NONE, "is not known here", 0 },
    { "a client of another authority", CERTIFICATES,
      "-c <other-client.pem> -j <other-client.key> -C <ca.pem>", TALC_CREDENTIAL_NONE,
      "no trust anchor vouches", 0 },
    { "a client that does not believe us", CERTIFICATES,
      "-c <client.pem> -j <client.key> -C <other-ca.pem>", TALC_CREDENTIAL_NONE,
      "the client sent the alert", 1 },
};

static void run_client(const char *flavour, const client_row *at)
{
    house of;
    tls_program program;
    char arguments[512];
    char command[1024];
    house_open(&of, &at->server);
    fill_arguments(arguments, sizeof arguments, at->arguments);
    snprintf(command, sizeof command, "coap-client-%s -B 20 -w %s coaps://127.0.0.1:%u/hello",
             flavour, arguments, of.port);
    tls_program_start(&program, command);
    const size_t *wanted =
        at->credential != TALC_CREDENTIAL_NONE ? &of.served.handled : &of.refused;
    for (int turns = 0; *wanted == 0; turns++) {
        tls_program_listen(&program);
        if (turns > TURNS_MAX) {
            fail_msg("%s, %s: nothing came of it, and the program said: %s", flavour, at->label,
                     program.text);
        }
        assert_int_equal(talc_server_wait(of.server, TURN_MS), TALC_OK);
    }
    if (at->credential != TALC_CREDENTIAL_NONE) {
        tls_program_expect(&program, "21.5");
        assert_int_equal(of.opened, 1);
        assert_int_equal(of.served.last_peer.engine, TALC_ENGINE_DTLS);
        assert_int_equal(of.served.last_peer.credential, at->credential);
        assert_string_equal(of.served.last_peer.name, at->words);
        assert_string_equal(of.served.last_session.protocol, sees_all() ? "DTLSv1.2" : "DTLS");
        print_message("    %s\n", of.served.last_session.cipher_suite);
    } else if (sees_all()) {
        assert_int_equal(of.failure.status,
                         at->refuses_us ? TALC_ERROR_REFUSED : TALC_ERROR_VERIFY);
        assert_contains(of.failure.text, at->words);
    }
    if (at->credential == TALC_CREDENTIAL_NONE) {
        assert_int_equal(of.opened + of.served.handled, 0);
    }
    tls_program_stop(&program);
    talc_server_free(of.server);
}

static void clients_of_libcoap_meet_our_server(void **state)
{
    (void)state;
    for (size_t f = 0; f < COUNT(flavours); f++) {
        for (size_t i = 0; i < COUNT(client_rows); i++) {
            print_message("%s: %s\n", flavours[f], client_rows[i].label);
            run_client(flavours[f], &client_rows[i]);
        }
    }
}

/* ---------------------------------------------------------------- their server */

static struct sockaddr_in loopback(uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/* A UDP port, bound: 0 takes a free one; -1 if another has it. */
static int bind_port(uint16_t *port)
{
    struct sockaddr_in address = loopback(*port);
    socklen_t size = sizeof address;
    int bound = socket(AF_INET, SOCK_DGRAM, 0);
    assert_true(bound >= 0);
    if (bind(bound, (struct sockaddr *)&address, size) != 0) {
        close(bound);
        return -1;
    }
    assert_int_equal(getsockname(bound, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return bound;
}

/* The program takes CoAP at a port and DTLS at the one above. */
static uint16_t free_pair_of_ports(void)
{
    for (int tries = 0; tries < 100; tries++) {
        uint16_t lower = 0;
        int first = bind_port(&lower);
        uint16_t upper = (uint16_t)(lower + 1);
        int second = bind_port(&upper);
        close(first);
        if (second >= 0) {
            close(second);
            return lower;
        }
    }
    fail_msg("no two free ports side by side");
    return 0;
}

/* Returns when it answers; its DTLS port. */
static uint16_t start_server(tls_program *program, const char *flavour, const char *arguments)
{
    char filled[512];
    char command[1024];
    fill_arguments(filled, sizeof filled, arguments);
    for (int starts = 0; starts < STARTS_MAX; starts++) {
        uint16_t port = free_pair_of_ports();
        snprintf(command, sizeof command, "coap-server-%s -A 127.0.0.1 -p %u %s", flavour, port,
                 filled);
        tls_program_start(program, command);
        for (int pings = 0; pings < TURNS_MAX / STARTS_MAX; pings++) {
            if (local_port_answers_ping(port)) {
                return (uint16_t)(port + 1);
            }
            (void)poll(NULL, 0, 1); /* a port where nobody is yet answers at once */
        }
        tls_program_listen(program);
        tls_program_stop(program); /* somebody took the port meanwhile */
    }
    fail_msg("coap-server-%s does not come up: %s", flavour, program->text);
    return 0;
}

/* ---------------------------------------------------------------- our client */

typedef struct server_row {
    const char *label;
    our_side client;
    const char *arguments; /* of coap-server */
    talc_status status;
    const char *words; /* the server's name, or a part of why not */
} server_row;

#define SERVER "-c <server.pem> -j <server.key> -C <ca.pem>"
#define CLIENT { .side = { .certificate = "client", .anchors = "ca.pem" } }

static const server_row server_rows[] = {
    { "PSK", PSK, "-k " KEY, TALC_OK, "client-1" },
    { "certificates", CLIENT, SERVER, TALC_OK, "sensor.example" },
    { "a pin", { .side = { .certificate = "client", .pin = "server.pin" } }, SERVER, TALC_OK,
      NULL },

    { "a server of another name", CLIENT, "-c <wrong-name.pem> -j <wrong-name.key> -C <ca.pem>",
      TALC_ERROR_VERIFY, "the certificate is for another name (\"sensor.example\" was wanted)" },
    { "a server of another authority", CLIENT,
      "-c <other-server.pem> -j <other-server.key> -C <ca.pem>", TALC_ERROR_VERIFY,
      "no trust anchor vouches" },
    { "another server than the pinned one",
      { .side = { .certificate = "client", .pin = "client.pin" } }, SERVER, TALC_ERROR_VERIFY,
      "not one of those that are pinned" },
    { "a server that does not believe us",
      { .side = { .certificate = "other-client", .anchors = "ca.pem" } }, SERVER,
      TALC_ERROR_REFUSED, "the server sent the alert" },
    { "a server that wants a certificate", { .side = { .anchors = "ca.pem" } }, SERVER,
      TALC_ERROR_REFUSED, "the server sent the alert" },
};

/* OpenSSL drops what it cannot decrypt, as RFC 6347 section 4.1.2.7 has it, and says nothing: the
 * request meets its deadline. */
static const server_row other_key_rows[] = {
    { "a server with another key", PSK, "-k another-key-of-some-length", TALC_ERROR_TIMEOUT,
      "before its deadline" },
    { "a server with another key", PSK, "-k another-key-of-some-length", TALC_ERROR_REFUSED,
      "our pre-shared key" },
};

typedef struct answer {
    int is_there;
    talc_status status;
    char text[2048];
} answer;

static void take_answer(void *context, talc_status status, const talc_response *response)
{
    answer *got = context;
    got->is_there = 1;
    got->status = status;
    if (response != NULL) {
        snprintf(got->text, sizeof got->text, "%.*s", (int)response->payload_size,
                 (const char *)response->payload);
    }
}

static void run_server(const char *flavour, const server_row *at)
{
    tls_program program;
    talc_config config;
    talc_client *client = NULL;
    talc_session_info info;
    char uri[32];
    uint16_t port = start_server(&program, flavour, at->arguments);
    configure(&config, &at->client, TALC_ROLE_CLIENT);
    config.request_timeout_ms = sees_all() ? config.request_timeout_ms : 2500;
    snprintf(uri, sizeof uri, "coaps://127.0.0.1:%u", port);
    assert_int_equal(talc_client_new(&client, &config, uri, NULL), TALC_OK);
    peers_configure_drop(&config);

    const talc_request request = { .method = TALC_GET,
                                   .timeout_ms = at->status == TALC_ERROR_TIMEOUT ? 2500 : 0 };
    answer got = { 0 };
    assert_int_equal(talc_client_send(client, &request, take_answer, &got), TALC_PENDING);
    for (int turns = 0; !got.is_there; turns++) {
        assert_true(turns < TURNS_MAX);
        assert_int_equal(talc_client_wait(client, TURN_MS), TALC_OK);
    }
    if (sees_all() ? got.status != at->status
                   : (got.status == TALC_OK) != (at->status == TALC_OK)) {
        fail_msg("%s", talc_client_failure(client)->text);
    }
    talc_client_info(client, &info);
    assert_int_equal(info.is_open, at->status == TALC_OK);
    if (at->status == TALC_OK) {
        assert_contains(got.text, "libcoap");
        assert_int_equal(info.peer.engine, TALC_ENGINE_DTLS);
        if (at->words != NULL) {
            assert_string_equal(info.peer.name, at->words);
        } else {
            assert_int_equal(info.peer.credential, TALC_CREDENTIAL_PIN);
        }
        assert_string_equal(info.protocol, sees_all() ? "DTLSv1.2" : "DTLS");
        print_message("    %s\n", info.cipher_suite);
    } else if (sees_all()) {
        assert_contains(talc_client_failure(client)->text, at->words);
    }
    talc_client_free(client);
    tls_program_stop(&program);
}

static void our_client_meets_servers_of_libcoap(void **state)
{
    (void)state;
    for (size_t f = 0; f < COUNT(flavours); f++) {
        for (size_t i = 0; i < COUNT(server_rows); i++) {
            if (server_rows[i].client.side.pin != NULL && !sees_all()) {
                continue; /* pins alone are for mbedTLS */
            }
            print_message("%s: %s\n", flavours[f], server_rows[i].label);
            run_server(flavours[f], &server_rows[i]);
        }
        run_server(flavours[f], &other_key_rows[f]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_of_libcoap_meet_our_server),
        cmocka_unit_test(our_client_meets_servers_of_libcoap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
