/* SPDX-License-Identifier: MIT */
/*
 * `ecc` inside sessions: two of them exchange envelopes in memory, with CoAP inside. How soon the
 * first answer is there, what it weighs, and what a path gets for making things up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/conversation.h"
#include "tests/ecc_pair.h"

#define TEXT_MAX 16384
#define PIPELINE_SIZE 65536
#define EXCHANGES_MAX 40
#define BODY_SMALLEST 256 /* the least that a path may carry */

typedef struct side {
    talc_session *session;
    talc_conversation conversation;
    size_t frame_count;
    uint8_t last_code;
    char last_payload[16];
} side;

typedef struct dialogue {
    side client;
    side server;
    talc_carrier_limits limits;
    uint64_t request;
    unsigned exchanges;
    size_t body_sizes[2]; /* of the last exchange: to the server, to the client */
} dialogue;

static ecc_world world;
static dialogue talk;

/* ---------------------------------------------------------------- two sessions */

static void ignore_written(void *context, void *tag)
{
    (void)context;
    (void)tag;
}

/* A server of one resource. */
static void note_frame(void *context, const talc_frame *frame)
{
    side *noting = context;
    noting->frame_count++;
    noting->last_code = frame->code;
    memset(noting->last_payload, 0, sizeof noting->last_payload);
    assert_true(frame->payload_size < sizeof noting->last_payload);
    if (frame->payload_size > 0) {
        memcpy(noting->last_payload, frame->payload, frame->payload_size);
    }
    if (noting == &talk.server && frame->code == TALC_CODE_CSM) {
        assert_int_equal(talc_conversation_queue_csm(&noting->conversation, NULL), TALC_OK);
    } else if (noting == &talk.server) {
        talc_frame answer;
        talc_frame_init(&answer, TALC_CODE(2, 5));
        answer.payload = (const uint8_t *)"21.5 C";
        answer.payload_size = 6;
        assert_int_equal(talc_conversation_queue(&noting->conversation, &answer, NULL), TALC_OK);
    }
}

static void open_side(side *opening, talc_role role, talc_ecc_context *context)
{
    static const uint8_t id[TALC_SESSION_ID_SIZE] = { 1 };
    talc_failure failure = { 0 };
    talc_session_setup setup = { .role = role,
                                 .id = id,
                                 .engine_class = &talc_engine_ecc,
                                 .engine_context = context,
                                 .pipeline_size = PIPELINE_SIZE,
                                 .message_size = talk.limits.message_size };
    memset(opening, 0, sizeof *opening);
    assert_int_equal(talc_session_new(&opening->session, &setup, &failure), TALC_OK);
    talc_conversation_events events = { note_frame, ignore_written, opening };
    talc_conversation_init(&opening->conversation, opening->session, 65536, &events);
}

/* The client has something to ask. */
static void open_dialogue(talc_ecc_context *client, size_t message_size)
{
    talc_frame request;
    memset(&talk, 0, sizeof talk);
    talk.limits = (talc_carrier_limits){ message_size, message_size };
    talk.request = 1u << 20; /* as long as most are */
    open_side(&talk.client, TALC_ROLE_CLIENT, client);
    open_side(&talk.server, TALC_ROLE_SERVER, world.server);
    talc_frame_init(&request, TALC_CODE(0, 1));
    strcpy(request.path, "temperature");
    request.token_size = 1;
    assert_int_equal(talc_conversation_queue_csm(&talk.client.conversation, NULL), TALC_OK);
    assert_int_equal(talc_conversation_queue(&talk.client.conversation, &request, NULL), TALC_OK);
}

static void close_dialogue(void)
{
    talc_conversation_free(&talk.client.conversation);
    talc_conversation_free(&talk.server.conversation);
    talc_session_free(talk.client.session);
    talc_session_free(talk.server.session);
}

