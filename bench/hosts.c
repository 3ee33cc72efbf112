/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* ppoll */

#include "bench/hosts.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bench/ledger.h"
#include "bench/stopwatch.h"
#include "talc/server.h"

#define HOSTS 3
#define SESSIONS_MAX 16384 /* clients leave without a word */
#define HALF_OPEN_MAX 4096
#define DESCRIPTORS (HOSTS + 1)

/* `tls` serves `ecc` beside it. */
static const talc_mode host_modes[HOSTS] = { TALC_MODE_NONE, TALC_MODE_DTLS, TALC_MODE_TLS };

struct hosts {
    credentials held;
    talc_failure failure;        /* the servers write to it */
    talc_server *servers[HOSTS]; /* NULL: left out. The thread's, once it runs */
    uint16_t ports[HOSTS];
    uint64_t due_ns[HOSTS]; /* when each wants a turn even if nothing arrives */
    pthread_t thread;
    bool is_running;
    pthread_mutex_t mutex; /* over what follows */
    pthread_cond_t settled;
    int asked; /* eventfd */
    bool is_ending;
    unsigned asks, answers;
};

static void answer(void *context, talc_exchange *exchange, const talc_request *request)
{
    (void)context;
    (void)request;
    talc_response response = { TALC_CODE_CONTENT, TALC_FORMAT_JSON, HOST_TEXT,
                               sizeof HOST_TEXT - 1 };
    talc_exchange_respond(exchange, &response);
}

/* ---------------------------------------------------------------- the thread */

static void note_due(hosts *all, size_t place)
{
    uint64_t timeout_ns = (uint64_t)talc_server_timeout_ms(all->servers[place]) * 1000000;
    all->due_ns[place] = stopwatch_wall_ns() + timeout_ns;
}

/* Those that something arrived for, or whose time has come: an idle one would cost a little, too. */
static void servers_process(hosts *all, const struct pollfd *watched)
{
    ledger_enter(LEDGER_SERVER);
    for (size_t i = 0; i < HOSTS; i++) {
        if (all->servers[i] != NULL &&
            (watched[i].revents != 0 || all->due_ns[i] <= stopwatch_wall_ns())) {
            talc_server_process(all->servers[i]);
            note_due(all, i);
        }
    }
    ledger_enter(LEDGER_NOBODY);
}

