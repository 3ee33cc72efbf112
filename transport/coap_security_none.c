/* SPDX-License-Identifier: MIT */
/* Mode `none`: every session is ready, and everybody is let in as nobody. */
#include "transport/coap_security.h"

#include "lib/failure.h"

#include <stdlib.h>
#include <string.h>

typedef struct open_door {
    coap_context_t *context;
    talc_coap_guest guest; /* of all sessions */
} open_door;

static talc_status none_open(void **security, const talc_coap_security_setup *setup,
                             talc_failure *failure)
{
    open_door *door = calloc(1, sizeof *door);
    if (door == NULL) {
        return talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_MEMORY, "out of memory");
    }
    door->context = setup->context;
    *security = door;
    return TALC_OK;
}

static coap_session_t *none_connect(void *security, const coap_address_t *address,
                                    talc_failure *failure)
{
    const open_door *door = security;
    (void)failure;
    return coap_new_client_session(door->context, NULL, address, COAP_PROTO_UDP);
}

static talc_coap_security_state none_state(void *security, coap_session_t *session,
                                           talc_failure *failure)
{
    (void)security;
    (void)session;
    (void)failure;
    return TALC_COAP_SECURITY_READY;
}

static void none_describe(void *security, coap_session_t *session, talc_session_info *info)
{
    (void)security;
    (void)session;
    info->is_open = 1;
}

static void none_disconnect(void *security, coap_session_t *session)
{
    (void)security;
    (void)session;
}

static talc_status none_admit(void *security, coap_session_t *session,
                              const talc_coap_guest **guest)
{
    const open_door *door = security;
    (void)session;
    *guest = &door->guest;
    return TALC_OK;
}

static void none_count(void *security, size_t *open, size_t *half_open)
{
    (void)security;
    *open = 0;
    *half_open = 0;
}

const talc_coap_security talc_coap_security_none = {
    .protocol = COAP_PROTO_UDP,
    .takes_coaps = 0,
    .open = none_open,
    .close = free,
    .connect = none_connect,
    .state = none_state,
    .describe = none_describe,
    .disconnect = none_disconnect,
    .admit = none_admit,
    .count = none_count,
};
