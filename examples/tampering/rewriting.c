/* SPDX-License-Identifier: MIT */
#include "rewriting.h"

#include <stdio.h>
#include <string.h>

#define MEMBERS_MAX 16
#define ESCAPED_EVERY 7 /* characters of a string */

typedef struct rewriting {
    const envelope_text *from;
    envelope_text *to;
    unsigned ways;
    bool is_full;
} rewriting;

static void put(rewriting *in, const char *characters, size_t size)
{
    text_span end = { in->to->size, 0 };
    in->is_full |= !envelope_text_replace(in->to, end, characters, size);
}

static void put_text(rewriting *in, const char *text)
{
    put(in, text, strlen(text));
}

static void put_space(rewriting *in)
{
    if ((in->ways & REWRITING_SPACE) != 0) {
        put_text(in, in->to->size % 2 == 0 ? " " : "\t\r\n");
    }
}

/* With its quotes. */
static void put_string(rewriting *in, text_span string)
{
    const char *characters = in->from->bytes + string.begin;
    for (size_t i = 0; i < string.size; i++) {
        char escape[8];
        bool is_quote = i == 0 || i + 1 == string.size;
        if ((in->ways & REWRITING_ESCAPES) != 0 && !is_quote && i % ESCAPED_EVERY == 1) {
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned)(unsigned char)characters[i]);
            put_text(in, escape);
        } else {
            put(in, characters + i, 1);
        }
    }
}

static void put_value(rewriting *in, text_span value);

static void put_member(rewriting *in, const text_member *member)
{
    put_space(in);
    put_string(in, (text_span){ member->key.begin - 1, member->key.size + 2 });
    put_space(in);
    put_text(in, ":");
    put_space(in);
    put_value(in, member->value);
    put_space(in);
}

static void put_object(rewriting *in, size_t at)
{
    text_member members[MEMBERS_MAX];
    size_t count = 0;
    while (count < MEMBERS_MAX && envelope_text_next(in->from, &at, &members[count])) {
        count++;
    }
    put_text(in, "{");
    for (size_t i = 0; i < count; i++) {
        put_text(in, i == 0 ? "" : ",");
        put_member(in, &members[(in->ways & REWRITING_ORDER) != 0 ? count - 1 - i : i]);
    }
    if ((in->ways & REWRITING_UNKNOWN) != 0) {
        put_text(in, count == 0 ? "\"x-hop\":" : ",\"x-hop\":");
        put_text(in, (in->ways & REWRITING_ESCAPES) != 0 ? "\"a\\/b\"" : "[1,null]");
    }
    put_text(in, "}");
}

/* The objects of an array; of other elements envelopes have none. */
static void put_array(rewriting *in)
{
    text_span object;
    put_text(in, "[");
    for (size_t i = 0; envelope_text_record(in->from, i, &object); i++) {
        put_text(in, i == 0 ? "" : ",");
        put_space(in);
        put_object(in, object.begin);
    }
    put_space(in);
    put_text(in, "]");
}

static void put_value(rewriting *in, text_span value)
{
    switch (in->from->bytes[value.begin]) {
    case '[': put_array(in); break;
    case '"': put_string(in, value); break;
    default: put(in, in->from->bytes + value.begin, value.size); break;
    }
}

bool rewriting_apply(envelope_text *text, unsigned ways)
{
    envelope_text written = { .size = 0 };
    rewriting in = { text, &written, ways, false };
    text_member first;
    size_t at = 0;
    if (!envelope_text_next(text, &at, &first)) {
        return false;
    }
    put_space(&in);
    put_object(&in, 0);
    put_space(&in);
    return !in.is_full && envelope_text_set(text, written.bytes, written.size);
}
