/* SPDX-License-Identifier: MIT */
/* When a client sends, repeats, asks again, polls and believes: numbers and times only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/exchanges.h"

#define START_MS 1000000u

static talc_exchanges exchanges;
static uint64_t now;
static uint32_t cancelled;

static const talc_exchange_needs nothing = { false, false, false, false };
static const talc_exchange_needs has_unsent = { true, false, true, false };
static const talc_exchange_needs waits_for_acknowledgement = { false, true, true, false };
static const talc_exchange_needs expects = { false, false, true, false };
static const talc_exchange_needs expects_and_may_hold = { false, false, true, true };

static int set_up(void **state)
{
    (void)state;
    now = START_MS;
    talc_exchanges_init(&exchanges, 500, 20);
    return 0;
}

static talc_exchange_plan plan(const talc_exchange_needs *needs)
{
    return talc_exchanges_plan(&exchanges, needs, now);
}

/* What the plan says now has to be `action`; does it. */
static talc_open_exchange *start(const talc_exchange_needs *needs, talc_exchange_action action)
{
    talc_exchange_plan next = plan(needs);
    assert_int_equal(next.action, action);
    return talc_exchanges_start(&exchanges, &next, now, 0, &cancelled);
}

static void assert_waits_until(const talc_exchange_needs *needs, uint64_t at_ms)
{
    talc_exchange_plan next = plan(needs);
    assert_int_equal(next.action, TALC_ACTION_WAIT);
    assert_int_equal(next.at_ms, at_ms);
}

static void answer(const talc_open_exchange *open, bool news)
{
    talc_exchanges_answered(&exchanges, open->request, news, now);
}

/* ---------------------------------------------------------------- sending */

static void nothing_to_do(void **state)
{
    (void)state;
    assert_waits_until(&nothing, UINT64_MAX);
}

static void new_records_go_at_once(void **state)
{
    (void)state;
    talc_open_exchange *first = start(&has_unsent, TALC_ACTION_SEND);
    assert_int_equal(first->request, 500);
    assert_int_equal(first->number, 1);
    assert_int_equal(first->hold_s, 0);
    assert_true(first->carries_news);
    /* More records wait until the first are answered: then they go in one body. */
    assert_waits_until(&has_unsent, START_MS + TALC_REPEAT_FIRST_MS);
    now += 50;
    answer(first, true);
    assert_int_equal(start(&has_unsent, TALC_ACTION_SEND)->request, 501);
}

static void a_poll_makes_way_for_records(void **state)
{
    (void)state;
    talc_open_exchange *poll = start(&expects_and_may_hold, TALC_ACTION_POLL);
    assert_int_equal(poll->hold_s, 20);
    now += 10;
    talc_open_exchange *sent = start(&has_unsent, TALC_ACTION_SEND);
    assert_int_equal(cancelled, 0); /* two may be open */
    assert_true(poll->is_open);
    assert_true(sent->is_open);
}

static void at_most_two_are_open(void **state)
{
    (void)state;
    uint32_t first = start(&has_unsent, TALC_ACTION_SEND)->number;
    now += TALC_REPEAT_FIRST_MS;
    uint32_t second = start(&has_unsent, TALC_ACTION_REPEAT)->number;
    assert_int_equal(cancelled, 0);
    now += TALC_REPEAT_MAX_MS;
    uint32_t third = start(&has_unsent, TALC_ACTION_REPEAT)->number;
    assert_int_equal(cancelled, first);
    assert_null(talc_exchanges_find(&exchanges, first));
    assert_non_null(talc_exchanges_find(&exchanges, second));
    assert_non_null(talc_exchanges_find(&exchanges, third));
}

static void numbers_go_on(void **state)
{
    (void)state;
    exchanges.next_number = UINT32_MAX;
    assert_int_equal(start(&has_unsent, TALC_ACTION_SEND)->number, UINT32_MAX);
    now += TALC_REPEAT_FIRST_MS;
    assert_int_equal(start(&has_unsent, TALC_ACTION_REPEAT)->number, 1); /* 0 means none */
}

