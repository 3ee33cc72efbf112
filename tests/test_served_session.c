/* SPDX-License-Identifier: MIT */
/*
 * What a server does for a client that is not ours: it speaks to the public server through a bare
 * session, and does what talc_client never would.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/conversation.h"
#include "tests/pair.h"

#define TEXT_MAX 16384
#define FRAMES_MAX 100

/* A client without rules of its own. */
typedef struct bare_client {
    test_pair *pair;
    void *context;
    talc_session *session;
    talc_conversation conversation;
    uint64_t request;
    uint8_t id[TALC_SESSION_ID_SIZE];
    uint8_t codes[FRAMES_MAX]; /* of the frames that came */
    size_t frame_count;
    bool replaced; /* the server's CSM said so */
} bare_client;

static pair_credentials credentials;
static path_answer answer;

static void note_frame(void *context, const talc_frame *frame)
{
    bare_client *client = context;
    assert_true(client->frame_count < FRAMES_MAX);
    client->codes[client->frame_count++] = frame->code;
    client->replaced = client->replaced || frame->replaced;
}

static void ignore_written(void *context, void *tag)
{
    (void)context;
    (void)tag;
}

static void open_client(bare_client *client, test_pair *pair, talc_identity *identity)
{
    static uint8_t ids;
    talc_failure failure = { 0 };
    talc_config config = TALC_CONFIG_DEFAULT;
    config.identity = identity;
    config.tls_version_min = pair->client_config.tls_version_min;
    config.tls_version_max = pair->client_config.tls_version_max;
    memset(client, 0, sizeof *client);
    client->pair = pair;
    client->id[0] = ++ids;
    client->request = 1000;
    assert_int_equal(
        talc_engine_tls.context_new(&client->context, TALC_ROLE_CLIENT, &config, &failure),
        TALC_OK);
    talc_session_setup setup = { .role = TALC_ROLE_CLIENT,
                                 .id = client->id,
                                 .engine_class = &talc_engine_tls,
                                 .engine_context = client->context,
                                 .server_name = "sensor.example",
                                 .pipeline_size = 65536,
                                 .message_size = TALC_MESSAGE_BODY_MAX };
    assert_int_equal(talc_session_new(&client->session, &setup, &failure), TALC_OK);
    talc_conversation_events events = { note_frame, ignore_written, client };
    talc_conversation_init(&client->conversation, client->session, 65536, &events);
}

static void close_client(bare_client *client)
{
    talc_conversation_free(&client->conversation);
    talc_session_free(client->session);
    talc_engine_tls.context_free(client->context);
}

/* What the client would say now. */
static size_t compose(bare_client *client, char text[TEXT_MAX])
{
    size_t size;
    talc_composition how = { .request = client->request++,
                             .limits = { TALC_MESSAGE_BODY_MAX, TEXT_MAX },
                             .now_ms = client->pair->path.now_ms };
    talc_conversation_flush(&client->conversation);
    assert_int_equal(talc_session_compose(client->session, &how, text, TEXT_MAX, &size),
                     TALC_OK);
    return size;
}

static void send(const bare_client *client, const char *text, size_t size)
{
    path_request(&client->pair->path, client->id, text, size, &answer);
    assert_true(answer.is_there);
    assert_int_equal(answer.code, TALC_CODE_CHANGED);
}

static void take_answer(bare_client *client)
{
    talc_envelope envelope;
    talc_intake intake;
    assert_int_equal(
        talc_envelope_read((const char *)answer.body, answer.body_size, TEXT_MAX, &envelope),
        TALC_OK);
    talc_session_take(client->session, &envelope, client->pair->path.now_ms,
                      &intake);
    assert_int_equal(intake.result, TALC_INTAKE_TAKEN);
    talc_envelope_clear(&envelope);
    talc_conversation_read(&client->conversation);
}

/* One envelope to the server, and its answer. */
static void exchange(bare_client *client)
{
    static char text[TEXT_MAX];
    send(client, text, compose(client, text));
    take_answer(client);
}

/* Handshake and CSMs; `replaces` NULL or the id of a session to be replaced. */
static void begin_session(bare_client *client, const uint8_t *replaces)
{
    assert_int_equal(talc_conversation_queue_csm(&client->conversation, replaces), TALC_OK);
    for (int i = 0; i < 10 && client->frame_count == 0; i++) {
        exchange(client);
    }
    assert_int_equal(client->frame_count, 1);
    assert_int_equal(client->codes[0], TALC_CODE_CSM);
}

static void queue(bare_client *client, uint8_t code, const char *path)
{
    talc_frame frame;
    talc_frame_init(&frame, code);
    strcpy(frame.path, path);
    frame.token_size = 1;
    assert_int_equal(talc_conversation_queue(&client->conversation, &frame, NULL), TALC_OK);
}

static int set_up_version(void **state, talc_tls_version version)
{
    test_pair *pair = malloc(sizeof *pair);
    assert_non_null(pair);
    pair_options options = { .credentials = &credentials, .version = version };
    pair_begin(pair, &options);
    pair_start_server(pair);
    pair->answers_later = false;
    *state = pair;
    return 0;
}

