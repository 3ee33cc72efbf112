/* SPDX-License-Identifier: MIT */
/* The HTTP client's loop: libcurl's sockets in one epoll set, its timer and our deadlines. */
#include "transport/http_client_state.h"

#include "lib/failure.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#define EVENTS_MAX 64

uint64_t talc_http_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 + 1;
}

/* ---------------------------------------------------------------- sockets */

int talc_http_socket_add(talc_http_client *client, int socket)
{
    if (client->socket_count == client->socket_capacity) {
        size_t capacity = client->socket_capacity == 0 ? 8 : 2 * client->socket_capacity;
        int *sockets = realloc(client->sockets, capacity * sizeof *sockets);
        if (sockets == NULL) {
            return -1;
        }
        client->sockets = sockets;
        client->socket_capacity = capacity;
    }
    client->sockets[client->socket_count++] = socket;
    return 0;
}

void talc_http_socket_remove(talc_http_client *client, int socket)
{
    for (size_t i = 0; i < client->socket_count; i++) {
        if (client->sockets[i] == socket) {
            client->sockets[i] = client->sockets[--client->socket_count];
            return;
        }
    }
}

static uint16_t local_port_of(int socket)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage storage;
    } address = { .any.sa_family = AF_UNSPEC };
    socklen_t size = sizeof address;
    if (getsockname(socket, &address.any, &size) != 0) {
        return 0;
    }
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

/* Something to read, the peer's end, or an error. */
static int is_readable(int socket)
{
    char unread;
    ssize_t size = recv(socket, &unread, 1, MSG_PEEK | MSG_DONTWAIT);
    return size >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

/* Connections to several peers may share a local port: then one of them too many is given up. */
int talc_http_socket_is_stale(const talc_http_client *client, uint16_t local_port)
{
    for (size_t i = 0; i < client->socket_count; i++) {
        if (local_port_of(client->sockets[i]) == local_port && is_readable(client->sockets[i])) {
            return 1;
        }
    }
    return 0;
}

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *context, void *of_socket)
{
    talc_http_client *client = context;
    struct epoll_event event = { .data.fd = socket };
    (void)easy;
    (void)of_socket;
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(client->epoll, EPOLL_CTL_DEL, socket, &event);
        return 0;
    }
    event.events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
                   (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
    if (epoll_ctl(client->epoll, EPOLL_CTL_MOD, socket, &event) != 0 &&
        epoll_ctl(client->epoll, EPOLL_CTL_ADD, socket, &event) != 0) {
        client->is_broken = 1;
    }
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *context)
{
    talc_http_client *client = context;
    (void)multi;
    client->timer_ms = timeout_ms < 0 ? 0 : talc_http_now_ms() + (uint64_t)timeout_ms;
    return 0;
}

/* ---------------------------------------------------------------- opening */

static talc_status out_of_memory(talc_failure *failure)
{
    return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_MEMORY, "out of memory");
}

static CURLMcode multi_set(talc_http_client *client)
{
    CURLM *multi = client->multi;
    const struct {
        CURLMoption option;
        long value;
    } numbers[] = {
        { CURLMOPT_PIPELINING, CURLPIPE_NOTHING },
        { CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)client->connections_max },
        { CURLMOPT_MAXCONNECTS, (long)client->kept_max },
    };
    CURLMcode code = curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    if (code == CURLM_OK) {
        code = curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, client);
    }
    if (code == CURLM_OK) {
        code = curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    }
    if (code == CURLM_OK) {
        code = curl_multi_setopt(multi, CURLMOPT_TIMERDATA, client);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && code == CURLM_OK; i++) {
        code = curl_multi_setopt(multi, numbers[i].option, numbers[i].value);
    }
    return code;
}

static talc_status client_prepare(talc_http_client *client, const talc_http_client_setup *setup,
                                  talc_failure *failure)
{
    talc_status status = talc_http_proxy_take(client, setup->proxy_uri, failure);
    if (status == TALC_OK) {
        status = talc_http_anchors_take(client, setup->anchors_path, failure);
    }
    if (status != TALC_OK) {
        return status;
    }
    client->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (client->epoll < 0) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_IO,
                                "no descriptor for an event loop: %s", strerror(errno));
    }
    client->multi = curl_multi_init();
    return client->multi == NULL || multi_set(client) != CURLM_OK ? out_of_memory(failure)
                                                                  : TALC_OK;
}

