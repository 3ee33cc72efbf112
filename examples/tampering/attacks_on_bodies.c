/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attacks.h"
#include "rewriting.h"

#define SHIFTED_BYTES 10

static bool pass(tampering *in, const tampering_body *body)
{
    tampering_send(in, body, TAMPERING_PASSES);
    return true;
}

/* The number in an argument; `fallback` if there is none. */
static unsigned long number_in(const char *argument, unsigned long fallback)
{
    char *end;
    unsigned long number = strtoul(argument, &end, 10);
    return end == argument ? fallback : number;
}

/* ---------------------------------------------------------------- bits */

bool attack_shift_bits(tampering *in, tampering_body *body, const char *argument)
{
    uint8_t bytes[ENVELOPE_TEXT_MAX];
    size_t record = number_in(argument, 1) - 1;
    size_t size = envelope_text_fragment_bytes(&body->text, record, bytes, sizeof bytes);
    size_t shifted = size < SHIFTED_BYTES ? size : SHIFTED_BYTES;
    for (size_t i = 0; i < shifted; i++) {
        unsigned next = i + 1 < shifted ? bytes[i + 1] : 0;
        bytes[i] = (uint8_t)((unsigned)bytes[i] << 1 | next >> 7);
    }
    return size > 0 && envelope_text_set_fragment(&body->text, record, bytes, size) &&
           pass(in, body);
}

/* The bit that is meant: the one of the argument, or the next one with each attack. */
static size_t bit_of(const tampering *in, const char *argument, size_t size)
{
    return number_in(argument, tampering_applied(in)) % (8 * size);
}

static void flip(uint8_t *byte, size_t bit)
{
    *byte ^= (uint8_t)(1u << bit % 8);
}

bool attack_flip_bit(tampering *in, tampering_body *body, const char *argument)
{
    if (body->text.size == 0) {
        return false;
    }
    size_t bit = bit_of(in, argument, body->text.size);
    uint8_t byte = (uint8_t)body->text.bytes[bit / 8];
    flip(&byte, bit);
    return envelope_text_replace(&body->text, (text_span){ bit / 8, 1 }, &byte, 1) &&
           pass(in, body);
}

bool attack_flip_record_bit(tampering *in, tampering_body *body, const char *argument)
{
    uint8_t bytes[ENVELOPE_TEXT_MAX];
    size_t size = envelope_text_fragment_bytes(&body->text, 0, bytes, sizeof bytes);
    if (size == 0) {
        return false;
    }
    size_t bit = bit_of(in, argument, size);
    flip(&bytes[bit / 8], bit);
    return envelope_text_set_fragment(&body->text, 0, bytes, size) && pass(in, body);
}

/* ---------------------------------------------------------------- sizes */

bool attack_truncate(tampering *in, tampering_body *body, const char *argument)
{
    size_t size = number_in(argument, body->text.size / 2);
    if (size >= body->text.size) {
        return false;
    }
    text_span rest = { size, body->text.size - size };
    return envelope_text_replace(&body->text, rest, NULL, 0) && pass(in, body);
}

/* How many objects `r` has. */
static size_t records_in(const tampering_body *body)
{
    text_span object;
    size_t count = 0;
    while (envelope_text_record(&body->text, count, &object)) {
        count++;
    }
    return count;
}

bool attack_truncate_fragment(tampering *in, tampering_body *body, const char *argument)
{
    uint8_t bytes[ENVELOPE_TEXT_MAX];
    size_t count = records_in(body);
    size_t cut = number_in(argument, 1);
    size_t size = envelope_text_fragment_bytes(&body->text, count - 1, bytes, sizeof bytes);
    return count > 0 && size > cut &&
           envelope_text_set_fragment(&body->text, count - 1, bytes, size - cut) && pass(in, body);
}

#define BESIDE_MAX 64

/* What stands in the object beside its fragment: "t", "v". A part has more, and is left alone. */
static bool write_without_fragment(const envelope_text *text, text_span object,
                                   char written[BESIDE_MAX])
{
    text_member member;
    size_t at = object.begin;
    written[0] = 0;
    while (envelope_text_next(text, &at, &member)) {
        char key = text->bytes[member.key.begin];
        if (key == 'f') {
            continue;
        }
        if (key == 'l' || key == 'p' || strlen(written) + member.whole.size + 2 > BESIDE_MAX) {
            return false;
        }
        strncat(written, text->bytes + member.whole.begin, member.whole.size);
        strcat(written, ",");
    }
    return true;
}

