/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_COAP_RECEPTION_H
#define TALC_TRANSPORT_COAP_RECEPTION_H

/** How a server that serves every path takes requests in: each once, however often it comes (RFC
 * 7252 section 4.5), and none that it has no room for. The direct link (coap_direct_server.c) and
 * the server of a gateway (coap_message_server.c) are its users. */

#include "transport/coap_duplicates.h"
#include "transport/coap_server.h"

typedef struct talc_coap_reception {
    talc_coap_duplicates duplicates;
    size_t remembered; /**< requests, after the last sweep */
    /** Looks at a request that is seen for the first time: fills the subject of its key, and 0, or
     * the code of a refusal, or TALC_COAP_SILENCE. The user's. */
    unsigned (*judge)(talc_coap_server *server, talc_coap_pending *arrived,
                      const coap_pdu_t *request);
    /** Writes a refusal; the user's, and part of its face too. */
    void (*refuse)(talc_coap_server *server, const talc_coap_pending *arrived,
                   coap_pdu_t *response, coap_pdu_code_t code);
} talc_coap_reception;

#define TALC_COAP_SILENCE 0x100 /* a refusal without words: RFC 7252 section 5.4.1 */

/** What separate responses of such a server keep to. Section 4.7 limits what clients have
 * outstanding; responses come no faster than requests do. One after the other, a single lost
 * acknowledgement would hold all that follow for a minute and a half, and libcoap would keep them
 * for any time: hence as many at once as there may be. */
#define TALC_COAP_SEPARATE_MAX 4096
#define TALC_COAP_OWN_SEPARATE_MAX 64   /* of one sender */
#define TALC_COAP_HOST_SEPARATE_MAX 512 /* of all at one address: of many behind one proxy */

/** Makes libcoap give requests for all paths to the server, also for the one that it has an answer
 * of its own for. TALC_OK, TALC_ERROR_MEMORY. */
talc_status talc_coap_reception_open(talc_coap_server *server);

/** A message has arrived, key.peer, guest and limit are filled. A repeat gets what the first one
 * got: the response, or the acknowledgement alone. What is new is judged, put together, and
 * delivered. */
void talc_coap_reception_take(talc_coap_reception *reception, talc_coap_server *server,
                              talc_coap_pending *arrived, const coap_pdu_t *request,
                              coap_pdu_t *response);

/** For the user's judge(), after the subject is filled: 0, or the code of a refusal for want of
 * room, of the body, or of the answer that a later block is asked of. */
unsigned talc_coap_reception_refusal(const talc_coap_server *server,
                                     const talc_coap_pending *arrived, const coap_pdu_t *request);

/** Writes a refusal with what belongs to its code: Max-Age, Size1; `reason` may be NULL. */
void talc_coap_reception_refuse(talc_coap_server *server, const talc_coap_pending *arrived,
                                coap_pdu_t *response, coap_pdu_code_t code, const char *reason);

/** For the face: settle and separates_add. An answer that has become a message of its own is
 * repeated by itself, so that repeats of the request are acknowledged only. */
void talc_coap_reception_settle(talc_coap_reception *reception, talc_coap_pending *pending,
                                const coap_pdu_t *response);
int talc_coap_reception_separates_add(talc_coap_pending *pending, uint64_t span_ms,
                                      uint64_t now_ms);

/** As talc_coap_server_process() and talc_coap_server_timeout_ms(), and what is remembered is let
 * go in time even if nothing arrives. */
talc_status talc_coap_reception_process(talc_coap_reception *reception, talc_coap_server *server);
uint32_t talc_coap_reception_timeout_ms(const talc_coap_reception *reception,
                                        const talc_coap_server *server);

/** After the server is closed. */
void talc_coap_reception_close(talc_coap_reception *reception);

#endif
