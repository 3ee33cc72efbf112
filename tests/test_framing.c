/* SPDX-License-Identifier: MIT */
/*
 * Messages inside a session: rows of tests/vectors/frames.json in both directions, and what no
 * data file can say: truncation, bounds and arguments. Run from the root of the source tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "lib/framing.h"

#define VECTORS "tests/vectors/frames.json"
#define BYTES_MAX 70000

typedef struct bytes {
    uint8_t *data; /* an allocation of exactly `size`, so that sanitizers see a read past it */
    size_t size;
} bytes;

/* ---------------------------------------------------------------- vectors */

static cJSON *vectors;

static int load_vectors(void **state)
{
    (void)state;
    static char text[256 * 1024];
    FILE *file = fopen(VECTORS, "rb");
    if (file == NULL) {
        print_error("%s cannot be opened: run this at the root of the source tree\n", VECTORS);
        return -1;
    }
    size_t size = fread(text, 1, sizeof text, file);
    fclose(file);
    vectors = cJSON_ParseWithLength(text, size);
    return vectors == NULL ? -1 : 0;
}

static int free_vectors(void **state)
{
    (void)state;
    cJSON_Delete(vectors);
    return 0;
}

static const cJSON *rows(const char *table)
{
    const cJSON *array = cJSON_GetObjectItemCaseSensitive(vectors, table);
    assert_true(cJSON_GetArraySize(array) > 0);
    return array;
}

static const char *text_of(const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    return text != NULL ? text : "";
}

static uint32_t number_of(const cJSON *object, const char *key, uint32_t otherwise)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) ? (uint32_t)item->valuedouble : otherwise;
}

static int format_of(const cJSON *object, const char *key)
{
    return cJSON_HasObjectItem(object, key) ? (int)number_of(object, key, 0) : TALC_OPTION_ABSENT;
}

static bytes copy_of(const void *data, size_t size)
{
    bytes copy = { malloc(size > 0 ? size : 1), size };
    assert_non_null(copy.data);
    if (size > 0) {
        memcpy(copy.data, data, size);
    }
    return copy;
}

/* Hexadecimal digits, blanks, and "xx*n" for n times the byte xx. */
static bytes parse_bytes(const char *text)
{
    static uint8_t buffer[BYTES_MAX];
    size_t size = 0;
    while (*text != '\0') {
        unsigned byte = 0;
        unsigned long count = 1;
        assert_int_equal(sscanf(text, "%2x", &byte), 1);
        text += 2;
        if (*text == '*') {
            char *end;
            count = strtoul(text + 1, &end, 10);
            text = end;
        }
        text += strspn(text, " ");
        assert_true(count <= sizeof buffer - size);
        memset(buffer + size, (int)byte, count);
        size += count;
    }
    return copy_of(buffer, size);
}

static uint8_t parse_code(const char *text)
{
    unsigned class_ = 0;
    unsigned detail = 0;
    assert_int_equal(sscanf(text, "%u.%u", &class_, &detail), 2);
    return TALC_CODE(class_, detail);
}

static bool parse_session(const cJSON *meaning, const char *key, talc_frame *frame)
{
    bytes id = parse_bytes(text_of(meaning, key));
    bool there = id.size == sizeof frame->other_session;
    assert_true(there || id.size == 0);
    if (there) {
        memcpy(frame->other_session, id.data, id.size);
    }
    free(id.data);
    return there;
}

/* The frame that a row describes; its payload is `*payload`, which the caller frees. */
static talc_frame parse_frame(const cJSON *meaning, bytes *payload)
{
    talc_frame frame;
    talc_frame_init(&frame, parse_code(text_of(meaning, "code")));
    bytes token = parse_bytes(text_of(meaning, "token"));
    assert_true(token.size <= sizeof frame.token);
    memcpy(frame.token, token.data, token.size);
    frame.token_size = (uint8_t)token.size;
    free(token.data);
    assert_true(strlen(text_of(meaning, "path")) < sizeof frame.path);
    assert_true(strlen(text_of(meaning, "query")) < sizeof frame.query);
    strcpy(frame.path, text_of(meaning, "path"));
    strcpy(frame.query, text_of(meaning, "query"));
    frame.content_format = format_of(meaning, "content_format");
    frame.accept = format_of(meaning, "accept");
    frame.refused_option = number_of(meaning, "refused_option", 0);
    frame.max_message_size = number_of(meaning, "max_message_size", 0);
    frame.guard = cJSON_HasObjectItem(meaning, "guard");
    frame.replaces = parse_session(meaning, "replaces", &frame);
    frame.replaced = parse_session(meaning, "replaced", &frame);
    *payload = parse_bytes(text_of(meaning, "payload"));
    frame.payload = payload->size > 0 ? payload->data : NULL;
    frame.payload_size = payload->size;
    return frame;
}

