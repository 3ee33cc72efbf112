/* SPDX-License-Identifier: MIT */
#include "lib/exchanges.h"

#include <string.h>

void talc_exchanges_reset(talc_exchanges *exchanges, uint64_t first_request)
{
    memset(exchanges->open, 0, sizeof exchanges->open);
    exchanges->next_request = first_request;
    exchanges->attempt = 0;
    exchanges->repeat_wanted = false;
    exchanges->asks_again = false;
    exchanges->hints = 0;
    exchanges->poll_delay_ms = TALC_POLL_DELAY_MIN_MS;
    exchanges->poll_at_ms = 0;
}

void talc_exchanges_init(talc_exchanges *exchanges, uint64_t first_request, uint32_t hold_s)
{
    memset(exchanges, 0, sizeof *exchanges);
    exchanges->next_number = 1;
    exchanges->hold_s = hold_s;
    talc_exchanges_reset(exchanges, first_request);
}

/* ---------------------------------------------------------------- times */

static uint32_t repeat_time(const talc_exchanges *exchanges, uint32_t jitter)
{
    uint64_t time_ms = TALC_REPEAT_FIRST_MS;
    if (exchanges->smoothed_ms != 0) {
        time_ms = (uint64_t)exchanges->smoothed_ms + 4u * (uint64_t)exchanges->variation_ms;
        time_ms = time_ms < TALC_REPEAT_MIN_MS ? TALC_REPEAT_MIN_MS : time_ms;
    }
    uint32_t doublings = exchanges->attempt < 5 ? exchanges->attempt : 5;
    time_ms <<= doublings;
    if (doublings > 0) {
        time_ms += time_ms * (jitter % 512u) / 1024u; /* RFC 7252's ACK_RANDOM_FACTOR, 1.5 */
    }
    return (uint32_t)(time_ms < TALC_REPEAT_MAX_MS ? time_ms : TALC_REPEAT_MAX_MS);
}

/* RFC 6298 section 2.2 and 2.3. */
static void measure(talc_exchanges *exchanges, uint64_t sample_ms)
{
    uint32_t sample = sample_ms == 0 ? 1 : (uint32_t)sample_ms;
    if (sample > TALC_REPEAT_MAX_MS) {
        return;
    }
    if (exchanges->smoothed_ms == 0) {
        exchanges->smoothed_ms = sample;
        exchanges->variation_ms = sample / 2;
        return;
    }
    uint32_t smoothed = exchanges->smoothed_ms;
    uint32_t distance = sample > smoothed ? sample - smoothed : smoothed - sample;
    exchanges->variation_ms = (3 * exchanges->variation_ms + distance) / 4;
    exchanges->smoothed_ms = (7 * smoothed + sample) / 8;
}

/* ---------------------------------------------------------------- the plan */

/* The exchange of the newest envelope, if it is open still. An older one that is open may yet bring
 * something, but nothing waits for it. */
static const talc_open_exchange *current(const talc_exchanges *exchanges)
{
    for (size_t i = 0; i < TALC_EXCHANGES_OPEN_MAX; i++) {
        const talc_open_exchange *open = &exchanges->open[i];
        if (open->is_open && open->request + 1 == exchanges->next_request) {
            return open;
        }
    }
    return NULL;
}

static talc_exchange_plan plan_of(talc_exchange_action action, uint64_t at_ms)
{
    return (talc_exchange_plan){ action, at_ms, 0 };
}

static talc_exchange_plan plan_poll(const talc_exchanges *exchanges,
                                    const talc_exchange_needs *needs, uint64_t now_ms)
{
    if (now_ms < exchanges->poll_at_ms) {
        return plan_of(TALC_ACTION_WAIT, exchanges->poll_at_ms);
    }
    talc_exchange_plan plan = plan_of(TALC_ACTION_POLL, now_ms);
    plan.hold_s = needs->may_hold && !needs->has_unacknowledged ? exchanges->hold_s : 0;
    return plan;
}

talc_exchange_plan talc_exchanges_plan(const talc_exchanges *exchanges,
                                       const talc_exchange_needs *needs, uint64_t now_ms)
{
    const talc_open_exchange *last = current(exchanges);
    bool carries_news = last != NULL && last->carries_news;
    bool needs_answer = needs->expects || needs->has_unacknowledged || needs->has_unsent;
    if (now_ms < exchanges->not_before_ms) {
        return plan_of(TALC_ACTION_WAIT, needs_answer ? exchanges->not_before_ms : UINT64_MAX);
    }
    if (exchanges->repeat_wanted && needs->has_unacknowledged) {
        /* New records come along: by themselves they would leave a hole before them. */
        return plan_of(TALC_ACTION_REPEAT, now_ms);
    }
    if (needs->has_unsent && !carries_news) {
        return plan_of(TALC_ACTION_SEND, now_ms);
    }
    if (exchanges->repeat_wanted && needs_answer) {
        return plan_of(TALC_ACTION_REPEAT, now_ms);
    }
    if (exchanges->asks_again && !carries_news) {
        return plan_of(TALC_ACTION_SEND, now_ms);
    }
    if (last != NULL) {
        if (!needs_answer) {
            return plan_of(TALC_ACTION_WAIT, UINT64_MAX);
        }
        return now_ms >= last->due_ms ? plan_of(TALC_ACTION_REPEAT, now_ms)
                                      : plan_of(TALC_ACTION_WAIT, last->due_ms);
    }
    return needs->expects ? plan_poll(exchanges, needs, now_ms)
                          : plan_of(TALC_ACTION_WAIT, UINT64_MAX);
}

/* ---------------------------------------------------------------- events */