static void only_open_numbers_count(void **state)
{
    (void)state;
    bool is_newest;
    const talc_open_exchange *first = start(&has_unsent, TALC_ACTION_SEND);
    now += TALC_REPEAT_FIRST_MS;
    const talc_open_exchange *second = start(&has_unsent, TALC_ACTION_REPEAT);
    assert_true(talc_exchanges_is_open(&exchanges, first->request, &is_newest));
    assert_false(is_newest);
    assert_true(talc_exchanges_is_open(&exchanges, second->request, &is_newest));
    assert_true(is_newest);
    assert_false(talc_exchanges_is_open(&exchanges, 499, &is_newest));
    assert_false(talc_exchanges_is_open(&exchanges, 502, &is_newest));
    answer(second, true);
    assert_false(talc_exchanges_is_open(&exchanges, 501, &is_newest));
}

/* ---------------------------------------------------------------- repeating */

/* First after 3 s, then twice as long each time, at most 30 s. */
static void repeats_are_ever_rarer(void **state)
{
    static const uint32_t times_ms[] = { 3000, 6000, 12000, 24000, 30000, 30000, 30000 };
    (void)state;
    start(&has_unsent, TALC_ACTION_SEND);
    for (size_t i = 0; i < sizeof times_ms / sizeof times_ms[0]; i++) {
        assert_waits_until(&waits_for_acknowledgement, now + times_ms[i]);
        now += times_ms[i] - 1;
        assert_int_equal(plan(&waits_for_acknowledgement).action, TALC_ACTION_WAIT);
        now += 1;
        start(&waits_for_acknowledgement, TALC_ACTION_REPEAT);
        assert_int_equal(exchanges.attempt, i + 1);
    }
}

/* RFC 7252 section 4.2: repeats are spread by up to half of their time, the first one is not. */
static void repeats_are_spread(void **state)
{
    (void)state;
    talc_exchange_plan next = plan(&has_unsent);
    talc_exchanges_start(&exchanges, &next, now, UINT32_MAX, &cancelled);
    assert_waits_until(&waits_for_acknowledgement, now + 3000);
    now += 3000;
    next = plan(&waits_for_acknowledgement);
    const talc_open_exchange *open =
        talc_exchanges_start(&exchanges, &next, now, UINT32_MAX, &cancelled);
    assert_in_range(open->due_ms, now + 6001, now + 9000);
}

static void an_answer_ends_the_doubling(void **state)
{
    (void)state;
    start(&has_unsent, TALC_ACTION_SEND);
    now += 3000;
    talc_open_exchange *repeat = start(&waits_for_acknowledgement, TALC_ACTION_REPEAT);
    now += 2000;
    answer(repeat, true);
    assert_int_equal(exchanges.attempt, 0);
    start(&has_unsent, TALC_ACTION_SEND);
    /* RFC 6298: smoothed 2000 ms, variation 1000 ms. */
    assert_waits_until(&waits_for_acknowledgement, now + 6000);
}

/* On a fast path the time falls, but not below RFC 7252's ACK_TIMEOUT rules. */
static void the_time_follows_the_path(void **state)
{
    (void)state;
    for (int i = 0; i < 30; i++) {
        talc_open_exchange *open = start(&has_unsent, TALC_ACTION_SEND);
        now += 20;
        answer(open, true);
    }
    start(&has_unsent, TALC_ACTION_SEND);
    assert_waits_until(&waits_for_acknowledgement, now + TALC_REPEAT_MIN_MS);
}

static void nobody_who_needs_nothing_repeats(void **state)
{
    (void)state;
    start(&has_unsent, TALC_ACTION_SEND);
    now += 1000000;
    assert_waits_until(&nothing, UINT64_MAX);
}

/* A path that says at once that it failed is asked again soon, then more and more rarely. */
static void failures_end_an_exchange_early(void **state)
{
    (void)state;
    uint32_t wait_ms = 100;
    uint32_t number = start(&has_unsent, TALC_ACTION_SEND)->number;
    for (int i = 0; i < 8; i++) {
        talc_exchanges_failed(&exchanges, number, 0, now);
        assert_waits_until(&waits_for_acknowledgement, now + wait_ms);
        now += wait_ms;
        number = start(&waits_for_acknowledgement, TALC_ACTION_REPEAT)->number;
        wait_ms = wait_ms < 6400 ? 2 * wait_ms : wait_ms;
    }
}