/* ---------------------------------------------------------------- both ways */

static void assert_frame_equal(const talc_frame *read, const talc_frame *meant)
{
    assert_int_equal(read->code, meant->code);
    assert_int_equal(read->token_size, meant->token_size);
    assert_memory_equal(read->token, meant->token, sizeof meant->token);
    assert_int_equal(read->refused_option, meant->refused_option);
    if (meant->refused_option != 0) {
        return;
    }
    assert_string_equal(read->path, meant->path);
    assert_string_equal(read->query, meant->query);
    assert_int_equal(read->content_format, meant->content_format);
    assert_int_equal(read->accept, meant->accept);
    assert_int_equal(read->max_message_size, meant->max_message_size);
    assert_int_equal(read->guard, meant->guard);
    assert_int_equal(read->replaces, meant->replaces);
    assert_int_equal(read->replaced, meant->replaced);
    assert_memory_equal(read->other_session, meant->other_session, TALC_SESSION_ID_SIZE);
    assert_int_equal(read->payload_size, meant->payload_size);
    if (meant->payload_size > 0) {
        assert_memory_equal(read->payload, meant->payload, meant->payload_size);
    }
}

static void assert_reads_as(const bytes *wire, const talc_frame *meant)
{
    talc_frame frame;
    uint64_t size = 0;
    assert_int_equal(talc_frame_measure(wire->data, wire->size, &size), TALC_OK);
    assert_int_equal(size, wire->size);
    assert_int_equal(talc_frame_read(wire->data, wire->size, &frame), TALC_OK);
    assert_frame_equal(&frame, meant);
}

/* Writes into room of exactly the right size, and not into one byte less. */
static void assert_writes_as(const talc_frame *meant, const bytes *wire)
{
    size_t size = 0;
    bytes room = copy_of(wire->data, wire->size);
    memset(room.data, 0, room.size);
    assert_true(talc_frame_size_max(meant) >= wire->size);
    assert_int_equal(talc_frame_write(meant, room.data, wire->size, &size), TALC_OK);
    assert_int_equal(size, wire->size);
    assert_memory_equal(room.data, wire->data, wire->size);
    free(room.data);

    room = copy_of(wire->data, wire->size - 1);
    assert_int_equal(talc_frame_write(meant, room.data, room.size, &size), TALC_ERROR_TOO_LARGE);
    assert_int_equal(size, 0);
    assert_int_equal(talc_frame_write(meant, room.data, 0, &size), TALC_ERROR_TOO_LARGE);
    free(room.data);
}

static void test_frames_are_read_and_written(void **state)
{
    (void)state;
    const cJSON *row;
    cJSON_ArrayForEach(row, rows("frames")) {
        print_message("  %s\n", text_of(row, "name"));
        bytes payload;
        bytes wire = parse_bytes(text_of(row, "bytes"));
        talc_frame meant = parse_frame(cJSON_GetObjectItem(row, "frame"), &payload);
        assert_reads_as(&wire, &meant);
        if (!cJSON_IsFalse(cJSON_GetObjectItem(row, "canonical"))) {
            assert_writes_as(&meant, &wire);
        }
        free(wire.data);
        free(payload.data);
    }
}

static void test_malformed_messages_are_refused(void **state)
{
    (void)state;
    const cJSON *row;
    cJSON_ArrayForEach(row, rows("malformed")) {
        print_message("  %s\n", text_of(row, "name"));
        talc_frame frame;
        bytes wire = parse_bytes(text_of(row, "bytes"));
        assert_int_equal(talc_frame_read(wire.data, wire.size, &frame), TALC_ERROR_MALFORMED);
        free(wire.data);
    }
}

