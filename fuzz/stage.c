/* SPDX-License-Identifier: MIT */
#include "fuzz/stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

struct stage_handle {
    struct stage_handle *prev;
    struct stage_handle *next;
    uint32_t exchange; /* 0: nobody waits for the answer */
};

static fuzz_stage *current; /* the tables' open() knows nothing of its caller */

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* ---------------------------------------------------------------- the client's end */

static talc_status link_open(void **link, const talc_carrier_target *target,
                             const talc_carrier_events *events, talc_failure *failure)
{
    (void)target;
    (void)failure;
    current->to_client = *events;
    *link = current;
    return TALC_OK;
}

static talc_carrier_limits link_limits(void *link)
{
    (void)link;
    return (talc_carrier_limits){ TALC_MESSAGE_BODY_MAX, 16384 };
}

static void drop_request(fuzz_stage *stage, size_t at)
{
    free(stage->requests[at].body);
    size_t behind = STAGE_REQUESTS_MAX - 1 - at;
    memmove(&stage->requests[at], &stage->requests[at + 1], behind * sizeof stage->requests[0]);
    memset(&stage->requests[STAGE_REQUESTS_MAX - 1], 0, sizeof stage->requests[0]);
}

static talc_status link_send(void *link, const talc_carrier_request *request)
{
    fuzz_stage *stage = link;
    size_t at = 0;
    while (at < STAGE_REQUESTS_MAX && stage->requests[at].exchange != 0) {
        at++;
    }
    if (at == STAGE_REQUESTS_MAX) {
        drop_request(stage, 0);
        at--;
    }
    uint8_t *body = malloc(request->body_size + 1);
    require(body != NULL);
    memcpy(body, request->body, request->body_size);
    body[request->body_size] = 0;
    stage->requests[at] = (stage_request){ request->exchange, body, request->body_size };
    memcpy(stage->session_id, request->session_id, sizeof stage->session_id);
    return TALC_OK;
}

static void link_cancel(void *link, uint32_t exchange)
{
    fuzz_stage *stage = link;
    for (size_t i = 0; i < STAGE_REQUESTS_MAX; i++) {
        if (stage->requests[i].exchange == exchange) {
            drop_request(stage, i);
        }
    }
}

static talc_status nothing_to_process(void *link)
{
    (void)link;
    return TALC_OK;
}

static int no_descriptor(void *link)
{
    (void)link;
    return -1;
}

static uint32_t no_timeout(void *link)
{
    (void)link;
    return UINT32_MAX;
}

static void link_close(void *link)
{
    (void)link;
}

static const talc_carrier carrier = {
    "fuzz",        link_open,  link_limits, link_send, link_cancel, nothing_to_process,
    no_descriptor, no_timeout, link_close,
};

static void answer_client(fuzz_stage *stage, uint32_t exchange, const uint8_t *body, size_t size)
{
    talc_carrier_answer answer = {
        .exchange = exchange, .code = TALC_CODE_CHANGED, .body = body, .body_size = size
    };
    stage->to_client.answer(stage->to_client.context, &answer);
}

/* ---------------------------------------------------------------- the server's end */

static talc_status listener_open(void **link, const talc_listener_target *target,
                                 const talc_listener_events *events, talc_failure *failure)
{
    (void)target;
    (void)failure;
    current->to_server = *events;
    *link = current;
    return TALC_OK;
}

static void listener_reply(void *link, void *given, const talc_reply *reply)
{
    fuzz_stage *stage = link;
    stage_handle *handle = given;
    DL_DELETE(stage->handles, handle);
    if (reply != NULL && handle->exchange != 0) {
        answer_client(stage, handle->exchange, reply->body, reply->body_size);
    }
    free(handle);
}

static uint16_t no_port(void *link)
{
    (void)link;
    return 0;
}

static const talc_listener listener = {
    "fuzz",        listener_open, listener_reply, nothing_to_process,
    no_descriptor, no_timeout,    no_port,        link_close,
};

static void give_server(fuzz_stage *stage, const uint8_t *id, uint32_t exchange,
                        const stage_part *part)
{
    stage_handle *handle = calloc(1, sizeof *handle);
    uint8_t peer = (uint8_t)(part->control >> 4);
    require(handle != NULL);
    handle->exchange = exchange;
    DL_APPEND(stage->handles, handle);
    talc_inbound inbound = { id, &peer, sizeof peer, part->body, part->body_size, handle };
    stage->to_server.inbound(stage->to_server.context, &inbound);
}

/* ---------------------------------------------------------------- life */

static uint64_t clock_ms(void *context)
{
    const fuzz_stage *stage = context;
    return stage->now_ms;
}