/* What a side would say now; the size of the text. */
static size_t compose(side *from, char text[TEXT_MAX])
{
    size_t size;
    talc_composition how = { .request = talk.request,
                             .from_acknowledged = true,
                             .limits = talk.limits,
                             .now_ms = talk.request };
    talc_conversation_flush(&from->conversation);
    assert_int_equal(talc_session_compose(from->session, &how, text, TEXT_MAX, &size), TALC_OK);
    assert_true(size <= talk.limits.body_size);
    return size;
}

static talc_intake_result take(side *to, const char *text, size_t size)
{
    talc_envelope envelope;
    talc_intake intake;
    assert_int_equal(talc_envelope_read(text, size, TEXT_MAX, &envelope), TALC_OK);
    talc_session_take(to->session, &envelope, talk.request, &intake);
    talc_envelope_clear(&envelope);
    talc_conversation_read(&to->conversation);
    return intake.result;
}

static void carry(side *from, side *to)
{
    static char text[TEXT_MAX];
    size_t size = compose(from, text);
    talk.body_sizes[from == &talk.server] = size;
    assert_int_equal(take(to, text, size), TALC_INTAKE_TAKEN);
}

static void exchange(void)
{
    talk.request++;
    talk.exchanges++;
    carry(&talk.client, &talk.server);
    carry(&talk.server, &talk.client);
}

/* Until the answer is there. */
static void exchange_until_answered(void)
{
    while (talk.client.last_code != TALC_CODE(2, 5) && talk.exchanges < EXCHANGES_MAX) {
        exchange();
    }
    assert_int_equal(talk.client.last_code, TALC_CODE(2, 5));
    assert_string_equal(talk.client.last_payload, "21.5 C");
}

/* ---------------------------------------------------------------- on a good path */

static void the_first_answer_comes_in_the_second_exchange(void **state)
{
    (void)state;
    open_dialogue(world.client, TALC_MESSAGE_BODY_MAX);
    exchange();
    assert_true(talc_session_is_established(talk.client.session));
    assert_false(talc_session_is_established(talk.server.session));
    assert_int_equal(talk.client.frame_count, 0);
    exchange();
    assert_true(talc_session_is_established(talk.server.session));
    assert_int_equal(talk.client.frame_count, 2); /* the server's CSM and the answer */
    assert_int_equal(talk.client.last_code, TALC_CODE(2, 5));
    assert_string_equal(talk.client.last_payload, "21.5 C");
    assert_string_equal(talk.server.session->facts.peer.name, ECC_DEVICE);
    close_dialogue();
}

/* The numbers of docs/ecc-handshake.md. */
static void a_handshake_has_its_size(void **state)
{
    (void)state;
    open_dialogue(world.client, TALC_MESSAGE_BODY_MAX);
    exchange();
    assert_int_equal(talk.body_sizes[0], 98);
    assert_int_equal(talk.body_sizes[1], 232);
    exchange();
    assert_int_equal(talk.body_sizes[0], 274);
    assert_int_equal(talk.body_sizes[1], 180);
    /* M1, M3, and one record with CSM and request; M2, M4, and one with CSM and answer. */
    assert_int_equal(talc_send_stream_end(&talk.client.session->out), 40 + 97 + 45);
    assert_int_equal(talc_send_stream_end(&talk.server.session->out), 135 + 32 + 39);
    close_dialogue();
}

/* In bodies of 256 bytes, whatever the size of the ID; M3 may then go in two parts. */
static void a_handshake_goes_through_the_smallest_bodies(void **state)
{
    (void)state;
    static const size_t id_sizes[] = { 1, 40, TALC_DEVICE_ID_SIZE_MAX };
    for (size_t i = 0; i < sizeof id_sizes / sizeof id_sizes[0]; i++) {
        ecc_key key;
        char id[TALC_DEVICE_ID_SIZE_MAX + 1] = "";
        memset(id, 'x', id_sizes[i]);
        ecc_key_of(&key, id);
        ecc_enrol(world.registry, id, &key);
        talc_ecc_context *client = ecc_client_context(id, &key, &world.server_key);
        open_dialogue(client, BODY_SMALLEST);
        exchange_until_answered();
        assert_string_equal(talk.server.session->facts.peer.name, id);
        assert_int_equal(talk.exchanges, 3);
        close_dialogue();
        talc_engine_ecc.context_free(client);
    }
}

