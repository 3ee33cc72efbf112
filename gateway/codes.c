/* SPDX-License-Identifier: MIT */
#include "gateway/codes.h"

#include "gateway/translation.h"

#include <string.h>

static const struct {
    uint8_t code;
    const char *text;
} methods[] = {
    { TALC_GET, "GET" },       { TALC_POST, "POST" },           { TALC_PUT, "PUT" },
    { TALC_DELETE, "DELETE" }, { TALC_GATEWAY_PATCH, "PATCH" },
};

/* RFC 8075 section 7, table 2, with the codes that came later. Not here: what depends on the body
 * (2.02, 2.04) or on the request (2.03, 4.02). 4.08 has no row there, for it stays between the
 * proxy and the origin; one that comes nevertheless says what 408 does: send it again. */
static const struct {
    uint8_t code;
    uint16_t status;
} statuses[] = {
    { TALC_CODE(2, 1), 201 },  { TALC_CODE(2, 2), 200 },  { TALC_CODE(2, 3), 304 },
    { TALC_CODE(2, 4), 200 },  { TALC_CODE(2, 5), 200 },  { TALC_CODE(4, 0), 400 },
    { TALC_CODE(4, 1), 403 },  { TALC_CODE(4, 2), 400 },  { TALC_CODE(4, 3), 403 },
    { TALC_CODE(4, 4), 404 },  { TALC_CODE(4, 5), 400 },  { TALC_CODE(4, 6), 406 },
    { TALC_CODE(4, 8), 408 },  { TALC_CODE(4, 9), 409 },  { TALC_CODE(4, 12), 412 },
    { TALC_CODE(4, 13), 413 }, { TALC_CODE(4, 15), 415 }, { TALC_CODE(4, 22), 422 },
    { TALC_CODE(4, 29), 429 }, { TALC_CODE(5, 0), 500 },  { TALC_CODE(5, 1), 501 },
    { TALC_CODE(5, 2), 502 },  { TALC_CODE(5, 3), 503 },  { TALC_CODE(5, 4), 504 },
    { TALC_CODE(5, 5), 502 },  { TALC_CODE(5, 8), 508 },
};

/* Those that are not the mirror of a row above, or come before it. What is in neither table goes by
 * its class. */
static const struct {
    uint16_t status;
    uint8_t code;
} codes[] = {
    { 401, TALC_CODE(4, 1) }, { 403, TALC_CODE(4, 3) }, { 407, TALC_CODE(4, 1) },
    { 400, TALC_CODE(4, 0) }, { 405, TALC_CODE(4, 5) }, { 410, TALC_CODE(4, 4) },
    { 451, TALC_CODE(4, 3) }, { 502, TALC_CODE(5, 2) }, { 505, TALC_CODE(5, 2) },
};

const char *talc_gateway_method_text(uint8_t code)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (methods[i].code == code) {
            return methods[i].text;
        }
    }
    return NULL;
}

uint8_t talc_gateway_method_of(const char *method)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (strcmp(methods[i].text, method) == 0) {
            return methods[i].code;
        }
    }
    return strcmp(method, "HEAD") == 0 ? TALC_GET : 0;
}

uint8_t talc_gateway_success_of(unsigned status, uint8_t method)
{
    if (status < 200 || status > 299 || status == 206 || status == 226) {
        return 0; /* ranges and deltas are never asked for */
    }
    switch (method) {
    case TALC_GET: return status == 201 ? 0 : TALC_CODE_CONTENT;
    case TALC_DELETE: return TALC_CODE_DELETED;
    default: return status == 201 ? TALC_CODE_CREATED : TALC_CODE_CHANGED;
    }
}

/* An unknown code is to be taken as the generic one of its class (RFC 7252 section 5.9). */
static unsigned status_of_class(uint8_t code)
{
    switch (code >> 5) {
    case 2: return code == TALC_CODE(2, 31) ? 502 : 200; /* Continue is between hops */
    case 4: return 400;
    case 5: return 500;
    default: return 502;
    }
}

unsigned talc_gateway_status_of(uint8_t code)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (statuses[i].code == code) {
            return statuses[i].status;
        }
    }
    return status_of_class(code);
}

uint8_t talc_gateway_code_of(unsigned status)
{
    uint8_t success = talc_gateway_success_of(status, TALC_GET);
    if (success != 0 || status == 201) {
        return status == 201 ? TALC_CODE_CREATED : success;
    }
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (codes[i].status == status) {
            return codes[i].code;
        }
    }
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (statuses[i].status == status) {
            return statuses[i].code;
        }
    }
    return status >= 400 && status <= 499   ? TALC_CODE_BAD_REQUEST
           : status >= 500 && status <= 599 ? TALC_CODE_INTERNAL_ERROR
                                            : TALC_GATEWAY_BAD_GATEWAY;
}
