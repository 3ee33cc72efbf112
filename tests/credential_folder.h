/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_CREDENTIAL_FOLDER_H
#define TALC_TESTS_CREDENTIAL_FOLDER_H

/** The files of scripts/make-credentials.sh (its --help names them), and files of a test's own. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** The path of a made file: good until the eighth call after. Fails the test if the environment
 * has no TALC_TEST_CREDENTIALS. A name with a '/' at its start is returned as it is. */
const char *credential_path(const char *name);

/** The bytes of a made file in a buffer of exactly their size, so that a sanitizer sees a read
 * behind them; the caller's: free(). */
uint8_t *credential_bytes(const char *name, size_t *size);

/** Writes a file with these bytes and this mode, over the one of the call before. The path is
 * static. */
const char *scratch_file(const void *bytes, size_t size, mode_t mode);

/** The same for text. */
const char *scratch_text(const char *text);

/** Removes what scratch_file() left; as a group tear-down of cmocka. */
int remove_scratch(void **state);

/** Fails the test, with both texts, unless `part` occurs in `text`. */
void assert_contains(const char *text, const char *part);

#endif
