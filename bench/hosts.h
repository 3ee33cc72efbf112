/* SPDX-License-Identifier: MIT */
#ifndef TALC_BENCH_HOSTS_H
#define TALC_BENCH_HOSTS_H

/**
 * The server of all modes, in a thread of its own that books to LEDGER_SERVER: one address for each
 * of `none`, `dtls` and `tls`, the last of which serves `ecc` too. Every client is authenticated, by
 * whichever of its credentials it shows.
 */

#include "bench/credentials.h"

#define HOST_PATH "index"        /**< the resource that is asked for */
#define HOST_TEXT "{\"t\":21.5}" /**< what it says, as JSON */

typedef struct hosts hosts;

/** Serves with the credentials of the folder. An address that the library refuses as unsupported is
 * left out. On TALC_OK the caller's: hosts_stop(). */
talc_status hosts_start(hosts **all, const char *folder, talc_failure *failure);

/** The port of a mode; 0 if it is left out. */
uint16_t hosts_port(const hosts *all, talc_mode mode);

/** Returns when the thread has handled all that had arrived, and waits. */
void hosts_settle(hosts *all);

/** Ends the thread and its sessions. NULL is allowed. */
void hosts_stop(hosts *all);

#endif
