/* SPDX-License-Identifier: MIT */
/*
 * Any flipped bit in any record of a session is detected or has no effect: one session is recorded,
 * and then held again and again, each time with one bit of its two streams changed on the way. Record
 * headers are streamed bytes too: their bits are those of `t`, `v` and `l`.
 *
 * Two runs: with the guard tag taken away, so that the record reaches the engine where nothing else
 * is owed, and with the tag left as it is, which is wrong then.
 *
 * Arguments: PART/PARTS, to run beside the others. Built with TALC_SAMPLED, every 61st bit is flipped,
 * beginning somewhere in between.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "records/base64.h"
#include "records/envelope.h"
#include "tests/pair.h"

#ifdef TALC_SAMPLED
#define STRIDE 61
#else
#define STRIDE 1
#endif

#define TEXT_MAX 4096
#define LIMIT_MS 60000u
static const char secret[] = "payload that nobody may change";

static unsigned part = 0;
static unsigned parts = 1;
static pair_credentials credentials;

typedef enum tag_rule { TAG_TAKEN_AWAY, TAG_LEFT } tag_rule;

/* Where the streams of a recorded session end, and from where on the receiver can check tags before
 * it feeds: the server cannot check the envelope that ends its handshake. */
typedef struct recording {
    uint64_t end[2];
    uint64_t guarded_from[2];
} recording;

/* One bit to be flipped, once. */
typedef struct flip {
    path_direction direction;
    uint64_t offset;
    uint8_t mask;
    tag_rule rule;
    recording session; /* the one under way: signatures differ in size */
    bool is_done;
    bool in_handshake; /* the receiver could not check the tag beforehand */
    bool in_header;
    uint8_t record_type;
} flip;

/* ---------------------------------------------------------------- envelopes */

typedef struct text {
    char bytes[TEXT_MAX];
    size_t size;
} text;

static void add(text *to, const char *format, unsigned long long number)
{
    int size = snprintf(to->bytes + to->size, sizeof to->bytes - to->size, format, number);
    assert_in_range(size, 0, sizeof to->bytes - to->size - 1);
    to->size += (size_t)size;
}

static void add_base64(text *to, const uint8_t *bytes, size_t size)
{
    size_t encoded = talc_base64_encoded_size(size);
    assert_int_equal(
        talc_base64_encode(bytes, size, to->bytes + to->size, sizeof to->bytes - to->size),
        TALC_OK);
    to->size += encoded;
}

/* A writer that checks nothing, for headers that ours would refuse. */
static void encode(const talc_envelope *envelope, text *to)
{
    to->size = 0;
    add(to, "{\"i\":%llu", envelope->request);
    add(to, ",\"n\":%llu", envelope->offset);
    add(to, ",\"a\":%llu", envelope->acknowledged);
    add(to, envelope->body_limit == 0 ? "" : ",\"b\":%llu", envelope->body_limit);
    add(to, envelope->hold_s == 0 ? "" : ",\"w\":%llu", envelope->hold_s);
    add(to, envelope->more ? ",\"m\":%llu,\"r\":[" : ",\"r\":[", 1);
    for (size_t i = 0; i < envelope->piece_count; i++) {
        const talc_piece *piece = &envelope->pieces[i];
        add(to, i == 0 ? "{\"t\":%llu" : ",{\"t\":%llu", piece->type);
        add(to, piece->version == TALC_RECORD_VERSION_TLS12 ? "" : ",\"v\":%llu", piece->version);
        add(to, piece->continues ? ",\"p\":%llu" : "", 1);
        bool has_length =
            piece->open || (!piece->continues && piece->length != piece->fragment_size);
        add(to, has_length ? ",\"l\":%llu" : "", piece->length);
        add(to, ",\"f\":\"", 0);
        add_base64(to, piece->fragment, piece->fragment_size);
        add(to, "\"}", 0);
    }
    add(to, "]", 0);
    if (envelope->has_guard) {
        add(to, ",\"g\":\"", 0);
        add_base64(to, envelope->guard, TALC_GUARD_SIZE);
        add(to, "\"", 0);
    }
    add(to, "}", 0);
}

static void flip_header(talc_piece *piece, size_t byte, uint8_t mask)
{
    if (byte == 0) {
        piece->type ^= mask;
    } else if (byte < 3) {
        piece->version = (uint16_t)(piece->version ^ (byte == 1 ? mask << 8 : mask));
    } else {
        piece->length = (uint16_t)(piece->length ^ (byte == 3 ? mask << 8 : mask));
    }
}

