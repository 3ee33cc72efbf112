/* SPDX-License-Identifier: MIT */
#ifndef TALC_TOOLS_ARRAY_H
#define TALC_TOOLS_ARRAY_H

/** An array that grows, to a limit: what is read may come from anybody. */

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/** Makes room for one more item behind `count`. False: there are `max` of them, or no memory. */
static inline bool array_grow(void **items, size_t count, size_t item_size, size_t max)
{
    if (count >= max) {
        return false;
    }
    /* Full at 0 and at each power of two. */
    if ((count & (count - 1)) != 0) {
        return true;
    }
    void *grown = realloc(*items, (count == 0 ? 1 : 2 * count) * item_size);
    *items = grown != NULL ? grown : *items;
    return grown != NULL;
}

#endif
