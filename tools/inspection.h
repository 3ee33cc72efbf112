/* SPDX-License-Identifier: MIT */
#ifndef TALC_TOOLS_INSPECTION_H
#define TALC_TOOLS_INSPECTION_H

/**
 * What was seen of sessions: readers (inspect_reader.h) put in what they find, inspection_finish()
 * draws the conclusions, writers (inspect_report.h, inspect_rebuild.h) print them.
 *
 * A view is one place to look from: a journal, a leg of a proxy, the port of a server in a
 * capture. Sessions are told apart by view and id; what several views saw of one session is
 * compared.
 *
 * Everything is bounded; what goes beyond is left out, and `is_cut` says so.
 */

#include <stdint.h>
#include <stdio.h>
#include <uthash.h>

#include "records/envelope.h"
#include "records/journal.h"
#include "tools/inspect_stream.h"

#define INSPECT_NAME_SIZE 160
#define INSPECT_SESSIONS_MAX 4096u
#define INSPECT_VIEWS_MAX 64u
#define INSPECT_SIGHTINGS_MAX 200000u  /* in all */
#define INSPECT_BYTES_MAX (256u << 20) /* of streams, in all */
#define INSPECT_FINDINGS_MAX 1000u     /* kept with their words; all are counted */

typedef enum inspect_direction { INSPECT_CLIENT = 0, INSPECT_SERVER = 1 } inspect_direction;

/** What is noticed. Up to INSPECT_LAST_ANOMALY something is wrong; the others are worth knowing. */
typedef enum inspect_finding_kind {
    INSPECT_MALFORMED_ENVELOPE,
    INSPECT_CHANGED_BYTES,
    INSPECT_CHANGED_BETWEEN_VIEWS,
    INSPECT_WRONG_DIGEST,
    INSPECT_BROKEN_RECORD,
    INSPECT_GAP,
    INSPECT_ANSWER_TO_NO_REQUEST,
    INSPECT_ACKNOWLEDGED_LESS,
    INSPECT_ACKNOWLEDGED_MORE,
    INSPECT_GUARD_MISSING,
    INSPECT_LARGE_MESSAGE,
    INSPECT_LAST_ANOMALY = INSPECT_LARGE_MESSAGE,
    INSPECT_ERROR_ANSWER,
    INSPECT_ANSWER_OF_THE_PATH,
    INSPECT_LONG_BODY,
    INSPECT_NOT_FROM_THE_START,
    INSPECT_TROUBLE,
    INSPECT_FINDING_KINDS
} inspect_finding_kind;

/** What joins an envelope and a place in a file. */
typedef struct inspect_sighting {
    uint64_t time_us; /**< since 1970-01-01 00:00 UTC */
    inspect_direction direction;
    uint64_t place; /**< line or frame */
    uint64_t request;
    uint64_t offset; /**< of the range, if it has one */
    size_t range_size;
    size_t added;           /**< of the range, bytes that were new */
    size_t body_size;       /**< of the envelope as text; 0: a journal does not say */
    uint8_t digest[8];      /**< of the body, to know a retransmission */
    bool is_retransmission; /**< the same body again */
} inspect_sighting;

/** One number `i`. */
typedef struct inspect_exchange {
    uint64_t request;
    bool is_asked;
    bool is_answered;
    uint8_t digests[2][8]; /**< of the latest bodies, by direction */
    bool has_body[2];
} inspect_exchange;

/** Sums of one direction. */
typedef struct inspect_totals {
    size_t envelopes; /**< retransmissions left out, like in the next three */
    size_t with_records;
    size_t repeats;      /**< of them, such that brought only what had been there */
    uint64_t body_bytes; /**< 0 in a journal */
    size_t body_max;
    size_t retransmissions; /**< the same body once more */
} inspect_totals;

