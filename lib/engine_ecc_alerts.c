/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "lib/engine_ecc.h"
#include "lib/tls_alert.h"

#define ALERT_LEVEL_WARNING 1
#define ALERT_LEVEL_FATAL 2

void talc_ecc_say_alert(talc_ecc_engine *engine, talc_ecc_alert alert)
{
    bool is_goodbye = alert == TALC_ECC_CLOSE_NOTIFY;
    const uint8_t bytes[TALC_ECC_ALERT_SIZE] = {
        is_goodbye ? ALERT_LEVEL_WARNING : ALERT_LEVEL_FATAL,
        (uint8_t)alert,
    };
    if (engine->is_finished) {
        return;
    }
    engine->is_finished = true;
    switch (engine->phase) {
    case TALC_ECC_AWAITS_M1:
        (void)talc_ecc_put_plain(engine, TALC_RECORD_ALERT, bytes, sizeof bytes);
        break;
    case TALC_ECC_AWAITS_M2: break; /* without keys, and the server would not believe it */
    case TALC_ECC_AWAITS_M3:
        (void)talc_ecc_put_sealed(engine, TALC_RECORD_ALERT, &engine->out.handshake, bytes,
                                  sizeof bytes);
        break;
    default:
        (void)talc_ecc_put_sealed(engine, TALC_RECORD_ALERT, &engine->out.application, bytes,
                                  sizeof bytes);
    }
}

talc_status talc_ecc_fail_here(talc_ecc_engine *engine, talc_status status)
{
    talc_ecc_say_alert(engine, TALC_ECC_INTERNAL_ERROR);
    return talc_ecc_fail(engine, status, NULL);
}

talc_status talc_ecc_take_alert(talc_ecc_engine *engine, const uint8_t alert[TALC_ECC_ALERT_SIZE])
{
    char text[192];
    int description = alert[1];
    bool is_refusal = engine->phase != TALC_ECC_OPEN || description == TALC_ECC_ACCESS_DENIED;
    engine->failure.alert = description;
    if (description == TALC_ECC_ACCESS_DENIED && engine->context->role == TALC_ROLE_CLIENT) {
        snprintf(text, sizeof text,
                 "the server refused this device (access_denied): its ID is not enrolled there, is "
                 "revoked, or is enrolled with another key");
    } else {
        snprintf(text, sizeof text, "the other side ended the session with the alert %s (%d): %s",
                 talc_tls_alert_name(description), description,
                 talc_tls_alert_meaning(description));
    }
    return talc_ecc_fail(engine, is_refusal ? TALC_ERROR_REFUSED : TALC_ERROR_PROTOCOL, text);
}
