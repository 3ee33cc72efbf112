/* SPDX-License-Identifier: MIT */
/* Why an exchange ended without an answer, in words. */
#include "transport/coap_client.h"

#include "lib/failure.h"

typedef struct end_text {
    talc_coap_end end;
    talc_status status;
    const char *text;
} end_text;

static const end_text end_texts[] = {
    { TALC_COAP_GIVEN_UP, TALC_ERROR_TIMEOUT,
      "no answer and no acknowledgement, however often the request was repeated" },
    { TALC_COAP_RESET, TALC_ERROR_UNREACHABLE,
      "the peer does not know what to do with the request (RFC 7252 section 4.2: Reset)" },
    { TALC_COAP_UNREACHABLE, TALC_ERROR_UNREACHABLE,
      "nobody listens there, as the operating system says" },
    { TALC_COAP_TOO_LARGE, TALC_ERROR_TOO_LARGE,
      "the answer is larger than is taken here, or the request's path leaves no room for a "
      "payload" },
    { TALC_COAP_BROKEN, TALC_ERROR_PROTOCOL,
      "the blocks of the peer do not fit together (RFC 7959)" },
    { TALC_COAP_CHANGED, TALC_ERROR_PROTOCOL,
      "the resource changed while its blocks were fetched: try again" },
    { TALC_COAP_NO_MEMORY, TALC_ERROR_MEMORY, "out of memory" },
};

talc_status talc_coap_end_explain(const talc_coap_client *client, talc_coap_end end,
                                  talc_failure *failure)
{
    const talc_coap_uri *server = &client->server;
    for (size_t i = 0; i < sizeof end_texts / sizeof end_texts[0]; i++) {
        if (end_texts[i].end == end) {
            return talc_failure_set(failure, TALC_STAGE_PATH, end_texts[i].status,
                                    "%s port %u%s: %s", server->host, (unsigned)server->port,
                                    client->form == TALC_COAP_FORM_DIRECT ? "" : " by the proxy",
                                    end_texts[i].text);
        }
    }
    *failure = client->insecurity;
    return failure->status;
}
