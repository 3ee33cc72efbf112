/* SPDX-License-Identifier: MIT */
#ifndef TALC_REGISTRY_H
#define TALC_REGISTRY_H

/**
 * The devices that a server serves in `ecc`: each has an ID, a public key and a state.
 *
 * A registry is counted like an identity: a server that uses one keeps it alive. Unlike a trust it
 * may be changed while servers use it, also from another thread; what changes counts at once, for
 * open sessions too: one of a device that is revoked, or enrolled with another key, ends with its
 * next envelope. Every call that returns a status returns TALC_ERROR_ARGUMENT when it is given NULL
 * for the registry. Where a call takes a `failure`, that may be NULL; on error it names the file,
 * the device or the field, and the reason.
 */

#include "talc/identity.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct talc_registry talc_registry; /**< device IDs, their keys and states */

#define TALC_REGISTRY_DEVICES_MAX 65536 /**< devices of one registry */

/** What a registry says of a device. */
typedef enum talc_device_state {
    TALC_DEVICE_UNKNOWN = 0,  /**< nothing */
    TALC_DEVICE_ENROLLED = 1, /**< it is served */
    TALC_DEVICE_REVOKED = 2   /**< it is known and not served */
} talc_device_state;

/** Makes an empty registry, for devices that the program enrols. On TALC_OK the caller's:
 * talc_registry_free(). TALC_ERROR_MEMORY, TALC_ERROR_RANDOM, TALC_ERROR_ARGUMENT. */
TALC_API talc_status talc_registry_new(talc_registry **registry);

/**
 * Makes a registry of a file of JSON:
 *
 *     {"devices":[{"id":"meter-7","key":"<public key>","state":"enrolled"}, ...]}
 *
 * `key` is the key's DER SubjectPublicKeyInfo (P-256, its point not compressed) in base64url
 * without padding; `state` is "enrolled" or "revoked" and must be there. Unknown keys
 * are passed over. A device may appear once. The file must not be writable by group or others; at
 * most 16 MiB.
 *
 * A device's key pair, and what stands in the file:
 *
 *     openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out device.key
 *     openssl pkey -in device.key -pubout -outform DER | openssl base64 -A | tr '+/' '-_' | tr -d '='
 *
 * 65536 devices take about a second to read. A server that cannot wait that long while it serves has the
 * program reload from another thread (talc_registry_reload()): it then finds nothing to do.
 *
 * The file is looked at again (at most once a second, when a handshake begins or an envelope
 * comes); when what it holds has changed it takes the place of the whole registry, devices that the
 * program enrolled included. A file that is then missing or faulty changes nothing: the registry
 * stays as it was, and the server says so once, as TALC_EVENT_REGISTRY_REFUSED. So that none is
 * read half written, write another file and rename it.
 *
 * TALC_ERROR_IO: it cannot be read; TALC_ERROR_TRUST: wrong content or permissions;
 * TALC_ERROR_MEMORY, TALC_ERROR_RANDOM, TALC_ERROR_ARGUMENT.
 */
TALC_API talc_status talc_registry_from_file(talc_registry **registry, const char *path,
                                             talc_failure *failure);

/** Reads the registry's file again now if it has changed. TALC_OK, also when it has not and when
 * the registry was made without one; otherwise as talc_registry_from_file(), each time that it is
 * called, and the registry stays as it was. */
TALC_API talc_status talc_registry_reload(talc_registry *registry, talc_failure *failure);

/** A device on its way into a registry. */
typedef struct talc_device {
    const char *id;  /**< as in talc_identity_from_key() */
    const void *key; /**< its public key: SubjectPublicKeyInfo, or a certificate that holds it, PEM
                          or DER, P-256 */
    size_t key_size; /**< bytes, without counting a final NUL */
} talc_device;

/** Enrols a device: adds it, or gives the one of this ID this key and the state enrolled. All of
 * `device` is copied. TALC_ERROR_TRUST: an ID or a key that is none, or too many devices;
 * TALC_ERROR_MEMORY, TALC_ERROR_ARGUMENT. */
TALC_API talc_status talc_registry_enrol(talc_registry *registry, const talc_device *device,
                                         talc_failure *failure);

/** Revokes a device: it stays known, and is not served. TALC_ERROR_TRUST: it is not in the
 * registry; TALC_ERROR_MEMORY, TALC_ERROR_ARGUMENT. */
TALC_API talc_status talc_registry_revoke(talc_registry *registry, const char *device_id);

/** What the registry says of a device; TALC_DEVICE_UNKNOWN also if an argument is NULL. */
TALC_API talc_device_state talc_registry_state(const talc_registry *registry,
                                               const char *device_id);

/** How many devices it holds, revoked ones counted; 0 for NULL. */
TALC_API size_t talc_registry_size(const talc_registry *registry);

/** Drops the caller's hold. NULL is allowed. */
TALC_API void talc_registry_free(talc_registry *registry);

#ifdef __cplusplus
}
#endif

#endif
