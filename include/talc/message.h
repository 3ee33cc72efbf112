/* SPDX-License-Identifier: MIT */
#ifndef TALC_MESSAGE_H
#define TALC_MESSAGE_H

/**
 * Requests and responses as applications see them: CoAP's methods, codes and options
 * (RFC 7252 section 5), whatever the mode and the carrier.
 */

#include "talc/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** CoAP methods (RFC 7252 section 5.8, RFC 8132). The numbers are the codes on the wire. */
typedef enum talc_method {
    TALC_GET = 1,
    TALC_POST = 2,
    TALC_PUT = 3,
    TALC_DELETE = 4
} talc_method;

/** A response code from its class and detail: TALC_CODE(2, 5) is 2.05 Content. */
#define TALC_CODE(class_, detail) ((uint8_t)((class_) * 32 + (detail)))

/* Those of RFC 7252 section 12.1.2 that are used most. */
#define TALC_CODE_CREATED TALC_CODE(2, 1)
#define TALC_CODE_DELETED TALC_CODE(2, 2)
#define TALC_CODE_CHANGED TALC_CODE(2, 4)
#define TALC_CODE_CONTENT TALC_CODE(2, 5)
#define TALC_CODE_BAD_REQUEST TALC_CODE(4, 0)
#define TALC_CODE_BAD_OPTION TALC_CODE(4, 2)
#define TALC_CODE_FORBIDDEN TALC_CODE(4, 3)
#define TALC_CODE_NOT_FOUND TALC_CODE(4, 4)
#define TALC_CODE_METHOD_NOT_ALLOWED TALC_CODE(4, 5)
#define TALC_CODE_TOO_LARGE TALC_CODE(4, 13)
#define TALC_CODE_UNSUPPORTED_FORMAT TALC_CODE(4, 15)
#define TALC_CODE_INTERNAL_ERROR TALC_CODE(5, 0)
#define TALC_CODE_UNAVAILABLE TALC_CODE(5, 3)

/**
 * Content formats (RFC 7252 section 12.3). Any registered number from 1 to 65535 may be used as it
 * is. 0 in a struct leaves the option out, so that a struct that names no format sends none;
 * text/plain, whose number is 0, has a number of its own here.
 */
#define TALC_FORMAT_NONE 0     /**< no option Content-Format, or no Accept */
#define TALC_FORMAT_TEXT 65536 /**< text/plain; charset=utf-8 */
#define TALC_FORMAT_LINKS 40   /**< application/link-format */
#define TALC_FORMAT_OCTETS 42  /**< application/octet-stream */
#define TALC_FORMAT_JSON 50    /**< application/json */
#define TALC_FORMAT_CBOR 60    /**< application/cbor */

#define TALC_PATH_SIZE_MAX 256  /**< bytes of a path or a query in requests, without the NUL */

/**
 * A request. On its way out all pointers are the caller's and are copied before the call returns.
 * In a handler they belong to talc and are valid until the handler returns.
 */
typedef struct talc_request {
    talc_method method;
    const char *path;  /**< NUL-terminated, segments parted by '/', percent-encoded where a segment
                            holds '/' or '%'; a leading '/' makes no difference; NULL is the root.
                            In a handler: without the leading '/', "" for the root */
    const char *query; /**< NUL-terminated, parts separated by '&', percent-encoded likewise; NULL
                            if there is none */
    const void *payload; /**< may be NULL when payload_size is 0; otherwise in a handler a NUL byte
                              that payload_size does not count follows it */
    size_t payload_size; /**< bytes */
    int content_format;  /**< of the payload, or TALC_FORMAT_NONE */
    int accept;          /**< wanted format of the answer, or TALC_FORMAT_NONE */
    uint32_t timeout_ms; /**< client: deadline of the whole request, from the call to the answer;
                              0: the configuration's request_timeout_ms. 0 in a handler */
    int is_repeatable;   /**< client: 1 if it does no harm when the request is executed twice. When
                              a session is lost before the answer, GET is sent again in the next
                              one, PUT and DELETE once the server has said that the lost session is
                              closed, POST only with this; any request of which the server vouches
                              that it has not read it. 0 in a handler */
} talc_request;

/** GET of the root. A struct whose method is set and whose other fields are zero is good, too. */
#define TALC_REQUEST_DEFAULT                                                                       \
    {                                                                                              \
        TALC_GET, NULL, NULL, NULL, 0, TALC_FORMAT_NONE, TALC_FORMAT_NONE, 0, 0                    \
    }

/**
 * A response. One that talc_client_fetch() filled owns its payload: release it with
 * talc_response_clear(). In a callback the payload belongs to talc and is valid until the callback
 * returns. One given to talc_exchange_respond() is the caller's and is copied.
 */
typedef struct talc_response {
    uint8_t code;        /**< TALC_CODE(class, detail), class 2, 4 or 5 */
    int content_format;  /**< of the payload, or TALC_FORMAT_NONE */
    const void *payload; /**< when it comes from talc, a NUL byte that payload_size does not count
                              follows it; in a callback it is NULL when payload_size is 0, after
                              talc_client_fetch() it never is */
    size_t payload_size; /**< bytes */
} talc_response;

/** 2.05 without a payload. */
#define TALC_RESPONSE_DEFAULT                                                                      \
    {                                                                                              \
        TALC_CODE_CONTENT, TALC_FORMAT_NONE, NULL, 0                                               \
    }

/** Releases the payload of a response that talc_client_fetch() filled, and empties the struct.
 * NULL and an empty response are allowed. */
TALC_API void talc_response_clear(talc_response *response);

/** True (1) if the code is 2.xx (RFC 7252 section 5.9.1), else 0. */
TALC_API int talc_code_is_success(uint8_t code);

#define TALC_CODE_TEXT_SIZE 5 /**< bytes, with the NUL */

/** Writes the code as "2.05" with a NUL into `text` and returns `text`. */
TALC_API const char *talc_code_text(uint8_t code, char text[TALC_CODE_TEXT_SIZE]);

#ifdef __cplusplus
}
#endif

#endif
