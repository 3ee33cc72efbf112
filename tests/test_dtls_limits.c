/* SPDX-License-Identifier: MIT */
/* What a server of mode dtls keeps for strangers and for clients is bounded, in number and in time.
 * */
#include "tests/credential_folder.h"
#include "tests/dtls_stranger.h"
#include "tests/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <coap3/coap.h>

#include <cmocka.h>

#define TURNS_MAX 3000 /* a hang guard: of 10 ms each where nothing happens */
#define TURN_MS 10
#define STRANGERS 24
#define FLOOD 300
#define HALF_OPEN_MAX 4

static bool is_on_mbedtls(void)
{
    return coap_get_tls_library_version()->type == COAP_TLS_LIBRARY_MBEDTLS;
}

/* ---------------------------------------------------------------- a server and its log */

typedef struct house {
    talc_server *server;
    uint16_t port;
    resources served;
    size_t opened, refused, closed, failed;
    talc_failure failure; /* the last one that came with an event */
} house;

static void on_event(void *context, const talc_event *event)
{
    house *of = context;
    of->opened += event->kind == TALC_EVENT_SESSION_OPENED;
    of->refused += event->kind == TALC_EVENT_SESSION_REFUSED;
    of->closed += event->kind == TALC_EVENT_SESSION_CLOSED;
    of->failed += event->kind == TALC_EVENT_SESSION_FAILED;
    if (event->failure != NULL) {
        of->failure = *event->failure;
    }
}

static talc_config house_config(house *of)
{
    talc_config config;
    memset(of, 0, sizeof *of);
    peers_configure(&config, &peers_psk.server);
    config.mode = TALC_MODE_DTLS;
    config.on_event = on_event;
    config.on_event_context = of;
    return config;
}

static void house_open(house *of, talc_config *config)
{
    assert_int_equal(talc_server_new(&of->server, config), TALC_OK);
    peers_configure_drop(config);
    assert_int_equal(talc_server_listen(of->server, "coaps://127.0.0.1:0"), TALC_OK);
    of->port = talc_server_port(of->server, 0);
    resources_serve(&of->served, of->server);
}

static void house_turn(house *of)
{
    assert_int_equal(talc_server_wait(of->server, TURN_MS), TALC_OK);
}

/* Everything that has arrived is taken. */
static void house_settle(house *of)
{
    for (int turns = 0; turns < 3; turns++) {
        assert_int_equal(talc_server_process(of->server), TALC_OK);
    }
}

static void await(house *of, const size_t *events, size_t count)
{
    for (int turns = 0; *events < count; turns++) {
        assert_true(turns < TURNS_MAX);
        house_turn(of);
    }
}

/* ---------------------------------------------------------------- clients */

static talc_client *client_of(const house *of, const char *psk_file)
{
    const peers_side side = { .psk = psk_file };
    talc_config config;
    talc_client *client = NULL;
    char uri[32];
    peers_configure(&config, &side);
    config.mode = TALC_MODE_DTLS;
    snprintf(uri, sizeof uri, "coaps://127.0.0.1:%u", of->port);
    assert_int_equal(talc_client_new(&client, &config, uri, NULL), TALC_OK);
    peers_configure_drop(&config);
    return client;
}

typedef struct answer {
    int is_there;
    talc_status status;
} answer;

static void take_answer(void *context, talc_status status, const talc_response *response)
{
    answer *got = context;
    (void)response;
    *got = (answer){ 1, status };
}

static talc_status fetch(house *of, talc_client *client)
{
    const talc_request request = { .method = TALC_GET, .path = "hello" };
    answer got = { 0 };
    assert_int_equal(talc_client_send(client, &request, take_answer, &got), TALC_PENDING);
    for (int turns = 0; !got.is_there; turns++) {
        assert_true(turns < TURNS_MAX);
        assert_int_equal(talc_client_wait(client, 1), TALC_OK);
        house_turn(of);
    }
    return got.status;
}