static int set_up(void **state)
{
    return set_up_version(state, TALC_TLS_1_3);
}

static int set_up_tls12(void **state)
{
    return set_up_version(state, TALC_TLS_1_2);
}

static int tear_down(void **state)
{
    pair_end(*state);
    free(*state);
    return 0;
}

/* ---------------------------------------------------------------- replacing */

static void the_same_identity_replaces(void **state)
{
    test_pair *pair = *state;
    bare_client first, second;
    open_client(&first, pair, credentials.client);
    begin_session(&first, NULL);
    open_client(&second, pair, credentials.client);
    begin_session(&second, first.id);
    assert_true(second.replaced);
    assert_int_equal(pair->events[TALC_EVENT_SESSION_CLOSED], 1);
    close_client(&first);
    close_client(&second);
}

/* Who knows an id must not be able to close what is another's. */
static void another_identity_does_not(void **state)
{
    test_pair *pair = *state;
    bare_client first, second;
    open_client(&first, pair, credentials.client);
    begin_session(&first, NULL);
    open_client(&second, pair, credentials.other_client);
    begin_session(&second, first.id);
    assert_false(second.replaced);
    assert_int_equal(pair->events[TALC_EVENT_SESSION_CLOSED], 0);
    queue(&first, TALC_GET, "hello");
    exchange(&first);
    assert_int_equal(first.codes[1], TALC_CODE_CONTENT);
    close_client(&first);
    close_client(&second);
}

static void what_is_gone_is_replaced(void **state)
{
    static const uint8_t unknown[TALC_SESSION_ID_SIZE] = { 0xEE };
    bare_client client;
    open_client(&client, *state, credentials.client);
    begin_session(&client, unknown);
    assert_true(client.replaced);
    close_client(&client);
}

static void nobody_replaces_himself(void **state)
{
    test_pair *pair = *state;
    bare_client client;
    open_client(&client, pair, credentials.client);
    begin_session(&client, client.id);
    assert_false(client.replaced);
    queue(&client, TALC_GET, "hello");
    exchange(&client);
    assert_int_equal(client.codes[1], TALC_CODE_CONTENT);
    close_client(&client);
}

/* ---------------------------------------------------------------- ends */

/* RFC 8323 section 5.5: what is under way is answered first. */
static void a_release_waits_for_answers(void **state)
{
    test_pair *pair = *state;
    bare_client client;
    open_client(&client, pair, credentials.client);
    begin_session(&client, NULL);
    queue(&client, TALC_POST, "later");
    queue(&client, TALC_CODE_RELEASE, "");
    exchange(&client);
    assert_int_equal(pair->later_count, 1);
    exchange(&client);
    assert_int_equal(client.session->status, TALC_OK);
    assert_int_equal(pair_answer_later(pair), TALC_OK);
    exchange(&client);
    assert_int_equal(client.codes[1], TALC_CODE_CHANGED);
    assert_int_equal(client.session->status, TALC_ERROR_CLOSED);
    exchange(&client); /* and says goodbye itself, if it likes */
    assert_int_equal(pair->events[TALC_EVENT_SESSION_FAILED], 0);
    close_client(&client);
}

static void a_release_of_an_idle_session(void **state)
{
    test_pair *pair = *state;
    bare_client client;
    open_client(&client, pair, credentials.client);
    begin_session(&client, NULL);
    queue(&client, TALC_CODE_RELEASE, "");
    exchange(&client);
    assert_int_equal(client.session->status, TALC_ERROR_CLOSED);
    close_client(&client);
}

/* An answer after the end is for nobody, and harms nothing. */
static void an_answer_after_the_end(void **state)
{
    test_pair *pair = *state;
    bare_client client;
    open_client(&client, pair, credentials.client);
    begin_session(&client, NULL);
    queue(&client, TALC_POST, "later");
    exchange(&client);
    talc_conversation_abort(&client.conversation, "enough");
    exchange(&client);
    assert_int_equal(pair->events[TALC_EVENT_SESSION_FAILED], 1);
    assert_int_equal(pair_answer_later(pair), TALC_ERROR_SESSION_LOST);
    close_client(&client);
}

/* ---------------------------------------------------------------- before the client's first tag */

/* exchange(), on a path that takes the tag away. */
static void exchange_untagged(bare_client *client)
{
    static char text[TEXT_MAX];
    talc_envelope envelope;
    size_t size = compose(client, text);
    assert_int_equal(talc_envelope_read(text, size, TEXT_MAX, &envelope), TALC_OK);
    envelope.has_guard = false;
    assert_int_equal(talc_envelope_write(&envelope, text, TEXT_MAX, &size), TALC_OK);
    talc_envelope_clear(&envelope);
    send(client, text, size);
    take_answer(client);
}