bool attack_recut(tampering *in, tampering_body *body, const char *argument)
{
    uint8_t bytes[ENVELOPE_TEXT_MAX];
    char first[ENVELOPE_TEXT_MAX], second[ENVELOPE_TEXT_MAX];
    char parts[2 * ENVELOPE_TEXT_MAX], beside[BESIDE_MAX];
    text_span object;
    size_t count = records_in(body);
    (void)argument;
    size_t size = envelope_text_fragment_bytes(&body->text, count - 1, bytes, sizeof bytes);
    if (count == 0 || size < 20 || !envelope_text_record(&body->text, count - 1, &object) ||
        !write_without_fragment(&body->text, object, beside)) {
        return false;
    }
    base64url_write(bytes, size / 2, first);
    base64url_write(bytes + size / 2, size - size / 2, second);
    int written =
        snprintf(parts, sizeof parts, "{%s\"l\":%zu,\"f\":\"%s\"},{%s\"p\":1,\"f\":\"%s\"}", beside,
                 size, first, beside, second);
    return envelope_text_replace(&body->text, object, parts, (size_t)written) && pass(in, body);
}

/* ---------------------------------------------------------------- words and numbers */

static unsigned ways_in(const char *argument)
{
    static const struct {
        const char *name;
        unsigned ways;
    } names[] = {
        { "order", REWRITING_ORDER },
        { "space", REWRITING_SPACE },
        { "escapes", REWRITING_ESCAPES },
        { "unknown", REWRITING_UNKNOWN },
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i].name, argument) == 0) {
            return names[i].ways;
        }
    }
    return REWRITING_ORDER | REWRITING_SPACE | REWRITING_ESCAPES | REWRITING_UNKNOWN;
}

bool attack_rewrite_json(tampering *in, tampering_body *body, const char *argument)
{
    return rewriting_apply(&body->text, ways_in(argument)) && pass(in, body);
}

bool attack_number(tampering *in, tampering_body *body, const char *argument)
{
    char key[2] = { argument[0], 0 };
    text_member member;
    if (key[0] == 0 || strchr(":+-", argument[1]) == NULL ||
        !envelope_text_find(&body->text, "i", &member)) {
        return false;
    }
    unsigned long long before = envelope_text_number(&body->text, key, 0);
    unsigned long long number = strtoull(argument + 2, NULL, 10);
    if (argument[1] == '-' && number > before) {
        return false;
    }
    number = argument[1] == '+' ? before + number : argument[1] == '-' ? before - number : number;
    return number != before && envelope_text_set_number(&body->text, key, number) && pass(in, body);
}

/* ---------------------------------------------------------------- the tag */

bool attack_strip_guard(tampering *in, tampering_body *body, const char *argument)
{
    (void)argument;
    return envelope_text_remove(&body->text, "g") && pass(in, body);
}

bool attack_change_guard(tampering *in, tampering_body *body, const char *argument)
{
    text_member member;
    (void)argument;
    if (!envelope_text_find(&body->text, "g", &member) || member.value.size < 3) {
        return false;
    }
    text_span character = { member.value.begin + 1, 1 };
    const char *other = body->text.bytes[character.begin] == 'A' ? "B" : "A";
    return envelope_text_replace(&body->text, character, other, 1) && pass(in, body);
}

/* ---------------------------------------------------------------- around the body, and in hellos
 */

bool attack_change_code(tampering *in, tampering_body *body, const char *argument)
{
    unsigned class_, detail;
    if (body->direction != TAMPERING_RESPONSE ||
        sscanf(argument, "%1u.%2u", &class_, &detail) != 2) {
        return false;
    }
    body->code = (uint8_t)(class_ << 5 | (detail & 31u));
    return pass(in, body);
}

/* The extension supported_versions (43) as a client's list of one, and as a server's choice (RFC
 * 8446 section 4.2.1): where its 1.3 stands, 0 if it does not. */
static size_t find_version(const uint8_t *bytes, size_t size)
{
    static const uint8_t offered[] = { 0x00, 0x2b, 0x00, 0x03, 0x02, 0x03, 0x04 };
    static const uint8_t offered_two[] = { 0x00, 0x2b, 0x00, 0x05, 0x04, 0x03, 0x04 };
    static const uint8_t chosen[] = { 0x00, 0x2b, 0x00, 0x02, 0x03, 0x04 };
    for (size_t at = 0; at + sizeof offered <= size; at++) {
        if (memcmp(bytes + at, offered, sizeof offered) == 0 ||
            memcmp(bytes + at, offered_two, sizeof offered_two) == 0) {
            return at + sizeof offered - 1;
        }
        if (memcmp(bytes + at, chosen, sizeof chosen) == 0) {
            return at + sizeof chosen - 1;
        }
    }
    return 0;
}

bool attack_downgrade(tampering *in, tampering_body *body, const char *argument)
{
    uint8_t bytes[ENVELOPE_TEXT_MAX];
    (void)argument;
    size_t size = envelope_text_fragment_bytes(&body->text, 0, bytes, sizeof bytes);
    size_t at = find_version(bytes, size);
    if (at == 0) {
        return false;
    }
    bytes[at] = 0x03; /* 0x0303 is TLS 1.2 */
    return envelope_text_set_fragment(&body->text, 0, bytes, size) && pass(in, body);
}