static void connect_stranger(house *of, dtls_stranger *stranger)
{
    for (int turns = 0; dtls_stranger_step(stranger) != 0; turns++) {
        assert_true(turns < TURNS_MAX);
        house_turn(of);
    }
}

static void ask(house *of, dtls_stranger *stranger, uint16_t message_id)
{
    dtls_stranger_ask(stranger, message_id);
    for (int turns = 0; !dtls_stranger_is_answered(stranger); turns++) {
        assert_true(turns < TURNS_MAX);
        house_turn(of);
    }
}

/* Up to the ClientHello with the cookie, and no further. */
static void knock(house *of, dtls_stranger *stranger)
{
    assert_int_equal(dtls_stranger_step(stranger), MBEDTLS_ERR_SSL_WANT_READ);
    house_settle(of);
    assert_int_equal(dtls_stranger_step(stranger), MBEDTLS_ERR_SSL_WANT_READ);
    house_settle(of);
}

/* ---------------------------------------------------------------- handshakes that stand still */

static void the_oldest_half_open_session_gives_way(void **state)
{
    (void)state;
    house of;
    dtls_stranger strangers[STRANGERS];
    talc_config config = house_config(&of);
    config.half_open_max = HALF_OPEN_MAX;
    house_open(&of, &config);
    for (size_t i = 0; i < STRANGERS; i++) {
        dtls_stranger_open(&strangers[i], of.port, "psk-client.txt");
        knock(&of, &strangers[i]);
    }
    talc_server_info info;
    talc_server_info_get(of.server, &info);
    assert_int_equal(info.half_open, HALF_OPEN_MAX);
    assert_int_equal(of.refused, STRANGERS - HALF_OPEN_MAX);
    assert_int_equal(of.failure.status, TALC_ERROR_OVERLOADED);
    assert_contains(of.failure.text, "gave way to another");

    talc_client *client = client_of(&of, "psk-client.txt");
    assert_int_equal(fetch(&of, client), TALC_OK);
    assert_int_equal(of.opened, 1);
    connect_stranger(&of, &strangers[STRANGERS - 1]); /* the youngest is still there */
    assert_int_equal(of.opened, 2);
    for (size_t i = 0; i < STRANGERS; i++) {
        dtls_stranger_close(&strangers[i]);
    }
    talc_client_free(client);
    talc_server_free(of.server);
}

/* What the server kept for it is gone: its cookie is not taken, and it gets another. */
static void check_that_it_gave_way(house *of, dtls_stranger *stranger)
{
    talc_server_info info;
    assert_int_equal(dtls_stranger_step(stranger), MBEDTLS_ERR_SSL_WANT_READ);
    house_settle(of);
    talc_server_info_get(of->server, &info);
    assert_int_equal(info.half_open, 0);
}

/* First ClientHellos may come from made-up addresses: they keep nobody out and nobody hears of
 * them. libcoap by itself stops at 100 for 30 s. */
static void a_flood_of_first_hellos_keeps_nobody_out(void **state)
{
    (void)state;
    house of;
    static dtls_stranger strangers[FLOOD];
    talc_config config = house_config(&of);
    config.half_open_max = HALF_OPEN_MAX;
    house_open(&of, &config);
    talc_client *before = client_of(&of, "psk-client-2.txt");
    assert_int_equal(fetch(&of, before), TALC_OK);
    for (size_t i = 0; i < FLOOD; i++) {
        dtls_stranger_open(&strangers[i], of.port, "psk-client.txt");
        assert_int_equal(dtls_stranger_step(&strangers[i]), MBEDTLS_ERR_SSL_WANT_READ);
        house_settle(&of);
    }
    if (is_on_mbedtls()) {
        check_that_it_gave_way(&of, &strangers[0]);
    }
    talc_client *client = client_of(&of, "psk-client.txt");
    assert_int_equal(fetch(&of, client), TALC_OK);
    assert_int_equal(fetch(&of, before), TALC_OK);
    assert_int_equal(of.opened, 2);
    assert_int_equal(of.refused + of.closed + of.failed, 0);
    if (is_on_mbedtls()) { /* others take no second cookie */
        connect_stranger(&of, &strangers[0]); /* who gave way long ago is served all the same */
        assert_int_equal(of.opened, 3);
    }
    for (size_t i = 0; i < FLOOD; i++) {
        dtls_stranger_close(&strangers[i]);
    }
    talc_client_free(client);
    talc_client_free(before);
    talc_server_free(of.server);
}