static void a_path_that_says_when(void **state)
{
    (void)state;
    uint32_t number = start(&has_unsent, TALC_ACTION_SEND)->number;
    talc_exchanges_failed(&exchanges, number, 5000, now);
    assert_waits_until(&waits_for_acknowledgement, now + 5000);
    assert_waits_until(&has_unsent, now + 5000); /* also for what is new */
    now += 5000;
    start(&waits_for_acknowledgement, TALC_ACTION_REPEAT);
}

/* The failure of an exchange that a newer one has replaced says nothing. */
static void late_failures_do_not_count(void **state)
{
    (void)state;
    uint32_t first = start(&has_unsent, TALC_ACTION_SEND)->number;
    now += 3000;
    start(&waits_for_acknowledgement, TALC_ACTION_REPEAT);
    talc_exchanges_failed(&exchanges, first, 0, now);
    talc_exchanges_failed(&exchanges, 77, 0, now);
    assert_waits_until(&waits_for_acknowledgement, now + 6000);
}

/* What is new waits for what the path has lost, else the other side would have a hole before it. */
static void what_is_lost_goes_before_what_is_new(void **state)
{
    static const talc_exchange_needs has_both = { true, true, true, false };
    (void)state;
    uint32_t number = start(&has_unsent, TALC_ACTION_SEND)->number;
    talc_exchanges_failed(&exchanges, number, 0, now);
    now += 100;
    answer(start(&has_both, TALC_ACTION_REPEAT), true);
    start(&has_both, TALC_ACTION_SEND);
    talc_exchanges_reroute(&exchanges);
    answer(start(&has_both, TALC_ACTION_REPEAT), true);
    start(&has_both, TALC_ACTION_SEND);
    talc_exchanges_reroute(&exchanges);
    start(&has_unsent, TALC_ACTION_SEND); /* nothing was lost but a poll */
}

/* ---------------------------------------------------------------- polling */

/* 0.1, 0.2, 0.4 ... 2 s, as long as nothing new comes. */
static void polls_are_ever_rarer(void **state)
{
    static const uint32_t delays_ms[] = { 100, 200, 400, 800, 1600, 2000, 2000, 2000 };
    (void)state;
    talc_open_exchange *poll = start(&expects, TALC_ACTION_POLL);
    for (size_t i = 0; i < sizeof delays_ms / sizeof delays_ms[0]; i++) {
        answer(poll, false);
        assert_waits_until(&expects, now + delays_ms[i]);
        now += delays_ms[i];
        poll = start(&expects, TALC_ACTION_POLL);
        assert_int_equal(poll->hold_s, 0);
        assert_false(poll->carries_news);
    }
    answer(poll, true);
    poll = start(&expects, TALC_ACTION_POLL); /* there may be more */
    answer(poll, false);
    assert_waits_until(&expects, now + 100);
}

/* The time for which an answer may be held is added to that of the repeat. */
static void a_held_poll_is_given_its_time(void **state)
{
    (void)state;
    talc_open_exchange *poll = start(&expects_and_may_hold, TALC_ACTION_POLL);
    assert_int_equal(poll->hold_s, 20);
    assert_waits_until(&expects_and_may_hold, now + 20000 + 3000);
    now += 20010;
    answer(poll, false); /* held to its end: nothing speaks against more */
    poll = start(&expects_and_may_hold, TALC_ACTION_POLL);
    assert_int_equal(poll->hold_s, 20);
    assert_int_equal(exchanges.smoothed_ms, 0); /* no round trip was measured by it */
}

/* A path that loses answers that were held for long may drop what is silent. */
static void lost_polls_are_held_more_shortly(void **state)
{
    (void)state;
    start(&expects_and_may_hold, TALC_ACTION_POLL);
    now += 23000;
    talc_open_exchange *repeat = start(&expects_and_may_hold, TALC_ACTION_REPEAT);
    now += 10;
    answer(repeat, true);
    assert_int_equal(start(&expects_and_may_hold, TALC_ACTION_POLL)->hold_s, 10);
}

