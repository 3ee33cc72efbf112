/* SPDX-License-Identifier: MIT */
#include "tests/mode_rows.h"

#define TLS(name_, version_, credentials_, path_, protocol_, is_resumed_)                          \
    {                                                                                              \
        .name = name_, .mode = TALC_MODE_TLS, .version = version_, .credentials = credentials_,    \
        .path = path_, .engine = TALC_ENGINE_TLS, .protocol = protocol_, .is_resumed = is_resumed_ \
    }
#define TLS_1_3(name_, credentials_, path_, is_resumed_)                                           \
    TLS(name_, TALC_TLS_1_3, credentials_, path_, "TLSv1.3", is_resumed_)
#define TLS_1_2(name_, credentials_, path_, is_resumed_)                                           \
    TLS(name_, TALC_TLS_1_2, credentials_, path_, "TLSv1.2", is_resumed_)

#define ECC(name_, path_)                                                                          \
    {                                                                                              \
        .name = name_, .mode = TALC_MODE_ECC, .credentials = &peers_device, .path = path_,         \
        .engine = TALC_ENGINE_ECC, .protocol = "talc-ecc-1"                                        \
    }

#define NONE(name_, path_, promise_)                                                               \
    {                                                                                              \
        .name = name_, .mode = TALC_MODE_NONE, .credentials = &peers_nobody, .path = path_,        \
        .scheme = "coap", .engine = TALC_ENGINE_NONE, .protocol = "", .promise = promise_          \
    }

#define DTLS(name_, credentials_, scheme_)                                                         \
    {                                                                                              \
        .name = name_, .mode = TALC_MODE_DTLS, .credentials = credentials_, .path = PEERS_DIRECT,  \
        .scheme = scheme_, .engine = TALC_ENGINE_DTLS, .protocol = "DTLSv1.2",                     \
        .promise = MODE_GIVES_UP                                                                   \
    }

#ifdef TALC_TEST_HTTP
#define HTTP_ROWS                                                                                  \
    TLS_1_3("tls-psk/http", &peers_psk, PEERS_HTTP, 0),                                            \
        TLS_1_3("tls-certificates/http", &peers_certificates, PEERS_HTTP, 1),                      \
        TLS_1_2("tls12-certificates/http", &peers_certificates, PEERS_HTTP, 0),                    \
        ECC("ecc/http", PEERS_HTTP)
#else
#define HTTP_ROWS
#endif

/* Tickets are those of TLS 1.3. Sessions of pre-shared keys have none: the key is all that a ticket
 * could save. */
const mode_row mode_rows[] = {
    NONE("none/coap", PEERS_DIRECT, MODE_GIVES_UP),
    NONE("none/proxy", PEERS_PROXY, MODE_BELIEVES_A_PROXY),
    DTLS("dtls-psk/coap", &peers_psk, "coap"),
    DTLS("dtls-certificates/coap", &peers_certificates, "coap"),
    DTLS("dtls-pins/coap", &peers_pin, "coap"),
    DTLS("dtls-certificates/coaps", &peers_certificates, "coaps"),
    TLS_1_3("tls-psk/loopback", &peers_psk, PEERS_LOOPBACK, 0),
    TLS_1_3("tls-psk/coap", &peers_psk, PEERS_DIRECT, 0),
    TLS_1_3("tls-psk/proxy", &peers_psk, PEERS_PROXY, 0),
    TLS_1_3("tls-certificates/loopback", &peers_certificates, PEERS_LOOPBACK, 1),
    TLS_1_3("tls-certificates/coap", &peers_certificates, PEERS_DIRECT, 1),
    TLS_1_3("tls-certificates/proxy", &peers_certificates, PEERS_PROXY, 1),
    TLS_1_3("tls-pins/loopback", &peers_pin, PEERS_LOOPBACK, 1),
    TLS_1_3("tls-pins/coap", &peers_pin, PEERS_DIRECT, 1),
    TLS_1_3("tls-pins/proxy", &peers_pin, PEERS_PROXY, 1),
    TLS_1_2("tls12-psk/coap", &peers_psk, PEERS_DIRECT, 0),
    TLS_1_2("tls12-certificates/coap", &peers_certificates, PEERS_DIRECT, 0),
    ECC("ecc/loopback", PEERS_LOOPBACK),
    ECC("ecc/coap", PEERS_DIRECT),
    ECC("ecc/proxy", PEERS_PROXY),
    HTTP_ROWS
};

const size_t mode_row_count = sizeof mode_rows / sizeof mode_rows[0];

peers_options mode_row_options(const mode_row *row)
{
    return (peers_options){ .mode = &row->mode,
                            .version = row->version,
                            .credentials = row->credentials,
                            .path = row->path,
                            .scheme = row->scheme };
}