/* Fourteen bytes that look like the beginning of a hello are none: they push no handshake out whose
 * address is proved. */
static void scraps_of_hellos_push_nobody_out(void **state)
{
    (void)state;
    static const uint8_t scrap[] = { 22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 99, 1 };
    house of;
    dtls_stranger stranger;
    talc_server_info info;
    talc_config config = house_config(&of);
    config.half_open_max = HALF_OPEN_MAX;
    house_open(&of, &config);
    dtls_stranger_open(&stranger, of.port, "psk-client.txt");
    knock(&of, &stranger);
    for (size_t i = 0; i < FLOOD; i++) {
        dtls_stranger other;
        dtls_stranger_open(&other, of.port, "psk-client.txt");
        assert_int_equal(send(other.socket, scrap, sizeof scrap, 0), sizeof scrap);
        house_settle(&of);
        dtls_stranger_close(&other);
    }
    assert_int_equal(of.refused, 0);
    talc_server_info_get(of.server, &info);
    assert_int_equal(info.half_open, is_on_mbedtls() ? 1 : info.half_open);
    connect_stranger(&of, &stranger);
    assert_int_equal(of.opened, 1);
    dtls_stranger_close(&stranger);
    talc_server_free(of.server);
}

static void a_handshake_that_stands_still_is_given_up(void **state)
{
    (void)state;
    house of;
    dtls_stranger stranger;
    talc_server_info info = { 0 };
    talc_config config = house_config(&of);
    config.half_open_timeout_ms = 200;
    house_open(&of, &config);
    dtls_stranger_open(&stranger, of.port, "psk-client.txt");
    for (int turns = 0; info.half_open == 0; turns++) { /* up to the cookie, and no further */
        assert_true(turns < TURNS_MAX);
        assert_int_not_equal(dtls_stranger_step(&stranger), 0);
        house_settle(&of);
        talc_server_info_get(of.server, &info);
    }
    await(&of, &of.refused, 1);
    assert_int_equal(of.failure.status, TALC_ERROR_TIMEOUT);
    assert_contains(of.failure.text, "did not finish the DTLS handshake");
    talc_server_info_get(of.server, &info);
    assert_int_equal(info.half_open, 0);
    dtls_stranger_close(&stranger);
    talc_server_free(of.server);
}

static void what_is_no_hello_begins_nothing(void **state)
{
    (void)state;
    house of;
    dtls_stranger stranger;
    talc_server_info info;
    uint8_t junk[1200];
    talc_config config = house_config(&of);
    house_open(&of, &config);
    dtls_stranger_open(&stranger, of.port, "psk-client.txt");
    for (size_t i = 0; i < 500; i++) {
        size_t size = 1 + (i * 37) % sizeof junk;
        for (size_t at = 0; at < size; at++) {
            junk[at] = (uint8_t)(rand() >> 4);
        }
        if (i % 4 == 1 && size > 25) { /* the header of a ClientHello, and nonsense behind it */
            memcpy(junk, "\x16\xfe\xfd\0\0\0\0\0\0\0\0", 11);
            junk[11] = (uint8_t)((size - 13) >> 8);
            junk[12] = (uint8_t)(size - 13);
            junk[13] = 1;
        }
        assert_int_equal(send(stranger.socket, junk, size, 0), (ssize_t)size);
        house_settle(&of);
    }
    talc_server_info_get(of.server, &info);
    assert_int_equal(info.sessions, 0);
    assert_int_equal(of.opened + of.closed + of.failed, 0);
    dtls_stranger_close(&stranger);
    talc_client *client = client_of(&of, "psk-client.txt");
    assert_int_equal(fetch(&of, client), TALC_OK);
    talc_client_free(client);
    talc_server_free(of.server);
}

