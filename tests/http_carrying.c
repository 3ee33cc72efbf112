/* SPDX-License-Identifier: MIT */
#include "tests/http_carrying.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PATIENCE_MS 60000

/* Without padding: "-__-BAUGBwgJCgsM". */
const uint8_t carrying_id[TALC_SESSION_ID_SIZE] = {
    0xfb, 0xff, 0xfe, 4, 5, 6, 7, 8, 9, 10, 11, 12
};

static void on_answer(void *context, const talc_carrier_answer *answer)
{
    http_carrying *of = context;
    of->answers++;
    of->exchange = answer->exchange;
    of->outcome = answer->outcome;
    of->code = answer->code;
    of->retry_after_ms = answer->retry_after_ms;
    snprintf(of->reason, sizeof of->reason, "%s", answer->reason != NULL ? answer->reason : "");
    of->body_size = answer->body_size;
    assert_true(answer->body_size <= sizeof of->body);
    if (answer->body_size > 0) {
        memcpy(of->body, answer->body, answer->body_size);
    }
}

int carrying_setup(void **state)
{
    http_carrying *of = calloc(1, sizeof *of);
    assert_non_null(of);
    http_played_open(&of->server, http_played_text);
    of->server.text = CARRYING_ANSWERED;
    of->target = (talc_carrier_target){ .uri = of->server.uri,
                                        .path = "/.well-known/atls",
                                        .message_size = 1023,
                                        .body_size = 16384,
                                        .block_size = 512 };
    of->carrier = &talc_http_carrier;
    *state = of;
    return 0;
}

int carrying_teardown(void **state)
{
    http_carrying *of = *state;
    if (of->link != NULL) {
        of->carrier->close(of->link);
    }
    nginx_process_stop(&of->nginx);
    http_played_close(&of->server);
    free(of);
    return 0;
}

void carrying_open(http_carrying *of)
{
    const talc_carrier_events events = { of, on_answer };
    talc_failure failure = { 0 };
    if (of->link != NULL) {
        of->carrier->close(of->link);
    }
    if (of->carrier->open(&of->link, &of->target, &events, &failure) != TALC_OK) {
        fail_msg("carrier: %s", failure.text);
    }
}

talc_status carrying_send(http_carrying *of, uint32_t exchange, uint32_t attempt, size_t size)
{
    uint8_t body[1024];
    memset(body, 'b', sizeof body);
    const talc_carrier_request request = { .exchange = exchange,
                                           .attempt = attempt,
                                           .session_id = carrying_id,
                                           .body = body,
                                           .body_size = size };
    assert_true(size <= sizeof body);
    return of->carrier->send(of->link, &request);
}

void carrying_turn(http_carrying *of)
{
    struct pollfd polled[] = {
        { .fd = of->carrier->descriptor(of->link), .events = POLLIN },
        { .fd = of->server.descriptor, .events = POLLIN },
    };
    uint32_t wanted_ms = of->carrier->timeout_ms(of->link);
    int ready = poll(polled, 2, wanted_ms < PATIENCE_MS ? (int)wanted_ms : PATIENCE_MS);
    assert_true(ready > 0 || wanted_ms < PATIENCE_MS);
    http_played_turn(&of->server);
    assert_int_equal(of->carrier->process(of->link), TALC_OK);
}

void carrying_await(http_carrying *of, size_t answers)
{
    while (of->answers < answers) {
        carrying_turn(of);
    }
}

void carrying_exchange(http_carrying *of)
{
    size_t answers = of->answers;
    assert_int_equal(carrying_send(of, 7, 0, 100), TALC_OK);
    carrying_await(of, answers + 1);
    assert_int_equal(of->exchange, 7);
}

/* Of the connection that asked last. */
const char *carrying_last_request(const http_carrying *of)
{
    const http_played_connection *last = NULL;
    for (size_t i = 0; i < HTTP_PLAYED_CONNECTIONS_MAX; i++) {
        const http_played_connection *one = &of->server.connections[i];
        if (one->requests > 0 && (last == NULL || one->number > last->number)) {
            last = one;
        }
    }
    assert_non_null(last);
    return last->request;
}
