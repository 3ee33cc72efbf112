/* SPDX-License-Identifier: MIT */
#include "lib/engine_ecc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/failure.h"

#define PLAINTEXT_UNREAD_MAX (256u * 1024u) /* above what comes with one feed() */

/* ---------------------------------------------------------------- records in */

static void free_plaintext(talc_ecc_engine *engine)
{
    if (engine->plaintext != NULL) {
        talc_wipe(engine->plaintext, engine->plaintext_capacity);
        free(engine->plaintext);
    }
    engine->plaintext = NULL;
    engine->plaintext_size = engine->plaintext_used = engine->plaintext_capacity = 0;
}

/* A larger buffer with what waits to be read at its beginning. */
static talc_status grow_plaintext(talc_ecc_engine *engine, size_t more)
{
    size_t unread = engine->plaintext_size - engine->plaintext_used;
    size_t capacity = unread + more;
    uint8_t *grown = capacity > PLAINTEXT_UNREAD_MAX ? NULL : malloc(capacity);
    if (grown == NULL) {
        return talc_ecc_fail_here(engine, TALC_ERROR_MEMORY);
    }
    if (unread > 0) {
        memcpy(grown, engine->plaintext + engine->plaintext_used, unread);
    }
    free_plaintext(engine);
    engine->plaintext = grown;
    engine->plaintext_size = unread;
    engine->plaintext_capacity = capacity;
    return TALC_OK;
}

static talc_status take_application_data(talc_ecc_engine *engine)
{
    size_t size = talc_ecc_fragment_size(engine) - TALC_ECC_TAG_SIZE;
    if (size > engine->plaintext_capacity - engine->plaintext_size &&
        grow_plaintext(engine, size) != TALC_OK) {
        return engine->status;
    }
    talc_status status = talc_ecc_unseal_record(engine, &engine->in.application,
                                                engine->plaintext + engine->plaintext_size);
    if (status != TALC_OK) {
        return status == TALC_ERROR_MALFORMED ? status : talc_ecc_fail_here(engine, status);
    }
    engine->plaintext_size += size;
    return TALC_OK;
}

static talc_status take_alert(talc_ecc_engine *engine)
{
    uint8_t alert[TALC_ECC_ALERT_SIZE];
    talc_status status = talc_ecc_unseal_record(engine, &engine->in.application, alert);
    if (status != TALC_OK) {
        return status == TALC_ERROR_MALFORMED ? status : talc_ecc_fail_here(engine, status);
    }
    if (alert[1] != TALC_ECC_CLOSE_NOTIFY) {
        return talc_ecc_take_alert(engine, alert);
    }
    engine->is_closed = true;
    return TALC_OK;
}

static talc_status take_record(talc_ecc_engine *engine)
{
    if (engine->phase != TALC_ECC_OPEN) {
        return engine->context->role == TALC_ROLE_CLIENT ? talc_ecc_client_take(engine)
                                                         : talc_ecc_server_take(engine);
    }
    return talc_ecc_record_type(engine) == TALC_RECORD_ALERT ? take_alert(engine)
                                                             : take_application_data(engine);
}

/* A record that the other side did not write, and `behind` bytes after it. The first messages can
 * never come again: M2 belongs to an M1 that the path may have changed, and M1 to nobody yet. */
static talc_status refuse_record(talc_ecc_engine *engine, size_t behind)
{
    switch (engine->phase) {
    case TALC_ECC_AWAITS_M1:
        talc_ecc_say_alert(engine, TALC_ECC_DECODE_ERROR);
        return talc_ecc_doubt(engine, TALC_ERROR_PROTOCOL, "the client's first record is no M1");
    case TALC_ECC_AWAITS_M2:
        return talc_ecc_doubt(engine, TALC_ERROR_PROTOCOL,
                              "what came for M2 is none, or belongs to another M1: something between "
                              "here and the server changed one of them");
    default:
        return talc_ecc_take_back(engine, behind);
    }
}

