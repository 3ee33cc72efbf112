/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_CONFIGURATION_H
#define TALC_LIB_CONFIGURATION_H

/**
 * A checked copy of a talc_config: strings owned, identity and trust held, the clock there.
 */

#include <stdbool.h>

#include "talc/config.h"

#define TALC_HOST_SIZE_MAX 254 /**< of a name in the DNS, and its NUL */

typedef struct talc_configuration {
    talc_config config; /**< its strings are ours; config.failure is not used any more */
} talc_configuration;

/** Copies and checks. TALC_ERROR_ARGUMENT names the field; TALC_ERROR_UNSUPPORTED the mode;
 * TALC_ERROR_MEMORY. */
talc_status talc_configuration_copy(talc_configuration *configuration, const talc_config *config,
                                    talc_failure *failure);
void talc_configuration_free(talc_configuration *configuration);

uint64_t talc_configuration_now_ms(const talc_configuration *configuration);

/** Whether requests travel inside sessions: in `tls` and `ecc`. */
bool talc_configuration_tunnels(const talc_configuration *configuration);

/** The mode in one word ("dtls"). Static text. */
const char *talc_mode_text(talc_mode mode);

/** Whether a client has a server's name to verify: in `tls` and `dtls`, but not with a pre-shared key,
 * which proves the server by itself. */
bool talc_configuration_verifies_name(const talc_configuration *configuration);

/** What a client's configuration may not be, and a server's may: a registry makes no use of a bare key
 * in `tls`. TALC_ERROR_IDENTITY. */
talc_status talc_configuration_check_client(const talc_configuration *configuration,
                                            talc_failure *failure);

/** Where failures of `config` are written: its `failure`, or `spare`. It is emptied. */
talc_failure *talc_configuration_failure(const talc_config *config, talc_failure *spare);

/** The host of a URI without brackets and zone. TALC_ERROR_ARGUMENT if there is none, or user information
 * before it. */
talc_status talc_uri_host(const char *uri, char host[TALC_HOST_SIZE_MAX]);

#endif