/* Who waits for an acknowledgement asks without `w`: the answer has something to say. */
static void no_holding_before_the_acknowledgement(void **state)
{
    (void)state;
    talc_exchange_needs needs = { false, true, true, true };
    assert_int_equal(start(&needs, TALC_ACTION_POLL)->hold_s, 0);
}

static void more_is_asked_for_at_once(void **state)
{
    (void)state;
    talc_open_exchange *open = start(&has_unsent, TALC_ACTION_SEND);
    now += 40;
    answer(open, true);
    talc_exchanges_ask_again(&exchanges);
    talc_exchange_plan next = plan(&nothing); /* even if nothing else is expected */
    assert_int_equal(next.action, TALC_ACTION_SEND);
    open = talc_exchanges_start(&exchanges, &next, now, 0, &cancelled);
    assert_waits_until(&expects, open->due_ms);
    answer(open, true);
    assert_waits_until(&nothing, UINT64_MAX); /* once for each `m` */
}

/* ---------------------------------------------------------------- hints */

static void hints_are_believed_after_three_in_two_seconds(void **state)
{
    (void)state;
    assert_false(talc_exchanges_hint(&exchanges, now));
    assert_false(talc_exchanges_hint(&exchanges, now + 100));
    assert_false(talc_exchanges_hint(&exchanges, now + 1999)); /* enough, but too soon */
    assert_true(talc_exchanges_hint(&exchanges, now + 2000));
}

static void two_hints_are_too_few(void **state)
{
    (void)state;
    assert_false(talc_exchanges_hint(&exchanges, now));
    assert_false(talc_exchanges_hint(&exchanges, now + 60000));
    assert_true(talc_exchanges_hint(&exchanges, now + 60001));
}

static void an_answer_refutes_hints(void **state)
{
    (void)state;
    const talc_open_exchange *open = start(&has_unsent, TALC_ACTION_SEND);
    assert_false(talc_exchanges_hint(&exchanges, now));
    assert_false(talc_exchanges_hint(&exchanges, now + 3000));
    answer(open, true);
    assert_false(talc_exchanges_hint(&exchanges, now + 3001));
    assert_false(talc_exchanges_hint(&exchanges, now + 3002));
    assert_false(talc_exchanges_hint(&exchanges, now + 3003));
}

/* A new session keeps what is known of the path, and its numbers are its own. */
static void a_new_session(void **state)
{
    (void)state;
    talc_open_exchange *open = start(&has_unsent, TALC_ACTION_SEND);
    now += 500;
    answer(open, true);
    start(&has_unsent, TALC_ACTION_SEND);
    uint32_t number = exchanges.next_number;
    talc_exchanges_reset(&exchanges, 9000);
    assert_waits_until(&nothing, UINT64_MAX);
    open = start(&has_unsent, TALC_ACTION_SEND);
    assert_int_equal(open->request, 9000);
    assert_int_equal(open->number, number); /* late answers of the old one are not mistaken */
    assert_int_equal(exchanges.smoothed_ms, 500);
}

#define RULE(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(nothing_to_do),
        RULE(new_records_go_at_once),
        RULE(a_poll_makes_way_for_records),
        RULE(at_most_two_are_open),
        RULE(numbers_go_on),
        RULE(only_open_numbers_count),
        RULE(repeats_are_ever_rarer),
        RULE(repeats_are_spread),
        RULE(an_answer_ends_the_doubling),
        RULE(the_time_follows_the_path),
        RULE(nobody_who_needs_nothing_repeats),
        RULE(failures_end_an_exchange_early),
        RULE(a_path_that_says_when),
        RULE(late_failures_do_not_count),
        RULE(what_is_lost_goes_before_what_is_new),
        RULE(polls_are_ever_rarer),
        RULE(a_held_poll_is_given_its_time),
        RULE(lost_polls_are_held_more_shortly),
        RULE(no_holding_before_the_acknowledgement),
        RULE(more_is_asked_for_at_once),
        RULE(hints_are_believed_after_three_in_two_seconds),
        RULE(two_hints_are_too_few),
        RULE(an_answer_refutes_hints),
        RULE(a_new_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
