/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_ENGINE_ECC_H
#define TALC_LIB_ENGINE_ECC_H

/**
 * The inside of the `ecc` engine: what its files share. engine_ecc_context.c keeps what all sessions
 * of a client or a server use; engine_ecc_client.c and engine_ecc_server.c go through M1 to M4, with
 * engine_ecc_keys.c and engine_ecc_alerts.c; engine_ecc_records.c puts records together and takes them
 * apart; engine_ecc.c is the rest of the table.
 * docs/ecc-handshake.md has the protocol.
 */

#include "lib/ecc_agreement.h"
#include "lib/ecc_record.h"
#include "lib/ecc_signature.h"
#include "lib/engine.h"
#include "lib/registry.h"

#define TALC_ECC_PLAINTEXT_MAX 1024u /**< bytes of one record */
#define TALC_ECC_FRAGMENT_MAX (TALC_ECC_PLAINTEXT_MAX + TALC_ECC_TAG_SIZE)
#define TALC_ECC_RECORDS_MAX (1u << 20) /**< of a direction; the last one says goodbye */
#define TALC_ECC_FAILED_MAX (1u << 16)  /**< records that nobody with the keys wrote */
#define TALC_ECC_ALERT_SIZE 2           /**< level and description */

/** What alerts say, RFC 8446 section 6. */
typedef enum talc_ecc_alert {
    TALC_ECC_CLOSE_NOTIFY = 0,
    TALC_ECC_UNEXPECTED_MESSAGE = 10,
    TALC_ECC_ILLEGAL_PARAMETER = 47,
    TALC_ECC_ACCESS_DENIED = 49,
    TALC_ECC_DECODE_ERROR = 50,
    TALC_ECC_INTERNAL_ERROR = 80
} talc_ecc_alert;

/** Shared by all sessions of one client or server; never changed after it is made. */
typedef struct talc_ecc_context {
    talc_role role;
    psa_key_id_t signer;            /**< owned: the identity's private key */
    uint8_t own_pin[TALC_PIN_SIZE]; /**< of the identity's key */

    /* of a client */
    char device_id[TALC_DEVICE_ID_SIZE_MAX + 1];
    psa_key_id_t server_keys[TALC_SERVER_KEYS_MAX]; /**< owned */
    uint8_t server_pins[TALC_SERVER_KEYS_MAX][TALC_PIN_SIZE];
    size_t server_key_count;

    /* of a server */
    talc_registry *registry;              /**< held */
    uint8_t nobody[TALC_P256_POINT_SIZE]; /**< a public key whose private half is gone: unknown devices
                                               are checked against it, so that they cost as much */
} talc_ecc_context;

/** What a side waits for. */
typedef enum talc_ecc_phase {
    TALC_ECC_AWAITS_M1 = 0, /**< server */
    TALC_ECC_AWAITS_M2,     /**< client */
    TALC_ECC_AWAITS_M3,     /**< server */
    TALC_ECC_AWAITS_M4,     /**< client; its handshake is over, the server's answer is not there */
    TALC_ECC_OPEN
} talc_ecc_phase;

typedef struct talc_ecc_direction {
    talc_ecc_traffic handshake;   /**< owned: hs_c or hs_s, until it is not used any more */
    talc_ecc_traffic application; /**< owned: ap_c or ap_s */
    uint64_t count;               /**< records so far: the number of the next one */
} talc_ecc_direction;

/** One session. */
typedef struct talc_ecc_engine {
    const talc_ecc_context *context;
    talc_record_sink sink;
    talc_ecc_phase phase;
    talc_ecc_ephemeral ephemeral; /**< owned, until Z is known */
    psa_key_id_t z;               /**< owned, until th4 is known */
    uint8_t m1[TALC_ECC_M1_SIZE];
    uint8_t th[TALC_SHA256_SIZE]; /**< the newest transcript hash */
    talc_ecc_direction in;
    talc_ecc_direction out;
    bool has_guard_keys;
    talc_guard_keys guard_keys;

    uint8_t record[TALC_RECORD_HEADER_SIZE + TALC_ECC_FRAGMENT_MAX]; /**< that arrives */
    size_t record_size; /**< bytes of it that are there */
    size_t taken_back;  /**< by the last feed() */
    uint32_t failed_count;

    uint8_t *plaintext; /**< owned: not read yet, behind what was read */
    size_t plaintext_size;
    size_t plaintext_used;
    size_t plaintext_capacity;

    talc_peer peer;                         /**< once established */
    uint8_t device_key[TALC_P256_POINT_SIZE]; /**< server: with which the device proved itself */
    uint64_t generation;                    /**< server: of the registry, when it was looked up last */

    bool is_finished; /**< this side has said goodbye, or why it ends */
    bool is_closed;   /**< the other side has said goodbye */
    bool is_final;    /**< of the error */
    talc_status status; /**< TALC_OK, or the error that sticks */
    talc_failure failure;
} talc_ecc_engine;

/* engine_ecc_context.c */

