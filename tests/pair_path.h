/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_PAIR_PATH_H
#define TALC_TESTS_PAIR_PATH_H

/**
 * A path between clients and a server on which nothing happens but what the test wants: a carrier
 * and a listener of the public tables, in memory, in one thread, in virtual time. A test sees each
 * body as it sets out and may change, drop, copy or delay it; or the path does so by itself, the
 * same way for the same seed.
 *
 * Include it after cmocka.h: misuse of a table by the library fails the running test.
 */

#include <stdbool.h>

#include "records/envelope.h"
#include "talc/carrier.h"

#define PATH_PEER_RAW 0xFFu /**< an address that no client has */

typedef enum path_direction {
    PATH_TO_SERVER = 0,
    PATH_TO_CLIENT = 1
} path_direction;

/** A body on its way. The path owns it. */
typedef struct path_parcel {
    struct path_parcel *prev; /* utlist.h, in order of arrival */
    struct path_parcel *next;
    path_direction direction;
    uint64_t at_ms; /**< when it arrives */
    unsigned link;  /**< number of the client's link, which is its address */
    uint32_t exchange;
    uint32_t attempt;
    uint8_t session_id[TALC_SESSION_ID_SIZE];
    talc_outcome outcome; /**< to the client */
    uint8_t code;
    uint32_t retry_after_ms;
    uint8_t *body; /**< see path_parcel_set_body() */
    size_t body_size;
} path_parcel;

/** How the path behaves by itself. All zero: every body arrives at once, once. */
typedef struct path_weather {
    uint32_t seed;
    unsigned loss_percent;
    unsigned duplication_percent; /**< of requests; a carrier hands on one answer only */
    unsigned notice_percent;      /**< of what is lost: the client's carrier says so, later */
    unsigned delay_min_ms;
    unsigned delay_max_ms; /**< above the minimum: bodies overtake each other */
    size_t message_size;   /**< 0: what the client wants */
    size_t body_size;      /**< 0: what the client wants */
} path_weather;

typedef struct test_path test_path;

/** Sees each body as it sets out; may change it. False: it is lost without a word. */
typedef bool path_watcher(void *context, test_path *path, path_parcel *parcel);

typedef struct path_link path_link;
typedef struct path_handle path_handle;

struct test_path {
    uint64_t now_ms;
    path_weather weather;
    uint64_t random;
    path_watcher *watcher; /**< NULL: nobody looks */
    void *watcher_context;
    path_parcel *parcels;
    path_link *links;
    unsigned links_made;
    path_handle *handles; /**< the server's, not given back yet */
    bool is_listening;
    talc_listener_events server;
    /** Called by the client's process(): lets blocking calls drive the other side and the clock. */
    void (*meanwhile)(void *context);
    void *meanwhile_context;
    bool is_meanwhile;
    size_t bodies[2]; /**< that set out, by direction */
    unsigned raw_peer; /**< the address that path_request() uses; PATH_PEER_RAW to begin with */
    int readable;      /**< a descriptor that is always readable */
};

/** What came back for path_request(). */
typedef struct path_answer {
    bool is_there;
    uint8_t code;
    uint32_t retry_after_s;
    uint8_t body[65536];
    size_t body_size;
} path_answer;

extern const talc_carrier path_carrier;
extern const talc_listener path_listener;

/** Paths are found through this: links and listeners are opened on the one that began last. */
void path_begin(test_path *path, const path_weather *weather);
void path_end(test_path *path);

uint64_t path_clock_ms(void *path);
uint32_t path_random(test_path *path);

/** Milliseconds until the next body arrives; UINT64_MAX: none is on its way. */
uint64_t path_next_ms(const test_path *path);

/** Gives the server what has arrived; true if there was something. */
bool path_serve(test_path *path);

void path_parcel_set_body(path_parcel *parcel, const void *body, size_t size);

/** Its body as an envelope, for talc_envelope_clear(). */
void path_parcel_read(const path_parcel *parcel, talc_envelope *envelope);

/** Puts the envelope in place of the body, with the tag that stands in it. */
void path_parcel_write(path_parcel *parcel, const talc_envelope *envelope);

/** Puts a copy on its way that arrives `delay_ms` from now, without asking weather or watcher. */
void path_send_copy(test_path *path, const path_parcel *parcel, uint32_t delay_ms);

/** Gives the server a body at once, from `raw_peer`, and waits for nothing. `session_id` NULL: the
 * address held none. */
void path_request(test_path *path, const uint8_t *session_id, const void *body, size_t size,
                  path_answer *answer);

#endif
