/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_IDENTITY_CERTIFICATE_H
#define TALC_LIB_IDENTITY_CERTIFICATE_H

/** Certificates, revocation lists and keys, from content to mbedTLS's objects. */

#include "lib/credentials.h"
#include "lib/identity_file.h"

/*
 * All three take PEM or DER and are stricter than mbedTLS, which passes over what it does not
 * recognise: each PEM block of the kind must parse, a truncated one is an error, and nothing may
 * follow the one object of a DER file. Into initialised, empty objects, which are empty again
 * after an error: the source's fault, or TALC_ERROR_MEMORY.
 */
talc_status talc_certificates_parse(mbedtls_x509_crt *chain, const talc_content *content,
                                    const talc_source *source);
talc_status talc_revocations_parse(mbedtls_x509_crl *list, const talc_content *content,
                                   const talc_source *source);

/** A private key; encrypted ones are refused. PSA must have been started. */
talc_status talc_key_parse(mbedtls_pk_context *key, const talc_content *content,
                           const talc_source *source);

/** Fails with "NAME: what: mbedTLS's text (-0x....)" and the code: the source's fault, or
 * TALC_ERROR_MEMORY if the code says so. */
talc_status talc_source_tls_fault(const talc_source *source, const char *what, int code);

#endif
