/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "lib/hex.h"
#include "tools/inspect_flows.h"
#include "tools/inspect_packets.h"

#define LINE_SIZE_MAX (2u << 20)
#define DATAGRAM_SIZE_MAX 65536u

/* What is asked of tshark, in this order. */
enum {
    FIELD_FRAME,
    FIELD_TIME,
    FIELD_IP_SOURCE,
    FIELD_IP_DESTINATION,
    FIELD_IP6_SOURCE,
    FIELD_IP6_DESTINATION,
    FIELD_UDP_SOURCE,
    FIELD_UDP_DESTINATION,
    FIELD_TCP_SOURCE,
    FIELD_TCP_DESTINATION,
    FIELD_URI,
    FIELD_STATUS,
    FIELD_ANSWERED_URI,
    FIELD_UDP_PAYLOAD,
    FIELD_HTTP_BODY,
    FIELD_COUNT
};
const char *const inspect_packet_fields[] = { "frame.number",
                                              "frame.time_epoch",
                                              "ip.src",
                                              "ip.dst",
                                              "ipv6.src",
                                              "ipv6.dst",
                                              "udp.srcport",
                                              "udp.dstport",
                                              "tcp.srcport",
                                              "tcp.dstport",
                                              "http.request.full_uri",
                                              "http.response.code",
                                              "http.response_for.uri",
                                              "udp.payload",
                                              "http.file_data",
                                              NULL };

typedef struct capture {
    inspection *all;
    const inspect_source *source;
    inspect_flows *flows;
    char *values[FIELD_COUNT];
    uint8_t *bytes; /* DATAGRAM_SIZE_MAX */
    uint64_t frame;
    uint64_t time_us;
} capture;

/* ---------------------------------------------------------------- values */

/* "1700000000.123456789" */
static uint64_t read_time_us(const char *text)
{
    char *rest = NULL;
    uint64_t us = strtoull(text, &rest, 10) * 1000000u;
    uint64_t unit = 100000;
    for (rest += *rest == '.'; *rest >= '0' && *rest <= '9' && unit > 0; rest++, unit /= 10) {
        us += (uint64_t)(*rest - '0') * unit;
    }
    return us;
}

static void write_address(const char *ip4, const char *ip6, const char *port, char *address)
{
    if (ip4[0] != '\0') {
        snprintf(address, INSPECT_ADDRESS_SIZE, "%.45s:%.5s", ip4, port);
    } else {
        snprintf(address, INSPECT_ADDRESS_SIZE, "[%.45s]:%.5s", ip6, port);
    }
}

/* Who sent the packet, and to whom; `ports` are the fields of the two ports. */
static void write_addresses(const capture *read, const int ports[2], char *source,
                            char *destination)
{
    write_address(read->values[FIELD_IP_SOURCE], read->values[FIELD_IP6_SOURCE],
                  read->values[ports[0]], source);
    write_address(read->values[FIELD_IP_DESTINATION], read->values[FIELD_IP6_DESTINATION],
                  read->values[ports[1]], destination);
}

static bool port_is_wanted(const capture *read, const char *port)
{
    return read->source->port == 0 || strtoul(port, NULL, 10) == read->source->port;
}

static inspect_view *find_view(const capture *read, const char *link, const char *server)
{
    char name[INSPECT_NAME_SIZE];
    snprintf(name, sizeof name, "%s, %s%s", inspect_source_name(read->source), link, server);
    return inspection_view(read->all, read->source->merges ? "all" : name);
}

static void count_other(const capture *read, size_t size)
{
    inspect_view *view = find_view(read, "other traffic", "");
    if (view != NULL) {
        view->others++;
        view->other_bytes += size;
    }
}

/* ---------------------------------------------------------------- CoAP */

static void take_datagram(const capture *read)
{
    inspect_datagram datagram = { .time_us = read->time_us,
                                  .frame = read->frame,
                                  .bytes = read->bytes };
    inspect_coap message;
    const char *digits = read->values[FIELD_UDP_PAYLOAD];
    datagram.size = strlen(digits) / 2;
    if (datagram.size > DATAGRAM_SIZE_MAX || !talc_hex_read(read->bytes, datagram.size, digits) ||
        !inspect_coap_read(datagram.bytes, datagram.size, &message)) {
        count_other(read, datagram.size);
        return;
    }
    bool is_request = inspect_coap_is_request(&message);
    const char *port = read->values[is_request ? FIELD_UDP_DESTINATION : FIELD_UDP_SOURCE];
    write_addresses(read, (const int[]){ FIELD_UDP_SOURCE, FIELD_UDP_DESTINATION }, datagram.source,
                    datagram.destination);
    if (!inspect_flows_know(read->flows, &datagram, &message)) {
        count_other(read, message.payload_size);
    } else if (port_is_wanted(read, port)) {
        inspect_view *view =
            find_view(read, "coap ", is_request ? datagram.destination : datagram.source);
        if (view != NULL) {
            inspect_flows_take(read->flows, read->all, view, &datagram, &message);
        }
    }
}

