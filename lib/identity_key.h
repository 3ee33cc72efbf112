/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_IDENTITY_KEY_H
#define TALC_LIB_IDENTITY_KEY_H

/** Keys of P-256 without a certificate, from content to the point. */

#include "lib/credentials.h"
#include "lib/identity_file.h"

/** A DER SubjectPublicKeyInfo (RFC 5480) of a P-256 key, its point uncompressed. */
#define TALC_P256_INFO_SIZE ((size_t)26 + TALC_P256_POINT_SIZE)

/** The point of the one public key or certificate that `content` holds, PEM or DER. The source's
 * fault; TALC_ERROR_MEMORY. `point` is zero after an error. */
talc_status talc_p256_content_read(const talc_content *content, const talc_source *source,
                                   uint8_t point[TALC_P256_POINT_SIZE]);

/** The same of a bare SubjectPublicKeyInfo in the one form that TALC_P256_INFO_SIZE names.
 * TALC_ERROR_MALFORMED, TALC_ERROR_MEMORY. */
talc_status talc_p256_info_read(const uint8_t *info, size_t size,
                                uint8_t point[TALC_P256_POINT_SIZE]);

/** The point of a key that mbedTLS has read; false if it is none of P-256. */
bool talc_p256_key_point(const mbedtls_pk_context *key, uint8_t point[TALC_P256_POINT_SIZE]);

/** Fills an empty key from the private key that `content` holds, PEM or DER. The source's fault: it
 * is none of P-256, or a public key beside it does not fit; TALC_ERROR_MEMORY. PSA must have been
 * started. */
talc_status talc_p256_key_parse(mbedtls_pk_context *key, const talc_content *content,
                                const talc_source *source);

#endif