/* A record that somebody on the path makes up, at the place where the client's next one belongs. */
static void forge(bare_client *client, talc_envelope *envelope)
{
    static const uint8_t made_up[40] = { 0x5A };
    talc_envelope_init(envelope);
    envelope->request = client->request++;
    envelope->offset = client->session->out.carried;
    envelope->acknowledged = client->session->in.next;
    envelope->piece_count = 1;
    envelope->pieces[0] = (talc_piece){ .type = TALC_RECORD_APPLICATION_DATA,
                                        .version = TALC_RECORD_VERSION_TLS12,
                                        .length = sizeof made_up,
                                        .fragment = made_up,
                                        .fragment_size = sizeof made_up };
}

/* It is dropped, and nothing else is said than that something came. */
static void assert_is_dropped(bare_client *client, const talc_envelope *envelope)
{
    static char text[TEXT_MAX];
    char nothing[40];
    size_t size;
    test_pair *pair = client->pair;
    unsigned dropped = pair->events[TALC_EVENT_ENVELOPE_DROPPED];
    assert_int_equal(talc_envelope_write(envelope, text, sizeof text, &size), TALC_OK);
    send(client, text, size);
    (void)snprintf(nothing, sizeof nothing, "{\"i\":%llu}", (unsigned long long)envelope->request);
    assert_int_equal(answer.body_size, strlen(nothing));
    assert_memory_equal(answer.body, nothing, strlen(nothing));
    assert_int_equal(pair->events[TALC_EVENT_ENVELOPE_DROPPED], dropped + 1);
    assert_int_equal(pair->events[TALC_EVENT_SESSION_FAILED], 0);
}

/* The server's handshake is over by envelopes without a tag. What is new from then on needs one,
 * and one under the key that everybody knows is none. */
static void nothing_new_without_a_tag(void **state)
{
    bare_client client;
    talc_envelope envelope;
    test_pair *pair = *state;
    open_client(&client, pair, credentials.client);
    for (int i = 0; i < 5 && pair->events[TALC_EVENT_SESSION_OPENED] == 0; i++) {
        exchange_untagged(&client);
    }
    assert_int_equal(pair->events[TALC_EVENT_SESSION_OPENED], 1);
    assert_true(talc_session_is_established(client.session));
    assert_false(talc_session_has_unsent(client.session));

    talc_guard zero = { NULL, TALC_ROLE_CLIENT, client.id };
    forge(&client, &envelope);
    assert_is_dropped(&client, &envelope);
    forge(&client, &envelope);
    assert_int_equal(talc_guard_tag(&zero, &envelope), TALC_OK);
    assert_is_dropped(&client, &envelope);

    begin_session(&client, NULL); /* the genuine next record is welcome still */
    queue(&client, TALC_GET, "hello");
    exchange(&client);
    assert_int_equal(client.codes[1], TALC_CODE_CONTENT);
    close_client(&client);
}

/* ---------------------------------------------------------------- requests */

typedef struct refusal {
    uint8_t code;
    const char *path;
    uint8_t answer;
} refusal;

static void requests_that_nobody_serves(void **state)
{
    static const refusal rows[] = {
        { TALC_GET, "nothing", TALC_CODE_NOT_FOUND },
        { TALC_GET, "", TALC_CODE_NOT_FOUND },
        { TALC_POST, "hello", TALC_CODE_METHOD_NOT_ALLOWED },
        { TALC_CODE(0, 5), "hello", TALC_CODE_METHOD_NOT_ALLOWED }, /* FETCH, RFC 8132 */
        { TALC_CODE(0, 31), "hello", TALC_CODE_METHOD_NOT_ALLOWED },
    };
    bare_client client;
    open_client(&client, *state, credentials.client);
    begin_session(&client, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        queue(&client, rows[i].code, rows[i].path);
        exchange(&client);
        assert_int_equal(client.frame_count, i + 2);
        assert_int_equal(client.codes[i + 1], rows[i].answer);
    }
    close_client(&client);
}

/* Responses that nobody asked for have no meaning to a server. */
static void responses_are_passed_over(void **state)
{
    bare_client client;
    open_client(&client, *state, credentials.client);
    begin_session(&client, NULL);
    queue(&client, TALC_CODE_CONTENT, "");
    queue(&client, TALC_CODE(1, 1), "");
    queue(&client, TALC_CODE(3, 0), "");
    queue(&client, TALC_CODE(6, 9), "");
    queue(&client, TALC_GET, "hello");
    exchange(&client);
    assert_int_equal(client.frame_count, 2);
    assert_int_equal(client.codes[1], TALC_CODE_CONTENT);
    close_client(&client);
}

static int load(void **state)
{
    (void)state;
    pair_credentials_load(&credentials, PAIR_PSK);
    return talc_crypto_start() == TALC_OK ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    pair_credentials_free(&credentials);
    return 0;
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(the_same_identity_replaces),
        RULE(another_identity_does_not),
        RULE(what_is_gone_is_replaced),
        RULE(nobody_replaces_himself),
        RULE(a_release_waits_for_answers),
        RULE(a_release_of_an_idle_session),
        RULE(an_answer_after_the_end),
        RULE(requests_that_nobody_serves),
        RULE(responses_are_passed_over),
        RULE(nothing_new_without_a_tag),
        cmocka_unit_test_setup_teardown(nothing_new_without_a_tag, set_up_tls12, tear_down),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
