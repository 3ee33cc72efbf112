/* SPDX-License-Identifier: MIT */
#include "lib/identity_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/crypto.h"
#include "lib/failure.h"

/* So many bytes of a path leave room for the reason. */
#define NAME_SHOWN_MAX 160

__attribute__((format(printf, 3, 0))) static talc_status
fail(const talc_source *source, talc_status status, const char *format, va_list arguments)
{
    char reason[TALC_FAILURE_TEXT_SIZE];
    if (vsnprintf(reason, sizeof(reason), format, arguments) < 0) {
        reason[0] = '\0';
    }
    size_t size = strlen(source->name);
    bool long_name = size > NAME_SHOWN_MAX;
    return talc_failure_set(
        source->failure, TALC_STAGE_CONFIGURE, status, "%s%s: %s", long_name ? "..." : "",
        long_name ? source->name + size - NAME_SHOWN_MAX : source->name, reason);
}

talc_status talc_source_fault(const talc_source *source, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    talc_status status = fail(source, source->fault, format, arguments);
    va_end(arguments);
    return status;
}

talc_status talc_source_error(const talc_source *source, talc_status status, const char *format,
                              ...)
{
    va_list arguments;
    va_start(arguments, format);
    fail(source, status, format, arguments);
    va_end(arguments);
    return status;
}

/* strerror() may share its buffer with other threads; strerror_r() of POSIX does not. */
static talc_status system_error(const talc_source *source, const char *verb)
{
    char reason[128];
    if (strerror_r(errno, reason, sizeof(reason)) != 0) {
        reason[0] = '\0';
    }
    return talc_source_error(source, TALC_ERROR_IO, "cannot %s it: %s", verb, reason);
}

static talc_status check_file(const struct stat *file, const talc_source *source,
                              const talc_content_rule *rule)
{
    if (!S_ISREG(file->st_mode)) {
        return talc_source_error(source, TALC_ERROR_IO, "not a regular file");
    }
    if (rule->secrecy == TALC_CONTENT_SECRET && (file->st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return talc_source_fault(source,
                                 "holds a secret, but others than its owner have access: "
                                 "chmod 600 %s",
                                 source->name);
    }
    if (rule->secrecy == TALC_CONTENT_GUARDED && (file->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return talc_source_fault(source, "others than its owner may change it: chmod go-w %s",
                                 source->name);
    }
    if (file->st_size <= 0) {
        return talc_source_fault(source, "is empty");
    }
    if ((uintmax_t)file->st_size > rule->size_max) {
        return talc_source_fault(source, "is larger than %zu bytes", rule->size_max);
    }
    return TALC_OK;
}

static talc_status allocate(talc_content *content, size_t size, const talc_source *source)
{
    content->size = 0;
    content->bytes = calloc(1, size + 1);
    if (!content->bytes) {
        return talc_source_error(source, TALC_ERROR_MEMORY, "out of memory");
    }
    content->size = size;
    return TALC_OK;
}

/* Reads as many bytes as the file had; a file that is shorter now is taken as it is. */
static talc_status read_all(int descriptor, talc_content *content, const talc_source *source)
{
    size_t used = 0;
    while (used < content->size) {
        ssize_t got = read(descriptor, content->bytes + used, content->size - used);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return system_error(source, "read");
        }
        if (got == 0) {
            break;
        }
        used += (size_t)got;
    }
    content->size = used;
    return TALC_OK;
}

talc_status talc_content_read(talc_content *content, const talc_source *source,
                              const talc_content_rule *rule)
{
    *content = (talc_content){ 0 };
    /* O_NONBLOCK: to open a pipe would otherwise wait for its writer. */
    int descriptor = open(source->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0) {
        return system_error(source, "open");
    }
    struct stat file;
    talc_status status = fstat(descriptor, &file) == 0 ? check_file(&file, source, rule)
                                                       : system_error(source, "examine");
    if (status == TALC_OK) {
        status = allocate(content, (size_t)file.st_size, source);
    }
    if (status == TALC_OK) {
        status = read_all(descriptor, content, source);
    }
    close(descriptor);
    if (status != TALC_OK) {
        talc_content_free(content);
    }
    return status;
}

talc_status talc_content_copy(talc_content *content, const void *bytes, size_t size,
                              size_t size_max, const talc_source *source)
{
    *content = (talc_content){ 0 };
    if (size == 0) {
        return talc_source_fault(source, "is empty");
    }
    if (size > size_max) {
        return talc_source_fault(source, "is larger than %zu bytes", size_max);
    }
    talc_status status = allocate(content, size, source);
    if (status == TALC_OK) {
        memcpy(content->bytes, bytes, size);
    }
    return status;
}

void talc_content_free(talc_content *content)
{
    talc_wipe(content->bytes, content->size);
    free(content->bytes);
    *content = (talc_content){ 0 };
}