/* Flips the bit of the stream byte `at` of the envelope's range. */
static void flip_byte(talc_envelope *envelope, size_t at, flip *flipping)
{
    for (size_t i = 0; i < envelope->piece_count; i++) {
        talc_piece *piece = &envelope->pieces[i];
        size_t header = piece->continues ? 0 : TALC_RECORD_HEADER_SIZE;
        flipping->record_type = piece->type;
        if (at < header) {
            flipping->in_header = true;
            flip_header(piece, at, flipping->mask);
            return;
        }
        if (at < header + piece->fragment_size) {
            uint8_t *fragment = envelope->range + (piece->fragment - envelope->range);
            fragment[at - header] ^= flipping->mask;
            return;
        }
        at -= header + piece->fragment_size;
    }
    fail_msg("the byte is not in the range");
}

static void note(recording *recorded, path_direction direction, const talc_envelope *envelope)
{
    uint64_t end = envelope->offset + envelope->range_size;
    if (envelope->piece_count > 0 && end > recorded->end[direction]) {
        if (envelope->has_guard && recorded->guarded_from[direction] == 0) {
            recorded->guarded_from[direction] =
                direction == PATH_TO_SERVER ? end : envelope->offset;
        }
        recorded->end[direction] = end;
    }
}

static void read_parcel(const path_parcel *parcel, talc_envelope *envelope)
{
    assert_int_equal(
        talc_envelope_read((const char *)parcel->body, parcel->body_size, TEXT_MAX, envelope),
        TALC_OK);
}

static bool record(void *context, test_path *path, path_parcel *parcel)
{
    talc_envelope envelope;
    (void)path;
    read_parcel(parcel, &envelope);
    note(context, parcel->direction, &envelope);
    talc_envelope_clear(&envelope);
    return true;
}

static bool covers(const talc_envelope *envelope, uint64_t offset)
{
    return envelope->piece_count > 0 && offset >= envelope->offset &&
           offset - envelope->offset < envelope->range_size;
}

static bool flip_once(void *context, test_path *path, path_parcel *parcel)
{
    flip *flipping = context;
    talc_envelope envelope;
    text changed;
    (void)path;
    if (flipping->is_done || parcel->direction != flipping->direction) {
        return true;
    }
    read_parcel(parcel, &envelope);
    note(&flipping->session, parcel->direction, &envelope);
    if (covers(&envelope, flipping->offset)) {
        uint64_t guarded_from = flipping->session.guarded_from[parcel->direction];
        flipping->is_done = true;
        flipping->in_handshake = guarded_from == 0 || flipping->offset < guarded_from;
        flip_byte(&envelope, (size_t)(flipping->offset - envelope.offset), flipping);
        envelope.has_guard = envelope.has_guard && flipping->rule == TAG_LEFT;
        encode(&envelope, &changed);
        path_parcel_set_body(parcel, changed.bytes, changed.size);
    }
    talc_envelope_clear(&envelope);
    return true;
}

/* ---------------------------------------------------------------- one session */

/* What a handler sees is what the client sent, to the byte. */
static void check_request(void *context, const talc_request *request)
{
    (void)context;
    assert_string_equal(request->path, "echo");
    if (request->method == TALC_GET) {
        assert_string_equal(request->query, "n=1");
        assert_int_equal(request->payload_size, 0);
    } else {
        assert_int_equal(request->method, TALC_POST);
        assert_string_equal(request->query, "n=2");
        assert_int_equal(request->content_format, TALC_FORMAT_TEXT);
        assert_int_equal(request->payload_size, sizeof secret);
        assert_memory_equal(request->payload, secret, sizeof secret);
    }
}

static void check_response(const pair_outcome *outcome, const void *payload, size_t size)
{
    if (outcome->status == TALC_OK) {
        assert_int_equal(outcome->payload_size, size);
        assert_memory_equal(outcome->payload, payload, size);
    }
}

/* A whole session: handshake, CSMs, two requests, the end. Returns the status of the first. */
static talc_status converse(test_pair *pair)
{
    pair_outcome outcomes[2];
    talc_request get = pair_request(TALC_GET, "echo", 1);
    talc_request post = pair_request(TALC_POST, "echo", 2);
    post.payload = secret;
    post.payload_size = sizeof secret;
    post.content_format = TALC_FORMAT_TEXT;
    get.timeout_ms = post.timeout_ms = LIMIT_MS;
    pair_send(pair->client, &get, &outcomes[0]);
    assert_true(pair_run(pair, &outcomes[0], LIMIT_MS + 1));
    talc_status status = outcomes[0].status;
    check_response(&outcomes[0], "1", 1);
    pair_outcome_clear(&outcomes[0]);
    if (status != TALC_OK) {
        return status;
    }
    pair_send(pair->client, &post, &outcomes[1]);
    assert_true(pair_run(pair, &outcomes[1], LIMIT_MS + 1));
    status = outcomes[1].status;
    check_response(&outcomes[1], secret, sizeof secret);
    assert_true(pair->executed[2] <= 1);
    pair_outcome_clear(&outcomes[1]);
    (void)pair_close(pair, pair->client, LIMIT_MS);
    return status;
}

