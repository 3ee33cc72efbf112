/* SPDX-License-Identifier: MIT */
#include "records/private_file.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

/* A regular file that nobody else may read. */
static bool file_is_private(int descriptor)
{
    struct stat status;
    return fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) &&
           status.st_uid == geteuid() && (status.st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

FILE *talc_private_file_open(const char *path)
{
    /* O_NONBLOCK: a FIFO without a reader is refused and not waited for. */
    int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    int descriptor = open(path, flags, S_IRUSR | S_IWUSR);
    if (descriptor < 0) {
        return NULL;
    }
    FILE *file = file_is_private(descriptor) ? fdopen(descriptor, "a") : NULL;
    if (file == NULL) {
        close(descriptor);
        return NULL;
    }
    /* Without a buffer one fwrite is one write, and O_APPEND puts that in one piece at the end. */
    setvbuf(file, NULL, _IONBF, 0);
    return file;
}
