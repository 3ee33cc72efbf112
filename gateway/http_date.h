/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_HTTP_DATE_H
#define TALC_GATEWAY_HTTP_DATE_H

#include <stdbool.h>
#include <stdint.h>

/** Seconds since 1970-01-01 00:00 UTC of an IMF-fixdate (RFC 9110 section 5.6.7), as in "Sun, 06
 * Nov 1994 08:49:37 GMT". False for anything else: the two obsolete forms count as no date, which
 * makes a response stale earlier and never later. */
bool talc_http_date_read(const char *text, int64_t *seconds);

#endif
