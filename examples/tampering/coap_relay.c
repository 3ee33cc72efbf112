/* SPDX-License-Identifier: MIT */
#include "coap_relay.h"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "coap_datagram.h"

#define DATAGRAM_MAX 4096
#define CLIENTS_MAX 256 /* talc takes a fresh port for each repeat; the oldest gives way */
#define TOKENS_MAX 16   /* requests of one client whose sessions are remembered */
#define DEFAULT_PORT "5683"

typedef struct known_token {
    uint8_t bytes[COAP_TOKEN_MAX];
    size_t size;
    char session[TAMPERING_SESSION_SIZE + 1];
} known_token;

typedef struct relay_client {
    struct sockaddr_storage address;
    socklen_t address_size;
    int upstream;
    known_token tokens[TOKENS_MAX];
    size_t token_count; /* so far */
} relay_client;

struct coap_relay {
    coap_relay_setup setup;
    tampering *tampering;
    int listening;
    unsigned port;
    struct sockaddr_storage server;
    socklen_t server_size;
    relay_client clients[CLIENTS_MAX];
    size_t client_count; /* so far */
    uint32_t extras;     /* requests of its own */
};

/* What stands in a tampering_body's head: the client's number, then the bytes of the message. */
typedef struct body_head {
    size_t client;
    uint8_t bytes[TAMPERING_HEAD_MAX - sizeof(size_t)];
} body_head;

/* ---------------------------------------------------------------- addresses */

/* "coap://host[:port]", "coap://[v6][:port]" */
static bool read_uri(const char *uri, char host[128], char port[8])
{
    static const char scheme[] = "coap://";
    if (strncmp(uri, scheme, sizeof scheme - 1) != 0) {
        return false;
    }
    uri += sizeof scheme - 1;
    bool is_v6 = uri[0] == '[';
    size_t size = is_v6 ? strcspn(++uri, "]") : strcspn(uri, ":/");
    const char *rest = uri + size + (is_v6 && uri[size] == ']');
    if (size == 0 || size >= 128 || strlen(rest) > 6 || (rest[0] != 0 && rest[0] != ':')) {
        return false;
    }
    memcpy(host, uri, size);
    host[size] = 0;
    strcpy(port, rest[0] == ':' ? rest + 1 : DEFAULT_PORT);
    return true;
}

static struct addrinfo *resolve(const char *uri, char reason[COAP_RELAY_REASON_SIZE])
{
    char host[128], port[8];
    const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
    struct addrinfo *found = NULL;
    if (!read_uri(uri, host, port)) {
        snprintf(reason, COAP_RELAY_REASON_SIZE, "%.100s is not coap://host:port", uri);
        return NULL;
    }
    int error = getaddrinfo(host, port, &hints, &found);
    if (error != 0) {
        snprintf(reason, COAP_RELAY_REASON_SIZE, "%.100s: %s", uri, gai_strerror(error));
        return NULL;
    }
    return found;
}

static bool find_server(coap_relay *relay, char reason[COAP_RELAY_REASON_SIZE])
{
    struct addrinfo *found = resolve(relay->setup.server_uri, reason);
    if (found == NULL) {
        return false;
    }
    memcpy(&relay->server, found->ai_addr, found->ai_addrlen);
    relay->server_size = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static unsigned port_of(const struct sockaddr_storage *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (address->ss_family == AF_INET6) {
        memcpy(&v6, address, sizeof v6);
        return ntohs(v6.sin6_port);
    }
    memcpy(&v4, address, sizeof v4);
    return ntohs(v4.sin_port);
}

static bool open_listening(coap_relay *relay, char reason[COAP_RELAY_REASON_SIZE])
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    struct addrinfo *found = resolve(relay->setup.listen_uri, reason);
    if (found == NULL) {
        return false;
    }
    relay->listening = socket(found->ai_family, SOCK_DGRAM, 0);
    bool is_open = relay->listening >= 0 &&
                   bind(relay->listening, found->ai_addr, found->ai_addrlen) == 0 &&
                   getsockname(relay->listening, (struct sockaddr *)&bound, &size) == 0;
    freeaddrinfo(found);
    if (!is_open) {
        snprintf(reason, COAP_RELAY_REASON_SIZE, "cannot listen at %.100s",
                 relay->setup.listen_uri);
        return false;
    }
    relay->port = port_of(&bound);
    return true;
}

/* ---------------------------------------------------------------- what leaves */

static relay_client *client_of(coap_relay *relay, const body_head *head)
{
    return head->client < relay->client_count && head->client + CLIENTS_MAX >= relay->client_count
               ? &relay->clients[head->client % CLIENTS_MAX]
               : NULL;
}

static void send_datagram(const coap_relay *relay, const relay_client *client, const uint8_t *bytes,
                          size_t size, tampering_direction direction)
{
    if (direction == TAMPERING_REQUEST) {
        (void)!send(client->upstream, bytes, size, 0);
    } else {
        (void)!sendto(relay->listening, bytes, size, 0, (const struct sockaddr *)&client->address,
                      client->address_size);
    }
}