/* What the other side sends beyond its last record is nothing that it may send. */
static talc_status check_count(talc_ecc_engine *engine)
{
    if (engine->in.count < TALC_ECC_RECORDS_MAX) {
        return TALC_OK;
    }
    talc_ecc_say_alert(engine, TALC_ECC_UNEXPECTED_MESSAGE);
    return talc_ecc_fail(engine, TALC_ERROR_PROTOCOL,
                         "the other side sends more records than its keys are good for");
}

static talc_status ecc_feed(void *instance, const uint8_t *bytes, size_t size)
{
    talc_ecc_engine *engine = instance;
    bool had_guard_keys = engine->has_guard_keys;
    engine->taken_back = 0;
    if (engine->status == TALC_OK) {
        (void)talc_ecc_look_again(engine);
    }
    while (size > 0 && engine->status == TALC_OK && !engine->is_closed &&
           check_count(engine) == TALC_OK) {
        size_t used;
        talc_status status = talc_ecc_gather(engine, bytes, size, &used);
        bytes += used;
        size -= used;
        if (status == TALC_OK) {
            status = take_record(engine);
        }
        if (engine->status != TALC_OK || status == TALC_WANT_INPUT) {
            return engine->status;
        }
        if (status != TALC_OK) {
            return refuse_record(engine, size);
        }
        engine->in.count++;
        engine->record_size = 0;
        if (engine->has_guard_keys && !had_guard_keys) {
            engine->taken_back = size; /* from here on the guard looks first */
            break;
        }
    }
    return engine->status;
}

static size_t ecc_takes_back(void *instance)
{
    return ((const talc_ecc_engine *)instance)->taken_back;
}

static size_t ecc_unfinished_size(const void *instance)
{
    return ((const talc_ecc_engine *)instance)->record_size;
}

static void ecc_forget_unfinished(void *instance)
{
    ((talc_ecc_engine *)instance)->record_size = 0;
}

/* ---------------------------------------------------------------- plaintext */

static bool ecc_established(const void *instance)
{
    const talc_ecc_engine *engine = instance;
    return engine->phase == TALC_ECC_AWAITS_M4 || engine->phase == TALC_ECC_OPEN;
}

/* The last record that the keys are good for says goodbye. */
static talc_status use_up(talc_ecc_engine *engine)
{
    talc_ecc_say_alert(engine, TALC_ECC_CLOSE_NOTIFY);
    return talc_ecc_fail(engine, TALC_ERROR_CLOSED,
                         "this side has sent as many records as its keys are good for: another "
                         "session has to follow");
}

static talc_status ecc_write(void *instance, const uint8_t *plaintext, size_t size)
{
    talc_ecc_engine *engine = instance;
    if (engine->status != TALC_OK || !ecc_established(engine) || engine->is_finished) {
        return engine->status != TALC_OK ? engine->status : TALC_ERROR_CLOSED;
    }
    if (size == 0 || size > TALC_ECC_PLAINTEXT_MAX) {
        return size == 0 ? TALC_OK : TALC_ERROR_ARGUMENT;
    }
    if (talc_ecc_look_again(engine) != TALC_OK) {
        return engine->status;
    }
    if (engine->out.count + 1 >= TALC_ECC_RECORDS_MAX) {
        return use_up(engine);
    }
    return talc_ecc_put_sealed(engine, TALC_RECORD_APPLICATION_DATA, &engine->out.application,
                               plaintext, size);
}

static talc_status ecc_read(void *instance, uint8_t *plaintext, size_t capacity, size_t *size)
{
    talc_ecc_engine *engine = instance;
    size_t left = engine->plaintext_size - engine->plaintext_used;
    *size = 0;
    if (engine->status != TALC_OK) {
        return engine->status;
    }
    if (left == 0) {
        return engine->is_closed ? talc_ecc_fail(engine, TALC_ERROR_CLOSED,
                                                 "the other side closed the session")
                                 : TALC_WANT_INPUT;
    }
    *size = left < capacity ? left : capacity;
    memcpy(plaintext, engine->plaintext + engine->plaintext_used, *size);
    engine->plaintext_used += *size;
    if (engine->plaintext_used == engine->plaintext_size) {
        free_plaintext(engine); /* an idle session keeps none */
    }
    return TALC_OK;
}

