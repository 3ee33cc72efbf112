/* SPDX-License-Identifier: MIT */
#include "tests/dtls_stranger.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <mbedtls/psa_util.h>

#include "lib/credentials.h"
#include "lib/crypto.h"
#include "tests/credential_folder.h"

static int socket_send(void *context, const unsigned char *bytes, size_t size)
{
    dtls_stranger *stranger = context;
    if (size > 13 && size <= sizeof stranger->hello && bytes[0] == MBEDTLS_SSL_MSG_HANDSHAKE &&
        bytes[13] == MBEDTLS_SSL_HS_CLIENT_HELLO) {
        memcpy(stranger->hello, bytes, size);
        stranger->hello_size = size;
    }
    ssize_t sent = send(stranger->socket, bytes, size, 0);
    return sent < 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR : (int)sent;
}

static int socket_receive(void *context, unsigned char *bytes, size_t size)
{
    const dtls_stranger *stranger = context;
    ssize_t got = recv(stranger->socket, bytes, size, MSG_DONTWAIT);
    if (got < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK ? MBEDTLS_ERR_SSL_WANT_READ
                                                       : MBEDTLS_ERR_SSL_CONN_EOF;
    }
    return (int)got;
}

static void hold_psk(dtls_stranger *stranger, const char *file)
{
    talc_identity *identity = NULL;
    assert_int_equal(talc_identity_from_psk_file(&identity, credential_path(file), NULL), TALC_OK);
    const talc_psk_entry *psk = &identity->psk;
    assert_int_equal(
        mbedtls_ssl_conf_psk(&stranger->config, psk->key, psk->key_size, psk->name, psk->name_size),
        0);
    talc_identity_free(identity);
}

static void hold_certificate(dtls_stranger *stranger, const char *name)
{
    char file[64];
    snprintf(file, sizeof file, "%s.pem", name);
    assert_int_equal(mbedtls_x509_crt_parse_file(&stranger->chain, credential_path(file)), 0);
    snprintf(file, sizeof file, "%s.key", name);
    assert_int_equal(mbedtls_pk_parse_keyfile(&stranger->key, credential_path(file), NULL,
                                              mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE),
                     0);
    assert_int_equal(mbedtls_ssl_conf_own_cert(&stranger->config, &stranger->chain, &stranger->key),
                     0);
}

void dtls_stranger_offer(dtls_stranger *stranger, int suite)
{
    stranger->suites[0] = suite;
    mbedtls_ssl_conf_ciphersuites(&stranger->config, stranger->suites);
}

static void begin(dtls_stranger *stranger, const char *credential)
{
    assert_int_equal(talc_crypto_start(), TALC_OK);
    mbedtls_ssl_init(&stranger->ssl);
    mbedtls_ssl_config_init(&stranger->config);
    mbedtls_x509_crt_init(&stranger->chain);
    mbedtls_pk_init(&stranger->key);
    assert_int_equal(mbedtls_ssl_config_defaults(&stranger->config, MBEDTLS_SSL_IS_CLIENT,
                                                 MBEDTLS_SSL_TRANSPORT_DATAGRAM,
                                                 MBEDTLS_SSL_PRESET_DEFAULT),
                     0);
    mbedtls_ssl_conf_rng(&stranger->config, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    mbedtls_ssl_conf_authmode(&stranger->config, MBEDTLS_SSL_VERIFY_NONE);
    if (strstr(credential, "psk") != NULL) {
        dtls_stranger_offer(stranger, MBEDTLS_TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256);
        hold_psk(stranger, credential);
    } else {
        hold_certificate(stranger, credential);
    }
    assert_int_equal(mbedtls_ssl_setup(&stranger->ssl, &stranger->config), 0);
    mbedtls_ssl_set_bio(&stranger->ssl, stranger, socket_send, socket_receive, NULL);
    mbedtls_ssl_set_timer_cb(&stranger->ssl, &stranger->timer, mbedtls_timing_set_delay,
                             mbedtls_timing_get_delay);
}

void dtls_stranger_open(dtls_stranger *stranger, uint16_t port, const char *credential)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memset(stranger, 0, sizeof *stranger);
    stranger->socket = socket(AF_INET, SOCK_DGRAM, 0);
    assert_true(stranger->socket >= 0);
    assert_int_equal(connect(stranger->socket, (struct sockaddr *)&address, sizeof address), 0);
    begin(stranger, credential);
}

void dtls_stranger_open_beside(dtls_stranger *stranger, const dtls_stranger *first,
                               const char *credential)
{
    memset(stranger, 0, sizeof *stranger);
    stranger->socket = first->socket;
    stranger->is_guest = 1;
    begin(stranger, credential);
}

int dtls_stranger_step(dtls_stranger *stranger)
{
    return mbedtls_ssl_handshake(&stranger->ssl);
}

void dtls_stranger_repeat_hello(dtls_stranger *stranger)
{
    assert_int_equal(send(stranger->socket, stranger->hello, stranger->hello_size, 0),
                     (ssize_t)stranger->hello_size);
}

void dtls_stranger_ask(dtls_stranger *stranger, uint16_t message_id)
{
    /* Version 1, CON, no token; GET; Uri-Path "hello" (RFC 7252 section 3). */
    uint8_t message[] = {
        0x40, 0x01, (uint8_t)(message_id >> 8), (uint8_t)message_id, 0xb5, 'h', 'e', 'l', 'l', 'o'
    };
    assert_int_equal(mbedtls_ssl_write(&stranger->ssl, message, sizeof message), sizeof message);
}

int dtls_stranger_is_answered(dtls_stranger *stranger)
{
    static const char wanted[] = "21.5";
    const size_t size = sizeof wanted - 1;
    uint8_t answer[256];
    int got = mbedtls_ssl_read(&stranger->ssl, answer, sizeof answer);
    return got >= (int)size && memcmp(answer + (size_t)got - size, wanted, size) == 0;
}

void dtls_stranger_close(dtls_stranger *stranger)
{
    mbedtls_ssl_free(&stranger->ssl);
    mbedtls_ssl_config_free(&stranger->config);
    mbedtls_x509_crt_free(&stranger->chain);
    mbedtls_pk_free(&stranger->key);
    if (!stranger->is_guest) {
        close(stranger->socket);
    }
}