/* Requests of the relay's own: a message id and a token that no client has. */
static void make_own(coap_relay *relay, uint8_t *head)
{
    uint32_t number = ++relay->extras;
    uint8_t token[COAP_TOKEN_MAX] = { 'T', 'A', 'M', 'P', 0, 0, 0, 0 };
    memcpy(token + 4, &number, sizeof number);
    coap_datagram_rename(head, (uint16_t)(0xE000u + number % 0x1000u), token);
}

static void send_body(void *context, const tampering_body *body, tampering_way way)
{
    coap_relay *relay = context;
    body_head head;
    uint8_t bytes[TAMPERING_HEAD_MAX + 1 + ENVELOPE_TEXT_MAX];
    memcpy(&head, body->head, sizeof head);
    const relay_client *client = client_of(relay, &head);
    if (client == NULL) {
        return;
    }
    size_t size = body->head_size - offsetof(body_head, bytes);
    if (way == TAMPERING_ANSWERS) {
        size = coap_datagram_answer_head(head.bytes, body->code, bytes);
    } else {
        memcpy(bytes, head.bytes, size);
        if (way == TAMPERING_EXTRA) {
            make_own(relay, bytes);
        } else if (body->direction == TAMPERING_RESPONSE) {
            bytes[1] = body->code;
        }
    }
    if (body->text.size > 0) {
        bytes[size++] = 0xff;
        memcpy(bytes + size, body->text.bytes, body->text.size);
        size += body->text.size;
    }
    if (relay->setup.leaves != NULL) {
        relay->setup.leaves(relay->setup.context, body, way);
    }
    send_datagram(relay, client, bytes, size,
                  way == TAMPERING_ANSWERS ? TAMPERING_RESPONSE : body->direction);
}

/* ---------------------------------------------------------------- what comes */

static void remember_token(relay_client *client, const coap_datagram *datagram)
{
    known_token *known = &client->tokens[client->token_count++ % TOKENS_MAX];
    memcpy(known->bytes, datagram->token, sizeof known->bytes);
    known->size = datagram->token_size;
    memcpy(known->session, datagram->session, sizeof known->session);
}

/* Whose session an answer belongs to, by its token. */
static const char *session_of(const relay_client *client, const coap_datagram *datagram)
{
    for (size_t i = 0; i < TOKENS_MAX && i < client->token_count; i++) {
        const known_token *known = &client->tokens[i];
        if (known->size == datagram->token_size &&
            memcmp(known->bytes, datagram->token, known->size) == 0) {
            return known->session;
        }
    }
    return NULL;
}

/* True if the datagram holds a body of talc, which has been taken. */
static bool take_body(coap_relay *relay, size_t number, const uint8_t *bytes,
                      const coap_datagram *datagram, tampering_direction direction)
{
    const relay_client *client = &relay->clients[number % CLIENTS_MAX];
    tampering_body body;
    body_head head;
    const char *session =
        direction == TAMPERING_REQUEST ? datagram->session : session_of(client, datagram);
    memset(&body, 0, offsetof(tampering_body, text));
    memset(&head, 0, sizeof head);
    if (session == NULL || datagram->has_blocks || datagram->head_size > sizeof head.bytes ||
        !envelope_text_set(&body.text, bytes + datagram->payload_at, datagram->payload_size)) {
        return false;
    }
    body.direction = direction;
    body.code = datagram->code;
    memcpy(body.session, session, sizeof body.session);
    head.client = number;
    memcpy(head.bytes, bytes, datagram->head_size);
    body.head_size = offsetof(body_head, bytes) + datagram->head_size;
    memcpy(body.head, &head, body.head_size);
    tampering_take(relay->tampering, &body);
    return true;
}

static void take_from_client(coap_relay *relay, size_t number, const uint8_t *bytes, size_t size)
{
    relay_client *client = &relay->clients[number % CLIENTS_MAX];
    coap_datagram datagram;
    if (coap_datagram_read(bytes, size, &datagram) && datagram.code == COAP_POST &&
        datagram.has_session) {
        remember_token(client, &datagram);
        if (take_body(relay, number, bytes, &datagram, TAMPERING_REQUEST)) {
            return;
        }
    }
    send_datagram(relay, client, bytes, size, TAMPERING_REQUEST);
}

static bool is_own(const coap_datagram *datagram)
{
    return datagram->token_size == COAP_TOKEN_MAX && memcmp(datagram->token, "TAMP", 4) == 0;
}

static void take_from_server(coap_relay *relay, size_t number, const uint8_t *bytes, size_t size)
{
    relay_client *client = &relay->clients[number % CLIENTS_MAX];
    coap_datagram datagram;
    if (coap_datagram_read(bytes, size, &datagram) && datagram.code >> 5 >= 2) {
        if (is_own(&datagram)) {
            uint8_t acknowledgement[4];
            coap_datagram_acknowledge(datagram.message_id, acknowledgement);
            if (datagram.type == COAP_CON) {
                send_datagram(relay, client, acknowledgement, 4, TAMPERING_REQUEST);
            }
            return;
        }
        if (take_body(relay, number, bytes, &datagram, TAMPERING_RESPONSE)) {
            return;
        }
    }
    send_datagram(relay, client, bytes, size, TAMPERING_RESPONSE);
}

