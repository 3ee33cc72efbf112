/* SPDX-License-Identifier: MIT */
/*
 * malloc and its kin, in front of glibc's own, which has its functions under second names for this
 * purpose. Blocks are noted beside the heap, not in front of them, so that blocks of other
 * functions (posix_memalign) and from before are freed here without harm. The books are under a lock
 * of their own, held for a moment, because a mutex might allocate.
 */
#include "bench/heap.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS_MAX 65536u /* a power of two */
#define BLOCKS_FILL_MAX (BLOCKS_MAX / 2)

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void __libc_free(void *block);

/* Linear probing; `address` 0 is a free place. */
typedef struct block_note {
    uintptr_t address;
    size_t size;
    ledger_side side;
} block_note;

static block_note notes[BLOCKS_MAX];
static size_t note_count;
static atomic_bool is_used; /* there is or was something in the books */
static bool is_watching;
static atomic_flag is_locked = ATOMIC_FLAG_INIT;
static bool is_complete = true;
static size_t bytes[LEDGER_SIDES];
static size_t peak_bytes[LEDGER_SIDES];

static void lock(void)
{
    while (atomic_flag_test_and_set_explicit(&is_locked, memory_order_acquire)) {
    }
}

static void unlock(void)
{
    atomic_flag_clear_explicit(&is_locked, memory_order_release);
}

/* ---------------------------------------------------------------- the books, under the lock */

static size_t place_of(uintptr_t address)
{
    return (size_t)((uint64_t)(address >> 4) * 0x9e3779b97f4a7c15u >> 48) % BLOCKS_MAX;
}

static size_t place_find(uintptr_t address)
{
    size_t place = place_of(address);
    while (notes[place].address != 0 && notes[place].address != address) {
        place = (place + 1) % BLOCKS_MAX;
    }
    return place;
}

static void note_add(const void *block, size_t size, ledger_side side)
{
    if (block == NULL || side == LEDGER_NOBODY || !is_watching) {
        return;
    }
    if (note_count == BLOCKS_FILL_MAX) {
        is_complete = false;
        return;
    }
    block_note *note = &notes[place_find((uintptr_t)block)];
    *note = (block_note){ (uintptr_t)block, size, side };
    note_count++;
    bytes[side] += size;
    peak_bytes[side] = bytes[side] > peak_bytes[side] ? bytes[side] : peak_bytes[side];
}

/* Moves the notes behind a hole up, so that each is found from its own place without a gap. */
static void hole_close(size_t hole)
{
    for (size_t at = (hole + 1) % BLOCKS_MAX; notes[at].address != 0; at = (at + 1) % BLOCKS_MAX) {
        size_t home = place_of(notes[at].address);
        if ((at - home) % BLOCKS_MAX >= (at - hole) % BLOCKS_MAX) {
            notes[hole] = notes[at];
            hole = at;
        }
    }
    notes[hole].address = 0;
}

static void note_remove(uintptr_t address)
{
    size_t place = place_find(address);
    if (notes[place].address == 0) {
        return;
    }
    bytes[notes[place].side] -= notes[place].size;
    note_count--;
    hole_close(place);
}

static void book(const void *block, size_t size)
{
    if (is_used && block != NULL) {
        lock();
        note_add(block, size, ledger_current());
        unlock();
    }
}

static void unbook(uintptr_t address)
{
    if (is_used && address != 0) {
        lock();
        note_remove(address);
        unlock();
    }
}

/* ---------------------------------------------------------------- in front of glibc */

void *malloc(size_t size)
{
    void *block = __libc_malloc(size);
    book(block, size);
    return block;
}

void *calloc(size_t count, size_t size)
{
    void *block = __libc_calloc(count, size);
    book(block, count * size);
    return block;
}

/* While it moves, a block is there twice: the peak says so, as most allocators of devices have no
 * other way. */
static void rebook(uintptr_t old_address, const void *block, size_t size)
{
    if (block != NULL && (uintptr_t)block != old_address) {
        note_add(block, size, ledger_current());
        note_remove(old_address);
    } else {
        note_remove(old_address);
        note_add(block, size, ledger_current());
    }
}

/* Under the lock as a whole: another thread that gets the old place must not book it before this one
 * is out of the books. */
void *realloc(void *old, size_t size)
{
    uintptr_t old_address = (uintptr_t)old;
    if (!is_used) {
        return __libc_realloc(old, size);
    }
    lock();
    void *block = __libc_realloc(old, size);
    if (block != NULL || size == 0) {
        rebook(old_address, block, size);
    }
    unlock();
    return block;
}

void free(void *block)
{
    unbook((uintptr_t)block);
    __libc_free(block);
}

bool heap_is_counted(void)
{
    return true;
}

void heap_watch(void)
{
    lock();
    memset(notes, 0, sizeof notes);
    memset(bytes, 0, sizeof bytes);
    memset(peak_bytes, 0, sizeof peak_bytes);
    note_count = 0;
    is_complete = true;
    is_watching = true;
    is_used = true;
    unlock();
}

void heap_unwatch(void)
{
    lock();
    is_watching = false;
    unlock();
}

size_t heap_bytes(ledger_side side)
{
    return bytes[side];
}

size_t heap_peak_bytes(ledger_side side)
{
    return peak_bytes[side];
}

void heap_peak_reset(void)
{
    lock();
    memcpy(peak_bytes, bytes, sizeof peak_bytes);
    unlock();
}

bool heap_is_complete(void)
{
    return is_complete;
}
