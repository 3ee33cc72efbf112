/* SPDX-License-Identifier: MIT */
#include "lib/key_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto.h"
#include "lib/failure.h"
#include "lib/hex.h"
#include "records/private_file.h"

#define LABEL_SIZE_MAX 40u
#define LINE_SIZE_MAX                                                                              \
    (LABEL_SIZE_MAX + 2u * (TALC_CLIENT_RANDOM_SIZE + TALC_KEY_LOG_SECRET_SIZE_MAX) + 3u)

struct talc_key_log {
    FILE *file;
    talc_status status; /* TALC_OK or the first error */
};

talc_status talc_key_log_open(talc_key_log **log, const char *path, talc_failure *failure)
{
    *log = NULL;
    if (path == NULL) {
        return TALC_OK;
    }
    talc_key_log *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_MEMORY, "out of memory");
    }
    errno = 0;
    made->file = talc_private_file_open(path);
    const char *reason = errno != 0 ? strerror(errno) : "not such a file";
    if (made->file == NULL) {
        free(made);
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_IO,
                                "the key log %.200s cannot be opened (%s): it must be a regular "
                                "file that only its owner may read",
                                path, reason);
    }
    *log = made;
    return TALC_OK;
}

talc_status talc_key_log_write(talc_key_log *log, const char *label,
                               const uint8_t client_random[TALC_CLIENT_RANDOM_SIZE],
                               const uint8_t *secret, size_t secret_size)
{
    char line[LINE_SIZE_MAX];
    if (log == NULL || log->status != TALC_OK) {
        return log == NULL ? TALC_OK : log->status;
    }
    size_t size = strlen(label);
    if (size > LABEL_SIZE_MAX || secret_size > TALC_KEY_LOG_SECRET_SIZE_MAX) {
        return TALC_ERROR_ARGUMENT;
    }
    memcpy(line, label, size);
    line[size++] = ' ';
    talc_hex_write(line + size, client_random, TALC_CLIENT_RANDOM_SIZE);
    size += (size_t)2 * TALC_CLIENT_RANDOM_SIZE;
    line[size++] = ' ';
    talc_hex_write(line + size, secret, secret_size);
    size += 2 * secret_size;
    line[size++] = '\n';
    if (fwrite(line, 1, size, log->file) != size) {
        log->status = TALC_ERROR_IO;
    }
    talc_wipe(line, sizeof line);
    return log->status;
}

void talc_key_log_close(talc_key_log *log)
{
    if (log != NULL) {
        fclose(log->file);
        free(log);
    }
}