talc_status talc_ecc_context_new(void **context, talc_role role, const talc_config *config,
                                 talc_failure *failure);
void talc_ecc_context_free(void *context);

/* engine_ecc_records.c */

/** Ends the engine for good; returns `status`. `text` may be NULL: what the status says. */
talc_status talc_ecc_fail(talc_ecc_engine *engine, talc_status status, const char *text);

/** The same for what the path may have made up. */
talc_status talc_ecc_doubt(talc_ecc_engine *engine, talc_status status, const char *text);

/** Makes one record. What they return besides TALC_OK has ended the engine: TALC_ERROR_MEMORY,
 * TALC_ERROR_RANDOM. */
talc_status talc_ecc_put_plain(talc_ecc_engine *engine, talc_record_type type,
                               const uint8_t *fragment, size_t size);
talc_status talc_ecc_put_sealed(talc_ecc_engine *engine, talc_record_type type,
                                const talc_ecc_traffic *traffic, const uint8_t *plaintext,
                                size_t size);

/** Writes the header of a record with a fragment of this size. */
void talc_ecc_header_build(talc_record_type type, size_t fragment_size,
                           uint8_t header[TALC_RECORD_HEADER_SIZE]);

/** Takes bytes up to the end of the record that arrives; `*used` says how many. TALC_OK: it is whole;
 * TALC_WANT_INPUT: all bytes are taken and it is not; TALC_ERROR_MALFORMED: no record that could
 * come now. */
talc_status talc_ecc_gather(talc_ecc_engine *engine, const uint8_t *bytes, size_t size,
                            size_t *used);

/** Of the record that is whole: its type, its fragment, the fragment's size. */
talc_record_type talc_ecc_record_type(const talc_ecc_engine *engine);
const uint8_t *talc_ecc_fragment(const talc_ecc_engine *engine);
size_t talc_ecc_fragment_size(const talc_ecc_engine *engine);

/** Decrypts its fragment; writes the fragment's size without the tag. As talc_ecc_unseal(). */
talc_status talc_ecc_unseal_record(const talc_ecc_engine *engine, const talc_ecc_traffic *traffic,
                                   uint8_t *plaintext);

/** Gives the record up that arrives, and `behind` bytes after it: nobody with the keys wrote it.
 * TALC_OK, or the engine ends by it. */
talc_status talc_ecc_take_back(talc_ecc_engine *engine, size_t behind);

/* engine_ecc_alerts.c */

/** Ends the engine for an operation that failed here: TALC_ERROR_MEMORY or TALC_ERROR_RANDOM. */
talc_status talc_ecc_fail_here(talc_ecc_engine *engine, talc_status status);

/** Says an alert in the way of the phase, and nothing from then on. */
void talc_ecc_say_alert(talc_ecc_engine *engine, talc_ecc_alert alert);

/** Ends the engine for an alert, not close_notify, that the other side proved to be its own. */
talc_status talc_ecc_take_alert(talc_ecc_engine *engine, const uint8_t alert[TALC_ECC_ALERT_SIZE]);

/* engine_ecc_keys.c */

/** Z, with the ephemeral key, which is gone afterwards. As talc_ecc_agree(). */
talc_status talc_ecc_agree_with(talc_ecc_engine *engine,
                                const uint8_t peer[TALC_ECC_PUBLIC_KEY_SIZE]);

/** th2, and hs_c and hs_s with it. TALC_ERROR_MEMORY, TALC_ERROR_RANDOM. */
talc_status talc_ecc_derive_handshake(talc_ecc_engine *engine,
                                      const uint8_t server_key[TALC_ECC_PUBLIC_KEY_SIZE]);

/** th4, of th3 and M3, and all keys that are used from then on; Z is gone afterwards.
 * TALC_ERROR_MEMORY, TALC_ERROR_RANDOM. */
talc_status talc_ecc_derive_application(talc_ecc_engine *engine, const uint8_t *m3, size_t size);

/* engine_ecc_client.c */

/** Says M1 with this ephemeral key, which the engine takes over. TALC_OK, or what it has ended
 * with. */
talc_status talc_ecc_begin(talc_ecc_engine *engine, const talc_ecc_ephemeral *ephemeral);

/** Takes the record that is whole, before TALC_ECC_OPEN. TALC_OK; TALC_ERROR_MALFORMED: the server did
 * not write it; else what the engine has ended with. */
talc_status talc_ecc_client_take(talc_ecc_engine *engine);

/* engine_ecc_server.c */

/** Answers M1, which is the record that is whole, with this ephemeral key, which the engine takes over.
 * As talc_ecc_client_take(). */
talc_status talc_ecc_answer(talc_ecc_engine *engine, const talc_ecc_ephemeral *ephemeral);

/** As talc_ecc_client_take(). */
talc_status talc_ecc_server_take(talc_ecc_engine *engine);

/** Ends the session of a device that the registry does not serve any more. */
talc_status talc_ecc_look_again(talc_ecc_engine *engine);

#endif