/* Until something arrives or a server wants a turn. */
static void servers_wait(const hosts *all, struct pollfd watched[DESCRIPTORS])
{
    uint64_t now_ns = stopwatch_wall_ns();
    uint64_t until_ns = UINT64_MAX;
    for (size_t i = 0; i < HOSTS; i++) {
        watched[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
        if (all->servers[i] != NULL) {
            until_ns = all->due_ns[i] < until_ns ? all->due_ns[i] : until_ns;
            watched[i].fd = talc_server_descriptor(all->servers[i], 0);
        }
    }
    watched[HOSTS] = (struct pollfd){ .fd = all->asked, .events = POLLIN };
    uint64_t wait_ns = until_ns > now_ns ? until_ns - now_ns : 0;
    struct timespec limit = { (time_t)(wait_ns / 1000000000u), (long)(wait_ns % 1000000000u) };
    (void)ppoll(watched, DESCRIPTORS, &limit, NULL);
}

/* Returns true if the thread has to end. */
static bool asks_take(hosts *all, unsigned *taken)
{
    uint64_t ignored;
    pthread_mutex_lock(&all->mutex);
    (void)!read(all->asked, &ignored, sizeof ignored);
    *taken = all->asks;
    bool is_ending = all->is_ending;
    pthread_mutex_unlock(&all->mutex);
    return is_ending;
}

static void asks_answer(hosts *all, unsigned taken)
{
    pthread_mutex_lock(&all->mutex);
    all->answers = taken;
    pthread_cond_signal(&all->settled);
    pthread_mutex_unlock(&all->mutex);
}

/* What arrived before an ask is seen by the same wait, or was by an earlier one. */
static void *run(void *context)
{
    hosts *all = context;
    struct pollfd watched[DESCRIPTORS];
    bool is_ending = false;
    while (!is_ending) {
        unsigned taken = 0;
        servers_wait(all, watched);
        if (watched[HOSTS].revents != 0) {
            is_ending = asks_take(all, &taken);
        }
        servers_process(all, watched);
        if (taken != 0) {
            asks_answer(all, taken);
        }
    }
    return NULL;
}

static void ask(hosts *all)
{
    uint64_t one = 1;
    all->asks++;
    (void)!write(all->asked, &one, sizeof one);
}

void hosts_settle(hosts *all)
{
    pthread_mutex_lock(&all->mutex);
    ask(all);
    unsigned asked = all->asks;
    while (all->answers != asked) {
        pthread_cond_wait(&all->settled, &all->mutex);
    }
    pthread_mutex_unlock(&all->mutex);
}

/* ---------------------------------------------------------------- making and ending */

static talc_status server_open(hosts *all, size_t place)
{
    talc_config config = credentials_server_config(&all->held, TALC_TLS_1_3);
    config.mode = host_modes[place];
    config.sessions_max = SESSIONS_MAX;
    config.half_open_max = HALF_OPEN_MAX;
    config.failure = &all->failure;
    talc_server **server = &all->servers[place];
    talc_status status = talc_server_new(server, &config);
    if (status == TALC_OK) {
        status = talc_server_listen(*server, "coap://127.0.0.1:0");
    }
    if (status == TALC_OK) {
        status = talc_server_handle(*server, HOST_PATH, TALC_ALLOW(TALC_GET), answer, NULL);
    }
    if (status == TALC_OK) {
        all->ports[place] = talc_server_port(*server, 0);
        note_due(all, place);
    } else {
        talc_server_free(*server);
        *server = NULL;
    }
    return status;
}

static talc_status servers_open(hosts *all)
{
    talc_status status = TALC_OK;
    for (size_t i = 0; i < HOSTS && status == TALC_OK; i++) {
        status = server_open(all, i);
        status = status == TALC_ERROR_UNSUPPORTED ? TALC_OK : status;
    }
    return status;
}

static talc_status thread_start(hosts *all)
{
    all->is_running = pthread_create(&all->thread, NULL, run, all) == 0;
    return all->is_running ? TALC_OK : TALC_ERROR_MEMORY;
}

talc_status hosts_start(hosts **all, const char *folder, talc_failure *failure)
{
    hosts *made = calloc(1, sizeof *made);
    *all = made;
    if (made == NULL) {
        return TALC_ERROR_MEMORY;
    }
    pthread_mutex_init(&made->mutex, NULL);
    pthread_cond_init(&made->settled, NULL);
    made->asked = eventfd(0, EFD_NONBLOCK);
    talc_status status = credentials_load(&made->held, CREDENTIAL_ALL_CLIENTS, folder, failure);
    if (status == TALC_OK) {
        status = servers_open(made);
        *failure = made->failure;
    }
    if (status == TALC_OK) {
        status = thread_start(made);
    }
    if (status != TALC_OK) {
        hosts_stop(made);
        *all = NULL;
    }
    return status;
}

uint16_t hosts_port(const hosts *all, talc_mode mode)
{
    mode = mode == TALC_MODE_ECC ? TALC_MODE_TLS : mode;
    for (size_t i = 0; i < HOSTS; i++) {
        if (host_modes[i] == mode) {
            return all->ports[i];
        }
    }
    return 0;
}

static void thread_end(hosts *all)
{
    pthread_mutex_lock(&all->mutex);
    all->is_ending = true;
    ask(all);
    pthread_mutex_unlock(&all->mutex);
    pthread_join(all->thread, NULL);
}

void hosts_stop(hosts *all)
{
    if (all == NULL) {
        return;
    }
    if (all->is_running) {
        thread_end(all);
    }
    for (size_t i = 0; i < HOSTS; i++) {
        talc_server_free(all->servers[i]);
    }
    credentials_clear(&all->held);
    close(all->asked);
    pthread_cond_destroy(&all->settled);
    pthread_mutex_destroy(&all->mutex);
    free(all);
}