static void echo(void *context, talc_exchange *exchange, const talc_request *request)
{
    talc_response response = TALC_RESPONSE_DEFAULT;
    (void)context;
    response.payload = request->payload;
    response.payload_size = request->payload_size;
    (void)talc_exchange_respond(exchange, &response);
}

static void note_answer(void *context, talc_status status, const talc_response *response)
{
    fuzz_stage *stage = context;
    require((status == TALC_OK) == (response != NULL));
    stage->answered++;
}

static void ask(fuzz_stage *stage)
{
    talc_request request = TALC_REQUEST_DEFAULT;
    request.method = TALC_POST;
    request.path = "echo";
    request.payload = "question";
    request.payload_size = 8;
    require(talc_client_send(stage->client, &request, note_answer, stage) == TALC_PENDING);
}

static void make_credentials(fuzz_stage *stage)
{
    static const talc_psk psk = { "fuzz", 4, "0123456789abcdef", 16 };
    require(talc_identity_from_psk(&stage->identity, &psk, NULL) == TALC_OK);
    require(talc_trust_new(&stage->trust) == TALC_OK);
    require(talc_trust_add_psk(stage->trust, &psk, NULL) == TALC_OK);
}

void stage_begin(fuzz_stage *stage)
{
    talc_config config = TALC_CONFIG_DEFAULT;
    memset(stage, 0, sizeof *stage);
    current = stage;
    stage->now_ms = 1000000;
    make_credentials(stage);
    config.clock_ms = clock_ms;
    config.clock_context = stage;
    config.carrier = &carrier;
    config.listener = &listener;
    config.trust = stage->trust;
    require(talc_server_new(&stage->server, &config) == TALC_OK);
    require(talc_server_listen(stage->server, "fuzz://server") == TALC_OK);
    require(talc_server_handle(stage->server, "echo", TALC_ALLOW(TALC_POST), echo, NULL) ==
            TALC_OK);
    config.trust = NULL;
    config.identity = stage->identity;
    require(talc_client_new(&stage->client, &config, "fuzz://server", NULL) == TALC_OK);
    ask(stage);
    stage_pass(stage, 0);
}

void stage_end(fuzz_stage *stage)
{
    talc_client_free(stage->client);
    for (stage_handle *handle = stage->handles; handle != NULL; handle = handle->next) {
        handle->exchange = 0;
    }
    talc_server_free(stage->server);
    require(stage->handles == NULL); /* each came back */
    while (stage->requests[0].exchange != 0) {
        drop_request(stage, 0);
    }
    talc_identity_free(stage->identity);
    talc_trust_free(stage->trust);
}

/* ---------------------------------------------------------------- what the fuzzer does */

bool stage_part_next(const uint8_t **data, size_t *size, stage_part *part)
{
    if (*size < 3) {
        return false;
    }
    size_t body_size = (size_t)(*data)[1] << 8 | (*data)[2];
    part->control = (*data)[0];
    part->body = *data + 3;
    part->body_size = body_size < *size - 3 ? body_size : *size - 3;
    *data += 3 + part->body_size;
    *size -= 3 + part->body_size;
    return true;
}

void stage_let_pass(fuzz_stage *stage)
{
    stage_request request = stage->requests[0];
    if (request.exchange == 0) {
        return;
    }
    stage_part part = { 0, request.body, request.body_size };
    stage->requests[0].body = NULL;
    drop_request(stage, 0);
    give_server(stage, stage->session_id, request.exchange, &part);
    free(request.body);
}

void stage_give_server(fuzz_stage *stage, unsigned own, const stage_part *part)
{
    static const uint8_t other_id[TALC_SESSION_ID_SIZE] = { 1, 2, 3 };
    give_server(stage, own == 0 ? stage->session_id : other_id, 0, part);
}

void stage_give_client(fuzz_stage *stage, unsigned numbered, const stage_part *part)
{
    stage_request request = stage->requests[0];
    unsigned long long number = 0;
    char text[70000];
    if (request.exchange == 0) {
        return;
    }
    (void)sscanf((const char *)request.body, "{\"i\":%llu", &number);
    int prefix = numbered ? snprintf(text, sizeof text, "{\"i\":%llu", number) : 0;
    memcpy(text + prefix, part->body, part->body_size);
    drop_request(stage, 0);
    answer_client(stage, request.exchange, (uint8_t *)text, (size_t)prefix + part->body_size);
}

void stage_pass(fuzz_stage *stage, uint32_t time_ms)
{
    stage->now_ms += time_ms;
    (void)talc_client_process(stage->client);
    (void)talc_server_process(stage->server);
    if (stage->answered > 0) {
        stage->answered = 0;
        ask(stage);
        (void)talc_client_process(stage->client);
    }
}
