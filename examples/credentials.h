/* SPDX-License-Identifier: MIT */
#ifndef EXAMPLES_CREDENTIALS_H
#define EXAMPLES_CREDENTIALS_H

/**
 * The options that all examples have: what protects requests, who we are, whom we believe.
 *
 * A program puts CREDENTIALS_OPTIONS into its table for getopt_long(), gives every option it does
 * not know itself to credentials_take(), and then calls credentials_load() once.
 */

#include <getopt.h>
#include <talc/talc.h>

#define CREDENTIALS_PINS_MAX 8
#define CREDENTIALS_ANCHORS_MAX 8

typedef struct credentials {
    const char *certificate_path;
    const char *key_path;
    const char *anchor_paths[CREDENTIALS_ANCHORS_MAX];
    size_t anchor_count;
    const char *psk_path;
    const char *pins[CREDENTIALS_PINS_MAX]; /**< 64 hex digits each */
    size_t pin_count;
    talc_tls_version tls_version;
    talc_mode mode;
    const char *device_id;
    const char *server_key_path;
    const char *registry_path;
} credentials;

#define CREDENTIALS_DEFAULT                                                                        \
    {                                                                                              \
        NULL, NULL, { NULL }, 0, NULL, { NULL }, 0, TALC_TLS_1_3, TALC_MODE_TLS, NULL, NULL, NULL  \
    }

#define CREDENTIALS_OPTIONS                                                                        \
    { "cert", required_argument, NULL, 'c' }, { "key", required_argument, NULL, 'k' },             \
        { "anchor", required_argument, NULL, 'a' }, { "pin", required_argument, NULL, 'i' },       \
        { "psk", required_argument, NULL, 's' }, { "tls12", no_argument, NULL, '2' },              \
        { "mode", required_argument, NULL, 'm' }, { "device", required_argument, NULL, 'd' },      \
        { "server-key", required_argument, NULL, 'K' },                                            \
        { "registry", required_argument, NULL, 'r' },                                              \
    {                                                                                              \
        "help", no_argument, NULL, 'h'                                                             \
    }

#define CREDENTIALS_USAGE                                                                          \
    "  --mode WORD     what protects requests: none, tls (default), dtls or ecc\n"                \
    "  --cert FILE     own certificate, followed by its intermediates (PEM or DER)\n"              \
    "  --key FILE      its private key; group and others must not be able to read it\n"            \
    "  --anchor FILE   certificates of the authorities that the other side may come from;\n"       \
    "                  may be given several times\n"                                              \
    "  --pin HEX       SHA-256 of the other side's public key; may be given several times\n"       \
    "  --psk FILE      pre-shared keys instead of certificates, a line NAME:HEX-KEY each\n"        \
    "  --tls12         TLS 1.2 instead of 1.3\n"                                                  \
    "  --device ID     mode ecc, client: its ID; its key is that of --key\n"                      \
    "  --server-key FILE  mode ecc, client: the server's public key\n"                            \
    "  --registry FILE mode ecc, server: the devices (JSON); its key is that of --key. With mode\n" \
    "                  tls devices are served too\n"

/** Takes the option that getopt_long() returned. 0, or -1 if it is none of CREDENTIALS_OPTIONS or
 * there are too many pins or anchors, or it is no mode. `value` must live as long as `c`. */
int credentials_take(credentials *c, int option, const char *value);

/** Which end of the session the program is. */
typedef enum credentials_role { CREDENTIALS_CLIENT, CREDENTIALS_SERVER } credentials_role;

/** Loads what was named into `config`: mode, versions, identity, trust and registry, which the caller
 * frees by credentials_free(), on an error too. config->failure must be set and tells why it failed. */
talc_status credentials_load(const credentials *c, credentials_role role, talc_config *config);

/** Drops the program's hold on identity, trust and registry. A client or server made before goes on. */
void credentials_free(talc_config *config);

#endif