talc_status talc_http_client_open(talc_http_client **client, const talc_http_client_setup *setup,
                                  talc_failure *failure)
{
    *client = NULL;
    talc_status status = talc_http_library_start(failure);
    if (status != TALC_OK) {
        return status;
    }
    talc_http_client *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return out_of_memory(failure);
    }
    opened->epoll = -1;
    opened->body_size = setup->body_size;
    opened->header_size = setup->header_size;
    opened->exchanges_max = setup->exchanges_max;
    opened->connections_max = setup->connections_max;
    opened->kept_max = setup->kept_max != 0 ? setup->kept_max : setup->connections_max;
    opened->addresses = setup->addresses;
    opened->connect_timeout_ms = setup->connect_timeout_ms;
    opened->timeout_ms = setup->timeout_ms;
    opened->ended = setup->ended;
    opened->ended_context = setup->context;
    status = client_prepare(opened, setup, failure);
    if (status != TALC_OK) {
        talc_http_client_close(opened);
        return status;
    }
    *client = opened;
    return TALC_OK;
}

/* ---------------------------------------------------------------- exchanges */

/* Gives an exchange to libcurl, if one may run. */
static void exchange_start(talc_http_client *client, talc_http_exchange *exchange)
{
    DL_DELETE(client->waiting, exchange);
    exchange->has_begun = 1;
    if (curl_multi_add_handle(client->multi, exchange->easy) != CURLM_OK) {
        talc_http_exchange_judge(exchange, CURLE_OUT_OF_MEMORY);
        DL_APPEND(client->done, exchange);
        return;
    }
    DL_APPEND(client->running, exchange);
    client->running_count++;
}

static void waiting_start(talc_http_client *client)
{
    while (client->waiting != NULL && client->running_count < client->connections_max) {
        exchange_start(client, client->waiting);
    }
}

/* Takes an exchange back from libcurl, which closes its connection unless it has ended well. */
static void exchange_stop(talc_http_client *client, talc_http_exchange *exchange)
{
    (void)curl_multi_remove_handle(client->multi, exchange->easy);
    DL_DELETE(client->running, exchange);
    client->running_count--;
}

talc_status talc_http_client_send(talc_http_client *client, uint32_t number, uint32_t attempt,
                                  const talc_http_message *request)
{
    talc_http_exchange *exchange;
    if (client->exchange_count >= client->exchanges_max) {
        return TALC_WANT_ROOM;
    }
    talc_status status = talc_http_exchange_new(&exchange, client, attempt, request);
    if (status != TALC_OK) {
        return status;
    }
    exchange->number = number;
    if (client->timeout_ms > 0) {
        exchange->deadline_ms = talc_http_now_ms() + client->timeout_ms;
    }
    DL_APPEND(client->waiting, exchange);
    client->exchange_count++;
    waiting_start(client);
    return TALC_OK;
}

static talc_http_exchange *find(talc_http_exchange *list, uint32_t number)
{
    talc_http_exchange *exchange;
    DL_SEARCH_SCALAR(list, exchange, number, number);
    return exchange;
}

void talc_http_client_cancel(talc_http_client *client, uint32_t number)
{
    talc_http_exchange *exchange = find(client->running, number);
    if (exchange != NULL) {
        exchange_stop(client, exchange);
    } else if ((exchange = find(client->waiting, number)) != NULL) {
        DL_DELETE(client->waiting, exchange);
    } else if ((exchange = find(client->done, number)) != NULL) {
        DL_DELETE(client->done, exchange);
    } else {
        return;
    }
    client->exchange_count--;
    talc_http_exchange_free(exchange);
    waiting_start(client);
}

/* ---------------------------------------------------------------- processing */

static void sockets_serve(talc_http_client *client)
{
    struct epoll_event events[EVENTS_MAX];
    int running;
    int count = epoll_wait(client->epoll, events, EVENTS_MAX, 0);
    for (int i = 0; i < count; i++) {
        int ready = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                    (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                    (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
        (void)curl_multi_socket_action(client->multi, events[i].data.fd, ready, &running);
    }
    if (client->timer_ms != 0 && talc_http_now_ms() >= client->timer_ms) {
        client->timer_ms = 0;
        (void)curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
}

/* Nothing has left over the kept connection, so the same exchange goes over a new one. */
static int exchange_restart(talc_http_client *client, talc_http_exchange *exchange)
{
    exchange->is_stale = 0;
    exchange->complaint[0] = '\0';
    talc_http_answer_clear(&exchange->answer);
    DL_APPEND(client->running, exchange);
    client->running_count++;
    return curl_easy_setopt(exchange->easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
           curl_multi_add_handle(client->multi, exchange->easy) == CURLM_OK;
}

static void exchange_end(talc_http_client *client, talc_http_exchange *exchange, CURLcode code)
{
    exchange_stop(client, exchange);
    if (exchange->is_stale && exchange_restart(client, exchange)) {
        return;
    }
    if (exchange->is_stale) {
        exchange_stop(client, exchange);
    }
    talc_http_exchange_judge(exchange, code);
    DL_APPEND(client->done, exchange);
}

static void ended_collect(talc_http_client *client)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        char *private = NULL;
        CURLcode code = message->data.result;
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private) == CURLE_OK) {
            exchange_end(client, (talc_http_exchange *)(void *)private, code);
        }
    }
}