/* ---------------------------------------------------------------- clients */

static int open_upstream(const coap_relay *relay)
{
    int made = socket(relay->server.ss_family, SOCK_DGRAM, 0);
    if (made >= 0 &&
        connect(made, (const struct sockaddr *)&relay->server, relay->server_size) != 0) {
        close(made);
        made = -1;
    }
    return made;
}

static size_t clients_kept(const coap_relay *relay)
{
    return relay->client_count < CLIENTS_MAX ? relay->client_count : CLIENTS_MAX;
}

/* The number of the client at this address; SIZE_MAX if there can be no other. */
static size_t number_of(coap_relay *relay, const struct sockaddr_storage *from, socklen_t size)
{
    for (size_t back = 1; back <= clients_kept(relay); back++) {
        size_t number = relay->client_count - back;
        const relay_client *client = &relay->clients[number % CLIENTS_MAX];
        if (client->address_size == size && memcmp(&client->address, from, size) == 0) {
            return number;
        }
    }
    int upstream = open_upstream(relay);
    if (upstream < 0) {
        return SIZE_MAX;
    }
    relay_client *made = &relay->clients[relay->client_count % CLIENTS_MAX];
    if (relay->client_count >= CLIENTS_MAX) {
        close(made->upstream);
    }
    memset(made, 0, sizeof *made);
    memcpy(&made->address, from, size);
    made->address_size = size;
    made->upstream = upstream;
    return relay->client_count++;
}

static void receive_from_clients(coap_relay *relay)
{
    uint8_t bytes[DATAGRAM_MAX];
    struct sockaddr_storage from;
    ssize_t size;
    socklen_t from_size = sizeof from;
    while ((size = recvfrom(relay->listening, bytes, sizeof bytes, MSG_DONTWAIT,
                            (struct sockaddr *)&from, &from_size)) >= 0) {
        size_t number = number_of(relay, &from, from_size);
        if (number != SIZE_MAX) {
            take_from_client(relay, number, bytes, (size_t)size);
        }
        from_size = sizeof from;
    }
}

static void receive_from_server(coap_relay *relay, size_t number)
{
    uint8_t bytes[DATAGRAM_MAX];
    ssize_t size;
    while ((size = recv(relay->clients[number % CLIENTS_MAX].upstream, bytes, sizeof bytes,
                        MSG_DONTWAIT)) >= 0) {
        take_from_server(relay, number, bytes, (size_t)size);
    }
}

void coap_relay_wait(coap_relay *relay, int timeout_ms)
{
    struct pollfd polled[1 + CLIENTS_MAX];
    size_t kept = clients_kept(relay);
    size_t first = relay->client_count - kept;
    polled[0] = (struct pollfd){ .fd = relay->listening, .events = POLLIN };
    for (size_t i = 0; i < kept; i++) {
        polled[1 + i] = (struct pollfd){ .fd = relay->clients[(first + i) % CLIENTS_MAX].upstream,
                                         .events = POLLIN };
    }
    if (poll(polled, (nfds_t)(1 + kept), timeout_ms) <= 0) {
        return;
    }
    for (size_t i = 0; i < kept; i++) {
        if (polled[1 + i].revents != 0) {
            receive_from_server(relay, first + i);
        }
    }
    receive_from_clients(relay);
}

/* ---------------------------------------------------------------- life */

static void note_came(void *context, const tampering_body *body, unsigned position)
{
    const coap_relay *relay = context;
    if (relay->setup.came != NULL) {
        relay->setup.came(relay->setup.context, body, position);
    }
}

static void note_applied(void *context, const tampering_body *body, unsigned position)
{
    const coap_relay *relay = context;
    if (relay->setup.applied != NULL) {
        relay->setup.applied(relay->setup.context, body, position);
    }
}

coap_relay *coap_relay_new(const coap_relay_setup *setup, char reason[COAP_RELAY_REASON_SIZE])
{
    coap_relay *relay = calloc(1, sizeof *relay);
    const tampering_events events = {
        .context = relay, .send = send_body, .came = note_came, .applied = note_applied
    };
    snprintf(reason, COAP_RELAY_REASON_SIZE, "out of memory");
    if (relay == NULL) {
        return NULL;
    }
    relay->setup = *setup;
    relay->listening = -1;
    relay->tampering = tampering_new(setup->order, &events);
    if (relay->tampering == NULL || !find_server(relay, reason) || !open_listening(relay, reason)) {
        coap_relay_free(relay);
        return NULL;
    }
    return relay;
}

void coap_relay_free(coap_relay *relay)
{
    if (relay == NULL) {
        return;
    }
    for (size_t i = 0; i < clients_kept(relay); i++) {
        close(relay->clients[i].upstream);
    }
    if (relay->listening >= 0) {
        close(relay->listening);
    }
    tampering_free(relay->tampering);
    free(relay);
}

unsigned coap_relay_port(const coap_relay *relay)
{
    return relay->port;
}

unsigned coap_relay_applied(const coap_relay *relay)
{
    return tampering_applied(relay->tampering);
}