/* ---------------------------------------------------------------- open sessions */

static void a_full_server_lets_nobody_in_until_one_leaves(void **state)
{
    (void)state;
    house of;
    talc_config config = house_config(&of);
    config.sessions_max = 1;
    house_open(&of, &config);
    talc_client *first = client_of(&of, "psk-client.txt");
    talc_client *second = client_of(&of, "psk-client-2.txt");
    assert_int_equal(fetch(&of, first), TALC_OK);
    assert_int_equal(fetch(&of, second),
                     is_on_mbedtls() ? TALC_ERROR_REFUSED : TALC_ERROR_SESSION_LOST);
    assert_contains(talc_client_failure(second)->text,
                    is_on_mbedtls() ? "or has no room" : "ended the DTLS session");
    await(&of, &of.refused, 1);
    assert_int_equal(of.failure.status, TALC_ERROR_OVERLOADED);
    assert_int_equal(of.served.handled, 1);
    assert_int_equal(fetch(&of, first), TALC_OK);

    assert_int_equal(talc_client_close(first, 0), TALC_OK);
    await(&of, &of.closed, 1);
    assert_int_equal(fetch(&of, second), TALC_OK);
    talc_client_free(first);
    talc_client_free(second);
    talc_server_free(of.server);
}

static void an_idle_session_ends_and_another_begins(void **state)
{
    (void)state;
    house of;
    talc_config config = house_config(&of);
    config.idle_timeout_ms = 1;
    house_open(&of, &config);
    talc_client *client = client_of(&of, "psk-client.txt");
    assert_int_equal(fetch(&of, client), TALC_OK);
    await(&of, &of.closed, 1);
    assert_int_equal(fetch(&of, client), TALC_OK);
    assert_int_equal(of.opened, 2);
    assert_int_equal(of.refused + of.failed, 0);
    talc_client_free(client);
    talc_server_free(of.server);
}

/* A client that is not believed after its handshake is not heard, however it goes on. */
static void who_does_not_mind_the_alert_is_not_heard(void **state)
{
    (void)state;
    static const peers_side side = { .certificate = "server", .anchors = "ca.pem" };
    house of;
    dtls_stranger stranger;
    talc_config config = house_config(&of);
    peers_configure_drop(&config);
    peers_configure(&config, &side);
    config.mode = TALC_MODE_DTLS;
    config.on_event = on_event;
    config.on_event_context = &of;
    config.client_authentication = TALC_CLIENTS_ANONYMOUS; /* so it is judged afterwards */
    house_open(&of, &config);
    dtls_stranger_open(&stranger, of.port, "other-client");
    connect_stranger(&of, &stranger);
    for (uint16_t message_id = 1; message_id <= 3; message_id++) {
        dtls_stranger_ask(&stranger, message_id);
        house_settle(&of);
    }
    if (is_on_mbedtls()) { /* others do not ask for it and serve it as nobody */
        assert_int_equal(of.served.handled, 0);
        assert_int_equal(of.opened, 0);
        assert_int_equal(of.refused, 1);
        assert_int_equal(of.failure.status, TALC_ERROR_VERIFY);
    } else {
        assert_int_equal(of.served.last_peer.credential, TALC_CREDENTIAL_NONE);
    }
    dtls_stranger_close(&stranger);
    talc_server_free(of.server);
}

/* ---------------------------------------------------------------- one address, two clients */

/* Other libraries drop the hello of another client at the same address. */
static void nobody_begins_again(house *of, dtls_stranger *first, dtls_stranger *second)
{
    for (int turns = 0; turns < 20; turns++) {
        assert_int_not_equal(dtls_stranger_step(second), 0);
        house_settle(of);
    }
    ask(of, first, 2);
    assert_string_equal(of->served.last_peer.name, "client-1");
    assert_int_equal(of->opened, 1);
}