typedef struct inspect_session {
    UT_hash_handle hh;
    uint8_t id[TALC_SESSION_ID_SIZE];
    char client[INSPECT_NAME_SIZE]; /**< who asks: an address, "" if nobody said */
    char origin[INSPECT_NAME_SIZE]; /**< whom a proxy asks, "" if nobody said */
    bool is_of_journal;
    bool client_is_out;          /**< journal: the side that kept it is the client */
    inspect_stream streams[2];   /**< by inspect_direction */
    inspect_sighting *sightings; /**< in the order of the file */
    size_t sighting_count;
    inspect_exchange *exchanges; /**< in the order of `request` */
    size_t exchange_count;
    inspect_totals totals[2];
    struct {
        bool is_there;
        uint64_t request;
        uint64_t acknowledged;
        bool has_guard; /**< some envelope had one, the first of them with this `i` */
        uint64_t guard_request;
    } newest[2]; /**< what was said last */
    bool is_ecc;
    char protocol[16]; /**< "TLS 1.3", "TLS 1.2", "ecc", "" */
    size_t anomalies;  /**< findings */
} inspect_session;

typedef struct inspect_view {
    char name[INSPECT_NAME_SIZE];
    bool is_shown;
    inspect_session *sessions; /**< uthash, in the order of appearance */
    size_t others;             /**< messages that belong to no session */
    uint64_t other_bytes;      /**< of their bodies */
} inspect_view;

typedef struct inspect_finding {
    inspect_finding_kind kind;
    const inspect_view *view;
    const inspect_session *session; /**< NULL: of the view */
    uint64_t place;                 /**< line or frame, 0: none */
    char text[160];
} inspect_finding;

typedef struct inspection {
    inspect_view *views; /**< INSPECT_VIEWS_MAX of them */
    size_t view_count;
    size_t session_count;
    size_t sighting_count;
    uint64_t byte_count;
    inspect_finding *findings;
    size_t finding_count;
    size_t counts[INSPECT_FINDING_KINDS]; /**< also of those that are not kept */
    bool is_cut;                          /**< something was left out, or memory ran out */
    bool is_merged;                       /**< all hops count as one view */
} inspection;

/** False: no memory. */
bool inspection_begin(inspection *all);
void inspection_end(inspection *all);

/** The view of this name, a new one if there is none; NULL when there are too many. Names are cut.
 */
inspect_view *inspection_view(inspection *all, const char *name);

/** The body of a request or an answer, as one hop carried it. */
typedef struct inspect_body {
    uint64_t time_us;
    uint64_t place;
    inspect_direction direction;
    const uint8_t *session_id; /**< NULL: its address names none */
    const char *client;        /**< may be "" */
    const char *origin;        /**< whom a proxy asks; may be NULL */
    const char *text;          /**< may be NULL when size is 0 */
    size_t size;
    bool is_success;    /**< answer: 2.xx */
    const char *code;   /**< answer: "4.04", "502" */
    size_t message_max; /**< CoAP: bytes of its largest payload in one message; else 0 */
} inspect_body;

void inspection_take_body(inspection *all, inspect_view *view, const inspect_body *body);

/** A line of a journal. */
void inspection_take_entry(inspection *all, inspect_view *view, const talc_journal_entry *entry,
                           uint64_t line);

/** Notes something; the words are cut. `session` may be NULL. */
typedef struct inspect_spot {
    inspect_view *view;
    inspect_session *session;
    uint64_t place;
} inspect_spot;
void inspection_note(inspection *all, inspect_finding_kind kind, inspect_spot spot,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));

/** Finds records, gaps, and differences between views. Once, after everything was taken. */
void inspection_finish(inspection *all);

/** "changed bytes" and the like; static. */
const char *inspect_finding_text(inspect_finding_kind kind);

/** How many findings say that something is wrong. */
size_t inspection_anomalies(const inspection *all);

/** The session id in the query of a URI ("s=..."), percent-decoded once. */
bool inspect_session_of_uri(const char *uri, size_t size, uint8_t id[TALC_SESSION_ID_SIZE]);

/** A session id as text. */
#define INSPECT_ID_TEXT_SIZE 17
const char *inspect_id_text(const uint8_t id[TALC_SESSION_ID_SIZE],
                            char text[INSPECT_ID_TEXT_SIZE]);

#endif
