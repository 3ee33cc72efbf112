/* SPDX-License-Identifier: MIT */
#include "gateway/resolver.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "transport/host_address.h"

#define THREADS_MAX 16
#define UNKNOWN_MAX (THREADS_MAX / 2) /* threads for names that may be waited for in vain */
#define KNOWN_MAX 128                 /* names that are remembered */
#define PROMPT_MS 1000                /* within this a name is found by a server that answers */
#define HOST_SIZE 256

typedef struct job {
    struct job *prev, *next;
    char host[HOST_SIZE];
    int is_known;
    talc_gateway_resolution resolution;
} job;

/*
 * The lock guards everything but `event`. The last of owner and threads frees it.
 *
 * A name whose servers are silent takes its thread for many seconds, and whoever may ask for any
 * name has as many of them as he likes. So a name is known only after it was found promptly, until
 * it is not any more, and half of the threads and of the queue are for known ones.
 */
struct talc_gateway_resolver {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    job *waiting;
    job *done;
    size_t jobs; /* waiting, in work and done */
    size_t threads, idle;
    size_t unknown; /* in work */
    char known[KNOWN_MAX][HOST_SIZE];
    size_t known_next; /* is overwritten next */
    int is_closed;
    int event; /* eventfd(2) */
};

talc_status talc_gateway_resolver_new(talc_gateway_resolver **resolver)
{
    talc_gateway_resolver *made = calloc(1, sizeof *made);
    *resolver = NULL;
    if (made == NULL) {
        return TALC_ERROR_MEMORY;
    }
    made->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (made->event < 0) {
        free(made);
        return TALC_ERROR_IO;
    }
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->wake, NULL);
    *resolver = made;
    return TALC_OK;
}

static void jobs_free(job **list)
{
    job *at, *next;
    DL_FOREACH_SAFE (*list, at, next) {
        DL_DELETE(*list, at);
        free(at);
    }
}

static void destroy(talc_gateway_resolver *resolver)
{
    jobs_free(&resolver->waiting);
    jobs_free(&resolver->done);
    close(resolver->event);
    pthread_cond_destroy(&resolver->wake);
    pthread_mutex_destroy(&resolver->lock);
    free(resolver);
}

/* ---------------------------------------------------------------- in the threads */

static void note_addresses(talc_gateway_resolution *resolution, const struct addrinfo *found)
{
    for (const struct addrinfo *at = found;
         at != NULL && resolution->count < TALC_GATEWAY_ADDRESSES_MAX; at = at->ai_next) {
        char *text = resolution->addresses[resolution->count];
        if (talc_host_address_is_of_one(at->ai_addr) &&
            getnameinfo(at->ai_addr, at->ai_addrlen, text, TALC_GATEWAY_ADDRESS_SIZE, NULL, 0,
                        NI_NUMERICHOST) == 0) {
            resolution->count++;
        }
    }
}

static void resolve(job *asked)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG };
    struct addrinfo *found = NULL;
    int error = getaddrinfo(asked->host, NULL, &hints, &found);
    if (error != 0) {
        snprintf(asked->resolution.reason, sizeof asked->resolution.reason, "%s",
                 gai_strerror(error));
        return;
    }
    note_addresses(&asked->resolution, found);
    freeaddrinfo(found);
    if (asked->resolution.count == 0) {
        snprintf(asked->resolution.reason, sizeof asked->resolution.reason,
                 "it has no address of one host");
    }
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* NULL: it is not known. With the lock held, as all that follow here. */
static char *known_find(talc_gateway_resolver *resolver, const char *host)
{
    for (size_t i = 0; i < KNOWN_MAX; i++) {
        if (strcmp(resolver->known[i], host) == 0) {
            return resolver->known[i];
        }
    }
    return NULL;
}

static void known_note(talc_gateway_resolver *resolver, const job *done, uint64_t took_ms)
{
    char *place = known_find(resolver, done->host);
    if (done->resolution.count == 0 || took_ms >= PROMPT_MS) {
        if (place != NULL) {
            place[0] = '\0';
        }
    } else if (place == NULL) {
        memcpy(resolver->known[resolver->known_next], done->host, HOST_SIZE);
        resolver->known_next = (resolver->known_next + 1) % KNOWN_MAX;
    }
}

/* The first that a thread may be spent on, NULL if there is none. */
static job *next_job(const talc_gateway_resolver *resolver)
{
    job *at;
    DL_FOREACH (resolver->waiting, at) {
        if (at->is_known || resolver->unknown < UNKNOWN_MAX) {
            return at;
        }
    }
    return NULL;
}