static talc_status ecc_finish(void *instance)
{
    talc_ecc_engine *engine = instance;
    bool may_speak = engine->status == TALC_OK || engine->status == TALC_ERROR_CLOSED;
    if (!may_speak || !ecc_established(engine)) {
        return may_speak ? TALC_OK : engine->status;
    }
    talc_ecc_say_alert(engine, TALC_ECC_CLOSE_NOTIFY);
    return engine->status == TALC_ERROR_CLOSED ? TALC_OK : engine->status;
}

/* ---------------------------------------------------------------- the rest of the table */

static size_t ecc_expansion(const void *instance)
{
    (void)instance;
    return TALC_ECC_TAG_SIZE;
}

static bool ecc_has_guard_keys(const void *instance)
{
    return ((const talc_ecc_engine *)instance)->has_guard_keys;
}

static talc_status ecc_guard_keys(void *instance, talc_guard_keys *keys)
{
    *keys = ((const talc_ecc_engine *)instance)->guard_keys;
    return TALC_OK;
}

static void ecc_describe(const void *instance, talc_engine_facts *facts)
{
    const talc_ecc_engine *engine = instance;
    memset(facts, 0, sizeof *facts);
    facts->peer = engine->peer;
    snprintf(facts->protocol, sizeof facts->protocol, "talc-ecc-1");
    snprintf(facts->cipher_suite, sizeof facts->cipher_suite,
             "X25519_ECDSA_P256_AES_128_CCM_SHA256");
}

static bool ecc_is_final(const void *instance)
{
    return ((const talc_ecc_engine *)instance)->is_final;
}

static const talc_failure *ecc_failure(const void *instance)
{
    return &((const talc_ecc_engine *)instance)->failure;
}

static void ecc_free(void *instance)
{
    talc_ecc_engine *engine = instance;
    if (engine == NULL) {
        return;
    }
    talc_ecc_ephemeral_free(&engine->ephemeral);
    psa_destroy_key(engine->z);
    talc_ecc_traffic_free(&engine->in.handshake);
    talc_ecc_traffic_free(&engine->in.application);
    talc_ecc_traffic_free(&engine->out.handshake);
    talc_ecc_traffic_free(&engine->out.application);
    free_plaintext(engine);
    talc_wipe(engine, sizeof *engine);
    free(engine);
}

static talc_status begin(talc_ecc_engine *engine)
{
    talc_ecc_ephemeral ephemeral;
    talc_status status = talc_ecc_ephemeral_generate(&ephemeral);
    return status == TALC_OK ? talc_ecc_begin(engine, &ephemeral)
                             : talc_ecc_fail(engine, status, NULL);
}

static talc_status ecc_open(void **instance, const talc_engine_setup *setup, talc_failure *failure)
{
    talc_ecc_engine *engine = calloc(1, sizeof *engine);
    *instance = NULL;
    if (engine == NULL) {
        return talc_failure_set(failure, TALC_STAGE_HANDSHAKE, TALC_ERROR_MEMORY, "out of memory");
    }
    engine->context = setup->context;
    engine->sink = setup->sink;
    engine->phase = engine->context->role == TALC_ROLE_CLIENT ? TALC_ECC_AWAITS_M2
                                                              : TALC_ECC_AWAITS_M1;
    if (engine->context->role == TALC_ROLE_CLIENT && begin(engine) != TALC_OK) {
        talc_status status = engine->status;
        *failure = engine->failure;
        ecc_free(engine);
        return status;
    }
    *instance = engine;
    return TALC_OK;
}

const talc_engine_class talc_engine_ecc = {
    .name = "ecc",
    .context_new = talc_ecc_context_new,
    .context_free = talc_ecc_context_free,
    .open = ecc_open,
    .feed = ecc_feed,
    .takes_back = ecc_takes_back,
    .unfinished_size = ecc_unfinished_size,
    .forget_unfinished = ecc_forget_unfinished,
    .write = ecc_write,
    .read = ecc_read,
    .established = ecc_established,
    .expansion = ecc_expansion,
    .has_guard_keys = ecc_has_guard_keys,
    .guard_keys = ecc_guard_keys,
    .describe = ecc_describe,
    .finish = ecc_finish,
    .is_final = ecc_is_final,
    .failure = ecc_failure,
    .free = ecc_free,
};