static talc_open_exchange *free_slot(talc_exchanges *exchanges, uint32_t *cancelled)
{
    talc_open_exchange *oldest = &exchanges->open[0];
    *cancelled = 0;
    for (size_t i = 0; i < TALC_EXCHANGES_OPEN_MAX; i++) {
        if (!exchanges->open[i].is_open) {
            return &exchanges->open[i];
        }
        if (exchanges->open[i].request < oldest->request) {
            oldest = &exchanges->open[i];
        }
    }
    *cancelled = oldest->number;
    return oldest;
}

/* A held answer that never came: the path may drop what stays silent for so long. */
static void doubt_holding(talc_exchanges *exchanges)
{
    const talc_open_exchange *last = current(exchanges);
    if (last != NULL && last->hold_s > 0) {
        exchanges->hold_s = last->hold_s / 2;
    }
}

talc_open_exchange *talc_exchanges_start(talc_exchanges *exchanges, const talc_exchange_plan *plan,
                                         uint64_t now_ms, uint32_t jitter, uint32_t *cancelled)
{
    if (plan->action == TALC_ACTION_REPEAT) {
        doubt_holding(exchanges);
        exchanges->attempt++;
    }
    talc_open_exchange *open = free_slot(exchanges, cancelled);
    open->is_open = true;
    open->carries_news = plan->action != TALC_ACTION_POLL;
    open->request = exchanges->next_request++;
    open->number = exchanges->next_number++;
    if (exchanges->next_number == 0) {
        exchanges->next_number = 1;
    }
    open->hold_s = plan->hold_s;
    open->sent_ms = now_ms;
    open->due_ms = now_ms + 1000u * (uint64_t)plan->hold_s + repeat_time(exchanges, jitter);
    exchanges->repeat_wanted = false;
    exchanges->asks_again = false;
    return open;
}

talc_open_exchange *talc_exchanges_find(talc_exchanges *exchanges, uint32_t number)
{
    for (size_t i = 0; i < TALC_EXCHANGES_OPEN_MAX; i++) {
        if (exchanges->open[i].is_open && exchanges->open[i].number == number) {
            return &exchanges->open[i];
        }
    }
    return NULL;
}

bool talc_exchanges_is_current(const talc_exchanges *exchanges, uint32_t number)
{
    const talc_open_exchange *last = current(exchanges);
    return last != NULL && last->number == number;
}

bool talc_exchanges_is_open(const talc_exchanges *exchanges, uint64_t request, bool *is_newest)
{
    *is_newest = request + 1 == exchanges->next_request;
    for (size_t i = 0; i < TALC_EXCHANGES_OPEN_MAX; i++) {
        if (exchanges->open[i].is_open && exchanges->open[i].request == request) {
            return true;
        }
    }
    return false;
}

/* The longer nothing new comes, the more rarely it is asked for. */
static void pace_polls(talc_exchanges *exchanges, bool news, uint64_t now_ms)
{
    if (news) {
        exchanges->poll_delay_ms = TALC_POLL_DELAY_MIN_MS;
        exchanges->poll_at_ms = now_ms;
        return;
    }
    exchanges->poll_at_ms = now_ms + exchanges->poll_delay_ms;
    exchanges->poll_delay_ms *= 2;
    if (exchanges->poll_delay_ms > TALC_POLL_DELAY_MAX_MS) {
        exchanges->poll_delay_ms = TALC_POLL_DELAY_MAX_MS;
    }
}

void talc_exchanges_answered(talc_exchanges *exchanges, uint64_t request, bool news,
                             uint64_t now_ms)
{
    bool is_held = false;
    for (size_t i = 0; i < TALC_EXCHANGES_OPEN_MAX; i++) {
        talc_open_exchange *open = &exchanges->open[i];
        if (open->is_open && open->request == request) {
            open->is_open = false;
            is_held = open->hold_s > 0;
            if (!is_held) {
                measure(exchanges, now_ms - open->sent_ms);
            } else if (now_ms - open->sent_ms >= 1000u * (uint64_t)open->hold_s) {
                news = true; /* held for as long as it was asked to: nothing speaks against more */
            }
        }
    }
    exchanges->attempt = 0;
    exchanges->hints = 0;
    exchanges->repeat_wanted = false;
    pace_polls(exchanges, news, now_ms);
}

void talc_exchanges_ask_again(talc_exchanges *exchanges)
{
    exchanges->asks_again = true;
}

void talc_exchanges_failed(talc_exchanges *exchanges, uint32_t number, uint32_t wait_ms,
                           uint64_t now_ms)
{
    talc_open_exchange *open = talc_exchanges_find(exchanges, number);
    if (open == NULL) {
        return;
    }
    bool is_current = open == current(exchanges);
    open->is_open = false;
    if (!is_current) {
        return;
    }
    uint32_t doublings = exchanges->attempt < 6 ? exchanges->attempt : 6;
    uint32_t backoff_ms = TALC_POLL_DELAY_MIN_MS << doublings;
    exchanges->repeat_wanted = true;
    exchanges->not_before_ms = now_ms + (wait_ms != 0 ? wait_ms : backoff_ms);
}

void talc_exchanges_reroute(talc_exchanges *exchanges)
{
    exchanges->repeat_wanted = exchanges->repeat_wanted || current(exchanges) != NULL;
    memset(exchanges->open, 0, sizeof exchanges->open);
    exchanges->not_before_ms = 0;
    exchanges->poll_at_ms = 0;
    exchanges->attempt = 0;
    exchanges->hints = 0;
}

bool talc_exchanges_hint(talc_exchanges *exchanges, uint64_t now_ms)
{
    if (exchanges->hints == 0) {
        exchanges->first_hint_ms = now_ms;
    }
    exchanges->hints++;
    return exchanges->hints >= TALC_HINTS_BELIEVED &&
           now_ms - exchanges->first_hint_ms >= TALC_HINTS_SPAN_MS;
}
