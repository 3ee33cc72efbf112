/* SPDX-License-Identifier: MIT */
/* The messages inside a session (RFC 8323): a CSM first, sizes within what the peer takes, Ping,
 * Release and Abort, and what happens to a peer that breaks the rules. Two sessions face each
 * other; the left one is the client's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/conversation.h"
#include "tests/pair.h"

#define MESSAGE_SIZE_MAX 20000
#define TEXT_MAX 16384
#define FRAMES_MAX 32
#define PIPELINE_SIZE 65536

typedef struct seen_frame {
    uint8_t code;
    uint8_t token_size;
    uint8_t token[TALC_TOKEN_SIZE_MAX];
    size_t payload_size;
    uint32_t max_message_size;
} seen_frame;

typedef struct side {
    void *context;
    talc_session *session;
    talc_conversation conversation;
    seen_frame frames[FRAMES_MAX];
    size_t frame_count;
    const void *written[FRAMES_MAX];
    size_t written_count;
} side;

typedef struct dialogue {
    side left;
    side right;
    uint64_t request;
} dialogue;

static pair_credentials credentials;

static void note_frame(void *context, const talc_frame *frame)
{
    side *noting = context;
    assert_true(noting->frame_count < FRAMES_MAX);
    seen_frame *seen = &noting->frames[noting->frame_count++];
    seen->code = frame->code;
    seen->token_size = frame->token_size;
    memcpy(seen->token, frame->token, sizeof seen->token);
    seen->payload_size = frame->payload_size;
    seen->max_message_size = frame->max_message_size;
    for (size_t i = 0; i < frame->payload_size; i++) {
        assert_int_equal(frame->payload[i], pair_byte(i));
    }
}

static void note_written(void *context, void *tag)
{
    side *noting = context;
    assert_true(noting->written_count < FRAMES_MAX);
    noting->written[noting->written_count++] = tag;
}

static void open_side(side *opening, talc_role role, uint32_t message_size_max)
{
    static const uint8_t id[TALC_SESSION_ID_SIZE] = { 1 };
    talc_failure failure = { 0 };
    talc_config config = TALC_CONFIG_DEFAULT;
    bool is_client = role == TALC_ROLE_CLIENT;
    config.identity = is_client ? credentials.client : NULL;
    config.trust = is_client ? NULL : credentials.server_trust;
    memset(opening, 0, sizeof *opening);
    assert_int_equal(talc_engine_tls.context_new(&opening->context, role, &config, &failure),
                     TALC_OK);
    talc_session_setup setup = { .role = role,
                                 .id = id,
                                 .engine_class = &talc_engine_tls,
                                 .engine_context = opening->context,
                                 .server_name = "sensor.example",
                                 .pipeline_size = PIPELINE_SIZE,
                                 .message_size = TALC_MESSAGE_BODY_MAX };
    assert_int_equal(talc_session_new(&opening->session, &setup, &failure), TALC_OK);
    talc_conversation_events events = { note_frame, note_written, opening };
    talc_conversation_init(&opening->conversation, opening->session, message_size_max, &events);
}

static void close_side(side *closing)
{
    talc_conversation_free(&closing->conversation);
    talc_session_free(closing->session);
    talc_engine_tls.context_free(closing->context);
}

/* One envelope from one side to the other. */
static void carry(dialogue *talking, side *from, side *to)
{
    static char text[TEXT_MAX];
    talc_envelope envelope;
    size_t size;
    talc_intake intake;
    talc_composition how = { .request = talking->request++,
                             .limits = { TALC_MESSAGE_BODY_MAX, TEXT_MAX },
                             .now_ms = talking->request };
    assert_int_equal(talc_session_compose(from->session, &how, text, sizeof text, &size),
                     TALC_OK);
    assert_int_equal(talc_envelope_read(text, size, TEXT_MAX, &envelope), TALC_OK);
    talc_session_take(to->session, &envelope, how.now_ms, &intake);
    assert_int_equal(intake.result, TALC_INTAKE_TAKEN);
    talc_envelope_clear(&envelope);
    talc_conversation_read(&to->conversation);
}

/* Lets both talk until neither has anything to say. */
static void talk(dialogue *talking)
{
    for (int i = 0; i < 500; i++) {
        talc_conversation_flush(&talking->left.conversation);
        talc_conversation_flush(&talking->right.conversation);
        if (!talc_session_has_unsent(talking->left.session) &&
            !talc_session_has_unsent(talking->right.session)) {
            carry(talking, &talking->left, &talking->right); /* acknowledgements */
            carry(talking, &talking->right, &talking->left);
            return;
        }
        carry(talking, &talking->left, &talking->right);
        carry(talking, &talking->right, &talking->left);
    }
    fail_msg("they never stop");
}

