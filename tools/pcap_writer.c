/* SPDX-License-Identifier: MIT */
#include "tools/pcap_writer.h"

#include <string.h>

#define IP_HEADER_SIZE 20u
#define TCP_HEADER_SIZE 20u
#define UDP_HEADER_SIZE 8u
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define SEGMENT_SIZE 1400u
#define LINK_TYPE_RAW 101u
#define WINDOW 65535u

/* The file is little-endian whatever the machine; what is on the wire is big-endian. */
static void put_little(uint8_t *bytes, uint32_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
}

static void put_big(uint8_t *bytes, uint32_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    }
}

static void put_bytes(pcap_writer *writer, const void *bytes, size_t size)
{
    if (size > 0 && fwrite(bytes, 1, size, writer->file) != size) {
        writer->failed = true;
    }
}

void pcap_writer_begin(pcap_writer *writer, FILE *file)
{
    uint8_t head[24] = { 0 };
    *writer = (pcap_writer){ file, false };
    put_little(head, 0xa1b2c3d4u, 4);
    put_little(head + 4, 2, 2);
    put_little(head + 6, 4, 2);
    put_little(head + 16, 65535, 4);
    put_little(head + 20, LINK_TYPE_RAW, 4);
    put_bytes(writer, head, sizeof head);
}

/* ---------------------------------------------------------------- checksums (RFC 1071) */

static uint32_t sum(uint32_t start, const uint8_t *bytes, size_t size)
{
    uint64_t total = start;
    for (size_t i = 0; i < size; i++) {
        total += (uint32_t)bytes[i] << (i % 2 == 0 ? 8 : 0);
    }
    while (total >> 16 != 0) {
        total = (total & 0xffff) + (total >> 16);
    }
    return (uint32_t)total;
}

/* Over the pseudo header, the header and the payload; a header has an even size. */
static uint16_t transport_checksum(const uint8_t *ip, const uint8_t *header, size_t header_size,
                                   const uint8_t *payload, size_t size)
{
    uint8_t pseudo[12] = { 0 };
    memcpy(pseudo, ip + 12, 8);
    pseudo[9] = ip[9];
    put_big(pseudo + 10, (uint32_t)(header_size + size), 2);
    uint32_t total = sum(0, pseudo, sizeof pseudo);
    total = sum(total, header, header_size);
    return (uint16_t)~sum(total, payload, size);
}

/* ---------------------------------------------------------------- packets */

typedef struct packet {
    uint64_t time_us;
    const pcap_endpoint *source;
    const pcap_endpoint *destination;
    uint8_t protocol;
    uint8_t *header; /* of the transport, checksum 0 */
    size_t header_size;
    size_t checksum_at;
    const uint8_t *payload;
    size_t size;
} packet;

static void write_packet(pcap_writer *writer, const packet *sent)
{
    uint8_t ip[IP_HEADER_SIZE] = { 0x45 };
    uint8_t head[16];
    uint32_t length = (uint32_t)(IP_HEADER_SIZE + sent->header_size + sent->size);
    put_big(ip + 2, length, 2);
    ip[6] = 0x40; /* do not fragment */
    ip[8] = 64;
    ip[9] = sent->protocol;
    memcpy(ip + 12, sent->source->address, 4);
    memcpy(ip + 16, sent->destination->address, 4);
    put_big(ip + 10, (uint16_t)~sum(0, ip, sizeof ip), 2);
    uint16_t checksum =
        transport_checksum(ip, sent->header, sent->header_size, sent->payload, sent->size);
    put_big(sent->header + sent->checksum_at, checksum, 2);
    put_little(head, (uint32_t)(sent->time_us / 1000000), 4);
    put_little(head + 4, (uint32_t)(sent->time_us % 1000000), 4);
    put_little(head + 8, length, 4);
    put_little(head + 12, length, 4);
    put_bytes(writer, head, sizeof head);
    put_bytes(writer, ip, sizeof ip);
    put_bytes(writer, sent->header, sent->header_size);
    put_bytes(writer, sent->payload, sent->size);
}

bool pcap_datagram_write(pcap_writer *writer, const pcap_endpoint ends[2], uint64_t time_us,
                         const uint8_t *bytes, size_t size)
{
    uint8_t udp[UDP_HEADER_SIZE] = { 0 };
    if (size > PCAP_PAYLOAD_MAX) {
        return false;
    }
    put_big(udp, ends[0].port, 2);
    put_big(udp + 2, ends[1].port, 2);
    put_big(udp + 4, (uint32_t)(UDP_HEADER_SIZE + size), 2);
    packet datagram = {
        time_us, &ends[0], &ends[1], PROTOCOL_UDP, udp, sizeof udp, 6, bytes, size
    };
    write_packet(writer, &datagram);
    return true;
}

static void write_segment(pcap_writer *writer, pcap_connection *connection, int sender,
                          const packet *payload, unsigned flags)
{
    uint8_t tcp[TCP_HEADER_SIZE] = { 0 };
    const pcap_endpoint *source = &connection->ends[sender];
    const pcap_endpoint *destination = &connection->ends[1 - sender];
    bool acknowledges = (flags & PCAP_ACK) != 0;
    put_big(tcp, source->port, 2);
    put_big(tcp + 2, destination->port, 2);
    put_big(tcp + 4, connection->sequence[sender], 4);
    put_big(tcp + 8, acknowledges ? connection->sequence[1 - sender] : 0, 4);
    tcp[12] = TCP_HEADER_SIZE / 4 << 4;
    tcp[13] = (uint8_t)flags;
    put_big(tcp + 14, WINDOW, 2);
    packet segment = { connection->time_us, source, destination,      PROTOCOL_TCP, tcp,
                       sizeof tcp,          16,     payload->payload, payload->size };
    write_packet(writer, &segment);
    connection->sequence[sender] +=
        (uint32_t)payload->size + ((flags & (PCAP_SYN | PCAP_FIN)) != 0 ? 1u : 0u);
}

void pcap_connection_open(pcap_writer *writer, pcap_connection *connection, uint64_t time_us)
{
    const packet nothing = { .size = 0 };
    connection->time_us = time_us;
    write_segment(writer, connection, 0, &nothing, PCAP_SYN);
    write_segment(writer, connection, 1, &nothing, PCAP_SYN | PCAP_ACK);
    write_segment(writer, connection, 0, &nothing, PCAP_ACK);
}

void pcap_connection_send(pcap_writer *writer, pcap_connection *connection, int sender,
                          const uint8_t *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t left = size - at;
        packet part = { .payload = bytes + at, .size = left < SEGMENT_SIZE ? left : SEGMENT_SIZE };
        write_segment(writer, connection, sender, &part, PCAP_PSH | PCAP_ACK);
        at += part.size;
    }
}

void pcap_connection_close(pcap_writer *writer, pcap_connection *connection)
{
    const packet nothing = { .size = 0 };
    write_segment(writer, connection, 0, &nothing, PCAP_FIN | PCAP_ACK);
    write_segment(writer, connection, 1, &nothing, PCAP_FIN | PCAP_ACK);
    write_segment(writer, connection, 0, &nothing, PCAP_ACK);
}
