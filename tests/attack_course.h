/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_ATTACK_COURSE_H
#define TALC_TESTS_ATTACK_COURSE_H

/** One conversation of a client with a server, and somebody in between who makes one of the
 * attacks of examples/tampering/: connects, sends a GET, a POST, a GET with an answer of several
 * bodies, and closes. Both ends compare what they get with what was said, to the byte. All in
 * memory and in virtual time; include it after cmocka.h. */

#include "examples/tampering/attacks.h"
#include "tests/pair.h"

#define COURSE_BODIES_MAX 32 /**< of one direction, when nobody attacks */

typedef enum course_phase {
    COURSE_HANDSHAKE = 0, /**< the first exchange */
    COURSE_FIRST_REQUEST, /**< the second: the end of the handshake, and a GET */
    COURSE_LATER_REQUEST, /**< POST */
    COURSE_LARGE_ANSWER,  /**< GET of 1800 bytes: several bodies */
    COURSE_CLOSE,
    COURSE_PHASES
} course_phase;

extern const char *const course_phase_names[COURSE_PHASES];

/** What came of it. */
typedef enum course_end {
    COURSE_GOES_ON = 1,     /**< all requests are answered, in one session, which closes in order */
    COURSE_NEW_SESSION = 2, /**< all requests are answered, in more than one */
    COURSE_ENDS = 4,        /**< a request, or the close, fails with a status and words */
    COURSE_BROKEN = 8       /**< anything else: `why` tells */
} course_end;

#define COURSE_WHY_SIZE 512

typedef struct course_result {
    course_end end;
    unsigned applied;                          /**< how often the attack was made */
    unsigned bodies[2];                        /**< of the client, by direction */
    course_phase phases[2][COURSE_BODIES_MAX]; /**< of each of them */
    size_t sizes[2][COURSE_BODIES_MAX];        /**< of each of them, in bytes */
    bool was_refused;                          /**< the server refused a handshake */
    char why[COURSE_WHY_SIZE];                 /**< the failure's text, or what is broken */
} course_result;

/** The client's bodies as they set out, by direction. Longer ones than ENVELOPE_TEXT_MAX are
 * empty. */
typedef struct course_log {
    envelope_text texts[2][COURSE_BODIES_MAX];
} course_log;

/** How a conversation is held. */
typedef struct course {
    const pair_credentials *credentials;
    talc_tls_version version_min; /**< 0: the library's */
    /** NULL: nobody attacks. Sessions of others and older ones are spared. */
    const tampering_order *order;
    bool is_short; /**< without the large answer */
    /** The client has had another session before, which is closed. */
    bool has_history;
    /** Another client talks to the server at the same time, from its first envelope on. */
    bool has_company;
    course_log *log; /**< NULL: none */
} course;

/** Holds it. Never fails the running test by itself but for faults of the plumbing. */
void course_hold(const course *how, course_result *result);

#endif
