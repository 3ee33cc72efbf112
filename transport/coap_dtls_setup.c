/* SPDX-License-Identifier: MIT */
/* Hands our credentials to libcoap, on whatever TLS library it was built. */
#include "transport/coap_dtls.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/crypto.h"
#include "lib/failure.h"

/* Addresses that sent a ClientHello, and may be made up: about 1.5 KiB each. libcoap throws one
 * away after 30 s, and hears no new address while there are more; it has no call that would do it
 * sooner. */
#define HELLOS_MAX 16384

/* ---------------------------------------------------------------- the TLS library */

static const char *library_name(coap_tls_library_t library)
{
    switch (library) {
    case COAP_TLS_LIBRARY_MBEDTLS: return "mbedTLS";
    case COAP_TLS_LIBRARY_OPENSSL: return "OpenSSL";
    case COAP_TLS_LIBRARY_GNUTLS: return "GnuTLS";
    default: return "another TLS library";
    }
}

/* Two versions of mbedTLS in one process have objects of other sizes under the same names. */
static talc_status library_check(talc_coap_dtls *dtls, talc_failure *failure)
{
    const coap_tls_version_t *version = coap_get_tls_library_version();
    dtls->library = version->type;
    if (version->type == COAP_TLS_LIBRARY_NOTLS || !coap_dtls_is_supported()) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_UNSUPPORTED,
                                "this libcoap was built without TLS: mode dtls needs one on "
                                "mbedTLS, OpenSSL or GnuTLS");
    }
    if (version->type != COAP_TLS_LIBRARY_MBEDTLS && version->type != COAP_TLS_LIBRARY_OPENSSL &&
        version->type != COAP_TLS_LIBRARY_GNUTLS) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_UNSUPPORTED,
                                "this libcoap was built on a TLS library that mode dtls cannot "
                                "use: it needs mbedTLS, OpenSSL or GnuTLS");
    }
    if (version->type == COAP_TLS_LIBRARY_MBEDTLS &&
        version->built_version != talc_dtls_mbedtls_version()) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_UNSUPPORTED,
                                "libcoap was built with mbedTLS %08x and talc with %08x: build "
                                "both with the same",
                                (unsigned)version->built_version, talc_dtls_mbedtls_version());
    }
    return TALC_OK;
}

/* OpenSSL's callback is not asked about certificates that OpenSSL refuses, and GnuTLS's server asks
 * for none that it would not verify. */
static talc_status pins_check(const talc_coap_dtls *dtls, talc_failure *failure)
{
    const talc_dtls_credentials *credentials = dtls->credentials;
    int shows_all = dtls->library == COAP_TLS_LIBRARY_MBEDTLS ||
                    (dtls->library == COAP_TLS_LIBRARY_GNUTLS && dtls->role == TALC_ROLE_CLIENT);
    int needs_pins = credentials->by_certificate && credentials->has_pins &&
                     !credentials->has_anchors &&
                     (dtls->role == TALC_ROLE_CLIENT || credentials->needs_client);
    if (!needs_pins || shows_all) {
        return TALC_OK;
    }
    return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_UNSUPPORTED,
                            "libcoap on %s shows no certificate without an anchor for it: beside "
                            "pins the trust needs anchors, or libcoap mbedTLS",
                            library_name(dtls->library));
}

/* ---------------------------------------------------------------- certificates */

/* Of other libraries: each certificate of a chain, from the top down. */
static int check_certificate(const char *name, const uint8_t *der, size_t size,
                             coap_session_t *session, unsigned depth, int validated, void *context)
{
    talc_coap_dtls *dtls = context;
    talc_coap_dtls_session *record = talc_coap_dtls_find(dtls, session);
    const talc_dtls_certificate certificate = {
        .der = der,
        .size = size,
        .depth = depth,
        .is_anchored = validated && dtls->pki.verify_peer_cert,
    };
    (void)name;
    return record != NULL && record->peer != NULL &&
           talc_dtls_peer_show(record->peer, &certificate);
}

static int verifies_peer(const talc_coap_dtls *dtls)
{
    if (dtls->role == TALC_ROLE_SERVER) {
        return dtls->credentials->needs_client && dtls->credentials->wants_client;
    }
    /* GnuTLS shows us what it does not believe if it need not: that is where pins are. */
    return dtls->library != COAP_TLS_LIBRARY_GNUTLS || !dtls->credentials->has_pins;
}

