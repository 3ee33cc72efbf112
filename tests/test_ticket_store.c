/* SPDX-License-Identifier: MIT */
/* What clients keep of servers' tickets: who gets which one, how often, how many and how long. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/ticket_store.h"

#define NOW_MS 1000000u
#define LATER_MS 60000u

static talc_ticket_key usual_key(void)
{
    talc_ticket_key key;
    memset(&key, 0, sizeof key);
    memcpy(key.server_name, "sensor.example", sizeof "sensor.example");
    memset(key.trust_set, 7, sizeof key.trust_set);
    memset(key.identity, 9, sizeof key.identity);
    key.version_min = key.version_max = TALC_TLS_1_3;
    return key;
}

/* A ticket that its number tells from others. */
static talc_ticket ticket_of(uint32_t number, uint64_t expires_at_ms)
{
    talc_ticket ticket;
    memset(&ticket, 0, sizeof ticket);
    ticket.expires_at_ms = expires_at_ms;
    ticket.session_size = sizeof number;
    memcpy(ticket.session, &number, sizeof number);
    return ticket;
}

static uint32_t number_of(const talc_ticket *ticket)
{
    uint32_t number;
    assert_int_equal(ticket->session_size, sizeof number);
    memcpy(&number, ticket->session, sizeof number);
    return number;
}

static void put(talc_tickets *tickets, const talc_ticket_key *key, uint32_t number)
{
    talc_ticket ticket = ticket_of(number, NOW_MS + LATER_MS);
    assert_int_equal(talc_tickets_put(tickets, key, &ticket, NOW_MS), TALC_OK);
}

static talc_tickets *new_store(void)
{
    talc_tickets *tickets;
    assert_int_equal(talc_tickets_new(&tickets), TALC_OK);
    return tickets;
}

static void a_ticket_is_taken_once(void **state)
{
    talc_tickets *tickets = new_store();
    talc_ticket_key key = usual_key();
    talc_ticket taken;
    (void)state;
    put(tickets, &key, 1);
    assert_int_equal(talc_tickets_size(tickets), 1);
    assert_true(talc_tickets_take(tickets, &key, NOW_MS, &taken));
    assert_int_equal(number_of(&taken), 1);
    assert_int_equal(talc_tickets_size(tickets), 0);
    assert_false(talc_tickets_take(tickets, &key, NOW_MS, &taken));
    talc_tickets_free(tickets);
}

static void the_newest_comes_first(void **state)
{
    talc_tickets *tickets = new_store();
    talc_ticket_key key = usual_key();
    talc_ticket taken;
    (void)state;
    put(tickets, &key, 1);
    put(tickets, &key, 2);
    assert_true(talc_tickets_take(tickets, &key, NOW_MS, &taken));
    assert_int_equal(number_of(&taken), 2);
    assert_true(talc_tickets_take(tickets, &key, NOW_MS, &taken));
    assert_int_equal(number_of(&taken), 1);
    talc_tickets_free(tickets);
}

static void change_name(talc_ticket_key *key)
{
    key->server_name[0] = 'S';
}

static void lengthen_name(talc_ticket_key *key)
{
    memcpy(key->server_name, "sensor.example.", sizeof "sensor.example.");
}

static void change_trust(talc_ticket_key *key)
{
    key->trust_set[TALC_PIN_SIZE - 1] ^= 1;
}

static void change_identity(talc_ticket_key *key)
{
    key->identity[TALC_SHA256_SIZE - 1] ^= 1;
}

static void drop_identity(talc_ticket_key *key)
{
    memset(key->identity, 0, sizeof key->identity);
}

static void change_oldest_version(talc_ticket_key *key)
{
    key->version_min = TALC_TLS_1_2;
}

static void change_newest_version(talc_ticket_key *key)
{
    key->version_max = TALC_TLS_1_2;
}

static void nobody_gets_the_ticket_of_another(void **state)
{
    static const struct {
        const char *label;
        void (*change)(talc_ticket_key *key);
    } cases[] = {
        { "another server", change_name },
        { "a server whose name begins the same", lengthen_name },
        { "another trust", change_trust },
        { "another client", change_identity },
        { "an anonymous client", drop_identity },
        { "another oldest version", change_oldest_version },
        { "another newest version", change_newest_version },
    };
    talc_tickets *tickets = new_store();
    talc_ticket_key key = usual_key();
    talc_ticket taken;
    (void)state;
    put(tickets, &key, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        talc_ticket_key other = usual_key();
        cases[i].change(&other);
        if (talc_tickets_take(tickets, &other, NOW_MS, &taken)) {
            fail_msg("%s got it", cases[i].label);
        }
    }
    assert_true(talc_tickets_take(tickets, &key, NOW_MS, &taken));
    talc_tickets_free(tickets);
}

static void when_it_is_full_the_oldest_gives_way(void **state)
{
    talc_tickets *tickets = new_store();
    talc_ticket_key key = usual_key();
    talc_ticket taken;
    (void)state;
    for (uint32_t i = 0; i < TALC_TICKETS_MAX + 3; i++) {
        put(tickets, &key, i);
    }
    assert_int_equal(talc_tickets_size(tickets), TALC_TICKETS_MAX);
    for (uint32_t i = TALC_TICKETS_MAX + 3; i > 3; i--) {
        assert_true(talc_tickets_take(tickets, &key, NOW_MS, &taken));
        assert_int_equal(number_of(&taken), i - 1);
    }
    assert_false(talc_tickets_take(tickets, &key, NOW_MS, &taken));
    talc_tickets_free(tickets);
}