/* Well-formed, so there is an answer to give: code and token have to be there. */
static void test_long_paths_are_too_large(void **state)
{
    (void)state;
    const cJSON *row;
    cJSON_ArrayForEach(row, rows("too_large")) {
        print_message("  %s\n", text_of(row, "name"));
        talc_frame frame;
        bytes wire = parse_bytes(text_of(row, "bytes"));
        assert_int_equal(talc_frame_read(wire.data, wire.size, &frame), TALC_ERROR_TOO_LARGE);
        assert_int_equal(frame.code, TALC_GET);
        assert_int_equal(frame.token_size, 1);
        assert_int_equal(frame.token[0], 0x2a);
        assert_string_equal(frame.path, "");
        assert_string_equal(frame.query, "");
        free(wire.data);
    }
}

static void test_sizes_are_measured(void **state)
{
    (void)state;
    const cJSON *row;
    cJSON_ArrayForEach(row, rows("measures")) {
        print_message("  %s\n", text_of(row, "name"));
        const cJSON *expected = cJSON_GetObjectItem(row, "size");
        bytes wire = parse_bytes(text_of(row, "bytes"));
        uint64_t size = 7;
        talc_status status = talc_frame_measure(wire.data, wire.size, &size);
        assert_int_equal(status, cJSON_IsNull(expected) ? TALC_WANT_INPUT : TALC_OK);
        assert_int_equal(size, cJSON_IsNull(expected) ? 7 : (uint64_t)expected->valuedouble);
        free(wire.data);
    }
}

static void test_reserved_token_lengths_are_seen_at_once(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        uint8_t byte = (uint8_t)first;
        uint64_t size;
        talc_status whole = first >> 4 >= 13 ? TALC_WANT_INPUT : TALC_OK;
        talc_status expected = (first & 0x0F) > TALC_TOKEN_SIZE_MAX ? TALC_ERROR_MALFORMED : whole;
        assert_int_equal(talc_frame_measure(&byte, 1, &size), expected);
    }
}

/* ---------------------------------------------------------------- truncation */

static void test_no_beginning_of_a_message_is_a_message(void **state)
{
    (void)state;
    const cJSON *row;
    cJSON_ArrayForEach(row, rows("frames")) {
        bytes wire = parse_bytes(text_of(row, "bytes"));
        for (size_t cut = 0; cut < wire.size && wire.size < 1000; cut++) {
            talc_frame frame;
            bytes part = copy_of(wire.data, cut);
            assert_int_equal(talc_frame_read(part.data, cut, &frame), TALC_ERROR_MALFORMED);
            free(part.data);
        }
        free(wire.data);
    }
}

/* The same with a length that fits what is left: only cuts between options and inside the payload
 * leave a message. */
static void test_options_are_not_read_past_the_end(void **state)
{
    (void)state;
    static const char body[] = "\xb1" "a" "\x0d\x00" "0123456789abc" "\x11\x32" "\x31q" "\x21\x3c"
                               "\xff" "xy";
    static const size_t whole[] = { 0, 2, 17, 19, 21, 23, 25, 26 };
    size_t next = 0;
    for (size_t cut = 0; cut < sizeof body; cut++) {
        uint8_t message[3 + sizeof body] = { (uint8_t)(cut << 4), TALC_POST };
        size_t header_size = 2;
        if (cut >= 13) {
            memcpy(message, (uint8_t[]){ 0xd0, (uint8_t)(cut - 13), TALC_POST }, 3);
            header_size = 3;
        }
        memcpy(message + header_size, body, cut);
        bytes wire = copy_of(message, header_size + cut);
        bool is_whole = whole[next] == cut;
        talc_frame frame;
        assert_int_equal(talc_frame_read(wire.data, wire.size, &frame),
                         is_whole ? TALC_OK : TALC_ERROR_MALFORMED);
        next += is_whole ? 1 : 0;
        free(wire.data);
    }
    assert_int_equal(next, sizeof whole / sizeof *whole);
}

/* ---------------------------------------------------------------- writer */

typedef struct refused_frame {
    const char *name;
    talc_frame frame;
} refused_frame;

#define FRAME(...)                                                                                 \
    {                                                                                              \
        .code = TALC_GET, .content_format = TALC_OPTION_ABSENT, .accept = TALC_OPTION_ABSENT,          \
        __VA_ARGS__                                                                                \
    }

