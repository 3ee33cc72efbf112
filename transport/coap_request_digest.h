/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_COAP_REQUEST_DIGEST_H
#define TALC_TRANSPORT_COAP_REQUEST_DIGEST_H

/** What a request is known by: to put its blocks together, and to know its repeats. */

#include "transport/coap_duplicates.h"
#include "transport/coap_server.h"

/** Fills the subject of a key: the resource, for blocks; with this method, path, query, proxy URI
 * and format, and of this guest. TALC_OK; TALC_ERROR_TOO_LARGE, or what the hash says. */
talc_status talc_coap_request_subject(talc_coap_key *key, const coap_pdu_t *request,
                                      uint64_t guest);

/** Fills the key of the message as it is. As above. */
talc_status talc_coap_request_message_key(talc_coap_message_key *key,
                                          const talc_coap_pending *arrived,
                                          const coap_pdu_t *request);

#endif