/* ---------------------------------------------------------------- HTTP */

/* tshark before 4.2 gives text with "\n", "\r" and "\t" for white space, later ones hex digits. */
static size_t undo_body(char *body)
{
    size_t size = strlen(body);
    if (size >= 2 && body[0] != '{' && talc_hex_read((uint8_t *)body, size / 2, body)) {
        return size / 2;
    }
    size_t kept = 0;
    for (size_t i = 0; i < size; i++) {
        bool is_space = body[i] == '\\' && i + 1 < size && strchr("nrt", body[i + 1]) != NULL;
        body[kept++] = is_space ? ' ' : body[i];
        i += is_space;
    }
    return kept;
}

static void take_http(const capture *read)
{
    uint8_t id[TALC_SESSION_ID_SIZE];
    char client[INSPECT_ADDRESS_SIZE];
    char server[INSPECT_ADDRESS_SIZE];
    const char *status = read->values[FIELD_STATUS];
    bool is_request = status[0] == '\0';
    const char *uri = read->values[is_request ? FIELD_URI : FIELD_ANSWERED_URI];
    if (!port_is_wanted(read,
                        read->values[is_request ? FIELD_TCP_DESTINATION : FIELD_TCP_SOURCE])) {
        return;
    }
    write_addresses(read, (const int[]){ FIELD_TCP_SOURCE, FIELD_TCP_DESTINATION },
                    is_request ? client : server, is_request ? server : client);
    bool is_ours = inspect_session_of_uri(uri, strlen(uri), id);
    inspect_body body = { .time_us = read->time_us,
                          .place = read->frame,
                          .direction = is_request ? INSPECT_CLIENT : INSPECT_SERVER,
                          .session_id = id,
                          .client = client,
                          .text = read->values[FIELD_HTTP_BODY],
                          .is_success = status[0] == '2',
                          .code = status };
    body.size = undo_body(read->values[FIELD_HTTP_BODY]);
    inspect_view *view = is_ours ? find_view(read, "http ", server) : NULL;
    if (!is_ours) {
        count_other(read, body.size);
    } else if (view != NULL) {
        inspection_take_body(read->all, view, &body);
    }
}

/* ---------------------------------------------------------------- lines */

/* Cuts the line into its values; false if there are too few. */
static bool split(capture *read, char *line)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        read->values[i] = line;
        char *tab = strchr(line, '\t');
        if (tab == NULL) {
            return i + 1 == FIELD_COUNT;
        }
        *tab = '\0';
        line = tab + 1;
    }
    return true;
}

static void take_line(capture *read, char *line)
{
    if (!split(read, line)) {
        return;
    }
    read->frame = strtoull(read->values[FIELD_FRAME], NULL, 10);
    read->time_us = read_time_us(read->values[FIELD_TIME]);
    if (read->values[FIELD_UDP_SOURCE][0] != '\0') {
        take_datagram(read);
    } else {
        take_http(read);
    }
}

static void read_lines(capture *read, FILE *lines, inspect_reading *reading)
{
    char *line = NULL;
    size_t capacity = 0;
    size_t size = 0;
    int found;
    while ((found = inspect_line_read(lines, &line, &capacity, LINE_SIZE_MAX, &size)) != 0) {
        reading->lines++;
        if (found < 0) {
            inspect_reading_bad(reading, reading->lines);
            continue;
        }
        line[size] = '\0';
        take_line(read, line);
    }
    free(line);
}

bool inspect_packets_read(inspection *all, const inspect_source *source, FILE *lines,
                          inspect_reading *reading)
{
    capture read = { .all = all,
                     .source = source,
                     .flows = inspect_flows_new(),
                     .bytes = malloc(DATAGRAM_SIZE_MAX) };
    bool has_memory = read.flows != NULL && read.bytes != NULL;
    if (has_memory) {
        read_lines(&read, lines, reading);
    }
    free(read.bytes);
    inspect_flows_free(read.flows);
    return has_memory;
}