/* ---------------------------------------------------------------- refused */

static void a_refused_device_learns_it_in_the_second_exchange(void **state)
{
    (void)state;
    ecc_key key;
    ecc_key_of(&key, "a stranger's");
    talc_ecc_context *client = ecc_client_context("stranger", &key, &world.server_key);
    open_dialogue(client, TALC_MESSAGE_BODY_MAX);
    exchange();
    exchange();
    assert_int_equal(talk.server.session->status, TALC_ERROR_VERIFY);
    assert_int_equal(talk.server.frame_count, 0); /* the request was not read */
    assert_int_equal(talk.body_sizes[1], 103); /* tagged: nobody else can refuse */
    assert_int_equal(talk.client.session->status, TALC_ERROR_REFUSED);
    assert_true(talc_session_error_is_final(talk.client.session));
    close_dialogue();
    talc_engine_ecc.context_free(client);
}

static void a_revoked_device_loses_its_session(void **state)
{
    (void)state;
    open_dialogue(world.client, TALC_MESSAGE_BODY_MAX);
    exchange_until_answered();
    assert_int_equal(talc_registry_revoke(world.registry, ECC_DEVICE), TALC_OK);
    ecc_write((&(ecc_side){ .engine = talk.client.session->engine }), "x");
    exchange();
    assert_int_equal(talk.server.session->status, TALC_ERROR_REFUSED);
    assert_int_equal(talk.client.session->status, TALC_ERROR_REFUSED);
    close_dialogue();
    ecc_enrol(world.registry, ECC_DEVICE, &world.device_key);
}

/* ---------------------------------------------------------------- made up by the path */

/* An envelope with one record, as anybody can write it who has seen the session's id. */
static size_t forge(char text[TEXT_MAX], uint64_t offset, talc_record_type type, size_t size)
{
    static const uint8_t fragment[256] = { 1, 2, 3 };
    talc_envelope envelope;
    size_t written;
    talc_envelope_init(&envelope);
    envelope.request = talk.request;
    envelope.offset = offset;
    envelope.pieces[0] = (talc_piece){ .type = (uint8_t)type,
                                       .version = TALC_RECORD_VERSION_ECC,
                                       .length = (uint16_t)size,
                                       .fragment = fragment,
                                       .fragment_size = size };
    envelope.piece_count = 1;
    assert_int_equal(talc_envelope_write(&envelope, text, TEXT_MAX, &written), TALC_OK);
    return written;
}

typedef struct forgery {
    talc_record_type type;
    size_t size;
} forgery;

/* Of a size that may come then, and of others. */
static const forgery forgeries[] = {
    { TALC_RECORD_HANDSHAKE, 27 },         { TALC_RECORD_HANDSHAKE, 92 },
    { TALC_RECORD_HANDSHAKE, 35 },         { TALC_RECORD_ALERT, 2 },
    { TALC_RECORD_ALERT, 18 },             { TALC_RECORD_APPLICATION_DATA, 17 },
    { TALC_RECORD_APPLICATION_DATA, 200 },
};

static void take_forgeries(side *to, uint64_t offset)
{
    static char text[TEXT_MAX];
    for (size_t i = 0; i < sizeof forgeries / sizeof forgeries[0]; i++) {
        size_t size = forge(text, offset, forgeries[i].type, forgeries[i].size);
        (void)take(to, text, size);
        assert_int_equal(to->session->status, TALC_OK);
        assert_int_equal(to->session->in.next, offset);
    }
}

