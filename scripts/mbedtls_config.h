/* SPDX-License-Identifier: MIT */
/*
 * What talc changes in mbedTLS 3.6's default configuration.
 *
 * scripts/deps.sh copies this file into the mbedTLS tree and has mbedtls_config.h include it as its
 * last line. It is deliberately not an MBEDTLS_USER_CONFIG_FILE: that is a compiler option which no
 * .pc file carries, so a caller without it would see other structure sizes than the library
 * (mbedtls_ssl_session is 504 bytes in one and 496 in the other). Baked in, libcoap, talc and the
 * tests read one and the same configuration.
 *
 * Everything that is not named here keeps its default, above all what DTLS for libcoap needs.
 */
#ifndef TALC_MBEDTLS_CONFIG_H
#define TALC_MBEDTLS_CONFIG_H

/* --- Fewer bytes, so that the server's TLS 1.3 flight fits one CoAP body of 1023 bytes --- */

/* Middlebox compatibility (RFC 8446 appendix D.4) costs two 32-byte session ids and two
 * ChangeCipherSpec records. No middlebox parses TLS inside a CoAP body. */
#undef MBEDTLS_SSL_TLS1_3_COMPATIBILITY_MODE

/* The default pads each TLS 1.3 record to a multiple of 16 bytes. */
#undef MBEDTLS_SSL_CID_TLS1_3_PADDING_GRANULARITY
#define MBEDTLS_SSL_CID_TLS1_3_PADDING_GRANULARITY 1

/* --- Memory --- */

/* Two buffers of 16 KiB per session are the largest part of its heap. 8192 takes the chain of an
 * RSA-4096 leaf with two CA certificates (4.3 KB in one Certificate message), 4096 does not. */
#undef MBEDTLS_SSL_IN_CONTENT_LEN
#define MBEDTLS_SSL_IN_CONTENT_LEN 8192
#undef MBEDTLS_SSL_OUT_CONTENT_LEN
#define MBEDTLS_SSL_OUT_CONTENT_LEN 8192

/* With buffers below 16 KiB the peer has to be told (RFC 8449). The value that goes out is
 * MBEDTLS_SSL_IN_CONTENT_LEN; there is no call to change it. */
#define MBEDTLS_SSL_RECORD_SIZE_LIMIT

/* --- Protocol --- */

#define MBEDTLS_SSL_PROTO_TLS1_2
#define MBEDTLS_SSL_PROTO_TLS1_3
#define MBEDTLS_SSL_PROTO_DTLS

#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_ENABLED
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL_ENABLED
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ENABLED

/* As long as talc takes them (TALC_PSK_SIZE_MAX). */
#define MBEDTLS_PSK_MAX_LEN 64

/* TLS 1.2 without it is open to the triple handshake (RFC 7627), and so would be the exporter. */
#define MBEDTLS_SSL_EXTENDED_MASTER_SECRET

/* The guard tags' keys come from the exporter (RFC 8446 section 7.5, RFC 5705). */
#define MBEDTLS_SSL_KEYING_MATERIAL_EXPORT

/* Sessions are resumed; the tickets carry who the client is. */
#define MBEDTLS_SSL_SESSION_TICKETS
#define MBEDTLS_SSL_TICKET_C

/* In milliseconds: as long as a ticket may be good at all. That both sides agree on a ticket's age
 * matters for 0-RTT only (RFC 8446 section 8.3), and a ticket or a ClientHello that a bad path made us
 * repeat is late by more than the usual 6 s; so is the clock of a device that slept. */
#define MBEDTLS_SSL_TLS1_3_TICKET_AGE_TOLERANCE 604800000

/* One ticket for a session: what numbers it need not be 32 bytes long, which would go into the answer
 * that brings the first response. */
#define MBEDTLS_SSL_TLS1_3_TICKET_NONCE_LENGTH 8

/* The server answers as one of several names, and the channel inside is CoAP by agreement. */
#define MBEDTLS_SSL_SERVER_NAME_INDICATION
#define MBEDTLS_SSL_ALPN

/* coaps clients behind a NAT keep their session when the address changes (RFC 9146). */
#define MBEDTLS_SSL_DTLS_CONNECTION_ID

/* 0-RTT data can be replayed, and CoAP repeats requests by itself; RFC 7925 section 13 and its
 * successor for TLS 1.3 forbid it for requests. */
#undef MBEDTLS_SSL_EARLY_DATA

/* Renegotiation changes a session's keys and peer under the application's feet. */
#undef MBEDTLS_SSL_RENEGOTIATION

/* --- Threads --- */

/* PSA's key store and the random generator are process-wide; clients run in threads. */
#define MBEDTLS_THREADING_C
#define MBEDTLS_THREADING_PTHREAD

#endif
