/* SPDX-License-Identifier: MIT */
#ifndef TALC_STATUS_H
#define TALC_STATUS_H

/**
 * What every call of talc can return, and how a failure explains itself.
 *
 * Zero is done. A positive status says that nothing is wrong and what to do before calling again.
 * A negative status is the end of what was asked for: the call, or the request. A client or a
 * server stays of use; what it makes of a later call does not depend on it. No call prints, aborts
 * or exits.
 */

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define TALC_API __attribute__((visibility("default")))
#else
#define TALC_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** What came of a call. Each call says which of these it returns. */
typedef enum talc_status {
    TALC_OK = 0, /**< done */

    TALC_WANT_INPUT = 1, /**< more bytes from the other side are needed; inside the library only */
    TALC_WANT_ROOM = 2,  /**< a bounded buffer is full: let exchanges happen, then call again */
    TALC_PENDING = 3,    /**< under way: the callback will tell */

    TALC_ERROR_ARGUMENT = -1,     /**< a caller's argument is outside what the header allows */
    TALC_ERROR_MEMORY = -2,       /**< an allocation failed or a bound on memory was reached */
    TALC_ERROR_IO = -3,           /**< the operating system refused a file or a socket */
    TALC_ERROR_RANDOM = -4,       /**< no randomness or no cryptography could be had */
    TALC_ERROR_UNSUPPORTED = -5,  /**< not in this build, or not understood by the other side */
    TALC_ERROR_MALFORMED = -6,    /**< bytes or a text are not what they claim */
    TALC_ERROR_TOO_LARGE = -7,    /**< larger than a limit of this side or of the other */
    TALC_ERROR_IDENTITY = -8,     /**< an own certificate or key cannot be used */
    TALC_ERROR_TRUST = -9,        /**< a trust anchor, pin or list cannot be used */
    TALC_ERROR_UNREACHABLE = -10, /**< no path to the other side, or the path refused */
    TALC_ERROR_TIMEOUT = -11,     /**< the deadline passed without an answer */
    TALC_ERROR_VERIFY = -12,      /**< the peer did not prove that it is who it has to be */
    TALC_ERROR_REFUSED = -13,     /**< the peer refused us: our credential, or our parameters */
    TALC_ERROR_PROTOCOL = -14,    /**< the peer broke TLS or CoAP inside the session */
    TALC_ERROR_OVERLOADED = -15,  /**< the server has no room for another session */
    TALC_ERROR_SESSION_LOST = -16, /**< the session ended before the answer: it is not known
                                        whether the request was executed */
    TALC_ERROR_CLOSED = -17,       /**< this side or the peer closed the session in good order */
    TALC_ERROR_CANCELLED = -18     /**< the caller gave the request up, or freed its client */
} talc_status;

/** The status in a few English words. Never NULL; the text is static. */
TALC_API const char *talc_status_text(talc_status status);

/** Where something failed. */
typedef enum talc_stage {
    TALC_STAGE_NONE = 0,
    TALC_STAGE_CONFIGURE, /**< files, keys, arguments */
    TALC_STAGE_PATH,      /**< sockets, proxies, CoAP codes without an envelope */
    TALC_STAGE_HANDSHAKE, /**< until both sides have authenticated each other */
    TALC_STAGE_SESSION    /**< requests and responses inside the session */
} talc_stage;

/** The stage as one word ("handshake"). Never NULL; the text is static. */
TALC_API const char *talc_stage_text(talc_stage stage);

#define TALC_FAILURE_TEXT_SIZE 384 /**< bytes, with the NUL */

/**
 * A failure with its reasons. Written by talc into memory of the caller or borrowed from an
 * object; holds no pointer, so it may be copied. Codes that do not apply are 0, and so is all of it
 * where nothing failed.
 */
typedef struct talc_failure {
    talc_status status;     /**< what the call returned, or the request ended with */
    talc_stage stage;       /**< where */
    int tls_code;           /**< mbedTLS's error code, negative */
    int alert;              /**< description of the TLS alert that the peer sent (RFC 8446 section
                                 6), 0 if none */
    uint32_t verify_flags;  /**< mbedTLS's MBEDTLS_X509_BADCERT_* bits of the peer's chain */
    int coap_code;          /**< CoAP response code, class * 32 + detail (RFC 7252 section 3) */
    char text[TALC_FAILURE_TEXT_SIZE]; /**< one or two sentences for a person, NUL-terminated:
                                            what failed, on which file, field or peer, and why */
} talc_failure;

#ifdef __cplusplus
}
#endif

#endif
