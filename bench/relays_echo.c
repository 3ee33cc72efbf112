/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/relays.h"
#include "bench/stopwatch.h"

#define ECHO_SIZE 64
#define ECHOES_MAX 101
#define ECHO_WAIT_MS 1000

static struct sockaddr_in loopback_address(uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/* A bound socket and its port; -1 if there is none. */
static int socket_open(uint16_t *port)
{
    struct sockaddr_in address = loopback_address(0);
    socklen_t size = sizeof address;
    int made = socket(AF_INET, SOCK_DGRAM, 0);
    if (made < 0 || bind(made, (struct sockaddr *)&address, size) != 0 ||
        getsockname(made, (struct sockaddr *)&address, &size) != 0) {
        close(made);
        return -1;
    }
    *port = ntohs(address.sin_port);
    return made;
}

/* Takes a datagram; false if none comes. */
static bool take(int from, struct sockaddr_in *sender)
{
    char bytes[ECHO_SIZE];
    socklen_t size = sizeof *sender;
    struct pollfd watched = { .fd = from, .events = POLLIN };
    return poll(&watched, 1, ECHO_WAIT_MS) == 1 &&
           recvfrom(from, bytes, sizeof bytes, 0, (struct sockaddr *)sender, &size) == ECHO_SIZE;
}

static bool give(int from, const struct sockaddr_in *receiver)
{
    const char bytes[ECHO_SIZE] = { 0 };
    return sendto(from, bytes, sizeof bytes, 0, (const struct sockaddr *)receiver,
                  sizeof *receiver) == ECHO_SIZE;
}

static double echo_ms(int near, int far, uint16_t relay_at)
{
    struct sockaddr_in sender;
    struct sockaddr_in relay = loopback_address(relay_at);
    uint64_t before_ns = stopwatch_wall_ns();
    bool is_back =
        give(near, &relay) && take(far, &sender) && give(far, &sender) && take(near, &sender);
    return is_back ? (double)(stopwatch_wall_ns() - before_ns) / 1e6 : (double)NAN;
}

/* The first one is not counted: the relay opens a socket for it. */
static double echoes_ms(int near, int far, uint16_t relay_at, size_t count)
{
    double times[ECHOES_MAX];
    count = count > ECHOES_MAX ? ECHOES_MAX : count;
    bool is_good = !isnan(echo_ms(near, far, relay_at));
    for (size_t i = 0; i < count; i++) {
        times[i] = is_good ? echo_ms(near, far, relay_at) : (double)NAN;
        is_good = !isnan(times[i]);
    }
    return is_good ? stopwatch_median(times, count) : (double)NAN;
}

double relays_echo_ms(relays *all, unsigned round_trip_ms, size_t count)
{
    uint16_t near_port = 0;
    uint16_t far_port = 0;
    int near = socket_open(&near_port);
    int far = socket_open(&far_port);
    const relay_path path = { .round_trip_ms = round_trip_ms };
    relayed *between = far >= 0 ? relays_add(all, &path, far_port) : NULL;
    double median_ms = near >= 0 && between != NULL
                           ? echoes_ms(near, far, relays_port(between), count)
                           : (double)NAN;
    relays_remove(all, between);
    close(near);
    close(far);
    return median_ms;
}
