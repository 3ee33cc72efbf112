/* SPDX-License-Identifier: MIT */
#ifndef TALC_TOOLS_PCAP_WRITER_H
#define TALC_TOOLS_PCAP_WRITER_H

/** Writes captures (classic pcap, link type RAW: IPv4 without a link) of packets that never were
 * on a wire: TCP with right checksums, or UDP. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PCAP_PAYLOAD_MAX 65495u /**< bytes of an IPv4 packet behind the headers of IP and TCP */

typedef struct pcap_writer {
    FILE *file;  /**< the caller's */
    bool failed; /**< something could not be written */
} pcap_writer;

/** Writes the head of the file. */
void pcap_writer_begin(pcap_writer *writer, FILE *file);

typedef struct pcap_endpoint {
    uint8_t address[4];
    uint16_t port;
} pcap_endpoint;

/** Flags of a segment (RFC 9293 section 3.1). */
enum { PCAP_FIN = 1, PCAP_SYN = 2, PCAP_PSH = 8, PCAP_ACK = 16 };

/** One connection; the sequence numbers are those of what each side sends next. */
typedef struct pcap_connection {
    pcap_endpoint ends[2]; /**< client, server */
    uint32_t sequence[2];
    uint64_t time_us; /**< never goes back */
} pcap_connection;

/** SYN, SYN-ACK, ACK. */
void pcap_connection_open(pcap_writer *writer, pcap_connection *connection, uint64_t time_us);

/** Data of one side, in segments of 1400 bytes. */
void pcap_connection_send(pcap_writer *writer, pcap_connection *connection, int sender,
                          const uint8_t *bytes, size_t size);

/** FIN of both sides. */
void pcap_connection_close(pcap_writer *writer, pcap_connection *connection);

/** A UDP datagram; false: longer than PCAP_PAYLOAD_MAX. */
bool pcap_datagram_write(pcap_writer *writer, const pcap_endpoint ends[2], uint64_t time_us,
                         const uint8_t *bytes, size_t size);

#endif
