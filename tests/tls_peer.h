/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_TLS_PEER_H
#define TALC_TESTS_TLS_PEER_H

/**
 * One session between the tls engine and a program of OpenSSL or GnuTLS, over TCP: what leaves the
 * engine is plain TLS, and so is what it takes. One line of text goes there and comes back. Include it
 * after cmocka.h.
 */

#include "lib/engine.h"
#include "tests/tls_program.h"

#define TLS_PEER_STEPS 1000 /* a hang guard, of TLS_PEER_STEP_MS each */
#define TLS_PEER_STEP_MS 20
#define TLS_PEER_COMMAND_MAX 2048

typedef enum tls_peer_kind { CERTIFICATES, PRE_SHARED_KEY } tls_peer_kind;

typedef struct tls_peer {
    const char *label;
    talc_role role; /**< ours */
    tls_peer_kind kind;
    talc_tls_version version;
    const char *command; /**< %P port, %C folder, %K key in hex, %S a file for sessions */
    const char *ready;   /**< what a server says when it listens */
    const char *answer;  /**< what our client reads after it wrote "talc\n" */
} tls_peer;

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

extern const char *tls_peer_session_file; /**< %S */

/** Fills a command's form in. */
void tls_peer_command(const char *form, uint16_t port, char command[TLS_PEER_COMMAND_MAX]);

/** A context of the tls engine for our side. */
void *tls_peer_context(const tls_peer *peer);

/** Puts records into a connection; the context is a pointer to it. */
talc_status tls_peer_send(void *connection, const uint8_t *bytes, size_t size);

/** Moves what has arrived into the engine; false once the other side is gone. */
bool tls_peer_receive(int connection, void *engine, const char *label);

/** Until our handshake is over; fails the test, with what the program said. */
void tls_peer_shake_hands(int connection, void *engine, tls_program *program, const char *label);

/** Our server and a client that is started and stopped. Says whether the session was resumed. */
bool tls_peer_serve(const tls_peer *peer, void *context);

/** Starts a server; returns its port. */
uint16_t tls_peer_start(const tls_peer *peer, tls_program *program);

/** Our client and a server that runs. Says whether the session was resumed. */
bool tls_peer_use(const tls_peer *peer, void *context, tls_program *program, uint16_t port);

#endif
