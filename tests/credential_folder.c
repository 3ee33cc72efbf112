/* SPDX-License-Identifier: MIT */
#include "credential_folder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

const char *credential_path(const char *name)
{
    static char paths[8][512];
    static unsigned calls;
    if (name[0] == '/') {
        return name;
    }
    const char *folder = getenv("TALC_TEST_CREDENTIALS");
    if (!folder) {
        fail_msg("TALC_TEST_CREDENTIALS is not set: run by `meson test`");
    }
    char *path = paths[calls++ % 8];
    int size = snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    assert_in_range(size, 1, sizeof(paths[0]) - 1);
    return path;
}

uint8_t *credential_bytes(const char *name, size_t *size)
{
    FILE *file = fopen(credential_path(name), "rb");
    assert_non_null(file);
    struct stat facts;
    assert_int_equal(fstat(fileno(file), &facts), 0);
    *size = (size_t)facts.st_size;
    uint8_t *bytes = malloc(*size);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static char scratch_path[64];

const char *scratch_file(const void *bytes, size_t size, mode_t mode)
{
    if (scratch_path[0] == '\0') {
        strcpy(scratch_path, "/tmp/talc-test-XXXXXX");
        int made = mkstemp(scratch_path);
        assert_true(made >= 0);
        close(made);
    }
    assert_int_equal(chmod(scratch_path, 0600), 0);
    int descriptor = open(scratch_path, O_WRONLY | O_TRUNC);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, bytes, size), (ssize_t)size);
    assert_int_equal(fchmod(descriptor, mode), 0);
    close(descriptor);
    return scratch_path;
}

const char *scratch_text(const char *text)
{
    return scratch_file(text, strlen(text), 0600);
}

int remove_scratch(void **state)
{
    (void)state;
    if (scratch_path[0] != '\0') {
        unlink(scratch_path);
        scratch_path[0] = '\0';
    }
    return 0;
}

void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part)) {
        fail_msg("\"%s\" does not contain \"%s\"", text, part);
    }
}
