/* SPDX-License-Identifier: MIT */
/*
 * Every bit of the text of every envelope of a conversation, flipped one at a time: JSON, numbers, keys,
 * base64 and tags alike. From the third exchange on the session goes on. Before that a flip may end the
 * handshake of TLS, and makes `ecc` begin another at most. Never does an application get what nobody
 * said to it.
 *
 *     test_attack_bits certificates|psk|ecc[,PART/PARTS]
 *     test_attack_bits certificates|psk|ecc --table        prints what docs/attacks.md shows
 *
 * With certificates, where each run costs most, every fifth bit of the fragments; all of their bits as
 * records are test_tampering's. Built with TALC_SAMPLED, one bit of many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/attack_course.h"
#include "tests/fixed_random.h"

#ifdef TALC_SAMPLED
#define STRIDE 61
#else
#define STRIDE 1
#endif
#define CERTIFICATES_STRIDE 5

static const struct mode {
    const char *name;
    pair_kind kind;
} modes[] = { { "certificates", PAIR_CERTIFICATES }, { "psk", PAIR_PSK }, { "ecc", PAIR_ECC } };

typedef struct tally {
    unsigned flips;
    unsigned went_on;
    unsigned new_session;
    unsigned ended;
} tally;

static const struct mode *mode;
static pair_credentials credentials;
static course_log quiet_log;
static course_result quiet;
static tally tallies[2][COURSE_BODIES_MAX];
static unsigned part = 0;
static unsigned parts = 1;

/* ---------------------------------------------------------------- one flip */

/* What may come of a flip in the body with this position. */
static unsigned allowed(unsigned position)
{
    if (position > 2) {
        return COURSE_GOES_ON;
    }
    return mode->kind == PAIR_ECC ? COURSE_GOES_ON | COURSE_NEW_SESSION
                                  : COURSE_GOES_ON | COURSE_NEW_SESSION | COURSE_ENDS;
}

static void flip(unsigned direction, unsigned position, size_t bit)
{
    char words[32];
    course_result result;
    tampering_order order = { .at = position };
    const course how = { .credentials = &credentials, .order = &order, .is_short = true };
    tally *to = &tallies[direction][position - 1];
    snprintf(words, sizeof words, "flip-bit=%zu", bit);
    assert_true(attack_read(words, &order));
    order.spares[1 - direction] = true;
    course_hold(&how, &result);
    if (result.applied == 0 || ((unsigned)result.end & allowed(position)) == 0) {
        fail_msg("%s, bit %zu of %s %u: %s (end %d)", mode->name, bit,
                 direction == TAMPERING_REQUEST ? "request" : "response", position, result.why,
                 (int)result.end);
    }
    to->flips++;
    to->went_on += result.end == COURSE_GOES_ON;
    to->new_session += result.end == COURSE_NEW_SESSION;
    to->ended += result.end == COURSE_ENDS;
}

/* ---------------------------------------------------------------- all of them */

static bool is_in_fragment(const envelope_text *text, size_t byte)
{
    text_span characters;
    for (size_t i = 0; envelope_text_fragment(text, i, &characters); i++) {
        if (byte >= characters.begin && byte < characters.begin + characters.size) {
            return true;
        }
    }
    return false;
}

static bool is_chosen(const envelope_text *text, size_t bit)
{
    return mode->kind != PAIR_CERTIFICATES || bit % CERTIFICATES_STRIDE == 0 ||
           !is_in_fragment(text, bit / 8);
}

static void flip_all(void)
{
    unsigned chosen = 0;
    for (unsigned direction = 0; direction < 2; direction++) {
        for (unsigned position = 1; position <= quiet.bodies[direction]; position++) {
            const envelope_text *text = &quiet_log.texts[direction][position - 1];
            for (size_t bit = 0; bit < 8 * text->size; bit++) {
                if (is_chosen(text, bit) && chosen++ % (STRIDE * parts) == STRIDE * part) {
                    flip(direction, position, bit);
                }
            }
        }
    }
}

static void begin(void)
{
    const course nobody_attacks = { .credentials = &credentials,
                                    .is_short = true,
                                    .log = &quiet_log };
    pair_credentials_load(&credentials, mode->kind);
    course_hold(&nobody_attacks, &quiet);
    assert_int_equal(quiet.end, COURSE_GOES_ON);
    assert_int_equal(quiet.bodies[0], 4);
    assert_int_equal(quiet.bodies[1], 4);
}

static void write_table(void)
{
    printf("\n| body | bits | goes on | new session | ends |\n|---|---|---|---|---|\n");
    for (unsigned position = 1; position <= quiet.bodies[0]; position++) {
        for (unsigned direction = 0; direction < 2; direction++) {
            const tally *of = &tallies[direction][position - 1];
            printf("| %s %u | %u | %u | %u | %u |\n", direction == 0 ? "request" : "response",
                   position, of->flips, of->went_on, of->new_session, of->ended);
        }
    }
    printf("\n");
}

static void every_bit_of_every_envelope(void **state)
{
    (void)state;
    begin();
    flip_all();
    pair_credentials_free(&credentials);
    write_table();
    for (unsigned direction = 0; direction < 2; direction++) {
        for (unsigned position = 0; position < 4; position++) {
            assert_true(tallies[direction][position].flips > 0);
        }
    }
}

/* "MODE" or "MODE,PART/PARTS" */
static bool read_mode(const char *words)
{
    size_t size = strcspn(words, ",");
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strlen(modes[i].name) == size && memcmp(modes[i].name, words, size) == 0) {
            mode = &modes[i];
        }
    }
    bool has_parts = words[size] == ',';
    return mode != NULL &&
           (!has_parts || (sscanf(words + size, ",%u/%u", &part, &parts) == 2 && part < parts));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_bit_of_every_envelope) };
    bool is_table = argc == 3 && strcmp(argv[2], "--table") == 0;
    if (argc < 2 || argc > 3 || !read_mode(argv[1]) || (argc == 3 && !is_table)) {
        fprintf(stderr, "usage: test_attack_bits certificates|psk|ecc[,PART/PARTS] [--table]\n");
        return 2;
    }
    fixed_random_start(1);
    if (is_table) {
        begin();
        flip_all();
        write_table();
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
