/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_FRAGMENT_SET_H
#define TALC_TESTS_FRAGMENT_SET_H

/** The SHA-256 of every fragment of a record that stands in some text, each once, whatever the
 * text is: a datagram, a stream of HTTP, a log. It looks for the member and takes the base64url
 * behind it, so that no parser of talc's is believed. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAGMENT_DIGEST_SIZE 32

/** How a fragment begins: in an envelope; in an envelope that is a string of other JSON; in a
 * journal. */
#define FRAGMENT_IN_ENVELOPE "\"f\":\""
#define FRAGMENT_IN_LOG "\\\"f\\\":\\\""
#define FRAGMENT_IN_JOURNAL "\"fragment\":\""

/** All zero: empty. */
typedef struct fragment_set {
    uint8_t (*digests)[FRAGMENT_DIGEST_SIZE]; /**< sorted */
    size_t count, capacity;
} fragment_set;

/** Adds those of `text` that end in it. Returns where a further one may begin, for a text that
 * goes on: what is in front of that is done with. */
size_t fragment_set_scan(fragment_set *set, const void *text, size_t size, const char *beginning);

/** Adds those of the file's lines that hold `word`. Fails the test if there is no such file. */
void fragment_set_scan_lines(fragment_set *set, const char *path, const char *word,
                             const char *beginning);

bool fragment_set_equal(const fragment_set *one, const fragment_set *other);
void fragment_set_clear(fragment_set *set);

#endif
