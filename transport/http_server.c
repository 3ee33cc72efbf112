/* SPDX-License-Identifier: MIT */
/* The HTTP server on libmicrohttpd: setting up, the loop, connections and their deadlines. */
#include "transport/http_server_state.h"

#include "lib/failure.h"
#include "lib/identity_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

/* Descriptors that are left to the rest of the process, if the system gives it few. */
#define DESCRIPTORS_SPARED 64u

#define EVENTS_AT_ONCE 64

/* Room beside a header for its fields' structures and a response's header. */
#define POOL_EXTRA 8192u

/* Versions before 1.2 are RFC 8996's to refuse; a static RSA key exchange has no forward secrecy.
 */
#define TLS_PRIORITIES "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA"

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---------------------------------------------------------------- connections */

static void leave(talc_http_connection *connection)
{
    if (connection->phase < TALC_HTTP_TIMED) {
        DL_DELETE(connection->server->phases[connection->phase], connection);
    }
}

void talc_http_connection_enter(talc_http_connection *connection, talc_http_phase phase)
{
    talc_http_server *server = connection->server;
    if (connection->phase == TALC_HTTP_ENDING) {
        return;
    }
    leave(connection);
    connection->phase = phase;
    if (phase < TALC_HTTP_TIMED) {
        connection->deadline_ms = now_ms() + server->phase_ms[phase];
        DL_APPEND(server->phases[phase], connection);
    }
}

/* libmicrohttpd takes a read that brought less than it asked for as the last one, so it does not
 * see the end of a stream that came along with data. */
static void watch(const talc_http_server *server, int descriptor, void *context, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = context };
    (void)epoll_ctl(server->descriptor, EPOLL_CTL_ADD, descriptor, &event);
}

/* libmicrohttpd closes the descriptor when it sees the end of the stream. */
void talc_http_connection_end(talc_http_connection *connection)
{
    leave(connection);
    connection->phase = TALC_HTTP_ENDING;
    (void)shutdown(connection->descriptor, SHUT_RDWR);
}

/* With the last place the connection gives way that has waited longest without a request, else
 * that is longest about to send one, else whose answer has not been taken for longest: nobody
 * keeps the others out by connecting, nor by not reading. */
static void make_room(talc_http_server *server)
{
    static const talc_http_phase phases[] = { TALC_HTTP_RECEIVING, TALC_HTTP_ANSWERING };
    talc_http_connection *oldest = server->phases[TALC_HTTP_IDLE];
    if (oldest != NULL && oldest->next == NULL) {
        oldest = NULL; /* it has just come */
    }
    for (size_t i = 0; i < 2 && oldest == NULL; i++) {
        oldest = server->phases[phases[i]];
    }
    if (server->connections >= server->connections_max && oldest != NULL) {
        talc_http_connection_end(oldest);
    }
}

static void connection_begin(talc_http_server *server, struct MHD_Connection *link, void **slot)
{
    const union MHD_ConnectionInfo *address =
        MHD_get_connection_info(link, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const union MHD_ConnectionInfo *descriptor =
        MHD_get_connection_info(link, MHD_CONNECTION_INFO_CONNECTION_FD);
    talc_http_connection *made = calloc(1, sizeof *made);
    *slot = made;
    server->connections++;
    if (made == NULL) {
        (void)shutdown(descriptor->connect_fd, SHUT_RDWR);
        return;
    }
    made->server = server;
    made->descriptor = descriptor->connect_fd;
    made->phase = TALC_HTTP_HELD; /* in no list yet */
    talc_http_peer_set(&made->peer, address->client_addr);
    talc_http_connection_enter(made, TALC_HTTP_IDLE);
    watch(server, made->descriptor, made, EPOLLRDHUP | EPOLLET);
    make_room(server);
}

static void on_connection(void *context, struct MHD_Connection *link, void **slot,
                          enum MHD_ConnectionNotificationCode code)
{
    talc_http_server *server = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        connection_begin(server, link, slot);
        return;
    }
    talc_http_connection *connection = *slot;
    *slot = NULL;
    server->connections--;
    if (connection != NULL) {
        talc_http_request_drop(connection); /* not every error ends a request first */
        leave(connection);
        server->finished -= (size_t)connection->is_finished;
        (void)epoll_ctl(server->descriptor, EPOLL_CTL_DEL, connection->descriptor, NULL);
        free(connection);
    }
}

/* ---------------------------------------------------------------- the loop */

static void end_late_ones(talc_http_server *server)
{
    uint64_t now = now_ms();
    for (int phase = 0; phase < TALC_HTTP_TIMED; phase++) {
        while (server->phases[phase] != NULL && server->phases[phase]->deadline_ms <= now) {
            talc_http_connection_end(server->phases[phase]);
        }
    }
}