static void pki_fill(talc_coap_dtls *dtls)
{
    const talc_dtls_credentials *credentials = dtls->credentials;
    coap_dtls_pki_t *pki = &dtls->pki;
    coap_pki_key_pem_buf_t *key = &pki->pki_key.key.pem_buf;
    memset(pki, 0, sizeof *pki);
    pki->version = COAP_DTLS_PKI_SETUP_VERSION;
    pki->verify_peer_cert = (uint8_t)verifies_peer(dtls);
    pki->client_sni = dtls->sni;
    pki->pki_key.key_type = COAP_PKI_KEY_PEM_BUF;
    key->public_cert = credentials->chain.bytes;
    key->public_cert_len = credentials->chain.size;
    key->private_key = credentials->key.bytes;
    key->private_key_len = credentials->key.size;
    key->ca_cert = dtls->anchors.bytes;
    key->ca_cert_len = dtls->anchors.size;
    if (dtls->library != COAP_TLS_LIBRARY_MBEDTLS) {
        pki->validate_cn_call_back = check_certificate;
        pki->cn_call_back_arg = dtls;
    }
}

/* libcoap on OpenSSL takes anchors from memory with a certificate of our own only; else from a
 * file, which is gone again when this returns. */
static talc_status anchors_by_file(talc_coap_dtls *dtls, talc_failure *failure)
{
    coap_dtls_pki_t *pki = &dtls->pki;
    char path[32];
    FILE *file = tmpfile();
    int done = file != NULL && fwrite(dtls->anchors.bytes, dtls->anchors.size - 1, 1, file) == 1 &&
               fflush(file) == 0;
    if (done) {
        snprintf(path, sizeof path, "/dev/fd/%d", fileno(file));
        rewind(file);
        done = coap_context_set_pki_root_cas(dtls->setup.context, path, NULL);
    }
    if (file != NULL) {
        fclose(file);
    }
    memset(&pki->pki_key, 0, sizeof pki->pki_key);
    pki->pki_key.key_type = COAP_PKI_KEY_PEM;
    return done ? TALC_OK
                : talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_IO,
                                   "the anchors cannot be handed to OpenSSL by a temporary file");
}

static talc_status certificates_set(talc_coap_dtls *dtls, talc_failure *failure)
{
    talc_status status = TALC_OK;
    if (dtls->library != COAP_TLS_LIBRARY_MBEDTLS) {
        status = talc_dtls_anchors_export(&dtls->anchors, dtls->setup.config->trust);
    }
    if (status != TALC_OK) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, status, "out of memory");
    }
    pki_fill(dtls);
    if (dtls->role == TALC_ROLE_SERVER) {
        return coap_context_set_pki(dtls->setup.context, &dtls->pki)
                   ? TALC_OK
                   : talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_IDENTITY,
                                      "libcoap on %s does not take our certificate or key",
                                      library_name(dtls->library));
    }
    return dtls->library == COAP_TLS_LIBRARY_OPENSSL && dtls->credentials->chain.bytes == NULL
               ? anchors_by_file(dtls, failure)
               : TALC_OK;
}

/* ---------------------------------------------------------------- pre-shared keys */

static void client_psk_fill(talc_coap_dtls *dtls)
{
    const talc_psk *psk = &dtls->credentials->psk;
    coap_dtls_cpsk_t *setup = &dtls->client_psk;
    memset(setup, 0, sizeof *setup);
    setup->version = COAP_DTLS_CPSK_SETUP_VERSION;
    setup->psk_info.identity = (coap_bin_const_t){ psk->name_size, psk->name };
    setup->psk_info.key = (coap_bin_const_t){ psk->key_size, psk->key };
}

/* libcoap on OpenSSL speaks PSK at all only if there is some key: the decoy. */
static talc_status server_psk_set(talc_coap_dtls *dtls, talc_failure *failure)
{
    coap_dtls_spsk_t *setup = &dtls->server_psk;
    memset(setup, 0, sizeof *setup);
    setup->version = COAP_DTLS_SPSK_SETUP_VERSION;
    setup->validate_id_call_back = talc_coap_dtls_find_psk;
    setup->id_call_back_arg = dtls;
    setup->psk_info.key = (coap_bin_const_t){ sizeof dtls->decoy, dtls->decoy };
    return coap_context_set_psk2(dtls->setup.context, setup)
               ? TALC_OK
               : talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_UNSUPPORTED,
                                  "libcoap on %s takes no pre-shared keys",
                                  library_name(dtls->library));
}

/* ---------------------------------------------------------------- the row */

/* So that a client keeps its session when its address changes (RFC 9146). libcoap's server offers
 * it by itself. */
#ifdef TALC_COAP_HAS_CONNECTION_IDS
static void connection_id_want(talc_coap_dtls *dtls)
{
    dtls->pki.use_cid = 1;
    dtls->client_psk.use_cid = 1;
}
#else
static void connection_id_want(talc_coap_dtls *dtls)
{
    (void)dtls; /* this libcoap has none */
}
#endif

