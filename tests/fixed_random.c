/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tests/fixed_random.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool is_fixed;
static uint64_t state;

void fixed_random_start(uint64_t seed)
{
    state = seed * 0x9e3779b97f4a7c15u;
    is_fixed = true;
}

/* splitmix64 */
static uint8_t next_byte(void)
{
    uint64_t mixed = state += 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return (uint8_t)(mixed >> 56);
}

static void fill(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = next_byte();
    }
}

/* The next definition of a function behind the one in this file: the C library's. */
static void *behind(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL) {
        abort();
    }
    return found;
}

ssize_t getrandom(void *bytes, size_t size, unsigned int flags)
{
    ssize_t (*real)(void *, size_t, unsigned int);
    if (is_fixed) {
        fill(bytes, size);
        return (ssize_t)size;
    }
    *(void **)&real = behind("getrandom");
    return real(bytes, size, flags);
}

/* mbedTLS asks the system by this one. No system call takes more than six arguments; like the C
 * library's, this one reads them all whether they are given or not. */
__attribute__((no_sanitize_address)) long syscall(long number, ...)
{
    long (*real)(long, ...);
    long given[6];
    va_list list;
    va_start(list, number);
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++) {
        given[i] = va_arg(list, long);
    }
    va_end(list);
    if (is_fixed && number == SYS_getrandom) {
        fill((uint8_t *)(uintptr_t)given[0], (size_t)given[1]);
        return given[1];
    }
    *(void **)&real = behind("syscall");
    return real(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}