/* The handshake is over; nothing has been said. */
static int set_up(void **state)
{
    dialogue *talking = calloc(1, sizeof *talking);
    assert_non_null(talking);
    open_side(&talking->left, TALC_ROLE_CLIENT, MESSAGE_SIZE_MAX);
    open_side(&talking->right, TALC_ROLE_SERVER, 2000);
    talk(talking);
    assert_true(talc_session_is_established(talking->left.session));
    assert_true(talc_session_is_established(talking->right.session));
    *state = talking;
    return 0;
}

static int tear_down(void **state)
{
    dialogue *talking = *state;
    close_side(&talking->left);
    close_side(&talking->right);
    free(talking);
    return 0;
}

static int set_up_with_csms(void **state)
{
    assert_int_equal(set_up(state), 0);
    dialogue *talking = *state;
    assert_int_equal(talc_conversation_queue_csm(&talking->left.conversation, NULL), TALC_OK);
    assert_int_equal(talc_conversation_queue_csm(&talking->right.conversation, NULL), TALC_OK);
    talk(talking);
    assert_int_equal(talking->left.frame_count, 1);
    assert_int_equal(talking->right.frame_count, 1);
    talking->left.frame_count = talking->right.frame_count = 0;
    return 0;
}

/* Queues a message of exactly `size` bytes: header, code, token of one byte, marker, payload. */
static talc_status queue_sized(side *from, uint8_t token, size_t size, void *tag)
{
    static uint8_t payload[MESSAGE_SIZE_MAX];
    talc_frame frame;
    uint8_t *bytes = malloc(MESSAGE_SIZE_MAX + 100);
    assert_non_null(bytes);
    talc_frame_init(&frame, TALC_POST);
    frame.token_size = 1;
    frame.token[0] = token;
    frame.payload = payload;
    size_t written = 0;
    for (size_t i = 0; i < sizeof payload; i++) {
        payload[i] = pair_byte(i);
    }
    for (frame.payload_size = size - 10; written < size; frame.payload_size++) {
        assert_int_equal(talc_frame_write(&frame, bytes, MESSAGE_SIZE_MAX + 100, &written),
                         TALC_OK);
    }
    assert_int_equal(written, size);
    talc_status status = talc_conversation_queue_bytes(&from->conversation, bytes, written, tag);
    free(bytes);
    return status;
}

static void queue_code(side *from, uint8_t code)
{
    talc_frame frame;
    talc_frame_init(&frame, code);
    frame.token_size = 2;
    frame.token[0] = 7;
    frame.token[1] = 8;
    assert_int_equal(talc_conversation_queue(&from->conversation, &frame, NULL), TALC_OK);
}

static void queue_raw(side *from, const char *bytes, size_t size)
{
    assert_int_equal(
        talc_conversation_queue_bytes(&from->conversation, (const uint8_t *)bytes, size, NULL),
        TALC_OK);
}

/* The right side has ended the session by an Abort that the left side can read. */
static void assert_aborted(dialogue *talking, const char *reason)
{
    talk(talking);
    assert_int_equal(talking->right.session->status, TALC_ERROR_PROTOCOL);
    assert_non_null(strstr(talking->right.session->failure.text, reason));
    assert_int_equal(talking->left.session->status, TALC_ERROR_PROTOCOL);
    assert_non_null(strstr(talking->left.session->failure.text, reason));
}

/* ---------------------------------------------------------------- CSM */

static void csms_are_exchanged_once(void **state)
{
    dialogue *talking = *state;
    assert_false(talking->left.session->peer_tags && talking->right.conversation.has_peer_csm);
    assert_int_equal(talc_conversation_queue_csm(&talking->left.conversation, NULL), TALC_OK);
    talk(talking);
    assert_int_equal(talking->right.frame_count, 1);
    assert_int_equal(talking->right.frames[0].code, TALC_CODE_CSM);
    assert_int_equal(talking->right.frames[0].max_message_size, MESSAGE_SIZE_MAX);
    assert_int_equal(talking->right.conversation.peer_message_size_max, MESSAGE_SIZE_MAX);
    assert_true(talking->right.conversation.has_peer_csm);
    assert_true(talking->right.session->peer_tags);
    /* A later one changes the size (RFC 8323 section 5.3) and is no news to the owner. */
    talking->left.conversation.message_size_max = 3000;
    assert_int_equal(talc_conversation_queue_csm(&talking->left.conversation, NULL), TALC_OK);
    talk(talking);
    assert_int_equal(talking->right.frame_count, 1);
    assert_int_equal(talking->right.conversation.peer_message_size_max, 3000);
}

static void a_message_before_the_csm(void **state)
{
    dialogue *talking = *state;
    queue_code(&talking->left, TALC_GET);
    assert_aborted(talking, "CSM");
    assert_int_equal(talking->right.frame_count, 0);
}

