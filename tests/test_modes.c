/* SPDX-License-Identifier: MIT */
/* The same application in every mode, over every carrier, with every kind of credential: one
 * conversation, and nothing of it changes but the configuration. */
#include "tests/mode_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ROWS_MAX 64

static void a_conversation(void **state)
{
    const mode_row *row = *state;
    peers_options options = mode_row_options(row);
    peers *of = peers_new(&options);
    assert_int_equal(mode_converse(of, row), 0);
    assert_int_equal(of->events.refused + of->events.failed + of->events.dropped, 0);
    peers_free(of);
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[ROWS_MAX];
    for (size_t i = 0; i < mode_row_count; i++) {
        tests[i] = (struct CMUnitTest){ mode_rows[i].name, a_conversation, NULL, peers_free_all,
                                        (void *)(uintptr_t)&mode_rows[i] };
    }
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return _cmocka_run_group_tests("modes", tests, mode_row_count, NULL, NULL);
}
