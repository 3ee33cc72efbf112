/* SPDX-License-Identifier: MIT */
/*
 * Each attack of examples/tampering/ at each position of a conversation, in both directions, once and
 * from there on: what attack_statements.c says is what happens, and never does an application get what
 * nobody said to it, or anything twice.
 *
 *     test_attacks certificates|psk|ecc             all of them; docs/attacks.md has to say the same
 *     test_attacks certificates|psk|ecc --table     prints what the page has to say
 *     test_attacks --statements                     likewise of attack_statements.c
 *     test_attacks certificates|psk|ecc WORDS       one attack, with the reasons
 *
 * Built with TALC_SAMPLED, a part of the positions, and no look at the page.
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
#include "tests/attack_statements.h"
#include "tests/fixed_random.h"

#ifdef TALC_SAMPLED
#define SAMPLE_EVERY 6
#define TESTS 4
#else
#define SAMPLE_EVERY 1
#define TESTS 5 /* the last one looks at the page */
#endif

#define PAGE "docs/attacks.md"
#define TEXT_MAX 131072

static const struct mode {
    const char *name;
    pair_kind kind;
} modes[] = { { "certificates", PAIR_CERTIFICATES }, { "psk", PAIR_PSK }, { "ecc", PAIR_ECC } };

/* What came of the runs of an attack in a phase. */
typedef struct tally {
    unsigned runs;
    unsigned went_on;
    unsigned new_session;
    unsigned ended;
    unsigned as_stated;
} tally;

/* Of an attack: for one body, and for all from one on. */
typedef struct score {
    tally of[2][COURSE_PHASES];
} score;

static unsigned mode_number;
static const char *only; /* words */
static score scores[64]; /* by attack */
static unsigned broken;
static char text[TEXT_MAX];
static size_t text_size;

/* ---------------------------------------------------------------- what is stated */

static char letter_of(const char *stated, unsigned position)
{
    unsigned column = position < 3 ? position - 1 : 2;
    return stated[4 * mode_number + column];
}

/* The ends that a letter allows, or-ed; 0: the attack does not apply. */
static unsigned ends_of(char letter)
{
    switch (letter) {
    case 'g': return COURSE_GOES_ON;
    case 'n': return COURSE_NEW_SESSION;
    case 'e': return COURSE_ENDS;
    case 'x': return COURSE_NEW_SESSION | COURSE_ENDS;
    case '*': return COURSE_GOES_ON | COURSE_NEW_SESSION | COURSE_ENDS;
    case '-': return 0;
    default: fail_msg("no such letter: %c", letter); return 0;
    }
}

/* ---------------------------------------------------------------- one run */

typedef struct attempt {
    const attack_statement *statement;
    tampering_direction direction;
    bool is_always;
    unsigned position;
} attempt;

static const char *end_name(course_end end)
{
    return end == COURSE_GOES_ON       ? "goes on"
           : end == COURSE_NEW_SESSION ? "new session"
           : end == COURSE_ENDS        ? "ends"
                                       : "BROKEN";
}

static void complain(const attempt *made, const course_result *result, char letter)
{
    print_error(
        "%s, %s, %s %u%s: %s (%s); stated: %c\n", modes[mode_number].name, made->statement->words,
        made->direction == TAMPERING_REQUEST ? "request" : "response", made->position,
        made->is_always ? " and all behind it" : "", end_name(result->end), result->why, letter);
}

static void count(tally *to, const course_result *result, bool is_as_stated)
{
    to->runs++;
    to->went_on += result->end == COURSE_GOES_ON;
    to->new_session += result->end == COURSE_NEW_SESSION;
    to->ended += result->end == COURSE_ENDS;
    to->as_stated += is_as_stated;
}

static bool begins(const char *words, const char *with)
{
    return strncmp(words, with, strlen(with)) == 0;
}

