/* SPDX-License-Identifier: MIT */
#include "transport/table.h"

#include "transport/coap_carrier.h"
#include "transport/coap_direct.h"
#include "transport/coap_security.h"
#include "transport/http_carrier.h"
#include "transport/loopback.h"

#include <string.h>
#include <strings.h>

static const talc_carrier *const carriers[] = { &talc_coap_carrier, &talc_http_carrier,
                                                &talc_https_carrier, &talc_loopback_carrier };
static const talc_listener *const listeners[] = { &talc_coap_listener, &talc_http_listener,
                                                  &talc_https_listener, &talc_loopback_listener };

static int scheme_is(const char *uri, const char *scheme)
{
    size_t length = strlen(scheme);
    return uri != NULL && strncasecmp(uri, scheme, length) == 0 &&
           strncmp(uri + length, "://", 3) == 0;
}

const talc_carrier *talc_carrier_find(const char *uri)
{
    for (size_t i = 0; i < sizeof carriers / sizeof carriers[0]; i++) {
        if (scheme_is(uri, carriers[i]->scheme)) {
            return carriers[i];
        }
    }
    return NULL;
}

const talc_listener *talc_listener_find(const char *uri)
{
    for (size_t i = 0; i < sizeof listeners / sizeof listeners[0]; i++) {
        if (scheme_is(uri, listeners[i]->scheme)) {
            return listeners[i];
        }
    }
    return NULL;
}

static int is_direct(talc_mode mode, const char *uri)
{
    const talc_coap_security *security = talc_coap_security_find(mode);
    return security != NULL &&
           (scheme_is(uri, "coap") || (security->takes_coaps && scheme_is(uri, "coaps")));
}

const talc_direct_client *talc_direct_client_find(talc_mode mode, const char *uri)
{
    return is_direct(mode, uri) ? &talc_coap_direct_client : NULL;
}

const talc_direct_server *talc_direct_server_find(talc_mode mode, const char *uri)
{
    return is_direct(mode, uri) ? &talc_coap_direct_server : NULL;
}
