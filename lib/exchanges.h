/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_EXCHANGES_H
#define TALC_LIB_EXCHANGES_H

/**
 * The client's open exchanges: when to send, to repeat, to ask again and to poll. Sans I/O; knows
 * numbers and times, not what is in the bodies.
 *
 * Two exchanges may be open: a poll and a request, or a repeat and its original. Each envelope has
 * a number of its own (`i`), so an answer is never ambiguous and each gives a round-trip sample.
 */

#include <stdbool.h>
#include <stdint.h>

#define TALC_EXCHANGES_OPEN_MAX 2
#define TALC_REPEAT_FIRST_MS 3000u  /**< before a round trip was measured */
#define TALC_REPEAT_MIN_MS 1000u    /**< as RFC 7252's ACK_TIMEOUT may not fall below */
#define TALC_REPEAT_MAX_MS 30000u
#define TALC_POLL_DELAY_MIN_MS 100u
#define TALC_POLL_DELAY_MAX_MS 2000u
#define TALC_HINTS_BELIEVED 3u      /**< an answer and two repeats of it */
#define TALC_HINTS_SPAN_MS 2000u

typedef struct talc_open_exchange {
    bool is_open;
    bool carries_news; /**< records that no envelope carried before, or a first envelope */
    uint64_t request;  /**< `i` */
    uint32_t number;   /**< the carrier's name for it */
    uint32_t hold_s;
    uint64_t sent_ms;
    uint64_t due_ms;   /**< then it is repeated */
} talc_open_exchange;

typedef struct talc_exchanges {
    talc_open_exchange open[TALC_EXCHANGES_OPEN_MAX];
    uint64_t next_request;
    uint32_t next_number;
    uint32_t attempt;       /**< repeats in a row without an answer */
    bool repeat_wanted;     /**< an exchange ended early: repeat at not_before_ms */
    bool asks_again;        /**< the newest answer said `m` */
    uint64_t not_before_ms; /**< the path or the server asked to wait */
    uint64_t poll_at_ms;
    uint32_t poll_delay_ms;
    uint32_t hold_s;        /**< of polls; falls when the path loses held answers */
    uint32_t smoothed_ms;   /**< RFC 6298 section 2; 0: nothing measured yet */
    uint32_t variation_ms;
    uint32_t hints;         /**< answers in a row that say that the session is unknown */
    uint64_t first_hint_ms;
} talc_exchanges;

/** `first_request` is random below 2^24. */
void talc_exchanges_init(talc_exchanges *exchanges, uint64_t first_request, uint32_t hold_s);

/** What the client has in hand. */
typedef struct talc_exchange_needs {
    bool has_unsent;         /**< records that no envelope carried */
    bool has_unacknowledged; /**< records that the server has not acknowledged */
    bool expects;            /**< something has to come from the server */
    bool may_hold;           /**< the server may hold the answer to a poll */
} talc_exchange_needs;

typedef enum talc_exchange_action {
    TALC_ACTION_WAIT = 0, /**< nothing before `at_ms` */
    TALC_ACTION_SEND,     /**< an envelope with new records, or asking again */
    TALC_ACTION_POLL,     /**< an empty envelope, with `hold_s` */
    TALC_ACTION_REPEAT    /**< an envelope with everything that is not acknowledged */
} talc_exchange_action;

typedef struct talc_exchange_plan {
    talc_exchange_action action;
    uint64_t at_ms; /**< UINT64_MAX: never */
    uint32_t hold_s;
} talc_exchange_plan;

/** What to do at `now_ms`. */
talc_exchange_plan talc_exchanges_plan(const talc_exchanges *exchanges,
                                       const talc_exchange_needs *needs, uint64_t now_ms);

/**
 * Opens an exchange by this plan. If both are open the older one gives way; its number is in
 * `*cancelled` then, else 0. `jitter` is any number, to part clients that lost the same packet.
 */
talc_open_exchange *talc_exchanges_start(talc_exchanges *exchanges, const talc_exchange_plan *plan,
                                         uint64_t now_ms, uint32_t jitter, uint32_t *cancelled);

/** The open exchange with this carrier number, or NULL. */
talc_open_exchange *talc_exchanges_find(talc_exchanges *exchanges, uint32_t number);

/** Whether this is the exchange of the newest envelope. */
bool talc_exchanges_is_current(const talc_exchanges *exchanges, uint32_t number);

/** Whether the request number belongs to an open exchange; `*is_newest` whether to the newest. */
bool talc_exchanges_is_open(const talc_exchanges *exchanges, uint64_t request, bool *is_newest);

/** An answer with this request number was taken. `news`: it brought bytes or an acknowledgement. */
void talc_exchanges_answered(talc_exchanges *exchanges, uint64_t request, bool news,
                             uint64_t now_ms);

/** The newest answer said `m`. */
void talc_exchanges_ask_again(talc_exchanges *exchanges);

/** An exchange ended without an answer that counts; it is repeated after `wait_ms`, or a growing
 * time if that is 0. */
void talc_exchanges_failed(talc_exchanges *exchanges, uint32_t number, uint32_t wait_ms,
                           uint64_t now_ms);

/** Another path: what is open on the old one is repeated at once, and what the old one asked for
 * does not bind any more. */
void talc_exchanges_reroute(talc_exchanges *exchanges);

/** An answer said that the session is unknown; true once that has to be believed. */
bool talc_exchanges_hint(talc_exchanges *exchanges, uint64_t now_ms);

/** Forgets the open exchanges (a new session begins); what is known of the path stays. */
void talc_exchanges_reset(talc_exchanges *exchanges, uint64_t first_request);

#endif