static void an_abort_may_come_first(void **state)
{
    dialogue *talking = *state;
    talc_conversation_abort(&talking->left.conversation, "no more");
    talk(talking);
    assert_int_equal(talking->right.session->status, TALC_ERROR_PROTOCOL);
    assert_non_null(strstr(talking->right.session->failure.text, "no more"));
}

/* ---------------------------------------------------------------- sizes */

/* RFC 8323 section 5.3.1: 1152 bytes until the peer has said more. */
static void the_base_size_holds_before_the_csm(void **state)
{
    dialogue *talking = *state;
    int small, large;
    assert_int_equal(talc_conversation_queue_csm(&talking->left.conversation, NULL), TALC_OK);
    assert_int_equal(queue_sized(&talking->left, 1, TALC_MESSAGE_SIZE_BASE, &small), TALC_OK);
    assert_int_equal(queue_sized(&talking->left, 2, TALC_MESSAGE_SIZE_BASE + 1, &large), TALC_OK);
    talk(talking);
    assert_int_equal(talking->right.frame_count, 2);
    assert_int_equal(talking->left.written_count, 1);
    assert_ptr_equal(talking->left.written[0], &small);
    assert_true(talc_conversation_has_queued(&talking->left.conversation));
    assert_int_equal(talc_conversation_queue_csm(&talking->right.conversation, NULL), TALC_OK);
    talk(talking);
    assert_int_equal(talking->right.frame_count, 3);
    assert_int_equal(talking->right.frames[2].token[0], 2);
    assert_ptr_equal(talking->left.written[1], &large);
    assert_false(talc_conversation_has_queued(&talking->left.conversation));
}

static void the_peers_size_holds_afterwards(void **state)
{
    dialogue *talking = *state;
    assert_int_equal(queue_sized(&talking->left, 1, 2000, NULL), TALC_OK);
    assert_int_equal(queue_sized(&talking->left, 2, 2001, NULL), TALC_ERROR_TOO_LARGE);
    assert_int_equal(queue_sized(&talking->right, 3, MESSAGE_SIZE_MAX, NULL), TALC_OK);
    talk(talking);
    assert_int_equal(talking->right.frame_count, 1);
    assert_int_equal(talking->left.frame_count, 1);
    assert_true(talking->left.frames[0].payload_size > MESSAGE_SIZE_MAX - 10);
}

static void a_message_above_our_size(void **state)
{
    dialogue *talking = *state;
    talking->left.conversation.peer_message_size_max = MESSAGE_SIZE_MAX; /* it does not listen */
    assert_int_equal(queue_sized(&talking->left, 1, 2001, NULL), TALC_OK);
    assert_aborted(talking, "Max-Message-Size");
    assert_int_equal(talking->right.frame_count, 0);
}

/* Messages and records have nothing to do with each other. */
static void many_messages_in_few_records(void **state)
{
    dialogue *talking = *state;
    for (uint8_t i = 0; i < 30; i++) {
        assert_int_equal(queue_sized(&talking->left, i, 12u + 60u * i, NULL), TALC_OK);
    }
    talk(talking);
    assert_int_equal(talking->right.frame_count, 30);
    for (uint8_t i = 0; i < 30; i++) {
        assert_int_equal(talking->right.frames[i].token[0], i);
    }
    assert_null(talking->right.conversation.in); /* who is idle keeps no buffer */
}

static void what_waits_is_bounded(void **state)
{
    dialogue *talking = *state;
    talc_status status = TALC_OK;
    size_t queued = 0;
    while (queued < 1000000 && (status = queue_sized(&talking->right, 1, 1000, NULL)) == TALC_OK) {
        queued += 1000;
    }
    assert_int_equal(status, TALC_ERROR_MEMORY);
    assert_in_range(queued, PIPELINE_SIZE, PIPELINE_SIZE + 4 * MESSAGE_SIZE_MAX);
    assert_true(talking->right.conversation.queued_size <=
                talking->right.conversation.queued_size_max);
}

static void only_what_has_not_left_is_withdrawn(void **state)
{
    dialogue *talking = *state;
    int tags[3];
    for (uint8_t i = 0; i < 3; i++) {
        assert_int_equal(queue_sized(&talking->left, i, 100, &tags[i]), TALC_OK);
    }
    assert_true(talc_conversation_withdraw(&talking->left.conversation, &tags[2]));
    assert_false(talc_conversation_withdraw(&talking->left.conversation, &tags[2]));
    assert_true(talc_conversation_withdraw(&talking->left.conversation, &tags[0]));
    talk(talking);
    assert_int_equal(talking->right.frame_count, 1);
    assert_int_equal(talking->right.frames[0].token[0], 1);
    assert_false(talc_conversation_withdraw(&talking->left.conversation, &tags[1]));
    assert_int_equal(talking->left.conversation.queued_size, 0);
}

/* ---------------------------------------------------------------- signaling */