/* True if the attack was made. */
static bool hold(const attempt *made, const pair_credentials *credentials, course_result *result)
{
    const char *words = made->statement->words;
    tampering_order order = { .attack = NULL };
    course how = { .credentials = credentials, .order = &order };
    assert_true(attack_read(words, &order));
    order.spares[made->direction == TAMPERING_REQUEST ? TAMPERING_RESPONSE : TAMPERING_REQUEST] =
        true;
    order.at = made->is_always ? 0 : made->position;
    order.from = made->position;
    how.has_company = begins(words, "swap");
    how.has_history = begins(words, "replay-session") || begins(words, "inject=hello");
    course_hold(&how, result);
    return result->applied > 0;
}

static void try(const attempt *made, const pair_credentials *credentials, course_phase phase)
{
    course_result result;
    tampering_order order;
    const char *stated = made->is_always ? made->statement->always[made->direction]
                                         : made->statement->once[made->direction];
    char letter = letter_of(stated, made->position);
    bool is_made = hold(made, credentials, &result);
    bool is_as_stated = ((unsigned)result.end & (is_made ? ends_of(letter) : COURSE_GOES_ON)) != 0;
    broken += result.end == COURSE_BROKEN;
    if (!is_as_stated || only != NULL) {
        complain(made, &result, letter);
    }
    if (is_made) {
        assert_true(attack_read(made->statement->words, &order));
        count(&scores[order.attack - attacks].of[made->is_always][phase], &result, is_as_stated);
    } else {
        assert_true(is_as_stated); /* nobody attacked */
    }
}

/* ---------------------------------------------------------------- all runs */

static void try_all(const attack_statement *statement, const pair_credentials *credentials,
                    const course_result *quiet)
{
    static unsigned tried;
    for (unsigned always = 0; always < 2; always++) {
        for (unsigned direction = 0; direction < 2; direction++) {
            for (unsigned position = 1; position <= quiet->bodies[direction]; position++) {
                const attempt made = { statement, (tampering_direction)direction, always != 0,
                                       position };
                const char *stated =
                    always != 0 ? statement->always[direction] : statement->once[direction];
                if (letter_of(stated, position) != '-' && tried++ % SAMPLE_EVERY == 0) {
                    try(&made, credentials, quiet->phases[direction][position - 1]);
                }
            }
        }
    }
}

static tally sum_of(const tally *of, size_t number)
{
    tally sum = { 0, 0, 0, 0, 0 };
    for (size_t i = 0; i < number; i++) {
        sum.runs += of[i].runs;
        sum.went_on += of[i].went_on;
        sum.new_session += of[i].new_session;
        sum.ended += of[i].ended;
        sum.as_stated += of[i].as_stated;
    }
    return sum;
}

static void print_line(const char *name, const char *phase, const tally *of)
{
    if (of->runs > 0) {
        print_message("%-18s %-22s %5u %8u %12u %6u   = %u of %u as stated\n", name, phase,
                      of->runs, of->went_on, of->new_session, of->ended, of->as_stated, of->runs);
    }
}

static tally print_scores(void)
{
    tally all = { 0, 0, 0, 0, 0 };
    print_message("%-18s %-22s %5s %8s %12s %6s\n", "attack", "phase", "runs", "went on",
                  "new session", "ended");
    for (size_t i = 0; i < attack_count; i++) {
        for (unsigned phase = 0; phase < COURSE_PHASES; phase++) {
            print_line(attacks[i].name, course_phase_names[phase], &scores[i].of[0][phase]);
        }
        tally always = sum_of(scores[i].of[1], COURSE_PHASES);
        print_line(attacks[i].name, "all from one on", &always);
        tally parts[3] = { sum_of(scores[i].of[0], COURSE_PHASES), always, all };
        all = sum_of(parts, 3);
    }
    print_line("all", modes[mode_number].name, &all);
    return all;
}

/* ---------------------------------------------------------------- the page */