static void note_finished_ones(talc_http_server *server)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    int count;
    do {
        count = epoll_wait(server->descriptor, events, EVENTS_AT_ONCE, 0);
        for (int i = 0; i < count; i++) {
            talc_http_connection *connection = events[i].data.ptr;
            if (connection != NULL && !connection->is_finished) {
                connection->is_finished = 1;
                server->finished++;
            }
        }
    } while (count == EVENTS_AT_ONCE);
}

/* Whether the last byte of a peer that says no more has been read. */
static int is_read_out(const talc_http_connection *connection)
{
    char byte;
    return connection->is_finished &&
           recv(connection->descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* Without a whole request they will never have one. */
static void end_finished_ones(talc_http_server *server)
{
    static const talc_http_phase phases[] = { TALC_HTTP_IDLE, TALC_HTTP_RECEIVING };
    for (size_t i = 0; i < 2 && server->finished > 0; i++) {
        talc_http_connection *connection, *next;
        DL_FOREACH_SAFE (server->phases[phases[i]], connection, next) {
            if (is_read_out(connection)) {
                talc_http_connection_end(connection);
            }
        }
    }
}

talc_status talc_http_server_process(talc_http_server *server)
{
    int was_full;
    enum MHD_Result result;
    end_late_ones(server);
    note_finished_ones(server);
    server->has_resumed = 0;
    do {
        was_full = server->connections >= server->connections_max;
        result = MHD_run_wait(server->daemon, 0);
        /* A place is free again: libmicrohttpd listens from its next turn on. */
    } while (result == MHD_YES && was_full && server->connections < server->connections_max);
    end_finished_ones(server);
    return result == MHD_YES ? TALC_OK : TALC_ERROR_IO;
}

int talc_http_server_descriptor(const talc_http_server *server)
{
    return server->descriptor;
}

uint32_t talc_http_server_timeout_ms(const talc_http_server *server)
{
    unsigned long long library_ms;
    uint64_t now = now_ms();
    uint64_t least = UINT32_MAX;
    if (server->has_resumed) {
        return 0; /* neither the descriptor nor MHD_get_timeout() tells of it */
    }
    if (MHD_get_timeout(server->daemon, &library_ms) == MHD_YES && library_ms < least) {
        least = library_ms;
    }
    for (int phase = 0; phase < TALC_HTTP_TIMED; phase++) {
        const talc_http_connection *first = server->phases[phase];
        uint64_t left = first == NULL              ? UINT32_MAX
                        : first->deadline_ms > now ? first->deadline_ms - now
                                                   : 0;
        least = left < least ? left : least;
    }
    return (uint32_t)least;
}

uint16_t talc_http_server_port(const talc_http_server *server)
{
    return server->port;
}

size_t talc_http_server_connections(const talc_http_server *server)
{
    return server->connections;
}

/* ---------------------------------------------------------------- setting up */

/* It never reaches a stream of the process; while the server is made, it explains a failure. */
__attribute__((format(printf, 2, 0))) static void on_complaint(void *context, const char *format,
                                                               va_list arguments)
{
    talc_http_server *server = context;
    if (server->daemon == NULL &&
        vsnprintf(server->complaint, sizeof server->complaint, format, arguments) < 0) {
        server->complaint[0] = '\0';
    }
    server->complaint[strcspn(server->complaint, "\n")] = '\0';
}

/* Every connection is a descriptor: with more connections than these nothing else could be opened.
 */
static size_t connections_bounded(size_t wanted)
{
    struct rlimit descriptors;
    if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0 && descriptors.rlim_cur != RLIM_INFINITY) {
        size_t most = descriptors.rlim_cur > 2 * DESCRIPTORS_SPARED
                          ? (size_t)descriptors.rlim_cur - DESCRIPTORS_SPARED
                          : DESCRIPTORS_SPARED;
        wanted = wanted < most ? wanted : most;
    }
    return wanted > 0 ? wanted : 1;
}

typedef struct tls_files {
    talc_content certificate, key;
} tls_files;

static void tls_files_free(tls_files *files)
{
    talc_content_free(&files->certificate);
    talc_content_free(&files->key);
}

static talc_status tls_file_read(talc_content *content, const char *path, talc_secrecy secrecy,
                                 talc_failure *failure)
{
    const talc_source source = { path, TALC_ERROR_IDENTITY, failure };
    const talc_content_rule rule = { secrecy == TALC_CONTENT_SECRET
                                         ? TALC_KEY_FILE_SIZE_MAX
                                         : TALC_CERTIFICATE_FILE_SIZE_MAX,
                                     secrecy };
    talc_status status = talc_content_read(content, &source, &rule);
    if (status == TALC_ERROR_IO) {
        status = TALC_ERROR_IDENTITY;
        failure->status = status;
    }
    return status;
}

static talc_status tls_files_read(tls_files *files, const talc_http_server_setup *setup,
                                  talc_failure *failure)
{
    if (setup->certificate_path == NULL || setup->key_path == NULL) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "to listen at %s a certificate and its key are needed "
                                "(https_certificate_path, https_key_path)",
                                setup->uri);
    }
    talc_status status =
        tls_file_read(&files->certificate, setup->certificate_path, TALC_CONTENT_PUBLIC, failure);
    return status == TALC_OK
               ? tls_file_read(&files->key, setup->key_path, TALC_CONTENT_SECRET, failure)
               : status;
}