static void a_ping_is_answered_with_its_token(void **state)
{
    dialogue *talking = *state;
    size_t in_before = (size_t)talking->left.session->in.next;
    queue_code(&talking->left, TALC_CODE_PING);
    talk(talking);
    assert_int_equal(talking->right.frame_count, 0);
    assert_true(talking->left.session->in.next > in_before); /* the Pong, which nobody sees */
    assert_int_equal(talking->left.frame_count, 0);
    assert_int_equal(talking->left.session->status, TALC_OK);
}

static void a_release_is_for_the_owner(void **state)
{
    dialogue *talking = *state;
    queue_code(&talking->left, TALC_CODE_RELEASE);
    talk(talking);
    assert_int_equal(talking->right.frame_count, 1);
    assert_int_equal(talking->right.frames[0].code, TALC_CODE_RELEASE);
    assert_int_equal(talking->right.session->status, TALC_OK);
}

static void unknown_signals_are_passed_over(void **state)
{
    dialogue *talking = *state;
    queue_code(&talking->left, TALC_CODE(7, 6));
    queue_code(&talking->left, TALC_CODE(7, 31));
    queue_code(&talking->left, TALC_CODE_PONG);
    queue_code(&talking->left, TALC_CODE_EMPTY);
    queue_code(&talking->left, TALC_GET);
    talk(talking);
    assert_int_equal(talking->right.frame_count, 1);
    assert_int_equal(talking->right.frames[0].code, TALC_GET);
    assert_int_equal(talking->right.session->status, TALC_OK);
}

static void a_close_notify_ends_in_order(void **state)
{
    dialogue *talking = *state;
    assert_int_equal(talc_session_finish(talking->left.session), TALC_OK);
    talk(talking);
    assert_int_equal(talking->right.session->status, TALC_ERROR_CLOSED);
    assert_int_equal(queue_sized(&talking->left, 1, 100, NULL), TALC_OK);
    talc_conversation_flush(&talking->left.conversation);
    assert_false(talc_session_has_unsent(talking->left.session)); /* nothing is said afterwards */
}

/* ---------------------------------------------------------------- broken messages */

typedef struct broken {
    const char *name;
    const char *bytes;
    size_t size;
    const char *reason;
} broken;

static void broken_messages_are_aborted(void **state)
{
    static const broken rows[] = {
        { "token of 9 bytes", "\x09\x01", 2, "header" },
        { "option without end", "\x20\x01\xBF\x01", 4, "cannot be read" },
        { "marker without payload", "\x10\x01\xFF", 3, "cannot be read" },
        { "reserved option nibble", "\x20\x01\xF0\x00", 4, "cannot be read" },
        { "path segment ..", "\x30\x01\xB2..", 5, "cannot be read" },
        { "critical option of a Ping", "\x10\xE2\x10", 3, "critical" },
        { "length beyond all limits", "\xF0\xFF\xFF\xFF\xFF\x01", 6, "Max-Message-Size" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(set_up_with_csms(state), 0);
        dialogue *talking = *state;
        print_message("%s\n", rows[i].name);
        queue_raw(&talking->left, rows[i].bytes, rows[i].size);
        assert_aborted(talking, rows[i].reason);
        assert_int_equal(talking->right.frame_count, 0);
        tear_down(state);
    }
    *state = NULL;
}

/* A message in pieces of one byte, each in a record of its own, is one message. */
static void a_message_byte_by_byte(void **state)
{
    dialogue *talking = *state;
    static const uint8_t message[] = { 0x41, 0x01, 0x55, 0xB3, 'a', 'b', 'c' };
    for (size_t i = 0; i < sizeof message; i++) {
        assert_int_equal(talc_session_write(talking->left.session, message + i, 1), TALC_OK);
        talk(talking);
        assert_int_equal(talking->right.frame_count, i == sizeof message - 1);
    }
    assert_int_equal(talking->right.frames[0].code, TALC_GET);
    assert_int_equal(talking->right.frames[0].token[0], 0x55);
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

#define FRESH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define RULE(name) cmocka_unit_test_setup_teardown(name, set_up_with_csms, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(csms_are_exchanged_once),
        FRESH(a_message_before_the_csm),
        FRESH(an_abort_may_come_first),
        FRESH(the_base_size_holds_before_the_csm),
        RULE(the_peers_size_holds_afterwards),
        RULE(a_message_above_our_size),
        RULE(many_messages_in_few_records),
        RULE(what_waits_is_bounded),
        RULE(only_what_has_not_left_is_withdrawn),
        RULE(a_ping_is_answered_with_its_token),
        RULE(a_release_is_for_the_owner),
        RULE(unknown_signals_are_passed_over),
        RULE(a_close_notify_ends_in_order),
        cmocka_unit_test(broken_messages_are_aborted),
        RULE(a_message_byte_by_byte),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