static talc_status hold_session(path_watcher *watcher, void *context)
{
    test_pair pair;
    pair_options options = { .credentials = &credentials, .version = TALC_TLS_1_3 };
    pair_begin(&pair, &options);
    pair.on_request = check_request;
    pair.server_config.half_open_timeout_ms = 10 * LIMIT_MS; /* nothing is forgiven meanwhile */
    pair_start(&pair);
    pair.path.watcher = watcher;
    pair.path.watcher_context = context;
    talc_status status = converse(&pair);
    pair_end(&pair);
    return status;
}

/* ---------------------------------------------------------------- the tests */

typedef struct tally {
    unsigned flips;
    unsigned refused;
    unsigned harmless;
} tally;

static void try_flip(flip *flipping, tally *sum)
{
    talc_status status = hold_session(flip_once, flipping);
    if (!flipping->is_done) {
        return; /* signatures differ in size from session to session */
    }
    sum->flips++;
    sum->refused += status != TALC_OK;
    sum->harmless += status == TALC_OK;
    if (status == TALC_OK && flipping->in_handshake && !flipping->in_header &&
        flipping->record_type != TALC_RECORD_CHANGE_CIPHER_SPEC) {
        fail_msg("byte %u of direction %d, mask %02x: changed, and the session went on",
                 (unsigned)flipping->offset, (int)flipping->direction, flipping->mask);
    }
    if (status != TALC_OK && !flipping->in_handshake && flipping->rule == TAG_LEFT) {
        fail_msg("byte %u of direction %d, mask %02x: a wrong tag ended a session: %s",
                 (unsigned)flipping->offset, (int)flipping->direction, flipping->mask,
                 talc_status_text(status));
    }
}

static void flip_all(const recording *recorded, path_direction direction, tag_rule rule)
{
    tally sum = { 0, 0, 0 };
    /* Where nothing can be checked the tag makes no difference. */
    uint64_t first = rule == TAG_LEFT ? recorded->guarded_from[direction] : 0;
    uint64_t bits = 8 * recorded->end[direction];
    unsigned start = STRIDE == 1 ? 0 : (unsigned)(recorded->end[0] * 7 + rule) % STRIDE;
    for (uint64_t bit = 8 * first + start + STRIDE * part; bit < bits; bit += STRIDE * parts) {
        flip flipping = { .direction = direction,
                          .offset = bit / 8,
                          .mask = (uint8_t)(1u << (bit % 8)),
                          .rule = rule };
        try_flip(&flipping, &sum);
    }
    print_message("direction %d: %u bits flipped, %u sessions refused, %u as if nothing was\n",
                  (int)direction, sum.flips, sum.refused, sum.harmless);
    assert_true(sum.flips > 0);
}

static void run_rule(tag_rule rule)
{
    recording recorded;
    memset(&recorded, 0, sizeof recorded);
    assert_int_equal(hold_session(record, &recorded), TALC_OK);
    assert_true(recorded.guarded_from[PATH_TO_SERVER] > 0);
    assert_true(recorded.guarded_from[PATH_TO_CLIENT] > 0);
    flip_all(&recorded, PATH_TO_SERVER, rule);
    flip_all(&recorded, PATH_TO_CLIENT, rule);
}

static void every_bit_without_its_tag(void **state)
{
    (void)state;
    run_rule(TAG_TAKEN_AWAY);
}

static void every_bit_with_a_tag_that_is_wrong(void **state)
{
    (void)state;
    run_rule(TAG_LEFT);
}

static int load(void **state)
{
    (void)state;
    pair_credentials_load(&credentials, PAIR_CERTIFICATES);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    pair_credentials_free(&credentials);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bit_without_its_tag),
        cmocka_unit_test(every_bit_with_a_tag_that_is_wrong),
    };
    if (argc > 1 && (sscanf(argv[1], "%u/%u", &part, &parts) != 2 || part >= parts)) {
        fprintf(stderr, "usage: test_tampering [PART/PARTS]\n");
        return EXIT_FAILURE;
    }
    return cmocka_run_group_tests(tests, load, unload);
}