/* The lock is open in between. */
static void work_one(talc_gateway_resolver *resolver, job *taken)
{
    const uint64_t one = 1;
    const size_t unknown = taken->is_known ? 0 : 1;
    DL_DELETE(resolver->waiting, taken);
    resolver->unknown += unknown;
    pthread_mutex_unlock(&resolver->lock);
    uint64_t begun_ms = now_ms();
    resolve(taken);
    uint64_t took_ms = now_ms() - begun_ms;
    pthread_mutex_lock(&resolver->lock);
    resolver->unknown -= unknown;
    known_note(resolver, taken, took_ms);
    DL_APPEND(resolver->done, taken);
    /* It cannot fail before 2^64-1 of them, and no one is less than many. */
    (void)!write(resolver->event, &one, sizeof one);
}

static void *work(void *context)
{
    talc_gateway_resolver *resolver = context;
    pthread_mutex_lock(&resolver->lock);
    while (!resolver->is_closed) {
        job *next = next_job(resolver);
        if (next != NULL) {
            work_one(resolver, next);
            continue;
        }
        resolver->idle++;
        pthread_cond_wait(&resolver->wake, &resolver->lock);
        resolver->idle--;
    }
    resolver->threads--;
    int is_last = resolver->threads == 0;
    pthread_mutex_unlock(&resolver->lock);
    if (is_last) {
        destroy(resolver);
    }
    return NULL;
}

/* ---------------------------------------------------------------- in the event loop */

/* Signals belong to the program's own threads. */
static int thread_start(talc_gateway_resolver *resolver)
{
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread, NULL, work, resolver);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        return -1;
    }
    pthread_detach(thread);
    resolver->threads++;
    return 0;
}

/* With the lock held. */
static talc_status enqueue(talc_gateway_resolver *resolver, job *added)
{
    const job *at;
    size_t waiting;
    added->is_known = known_find(resolver, added->host) != NULL;
    if (resolver->jobs >= (added->is_known ? TALC_GATEWAY_NAMES_MAX : TALC_GATEWAY_NEW_NAMES_MAX)) {
        return TALC_WANT_ROOM;
    }
    DL_COUNT(resolver->waiting, at, waiting);
    if (waiting >= resolver->idle && resolver->threads < THREADS_MAX &&
        thread_start(resolver) != 0 && resolver->threads == 0) {
        return TALC_ERROR_MEMORY;
    }
    DL_APPEND(resolver->waiting, added);
    resolver->jobs++;
    pthread_cond_signal(&resolver->wake);
    return TALC_OK;
}

talc_status talc_gateway_resolver_ask(talc_gateway_resolver *resolver, uint32_t number,
                                      const char *host)
{
    job *added = calloc(1, sizeof *added);
    if (added == NULL || strlen(host) >= sizeof added->host) {
        free(added);
        return TALC_ERROR_MEMORY;
    }
    added->resolution.number = number;
    snprintf(added->host, sizeof added->host, "%s", host);
    pthread_mutex_lock(&resolver->lock);
    talc_status status = enqueue(resolver, added);
    pthread_mutex_unlock(&resolver->lock);
    if (status != TALC_OK) {
        free(added);
    }
    return status;
}

int talc_gateway_resolver_take(talc_gateway_resolver *resolver, talc_gateway_resolution *resolution)
{
    uint64_t count;
    pthread_mutex_lock(&resolver->lock);
    job *taken = resolver->done;
    if (taken != NULL) {
        DL_DELETE(resolver->done, taken);
        resolver->jobs--;
    } else {
        (void)!read(resolver->event, &count, sizeof count);
    }
    pthread_mutex_unlock(&resolver->lock);
    if (taken == NULL) {
        return 0;
    }
    *resolution = taken->resolution;
    free(taken);
    return 1;
}

int talc_gateway_resolver_descriptor(const talc_gateway_resolver *resolver)
{
    return resolver->event;
}

void talc_gateway_resolver_free(talc_gateway_resolver *resolver)
{
    if (resolver == NULL) {
        return;
    }
    pthread_mutex_lock(&resolver->lock);
    resolver->is_closed = 1;
    int has_threads = resolver->threads > 0;
    pthread_cond_broadcast(&resolver->wake);
    pthread_mutex_unlock(&resolver->lock);
    if (!has_threads) {
        destroy(resolver);
    }
}
