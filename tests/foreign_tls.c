/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <mbedtls/psa_util.h>
#include <string.h>

#include "lib/credentials.h"
#include "tests/foreign_tls.h"

static void wire_put(foreign_wire *to, const uint8_t *bytes, size_t size)
{
    assert_true(size <= sizeof to->bytes - to->size);
    memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
}

static talc_status server_puts(void *context, const uint8_t *bytes, size_t size)
{
    foreign_tls *made = context;
    wire_put(&made->to_client, bytes, size);
    return TALC_OK;
}

static int client_puts(void *context, const unsigned char *bytes, size_t size)
{
    foreign_tls *made = context;
    wire_put(&made->to_server, bytes, size);
    return (int)size;
}

static int client_gets(void *context, unsigned char *bytes, size_t size)
{
    foreign_wire *from = &((foreign_tls *)context)->to_client;
    size_t left = from->size - from->read;
    if (left == 0) {
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    size = size < left ? size : left;
    memcpy(bytes, from->bytes + from->read, size);
    from->read += size;
    return (int)size;
}

static void configure_credentials(foreign_tls *made, const foreign_manners *manners)
{
    if (manners->psk_name != NULL) {
        assert_int_equal(mbedtls_ssl_conf_psk(&made->config,
                                              (const unsigned char *)manners->psk_key,
                                              strlen(manners->psk_key),
                                              (const unsigned char *)manners->psk_name,
                                              strlen(manners->psk_name)),
                         0);
    }
    if (manners->identity != NULL) {
        assert_int_equal(mbedtls_ssl_conf_own_cert(&made->config, &manners->identity->chain,
                                                   &manners->identity->key),
                         0);
    }
}

static void configure(foreign_tls *made, const foreign_manners *manners)
{
    mbedtls_ssl_config *config = &made->config;
    mbedtls_ssl_protocol_version version =
        manners->speaks_tls12 ? MBEDTLS_SSL_VERSION_TLS1_2 : MBEDTLS_SSL_VERSION_TLS1_3;
    assert_int_equal(mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_CLIENT,
                                                 MBEDTLS_SSL_TRANSPORT_STREAM,
                                                 MBEDTLS_SSL_PRESET_DEFAULT),
                     0);
    mbedtls_ssl_conf_rng(config, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_min_tls_version(config, version);
    mbedtls_ssl_conf_max_tls_version(config, version);
    mbedtls_ssl_conf_tls13_key_exchange_modes(config, manners->key_exchange_modes);
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
        config, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
    mbedtls_ssl_conf_extended_master_secret(config, manners->without_extended_master_secret
                                                        ? MBEDTLS_SSL_EXTENDED_MS_DISABLED
                                                        : MBEDTLS_SSL_EXTENDED_MS_ENABLED);
    made->protocols[0] = manners->protocol;
    if (manners->protocol != NULL) {
        assert_int_equal(mbedtls_ssl_conf_alpn_protocols(config, made->protocols), 0);
    }
    configure_credentials(made, manners);
}

void foreign_tls_begin(foreign_tls *made, const foreign_manners *manners, void *server_context)
{
    talc_failure failure;
    memset(made, 0, sizeof *made);
    memset(&failure, 0, sizeof failure);
    talc_engine_setup setup = { server_context, NULL, { server_puts, made } };
    assert_int_equal(talc_engine_tls.open(&made->engine, &setup, &failure), TALC_OK);
    mbedtls_ssl_config_init(&made->config);
    mbedtls_ssl_init(&made->ssl);
    configure(made, manners);
    assert_int_equal(mbedtls_ssl_setup(&made->ssl, &made->config), 0);
    assert_int_equal(mbedtls_ssl_set_hostname(&made->ssl, NULL), 0);
    mbedtls_ssl_set_bio(&made->ssl, made, client_puts, client_gets, NULL);
    if (manners->session != NULL) {
        assert_int_equal(mbedtls_ssl_set_session(&made->ssl, manners->session), 0);
    }
}

void foreign_tls_end(foreign_tls *made)
{
    mbedtls_ssl_free(&made->ssl);
    mbedtls_ssl_config_free(&made->config);
    talc_engine_tls.free(made->engine);
}

void foreign_tls_shake_hands(foreign_tls *made)
{
    foreign_wire *to = &made->to_server;
    for (int round = 0; round < 6; round++) {
        int code = mbedtls_ssl_handshake(&made->ssl);
        if (to->size > to->read) {
            (void)talc_engine_tls.feed(made->engine, to->bytes + to->read, to->size - to->read);
            to->read = to->size;
        }
        if (code != 0 && code != MBEDTLS_ERR_SSL_WANT_READ) {
            return;
        }
    }
}

bool foreign_tls_take_ticket(foreign_tls *made, mbedtls_ssl_session *session)
{
    mbedtls_ssl_session_init(session);
    for (int round = 0; round < 6; round++) {
        unsigned char byte;
        int code = mbedtls_ssl_read(&made->ssl, &byte, sizeof byte);
        if (code == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
            assert_int_equal(mbedtls_ssl_get_session(&made->ssl, session), 0);
            return true;
        }
        if (code != MBEDTLS_ERR_SSL_WANT_READ) {
            return false;
        }
    }
    return false;
}