static void an_expired_ticket_is_thrown_away(void **state)
{
    talc_tickets *tickets = new_store();
    talc_ticket_key key = usual_key();
    talc_ticket taken;
    talc_ticket short_lived = ticket_of(2, NOW_MS + 10);
    (void)state;
    put(tickets, &key, 1);
    assert_int_equal(talc_tickets_put(tickets, &key, &short_lived, NOW_MS), TALC_OK);
    assert_true(talc_tickets_take(tickets, &key, NOW_MS + 9, &taken));
    assert_int_equal(number_of(&taken), 2);

    assert_int_equal(talc_tickets_put(tickets, &key, &short_lived, NOW_MS), TALC_OK);
    assert_true(talc_tickets_take(tickets, &key, NOW_MS + 10, &taken));
    assert_int_equal(number_of(&taken), 1);
    assert_int_equal(talc_tickets_size(tickets), 0);

    /* Filing clears up, too. */
    assert_int_equal(talc_tickets_put(tickets, &key, &short_lived, NOW_MS), TALC_OK);
    talc_ticket other = ticket_of(3, NOW_MS + LATER_MS);
    assert_int_equal(talc_tickets_put(tickets, &key, &other, NOW_MS + 10), TALC_OK);
    assert_int_equal(talc_tickets_size(tickets), 1);
    talc_tickets_free(tickets);
}

static void a_store_can_be_emptied(void **state)
{
    talc_tickets *tickets = new_store();
    talc_ticket_key key = usual_key();
    talc_ticket taken;
    (void)state;
    put(tickets, &key, 1);
    put(tickets, &key, 2);
    talc_tickets_clear(tickets);
    assert_int_equal(talc_tickets_size(tickets), 0);
    assert_false(talc_tickets_take(tickets, &key, NOW_MS, &taken));
    put(tickets, &key, 3);
    assert_true(talc_tickets_take(tickets, &key, NOW_MS, &taken));
    talc_tickets_free(tickets);
}

static void a_store_lives_as_long_as_anybody_holds_it(void **state)
{
    talc_tickets *tickets = new_store();
    talc_ticket_key key = usual_key();
    (void)state;
    assert_ptr_equal(talc_tickets_hold(tickets), tickets);
    put(tickets, &key, 1);
    talc_tickets_free(tickets);
    assert_int_equal(talc_tickets_size(tickets), 1); /* a sanitizer sees it if it is gone */
    talc_tickets_free(tickets);
}

static void null_is_no_store(void **state)
{
    (void)state;
    assert_int_equal(talc_tickets_new(NULL), TALC_ERROR_ARGUMENT);
    assert_null(talc_tickets_hold(NULL));
    assert_int_equal(talc_tickets_size(NULL), 0);
    talc_tickets_clear(NULL);
    talc_tickets_free(NULL);
}

/* ---------------------------------------------------------------- threads */

#define THREADS 4
#define ROUNDS 2000

static talc_tickets *shared;
static atomic_uint taken_times[THREADS * ROUNDS];

/* Each files tickets of its own number and takes whatever is there. */
static void *file_and_take(void *argument)
{
    uint32_t first = *(const uint32_t *)argument;
    talc_ticket_key key = usual_key();
    for (uint32_t i = 0; i < ROUNDS; i++) {
        talc_ticket ticket = ticket_of(first + i, NOW_MS + LATER_MS);
        talc_ticket taken;
        if (talc_tickets_put(shared, &key, &ticket, NOW_MS) == TALC_OK &&
            talc_tickets_take(shared, &key, NOW_MS, &taken)) {
            uint32_t number;
            memcpy(&number, taken.session, sizeof number);
            atomic_fetch_add(&taken_times[number], 1);
        }
    }
    return NULL;
}

static void threads_share_a_store(void **state)
{
    pthread_t threads[THREADS];
    uint32_t first[THREADS];
    unsigned taken = 0;
    (void)state;
    shared = new_store();
    for (uint32_t i = 0; i < THREADS; i++) {
        first[i] = i * ROUNDS;
        assert_int_equal(pthread_create(&threads[i], NULL, file_and_take, &first[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    for (size_t i = 0; i < THREADS * ROUNDS; i++) {
        assert_in_range(taken_times[i], 0, 1);
        taken += taken_times[i];
    }
    /* At most THREADS tickets are filed at a time, so none had to give way. */
    assert_int_equal(taken + talc_tickets_size(shared), THREADS * ROUNDS);
    talc_tickets_free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_is_taken_once),
        cmocka_unit_test(the_newest_comes_first),
        cmocka_unit_test(nobody_gets_the_ticket_of_another),
        cmocka_unit_test(when_it_is_full_the_oldest_gives_way),
        cmocka_unit_test(an_expired_ticket_is_thrown_away),
        cmocka_unit_test(a_store_can_be_emptied),
        cmocka_unit_test(a_store_lives_as_long_as_anybody_holds_it),
        cmocka_unit_test(null_is_no_store),
        cmocka_unit_test(threads_share_a_store),
    };
    return cmocka_run_group_tests_name("ticket_store", tests, NULL, NULL);
}