#define SECURE_OPTIONS 3u

/* When libmicrohttpd fails it has closed the socket that it was given, or it has not. */
static void descriptor_drop(int descriptor, const struct stat *opened)
{
    struct stat now;
    if (fstat(descriptor, &now) == 0 && now.st_ino == opened->st_ino &&
        now.st_dev == opened->st_dev) {
        close(descriptor);
    }
}

/* The daemon owns `listening` from here on. */
static void daemon_start(talc_http_server *server, const talc_http_server_setup *setup,
                         const tls_files *files, int listening)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem secure[SECURE_OPTIONS + 1] = {
        { MHD_OPTION_HTTPS_MEM_CERT, 0, files->certificate.bytes },
        { MHD_OPTION_HTTPS_MEM_KEY, 0, files->key.bytes },
        { MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES },
        { MHD_OPTION_END, 0, NULL },
    };
    if (files->key.bytes != NULL) {
        flags |= MHD_USE_TLS;
    } else {
        secure[0].option = MHD_OPTION_END;
    }
    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, talc_http_request_handle, server, MHD_OPTION_EXTERNAL_LOGGER,
        on_complaint, server, MHD_OPTION_LISTEN_SOCKET, listening, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)server->connections_max, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)setup->connections_per_address_max, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        2 * server->header_size + POOL_EXTRA, MHD_OPTION_URI_LOG_CALLBACK, talc_http_request_start,
        server, MHD_OPTION_NOTIFY_COMPLETED, talc_http_request_end, server,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_ARRAY, secure,
        MHD_OPTION_END);
}

static talc_status server_start(talc_http_server *server, const talc_http_server_setup *setup,
                                const talc_http_endpoint *endpoint, talc_failure *failure)
{
    tls_files files = { { 0 }, { 0 } };
    struct stat opened;
    int listening;
    talc_status status = endpoint->is_secure ? tls_files_read(&files, setup, failure) : TALC_OK;
    if (status == TALC_OK) {
        status = talc_http_endpoint_listen(endpoint, &listening, &server->port, failure);
    }
    if (status == TALC_OK) {
        memset(&opened, 0, sizeof opened);
        (void)fstat(listening, &opened);
        daemon_start(server, setup, &files, listening);
    }
    if (status == TALC_OK && server->daemon != NULL) {
        const union MHD_DaemonInfo *info =
            MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
        watch(server, info->epoll_fd, NULL, EPOLLIN);
    }
    if (status == TALC_OK && server->daemon == NULL) {
        descriptor_drop(listening, &opened);
        status = endpoint->is_secure ? TALC_ERROR_IDENTITY : TALC_ERROR_MEMORY;
        talc_failure_set(failure, TALC_STAGE_CONFIGURE, status, "%s%s%s: the HTTP server: %s",
                         endpoint->is_secure ? setup->certificate_path : setup->uri,
                         endpoint->is_secure ? ", " : "",
                         endpoint->is_secure ? setup->key_path : "", server->complaint);
    }
    tls_files_free(&files);
    return status;
}

static void server_free(talc_http_server *server)
{
    if (server->descriptor >= 0) {
        close(server->descriptor);
    }
    free(server);
}

talc_status talc_http_server_open(talc_http_server **server, const talc_http_server_setup *setup,
                                  talc_failure *failure)
{
    talc_http_endpoint endpoint;
    *server = NULL;
    talc_status status = talc_http_endpoint_read(&endpoint, setup->uri, failure);
    if (status != TALC_OK) {
        return status;
    }
    talc_http_server *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_MEMORY, "out of memory");
    }
    made->events = setup->events;
    made->body_size = setup->body_size;
    made->header_size = setup->header_size;
    made->connections_max = connections_bounded(setup->connections_max);
    made->phase_ms[TALC_HTTP_IDLE] = setup->idle_timeout_ms;
    made->phase_ms[TALC_HTTP_RECEIVING] = setup->request_timeout_ms;
    made->phase_ms[TALC_HTTP_ANSWERING] = setup->request_timeout_ms;
    made->descriptor = epoll_create1(EPOLL_CLOEXEC);
    status = made->descriptor < 0 ? talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_MEMORY,
                                                     "the process has no descriptors left")
                                  : server_start(made, setup, &endpoint, failure);
    if (status != TALC_OK) {
        server_free(made);
        return status;
    }
    *server = made;
    return TALC_OK;
}

void talc_http_server_close(talc_http_server *server)
{
    if (server == NULL) {
        return;
    }
    MHD_stop_daemon(server->daemon);
    server_free(server);
}