static void late_collect(talc_http_client *client)
{
    talc_http_exchange *exchange, *next;
    uint64_t now_ms = talc_http_now_ms();
    DL_FOREACH_SAFE (client->running, exchange, next) {
        if (exchange->deadline_ms != 0 && now_ms >= exchange->deadline_ms) {
            exchange_stop(client, exchange);
            talc_http_exchange_expire(exchange);
            DL_APPEND(client->done, exchange);
        }
    }
    DL_FOREACH_SAFE (client->waiting, exchange, next) {
        if (exchange->deadline_ms != 0 && now_ms >= exchange->deadline_ms) {
            DL_DELETE(client->waiting, exchange);
            talc_http_exchange_expire(exchange);
            DL_APPEND(client->done, exchange);
        }
    }
}

/* Whoever is told may send, and cancel what waits to be told. What ends meanwhile is told next
 * time. */
static void done_deliver(talc_http_client *client)
{
    size_t count;
    talc_http_exchange *counted;
    DL_COUNT(client->done, counted, count);
    for (size_t i = 0; i < count && client->done != NULL; i++) {
        talc_http_exchange *exchange = client->done;
        talc_http_message response;
        talc_http_result result = { .number = exchange->number,
                                    .end = exchange->end,
                                    .reason = exchange->reason };
        DL_DELETE(client->done, exchange);
        client->exchange_count--;
        if (exchange->end == TALC_HTTP_ANSWERED) {
            talc_http_answer_read(exchange, &response);
            result.response = &response;
        }
        client->ended(client->ended_context, &result);
        talc_http_exchange_free(exchange);
    }
}

talc_status talc_http_client_process(talc_http_client *client)
{
    sockets_serve(client);
    ended_collect(client);
    late_collect(client);
    done_deliver(client);
    waiting_start(client);
    return client->is_broken ? TALC_ERROR_IO : TALC_OK;
}

int talc_http_client_descriptor(const talc_http_client *client)
{
    return client->epoll;
}

static uint64_t earliest(const talc_http_exchange *list, uint64_t until_ms)
{
    const talc_http_exchange *exchange;
    DL_FOREACH (list, exchange) {
        if (exchange->deadline_ms != 0 && exchange->deadline_ms < until_ms) {
            until_ms = exchange->deadline_ms;
        }
    }
    return until_ms;
}

uint32_t talc_http_client_timeout_ms(const talc_http_client *client)
{
    uint64_t now_ms = talc_http_now_ms();
    uint64_t until_ms = client->timer_ms != 0 ? client->timer_ms : UINT64_MAX;
    until_ms = earliest(client->running, until_ms);
    until_ms = earliest(client->waiting, until_ms);
    if (client->done != NULL || until_ms <= now_ms) {
        return 0;
    }
    if (until_ms == UINT64_MAX) {
        return UINT32_MAX;
    }
    return until_ms - now_ms < UINT32_MAX ? (uint32_t)(until_ms - now_ms) : UINT32_MAX - 1;
}

static void list_free(talc_http_exchange *list)
{
    talc_http_exchange *exchange, *next;
    DL_FOREACH_SAFE (list, exchange, next) {
        talc_http_exchange_free(exchange);
    }
}

void talc_http_client_close(talc_http_client *client)
{
    if (client == NULL) {
        return;
    }
    while (client->running != NULL) {
        talc_http_exchange *exchange = client->running;
        exchange_stop(client, exchange);
        talc_http_exchange_free(exchange);
    }
    list_free(client->waiting);
    list_free(client->done);
    (void)curl_multi_cleanup(client->multi);
    if (client->epoll >= 0) {
        close(client->epoll);
    }
    free(client->sockets);
    free(client->proxy);
    free(client->anchors_path);
    free(client);
}