static void made_up_records_before_m3_cost_nothing(void **state)
{
    (void)state;
    open_dialogue(world.client, TALC_MESSAGE_BODY_MAX);
    exchange();
    take_forgeries(&talk.server, 40);
    exchange();
    assert_int_equal(talk.client.last_code, TALC_CODE(2, 5));
    close_dialogue();
}

/* Whether its tag is right is known only when there are keys; until then it is decrypted once. */
static void an_m3_that_is_made_up_is_looked_at_once(void **state)
{
    (void)state;
    static const char *const tags[] = { "", ",\"g\":\"AAAAAAAAAAA\"" };
    static char text[TEXT_MAX];
    open_dialogue(world.client, TALC_MESSAGE_BODY_MAX);
    exchange();
    const talc_ecc_engine *server = talk.server.session->engine;
    for (unsigned i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        size_t end = forge(text, 40, TALC_RECORD_HANDSHAKE, 92) - 1;
        size_t size = end + (size_t)snprintf(text + end, TEXT_MAX - end, "%s}", tags[i]);
        (void)take(&talk.server, text, size);
        assert_int_equal(server->failed_count, i + 1);
    }
    exchange();
    assert_int_equal(talk.client.last_code, TALC_CODE(2, 5));
    close_dialogue();
}

static void made_up_records_before_m4_cost_nothing(void **state)
{
    (void)state;
    open_dialogue(world.client, TALC_MESSAGE_BODY_MAX);
    exchange();
    take_forgeries(&talk.client, 135);
    exchange();
    assert_int_equal(talk.client.last_code, TALC_CODE(2, 5));
    close_dialogue();
}

static void made_up_records_in_an_open_session_do_not_reach_the_engine(void **state)
{
    (void)state;
    open_dialogue(world.client, TALC_MESSAGE_BODY_MAX);
    exchange_until_answered();
    exchange(); /* the server has seen the client's tag by now, and the other way round */
    take_forgeries(&talk.server, talk.server.session->in.next);
    take_forgeries(&talk.client, talk.client.session->in.next);
    const talc_ecc_engine *client = talk.client.session->engine;
    const talc_ecc_engine *server = talk.server.session->engine;
    assert_int_equal(client->failed_count + server->failed_count, 0);
    close_dialogue();
}

static void an_m2_that_is_made_up_is_a_reason_to_begin_again(void **state)
{
    (void)state;
    static char text[TEXT_MAX];
    for (size_t i = 0; i < sizeof forgeries / sizeof forgeries[0]; i++) {
        open_dialogue(world.client, TALC_MESSAGE_BODY_MAX);
        (void)compose(&talk.client, text);
        size_t size = forge(text, 0, forgeries[i].type, forgeries[i].size);
        (void)take(&talk.client, text, size);
        assert_true(talk.client.session->status < TALC_OK);
        assert_false(talc_session_error_is_final(talk.client.session));
        close_dialogue();
    }
}

static int begin(void **state)
{
    (void)state;
    ecc_world_begin(&world);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ecc_world_end(&world);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_answer_comes_in_the_second_exchange),
        cmocka_unit_test(a_handshake_has_its_size),
        cmocka_unit_test(a_handshake_goes_through_the_smallest_bodies),
        cmocka_unit_test(a_refused_device_learns_it_in_the_second_exchange),
        cmocka_unit_test(a_revoked_device_loses_its_session),
        cmocka_unit_test(made_up_records_before_m3_cost_nothing),
        cmocka_unit_test(an_m3_that_is_made_up_is_looked_at_once),
        cmocka_unit_test(made_up_records_before_m4_cost_nothing),
        cmocka_unit_test(made_up_records_in_an_open_session_do_not_reach_the_engine),
        cmocka_unit_test(an_m2_that_is_made_up_is_a_reason_to_begin_again),
    };
    return cmocka_run_group_tests_name("ecc_envelopes", tests, begin, end);
}