static void test_writer_refuses_what_is_no_frame(void **state)
{
    (void)state;
    static const refused_frame cases[] = {
        { "token of 9 bytes", FRAME(.token_size = 9) },
        { "content format below none", { .code = TALC_GET, .content_format = -2 } },
        { "content format 65536", { .code = TALC_GET, .content_format = 65536 } },
        { "accept 65536", { .code = TALC_GET, .accept = 65536 } },
        { "payload of no bytes with a size", FRAME(.payload_size = 1) },
        { "replaces and replaced", FRAME(.replaces = true, .replaced = true) },
        { "broken encoding in a path", FRAME(.path = "a%2") },
        { "broken encoding in a query", FRAME(.query = "%g0") },
        { "segment \"..\"", FRAME(.path = "a/../b") },
        { "empty first segment", FRAME(.path = "//a") },
        { "empty first part", FRAME(.query = "&a") },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t room[64];
        size_t size = 7;
        print_message("  %s\n", cases[i].name);
        assert_int_equal(talc_frame_write(&cases[i].frame, room, sizeof room, &size),
                         TALC_ERROR_ARGUMENT);
        assert_int_equal(size, 0);
    }
}

static void test_writer_refuses_unterminated_and_long_texts(void **state)
{
    (void)state;
    uint8_t room[1024];
    size_t size;
    talc_frame frame;
    talc_frame_init(&frame, TALC_GET);
    memset(frame.query, 'q', sizeof frame.query);
    assert_int_equal(talc_frame_write(&frame, room, sizeof room, &size), TALC_ERROR_ARGUMENT);
    frame.query[TALC_PATH_SIZE_MAX] = '\0'; /* one segment of 256 bytes */
    assert_int_equal(talc_frame_write(&frame, room, sizeof room, &size), TALC_ERROR_ARGUMENT);
    frame.query[TALC_PATH_SIZE_MAX - 1] = '\0';
    assert_int_equal(talc_frame_write(&frame, room, sizeof room, &size), TALC_OK);
}

static void test_writer_leaves_out_what_the_code_does_not_define(void **state)
{
    (void)state;
    static const struct {
        uint8_t code;
        const char *wire;
    } cases[] = {
        { TALC_CODE_EMPTY, "0000" }, { TALC_GET, "7001b161103171 2132" },
        { TALC_CODE_CONTENT, "1045c0" }, { TALC_CODE_CSM, "60e1220400e0fcdb" },
        { TALC_CODE_PING, "00e2" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        talc_frame frame = { .code = cases[i].code, .path = "a", .query = "q", .accept = 50,
                             .guard = true, .max_message_size = 1024 };
        bytes wire = parse_bytes(cases[i].wire);
        assert_writes_as(&frame, &wire);
        free(wire.data);
    }
}

static void test_upper_bound_holds_for_the_costliest_lists(void **state)
{
    (void)state;
    static const char *const patterns[] = { "a/", "a", "aaaaaaaaaaaa/", "aaaaaaaaaaaaa/" };
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        uint8_t room[2048];
        size_t size = 0;
        talc_frame frame;
        talc_frame_init(&frame, TALC_POST);
        frame.content_format = frame.accept = 65535;
        frame.token_size = TALC_TOKEN_SIZE_MAX;
        for (size_t j = 0; j < TALC_PATH_SIZE_MAX - 1; j++) {
            frame.path[j] = patterns[i][j % strlen(patterns[i])];
            frame.query[j] = frame.path[j] == '/' ? '&' : frame.path[j];
        }
        assert_int_equal(talc_frame_write(&frame, room, sizeof room, &size), TALC_OK);
        assert_true(size <= talc_frame_size_max(&frame));
    }
    talc_frame huge = FRAME(.payload_size = SIZE_MAX);
    assert_true(talc_frame_size_max(&huge) == SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_are_read_and_written),
        cmocka_unit_test(test_malformed_messages_are_refused),
        cmocka_unit_test(test_long_paths_are_too_large),
        cmocka_unit_test(test_sizes_are_measured),
        cmocka_unit_test(test_reserved_token_lengths_are_seen_at_once),
        cmocka_unit_test(test_no_beginning_of_a_message_is_a_message),
        cmocka_unit_test(test_options_are_not_read_past_the_end),
        cmocka_unit_test(test_writer_refuses_what_is_no_frame),
        cmocka_unit_test(test_writer_refuses_unterminated_and_long_texts),
        cmocka_unit_test(test_writer_leaves_out_what_the_code_does_not_define),
        cmocka_unit_test(test_upper_bound_holds_for_the_costliest_lists),
    };
    return cmocka_run_group_tests_name("framing", tests, load_vectors, free_vectors);
}