static void somebody_begins_again(house *of, dtls_stranger *second)
{
    connect_stranger(of, second);
    ask(of, second, 1); /* with the message ID of the other one: nothing is mixed up */
    assert_string_equal(of->served.last_peer.name, "client-2");
    assert_int_equal(of->opened, 2);
    assert_int_equal(of->closed, 1);
}

/* RFC 6347 section 4.2.8: who has the address may begin again; it is not taken for the one before.
 * */
static void another_client_at_the_same_address_is_another_peer(void **state)
{
    (void)state;
    house of;
    dtls_stranger first, second;
    talc_config config = house_config(&of);
    house_open(&of, &config);
    dtls_stranger_open(&first, of.port, "psk-client.txt");
    connect_stranger(&of, &first);
    ask(&of, &first, 1);
    assert_string_equal(of.served.last_peer.name, "client-1");

    dtls_stranger_open_beside(&second, &first, "psk-client-2.txt");
    if (is_on_mbedtls()) {
        somebody_begins_again(&of, &second);
    } else {
        nobody_begins_again(&of, &first, &second);
    }
    assert_int_equal(of.served.handled, 2);
    assert_int_equal(of.refused + of.failed, 0);
    dtls_stranger_close(&second);
    dtls_stranger_close(&first);
    talc_server_free(of.server);
}

/* What a path doubles, or somebody keeps: the cookie in it is still good. */
static void the_hello_of_a_session_once_more_ends_nothing(void **state)
{
    (void)state;
    house of;
    dtls_stranger stranger;
    talc_config config = house_config(&of);
    house_open(&of, &config);
    dtls_stranger_open(&stranger, of.port, "psk-client.txt");
    connect_stranger(&of, &stranger);
    dtls_stranger_repeat_hello(&stranger);
    house_settle(&of);
    ask(&of, &stranger, 1);
    dtls_stranger_repeat_hello(&stranger);
    house_settle(&of);
    ask(&of, &stranger, 2);
    assert_int_equal(of.opened, 1);
    assert_int_equal(of.closed + of.refused + of.failed, 0);
    dtls_stranger_close(&stranger);
    talc_server_free(of.server);
}

/* A made-up ClientHello from a client's address does not end its session. */
static void a_hello_without_a_cookie_ends_nothing(void **state)
{
    (void)state;
    house of;
    dtls_stranger first, second;
    talc_config config = house_config(&of);
    house_open(&of, &config);
    dtls_stranger_open(&first, of.port, "psk-client.txt");
    connect_stranger(&of, &first);
    ask(&of, &first, 1);
    dtls_stranger_open_beside(&second, &first, "psk-client-2.txt");
    assert_int_equal(dtls_stranger_step(&second), MBEDTLS_ERR_SSL_WANT_READ);
    house_settle(&of);
    ask(&of, &first, 2);
    assert_string_equal(of.served.last_peer.name, "client-1");
    assert_int_equal(of.opened, 1);
    assert_int_equal(of.closed + of.refused + of.failed, 0);
    dtls_stranger_close(&second);
    dtls_stranger_close(&first);
    talc_server_free(of.server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_half_open_session_gives_way),
        cmocka_unit_test(a_flood_of_first_hellos_keeps_nobody_out),
        cmocka_unit_test(scraps_of_hellos_push_nobody_out),
        cmocka_unit_test(a_handshake_that_stands_still_is_given_up),
        cmocka_unit_test(what_is_no_hello_begins_nothing),
        cmocka_unit_test(a_full_server_lets_nobody_in_until_one_leaves),
        cmocka_unit_test(an_idle_session_ends_and_another_begins),
        cmocka_unit_test(who_does_not_mind_the_alert_is_not_heard),
        cmocka_unit_test(another_client_at_the_same_address_is_another_peer),
        cmocka_unit_test(the_hello_of_a_session_once_more_ends_nothing),
        cmocka_unit_test(a_hello_without_a_cookie_ends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
