/* SPDX-License-Identifier: MIT */
#include "tests/http_asking.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define PATIENCE_MS 60000

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void note_response(asking_note *note, const talc_http_message *response)
{
    assert_non_null(response);
    assert_null(response->method);
    note->status = response->status;
    for (size_t i = 0; i < response->field_count; i++) {
        size_t size = strlen(note->fields);
        snprintf(note->fields + size, sizeof note->fields - size, "%s: %s\n",
                 response->fields[i].name, response->fields[i].value);
    }
    note->body_size = response->body_size;
    note->body = malloc(response->body_size + 1);
    assert_non_null(note->body);
    if (response->body_size > 0) {
        memcpy(note->body, response->body, response->body_size);
    }
    note->body[response->body_size] = 0;
}

static void on_ended(void *context, const talc_http_result *result)
{
    http_asking *asking = context;
    assert_true(asking->note_count < ASKING_NOTES_MAX);
    asking_note *note = &asking->notes[asking->note_count++];
    note->number = result->number;
    note->end = result->end;
    assert_non_null(result->reason);
    assert_true(strlen(result->reason) < sizeof note->reason);
    strcpy(note->reason, result->reason);
    assert_null(strchr(note->reason, '\n'));
    if (result->end == TALC_HTTP_ANSWERED) {
        assert_string_equal(result->reason, "");
        note_response(note, result->response);
    } else {
        assert_string_not_equal(result->reason, "");
        assert_null(result->response);
    }
    if (asking->on_ended != NULL) {
        asking->on_ended(asking, result);
    }
}

int asking_setup(void **state)
{
    http_asking *made = calloc(1, sizeof *made);
    assert_non_null(made);
    made->setup = (talc_http_client_setup){ .body_size = 65536,
                                            .header_size = 8192,
                                            .exchanges_max = 64,
                                            .connections_max = 8,
                                            .connect_timeout_ms = PATIENCE_MS,
                                            .timeout_ms = PATIENCE_MS,
                                            .ended = on_ended,
                                            .context = made };
    http_played_open(&made->server, http_played_silence);
    *state = made;
    return 0;
}

int asking_teardown(void **state)
{
    http_asking *asking = *state;
    talc_http_client_close(asking->client);
    http_played_close(&asking->server);
    for (size_t i = 0; i < asking->note_count; i++) {
        free(asking->notes[i].body);
    }
    free(asking);
    return 0;
}

void asking_open(http_asking *asking)
{
    talc_http_client_close(asking->client);
    if (talc_http_client_open(&asking->client, &asking->setup, &asking->failure) != TALC_OK) {
        fail_msg("client: %s", asking->failure.text);
    }
}

talc_status asking_send(http_asking *asking, uint32_t number, const char *method, const char *url)
{
    const talc_http_message request = { .method = method, .target = url };
    return talc_http_client_send(asking->client, number, 0, &request);
}

void asking_turn(http_asking *asking)
{
    struct pollfd polled[] = {
        { .fd = talc_http_client_descriptor(asking->client), .events = POLLIN },
        { .fd = asking->server.descriptor, .events = POLLIN },
    };
    uint32_t wanted_ms = talc_http_client_timeout_ms(asking->client);
    assert_true(poll(polled, 2, wanted_ms < PATIENCE_MS ? (int)wanted_ms : PATIENCE_MS) >= 0);
    http_played_turn(&asking->server);
    assert_int_equal(talc_http_client_process(asking->client), TALC_OK);
}

void asking_await(http_asking *asking, size_t notes)
{
    uint64_t until_ms = now_ms() + PATIENCE_MS;
    while (asking->note_count < notes) {
        asking_turn(asking);
        if (now_ms() > until_ms) {
            fail_msg("only %zu of %zu exchanges ended", asking->note_count, notes);
        }
    }
}

void asking_await_requests(http_asking *asking, unsigned requests)
{
    uint64_t until_ms = now_ms() + PATIENCE_MS;
    while (asking->server.requests < requests) {
        asking_turn(asking);
        if (now_ms() > until_ms) {
            fail_msg("only %u of %u requests came", asking->server.requests, requests);
        }
    }
}

const asking_note *asking_do(http_asking *asking, const char *method, const char *url)
{
    size_t before = asking->note_count;
    assert_int_equal(asking_send(asking, (uint32_t)before + 1, method, url), TALC_OK);
    asking_await(asking, before + 1);
    assert_int_equal(asking->notes[before].number, before + 1);
    return &asking->notes[before];
}

const asking_note *asking_get(http_asking *asking, const char *text)
{
    asking->server.script = http_played_text;
    asking->server.text = text;
    return asking_do(asking, "GET", asking->server.uri);
}
