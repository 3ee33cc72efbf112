/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_ENGINE_H
#define TALC_LIB_ENGINE_H

/**
 * An engine turns plaintext into records and records into plaintext, for one session, without
 * sockets and clocks. One file and one row of `talc_engine_class` make a new one;
 * docs/adding-an-engine.md walks through it.
 *
 * Rules for all engines: the first error sticks; records are handed to the sink whole and are
 * always taken, so an engine never has to encrypt again; feed() is called with each byte of the
 * other side's stream once and in order.
 */

#include <stdbool.h>

#include "lib/guard.h"
#include "talc/config.h"

/** Takes the records that an engine produces. TALC_OK or TALC_ERROR_MEMORY. */
typedef struct talc_record_sink {
    talc_status (*put)(void *context, const uint8_t *bytes, size_t size);
    void *context;
} talc_record_sink;

/** What a session asks of its engine at the start. The sink is copied, the rest borrowed for the
 * call. */
typedef struct talc_engine_setup {
    void *context;           /**< of the class, shared by the sessions of a client or a server */
    const char *server_name; /**< client: to be verified */
    talc_record_sink sink;
} talc_engine_setup;

/** Who and how, once established. */
typedef struct talc_engine_facts {
    talc_peer peer;
    char protocol[16];
    char cipher_suite[64];
    bool is_resumed;
} talc_engine_facts;

typedef struct talc_engine_class {
    const char *name;

    /** The part that all sessions of one client or server share. `failure` is never NULL. */
    talc_status (*context_new)(void **context, talc_role role, const talc_config *config,
                               talc_failure *failure);
    void (*context_free)(void *context);

    /** Begins a session; a client's first records go to the sink at once. */
    talc_status (*open)(void **engine, const talc_engine_setup *setup, talc_failure *failure);

    /** Takes stream bytes. TALC_OK, or the engine's error: TALC_ERROR_VERIFY, _REFUSED,
     * _PROTOCOL, _MEMORY; an alert for the other side is in the sink then. */
    talc_status (*feed)(void *engine, const uint8_t *bytes, size_t size);

    /** After a feed() that returned TALC_OK: how many bytes, the last ones of all that were fed, have
     * to come again, because they begin with a record that the other side did not write; 0: none. They
     * then count as not fed, and the next feed() begins with the first of them. They can be more than
     * that feed() was given, for the record may have begun in one before. NULL: such a record is an
     * error of this engine. */
    size_t (*takes_back)(void *engine);

    /** With takes_back(): how many bytes of a record have arrived that is not whole yet, and giving
     * them up: they count as not fed. So a record that the path began does not keep out the true one,
     * when that comes from its beginning. */
    size_t (*unfinished_size)(const void *engine);
    void (*forget_unfinished)(void *engine);

    /** Takes up to `size` bytes of plaintext and makes one record of them. */
    talc_status (*write)(void *engine, const uint8_t *plaintext, size_t size);

    /** Gives plaintext: TALC_OK with `*size` > 0; TALC_WANT_INPUT: none for now;
     * TALC_ERROR_CLOSED: the other side ended the session in good order; or the error. */
    talc_status (*read)(void *engine, uint8_t *plaintext, size_t capacity, size_t *size);

    /** Whether the handshake is over on this side; plaintext can be written from then on. */
    bool (*established)(const void *engine);

    /** Whether guard_keys() can be asked: so early that nothing which follows has to be taken on trust.
     * Such an engine feeds no further than to the record by which it gets them and takes the rest back;
     * from then on its side takes new records only under a right tag, and tags all of its own, a
     * refusal too. NULL: once it is established, and then the peer's first right tag decides. */
    bool (*has_guard_keys)(const void *engine);

    /** Bytes that a record's fragment has more than its plaintext. */
    size_t (*expansion)(const void *engine);

    /** Once established, or has_guard_keys() says so. TALC_ERROR_RANDOM. */
    talc_status (*guard_keys)(void *engine, talc_guard_keys *keys);

    /** Fills the facts, once established. */
    void (*describe)(const void *engine, talc_engine_facts *facts);

    /** Says goodbye: no plaintext is written afterwards. */
    talc_status (*finish)(void *engine);

    /** After an error: false if the path may have made it up; then a client begins another session,
     * with keys and an id of its own, until its deadline. True if the other side has proved that it is
     * behind it, or if it happened here: no memory, no randomness, a limit that is reached. NULL: every
     * error counts. */
    bool (*is_final)(const void *engine);

    /** The reasons behind the error; never NULL. */
    const talc_failure *(*failure)(const void *engine);

    void (*free)(void *engine);
} talc_engine_class;

extern const talc_engine_class talc_engine_tls;
extern const talc_engine_class talc_engine_ecc;

#endif
