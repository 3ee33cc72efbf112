/* SPDX-License-Identifier: MIT */
/* Which cipher suites mode dtls speaks: those that RFC 7252 section 9.1.3 demands, whoever the peer
 * is, and ones with forward secrecy before all others. What libcoap makes of mbedTLS's list is seen
 * in the ClientHello. */
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

#include <mbedtls/ssl_ciphersuites.h>

#include "tests/dtls_stranger.h"
#include "tests/peers.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TURNS_MAX 3000
#define SUITES_MAX 256

/* ---------------------------------------------------------------- our server */

typedef struct suite_row {
    const peers_credentials *credentials;
    const char *client;
    int suite;
    const char *name;
} suite_row;

static const suite_row suite_rows[] = {
    { &peers_psk, "psk-client.txt", MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8,
      "TLS_PSK_WITH_AES_128_CCM_8" },
    { &peers_certificates, "client", MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8,
      "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8" },
};

static void a_server_speaks_what_rfc_7252_demands(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(suite_rows); i++) {
        const suite_row *at = &suite_rows[i];
        talc_config config;
        talc_server *server = NULL;
        resources served = { 0 };
        dtls_stranger stranger;
        peers_configure(&config, &at->credentials->server);
        config.mode = TALC_MODE_DTLS;
        assert_int_equal(talc_server_new(&server, &config), TALC_OK);
        peers_configure_drop(&config);
        assert_int_equal(talc_server_listen(server, "coaps://127.0.0.1:0"), TALC_OK);
        resources_serve(&served, server);
        dtls_stranger_open(&stranger, talc_server_port(server, 0), at->client);
        dtls_stranger_offer(&stranger, at->suite);
        for (int turns = 0; dtls_stranger_step(&stranger) != 0; turns++) {
            assert_true(turns < TURNS_MAX);
            assert_int_equal(talc_server_wait(server, 10), TALC_OK);
        }
        dtls_stranger_ask(&stranger, 1);
        for (int turns = 0; !dtls_stranger_is_answered(&stranger); turns++) {
            assert_true(turns < TURNS_MAX);
            assert_int_equal(talc_server_wait(server, 10), TALC_OK);
        }
        if (coap_get_tls_library_version()->type == COAP_TLS_LIBRARY_MBEDTLS) {
            assert_string_equal(served.last_session.cipher_suite, at->name);
        }
        dtls_stranger_close(&stranger);
        talc_server_free(server);
    }
}

/* ---------------------------------------------------------------- our client */

typedef struct offer {
    int suites[SUITES_MAX];
    size_t count;
} offer;

/* RFC 6347 sections 4.1 and 4.3.2: record, handshake header, version, random, session id, cookie.
 * */
static void read_offer(const uint8_t *hello, size_t size, offer *read)
{
    size_t at = 13 + 12 + 2 + 32;
    assert_true(size > at + 2);
    assert_int_equal(hello[0], 22);
    assert_int_equal(hello[13], 1);
    at += 1u + hello[at];
    at += 1u + hello[at];
    assert_true(size > at + 2);
    size_t bytes = (size_t)hello[at] << 8 | hello[at + 1];
    at += 2;
    assert_true(bytes <= size - at && bytes / 2 <= SUITES_MAX);
    for (read->count = 0; read->count < bytes / 2; read->count++, at += 2) {
        read->suites[read->count] = hello[at] << 8 | hello[at + 1];
    }
}

/* What a client says first when this name is wanted of the server; returns its size. */
static size_t hear_hello(const peers_side *side, const char *name, uint8_t *hello, size_t capacity)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t address_size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int bound = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(bound, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(bound, (struct sockaddr *)&address, &address_size), 0);

    const talc_request request = { .method = TALC_GET };
    talc_config config;
    talc_client *client = NULL;
    talc_response response;
    char uri[32];
    peers_configure(&config, side);
    config.mode = TALC_MODE_DTLS;
    config.server_name = name;
    config.request_timeout_ms = 20;
    snprintf(uri, sizeof uri, "coaps://127.0.0.1:%u", ntohs(address.sin_port));
    assert_int_equal(talc_client_new(&client, &config, uri, NULL), TALC_OK);
    peers_configure_drop(&config);
    assert_int_equal(talc_client_fetch(client, &request, &response), TALC_ERROR_TIMEOUT);
    ssize_t size = recv(bound, hello, capacity, MSG_DONTWAIT);
    assert_true(size > 0);
    talc_client_free(client);
    close(bound);
    return (size_t)size;
}

static void hear_offer(const peers_side *side, offer *heard)
{
    uint8_t hello[2048];
    size_t size = hear_hello(side, PEERS_SERVER_NAME, hello, sizeof hello);
    read_offer(hello, size, heard);
}

static bool holds(const uint8_t *bytes, size_t size, const char *text)
{
    size_t length = strlen(text);
    for (size_t at = 0; at + length <= size; at++) {
        if (memcmp(bytes + at, text, length) == 0) {
            return true;
        }
    }
    return false;
}

/* RFC 6066 section 3: names, not addresses. With a pre-shared key none is to be checked, and none
 * is told to the path. */
static void a_client_tells_a_name_and_no_address(void **state)
{
    (void)state;
    static const struct {
        const peers_credentials *credentials;
        const char *name;
        bool is_told;
    } rows[] = {
        { &peers_certificates, "sensor.example", true },
        { &peers_certificates, "127.0.0.1", false },
        { &peers_certificates, "::1", false },
        { &peers_psk, "sensor.example", false },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t hello[2048];
        size_t size =
            hear_hello(&rows[i].credentials->client, rows[i].name, hello, sizeof hello);
        assert_int_equal(holds(hello, size, rows[i].name), rows[i].is_told);
    }
}

static size_t place_of(const offer *heard, int suite)
{
    size_t place = 0;
    while (place < heard->count && heard->suites[place] != suite) {
        place++;
    }
    return place;
}

/* Everything that has no forward secrecy or no encryption, in the words of the registry. */
static bool is_with(int suite, const char *words)
{
    const char *name = mbedtls_ssl_get_ciphersuite_name(suite);
    return strstr(name, words) != NULL;
}

static bool is_forward_secret(int suite)
{
    return is_with(suite, "TLS-ECDHE-") || is_with(suite, "TLS-DHE-");
}

static void check_offer(const offer *heard, int mandatory, int preferred)
{
    bool has_weaker = false;
    assert_true(place_of(heard, mandatory) < heard->count);
    assert_true(place_of(heard, preferred) < heard->count);
    for (size_t i = 0; i < heard->count; i++) {
        int suite = heard->suites[i];
        if (suite == 0x00ff) {
            continue; /* RFC 5746: no suite */
        }
        assert_false(is_with(suite, "NULL") || is_with(suite, "RC4") || is_with(suite, "DES"));
        assert_false(has_weaker && is_forward_secret(suite));
        has_weaker = has_weaker || !is_forward_secret(suite);
    }
}

static void a_client_offers_forward_secrecy_first(void **state)
{
    (void)state;
    offer heard;
    if (coap_get_tls_library_version()->type != COAP_TLS_LIBRARY_MBEDTLS) {
        return; /* what other libraries offer is their own */
    }
    hear_offer(&peers_psk.client, &heard);
    check_offer(&heard, MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8,
                MBEDTLS_TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256);
    hear_offer(&peers_certificates.client, &heard);
    check_offer(&heard, MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8,
                MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_speaks_what_rfc_7252_demands),
        cmocka_unit_test(a_client_offers_forward_secrecy_first),
        cmocka_unit_test(a_client_tells_a_name_and_no_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