static void add(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void add(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int size = vsnprintf(text + text_size, sizeof text - text_size, format, list);
    va_end(list);
    assert_in_range(size, 0, sizeof text - text_size - 1);
    text_size += (size_t)size;
}

/* Which of the three, with their counts. Where signatures decide, only how many runs there were. */
static void add_cell(const tally *of, bool hangs_on_sizes)
{
    const char *between = "";
    add(" |");
    if (hangs_on_sizes) {
        add(" %u of any kind", of->runs);
        return;
    }
    if (of->went_on > 0) {
        add("%s %u on", between, of->went_on);
        between = ",";
    }
    if (of->new_session > 0) {
        add("%s %u new", between, of->new_session);
        between = ",";
    }
    if (of->ended > 0) {
        add("%s %u end", between, of->ended);
    }
}

static bool has_star(const attack *which, unsigned always, unsigned phase)
{
    for (unsigned i = 0; i < attack_statement_count; i++) {
        const attack_statement *statement = &attack_statements[i];
        tampering_order order;
        assert_true(attack_read(statement->words, &order));
        for (unsigned direction = 0; direction < 2; direction++) {
            const char *stated =
                always != 0 ? statement->always[direction] : statement->once[direction];
            if (order.attack == which && phase < 2 && letter_of(stated, phase + 1) == '*') {
                return true;
            }
        }
    }
    return false;
}

static void add_score(unsigned always)
{
    add("\n| attack | handshake | first request | later request | large answer | close | as stated "
        "|\n|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < attack_count; i++) {
        const tally *phases = scores[i].of[always];
        tally sum = sum_of(phases, COURSE_PHASES);
        if (sum.runs == 0) {
            continue;
        }
        add("| `%s`", attacks[i].name);
        for (unsigned phase = 0; phase < COURSE_PHASES; phase++) {
            add_cell(&phases[phase], has_star(&attacks[i], always, phase));
        }
        add(" | %u of %u |\n", sum.as_stated, sum.runs);
    }
}

static void write_scores(void)
{
    text_size = 0;
    add("\nOn one body:\n");
    add_score(0);
    add("\nOn all bodies from one on:\n");
    add_score(1);
    add("\n");
}

static void write_statements(void)
{
    text_size = 0;
    add("\n| attack | on one request | on one response | on all requests from one on | on all "
        "responses from one on |\n|---|---|---|---|---|\n");
    for (unsigned i = 0; i < attack_statement_count; i++) {
        const attack_statement *statement = &attack_statements[i];
        add("| `%s` | `%s` | `%s` | `%s` | `%s` |\n", statement->words, statement->once[0],
            statement->once[1], statement->always[0], statement->always[1]);
    }
    add("\n");
}

/* The page has this text between `<!-- begin NAME -->` and `<!-- end NAME -->`. */
static void expect_on_page(const char *name)
{
    static char page[TEXT_MAX];
    char mark[64];
    FILE *file = fopen(PAGE, "r");
    assert_non_null(file);
    page[fread(page, 1, sizeof page - 1, file)] = 0;
    fclose(file);
    snprintf(mark, sizeof mark, "<!-- begin %s -->\n", name);
    const char *begin = strstr(page, mark);
    assert_non_null(begin);
    begin += strlen(mark);
    if (strncmp(begin, text, text_size) != 0 || strncmp(begin + text_size, "<!-- end", 8) != 0) {
        fail_msg("%s says something else of %s: run scripts/attacks.sh", PAGE, name);
    }
}

/* ---------------------------------------------------------------- the tests */

static void run_all(void)
{
    pair_credentials credentials;
    course_result quiet;
    pair_credentials_load(&credentials, modes[mode_number].kind);
    const course nobody_attacks = { .credentials = &credentials };
    course_hold(&nobody_attacks, &quiet);
    assert_int_equal(quiet.end, COURSE_GOES_ON);
    assert_in_range(quiet.bodies[0], 5, COURSE_BODIES_MAX);
    for (unsigned i = 0; i < attack_statement_count; i++) {
        if (only == NULL || strcmp(only, attack_statements[i].words) == 0) {
            try_all(&attack_statements[i], &credentials, &quiet);
        }
    }
    pair_credentials_free(&credentials);
}

static void every_attack_at_every_position(void **state)
{
    (void)state;
    run_all();
    tally all = print_scores();
    print_message("changed, repeated or foreign plaintext: %u\n", broken);
    assert_int_equal(broken, 0);
    assert_true(all.runs > 0);
    assert_int_equal(all.as_stated, all.runs);
}

/* From the later request on, one attack of any kind costs no more than a repeat. */
static void guarded_sessions_go_on(void **state)
{
    (void)state;
    for (unsigned i = 0; i < attack_statement_count; i++) {
        for (unsigned direction = 0; direction < 2; direction++) {
            char letter = letter_of(attack_statements[i].once[direction], 3);
            assert_true(letter == 'g' || letter == '-');
        }
    }
}

/* An attack without a statement would not be tried. */
static void every_attack_has_a_statement(void **state)
{
    (void)state;
    for (size_t i = 0; i < attack_count; i++) {
        bool is_there = false;
        for (unsigned j = 0; j < attack_statement_count; j++) {
            tampering_order order;
            assert_true(attack_read(attack_statements[j].words, &order));
            is_there |= order.attack == &attacks[i];
        }
        if (!is_there) {
            fail_msg("nothing is stated of %s", attacks[i].name);
        }
    }
}

/* Both sides speak TLS 1.2 as well, and the path takes 1.3 out of what they say: no session comes of it,
 * of either version (RFC 8446 section 4.1.3, and the transcript that both sign). */
static void a_downgrade_opens_nothing(void **state)
{
    pair_credentials credentials;
    (void)state;
    pair_credentials_load(&credentials, modes[mode_number].kind);
    for (unsigned direction = 0; direction < 2; direction++) {
        course_result result;
        tampering_order order = { .at = 1, .spares = { direction == 1, direction == 0 } };
        const course how = { .credentials = &credentials,
                             .version_min = TALC_TLS_1_2,
                             .order = &order };
        assert_true(attack_read("downgrade", &order));
        course_hold(&how, &result);
        bool is_tls = modes[mode_number].kind != PAIR_ECC;
        assert_int_equal(result.applied, is_tls ? 1 : 0);
        assert_int_equal(result.end, is_tls ? COURSE_ENDS : COURSE_GOES_ON);
    }
    pair_credentials_free(&credentials);
}

static void the_page_says_the_same(void **state)
{
    (void)state;
    write_statements();
    expect_on_page("statements");
    write_scores();
    expect_on_page(modes[mode_number].name);
}

static int use(void)
{
    fprintf(stderr, "usage: test_attacks certificates|psk|ecc [--table | WORDS]\n"
                    "       test_attacks --statements\n");
    return 2;
}

/* What goes into the page, on standard output. */
static int print_text(void)
{
    fwrite(text, 1, text_size, stdout);
    return 0;
}

static bool read_mode(const char *name)
{
    for (unsigned i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(modes[i].name, name) == 0) {
            mode_number = i;
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_attack_has_a_statement),
        cmocka_unit_test(guarded_sessions_go_on),
        cmocka_unit_test(a_downgrade_opens_nothing),
        cmocka_unit_test(every_attack_at_every_position),
        cmocka_unit_test(the_page_says_the_same),
    };
    if (argc == 2 && strcmp(argv[1], "--statements") == 0) {
        write_statements();
        return print_text();
    }
    if (argc < 2 || argc > 3 || !read_mode(argv[1])) {
        return use();
    }
    fixed_random_start(1);
    if (argc == 3 && strcmp(argv[2], "--table") == 0) {
        run_all();
        write_scores();
        return print_text();
    }
    if (argc == 3) {
        only = argv[2];
        return _cmocka_run_group_tests(argv[1], &tests[3], 1, NULL, NULL);
    }
    return _cmocka_run_group_tests(argv[1], tests, TESTS, NULL, NULL);
}