/* An address must not stand in the ClientHello (RFC 6066 section 3). */
static void name_take(talc_coap_dtls *dtls)
{
    struct in6_addr address;
    const char *name = dtls->setup.server_name != NULL ? dtls->setup.server_name : "";
    snprintf(dtls->server_name, sizeof dtls->server_name, "%s", name);
    if (name[0] != '\0' && inet_pton(AF_INET, name, &address) != 1 &&
        inet_pton(AF_INET6, name, &address) != 1) {
        dtls->sni = dtls->server_name;
    }
    dtls->setup.server_name = NULL; /* was for the call only */
}

/* Sessions are bounded here: libcoap's own bound throws out the open session that is idle longest
 * for any ClientHello, whose sender may be made up. */
static void limits_set(talc_coap_dtls *dtls)
{
    const talc_config *config = dtls->setup.config;
    unsigned hellos = config->half_open_max < UINT32_MAX - HELLOS_MAX
                          ? config->half_open_max + HELLOS_MAX
                          : UINT32_MAX;
    coap_context_set_max_handshake_sessions(dtls->setup.context, hellos);
    coap_context_set_max_idle_sessions(dtls->setup.context, 0);
    coap_context_set_session_timeout(dtls->setup.context, config->idle_timeout_ms / 1000 + 1);
}

static talc_status credentials_set(talc_coap_dtls *dtls, talc_failure *failure)
{
    talc_status status =
        talc_dtls_credentials_new(&dtls->credentials, dtls->role, dtls->setup.config, failure);
    if (status == TALC_OK) {
        status = pins_check(dtls, failure);
    }
    if (status == TALC_OK && dtls->credentials->by_certificate) {
        status = certificates_set(dtls, failure);
    }
    if (status == TALC_OK && dtls->credentials->by_psk && dtls->role == TALC_ROLE_SERVER) {
        status = server_psk_set(dtls, failure);
    }
    if (status == TALC_OK && dtls->credentials->by_psk && dtls->role == TALC_ROLE_CLIENT) {
        client_psk_fill(dtls);
    }
    if (dtls->role == TALC_ROLE_CLIENT) {
        connection_id_want(dtls);
    }
    return status;
}

static void dtls_close(void *security)
{
    talc_coap_dtls *dtls = security;
    if (dtls == NULL) {
        return;
    }
    talc_coap_dtls_sessions_free(dtls);
    talc_dtls_credentials_free(dtls->credentials);
    talc_dtls_pem_free(&dtls->anchors);
    talc_dtls_policy_free(dtls->policy);
    talc_wipe(dtls, sizeof *dtls);
    free(dtls);
}

static talc_status dtls_prepare(talc_coap_dtls *dtls, talc_failure *failure)
{
    talc_status status = library_check(dtls, failure);
    if (status == TALC_OK && (talc_crypto_start() != TALC_OK ||
                              talc_random_fill(dtls->decoy, sizeof dtls->decoy) != TALC_OK)) {
        status = talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_RANDOM,
                                  "no randomness could be had");
    }
    if (status == TALC_OK) {
        status = talc_dtls_policy_new(&dtls->policy, dtls->role, dtls->setup.config,
                                      dtls->setup.server_name, failure);
    }
    if (status == TALC_OK) {
        name_take(dtls);
        status = credentials_set(dtls, failure);
    }
    if (status == TALC_OK && dtls->role == TALC_ROLE_SERVER) {
        limits_set(dtls);
    }
    return status;
}

static talc_status dtls_open(void **security, const talc_coap_security_setup *setup,
                             talc_failure *failure)
{
    *security = NULL;
    talc_coap_dtls *dtls = calloc(1, sizeof *dtls);
    if (dtls == NULL) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_MEMORY, "out of memory");
    }
    dtls->role = setup->server_name == NULL ? TALC_ROLE_SERVER : TALC_ROLE_CLIENT;
    dtls->setup = *setup;
    talc_status status = dtls_prepare(dtls, failure);
    if (status != TALC_OK) {
        dtls_close(dtls);
        return status;
    }
    *security = dtls;
    return TALC_OK;
}

static void dtls_event(void *security, coap_session_t *session, coap_event_t event)
{
    talc_coap_dtls *dtls = security;
    if (dtls->role == TALC_ROLE_SERVER) {
        talc_coap_dtls_server_event(dtls, session, event);
    } else {
        talc_coap_dtls_client_event(dtls, session, event);
    }
}

const talc_coap_security talc_coap_security_dtls = {
    .protocol = COAP_PROTO_DTLS,
    .takes_coaps = 1,
    .open = dtls_open,
    .close = dtls_close,
    .event = dtls_event,
    .process = talc_coap_dtls_process,
    .timeout_ms = talc_coap_dtls_timeout_ms,
    .connect = talc_coap_dtls_connect,
    .state = talc_coap_dtls_state,
    .describe = talc_coap_dtls_describe,
    .disconnect = talc_coap_dtls_disconnect,
    .admit = talc_coap_dtls_admit,
    .count = talc_coap_dtls_count,
};
