/* SPDX-License-Identifier: MIT */

/* Envelope -> JSON. Needs no allocation and no JSON library: nothing that it writes needs an
 * escape. Sizes are told by the code that writes, so they cannot differ from what it writes. */
#include "records/base64.h"
#include "records/envelope.h"
#include "records/text_writer.h"

static void write_number(talc_text_writer *writer, const char *key, uint64_t number)
{
    talc_text_writer_string(writer, key);
    talc_text_writer_number(writer, number);
}

static void write_number_unless(talc_text_writer *writer, const char *key, uint64_t number,
                                uint64_t usual)
{
    if (number != usual) {
        write_number(writer, key, number);
    }
}

static void write_text(talc_text_writer *writer, const char *key, const char *text)
{
    if (text[0] != '\0') {
        talc_text_writer_string(writer, key);
        talc_text_writer_string(writer, text);
        talc_text_writer_put(writer, '"');
    }
}

static void write_piece(talc_text_writer *writer, const talc_piece *piece)
{
    talc_text_writer_put(writer, '{');
    if (piece->type != TALC_RECORD_APPLICATION_DATA) {
        write_number(writer, "\"t\":", piece->type);
        talc_text_writer_put(writer, ',');
    }
    if (piece->version != TALC_RECORD_VERSION_TLS12) {
        write_number(writer, "\"v\":", piece->version);
        talc_text_writer_put(writer, ',');
    }
    if (piece->open) {
        write_number(writer, "\"l\":", piece->length);
        talc_text_writer_put(writer, ',');
    }
    if (piece->continues) {
        talc_text_writer_string(writer, "\"p\":1,");
    }
    talc_text_writer_string(writer, "\"f\":\"");
    talc_text_writer_base64(writer, piece->fragment, piece->fragment_size);
    talc_text_writer_string(writer, "\"}");
}

static void write_pieces(talc_text_writer *writer, const talc_envelope *envelope)
{
    talc_text_writer_string(writer, ",\"r\":[");
    for (size_t i = 0; i < envelope->piece_count; i++) {
        if (i > 0) {
            talc_text_writer_put(writer, ',');
        }
        write_piece(writer, &envelope->pieces[i]);
    }
    talc_text_writer_put(writer, ']');
}

/* What stands between `n` and `r`. */
static void write_counts(talc_text_writer *writer, const talc_envelope *envelope)
{
    write_number_unless(writer, ",\"a\":", envelope->acknowledged, 0);
    write_number_unless(writer, ",\"b\":", envelope->body_limit, 0);
    write_number_unless(writer, ",\"w\":", envelope->hold_s, 0);
}

/* What stands between `m` and `g`. */
static void write_texts(talc_text_writer *writer, const talc_envelope *envelope)
{
    write_text(writer, ",\"e\":\"", talc_envelope_error_sent(envelope));
    write_text(writer, ",\"c\":\"", envelope->cookie);
}

static void write_guard(talc_text_writer *writer, const talc_envelope *envelope)
{
    talc_text_writer_string(writer, ",\"g\":\"");
    talc_text_writer_base64(writer, envelope->guard, TALC_GUARD_SIZE);
    talc_text_writer_put(writer, '"');
}

size_t talc_envelope_overhead(const talc_envelope *fields)
{
    talc_text_writer writer;
    talc_text_writer_init_counting(&writer);
    write_number(&writer, "{\"i\":", fields->request);
    write_number(&writer, ",\"n\":", fields->offset);
    write_counts(&writer, fields);
    talc_text_writer_string(&writer, ",\"r\":[],\"m\":1");
    write_texts(&writer, fields);
    write_guard(&writer, fields);
    talc_text_writer_put(&writer, '}');
    return writer.size;
}

size_t talc_piece_size(const talc_piece *piece)
{
    talc_text_writer writer;
    talc_text_writer_init_counting(&writer);
    write_piece(&writer, piece);
    talc_text_writer_put(&writer, ',');
    return writer.size;
}

size_t talc_piece_fragment_room(const talc_piece *piece, size_t json_room)
{
    talc_piece empty = *piece;
    empty.fragment_size = 0;
    size_t fixed = talc_piece_size(&empty);
    return json_room > fixed ? talc_base64_decoded_size(json_room - fixed) : 0;
}

static void write_all(talc_text_writer *writer, const talc_envelope *envelope)
{
    write_number(writer, "{\"i\":", envelope->request);
    if (envelope->piece_count > 0) {
        write_number(writer, ",\"n\":", envelope->offset);
    }
    write_counts(writer, envelope);
    if (envelope->piece_count > 0) {
        write_pieces(writer, envelope);
    }
    if (envelope->more) {
        talc_text_writer_string(writer, ",\"m\":1");
    }
    write_texts(writer, envelope);
    if (envelope->has_guard) {
        write_guard(writer, envelope);
    }
    talc_text_writer_put(writer, '}');
}

size_t talc_envelope_text_size(const talc_envelope *envelope)
{
    talc_text_writer writer;
    talc_text_writer_init_counting(&writer);
    write_all(&writer, envelope);
    return writer.size;
}

talc_status talc_envelope_write(const talc_envelope *envelope, char *text, size_t capacity,
                                size_t *size)
{
    talc_text_writer writer;
    *size = 0;
    if (talc_envelope_check(envelope) != TALC_OK) {
        return TALC_ERROR_ARGUMENT;
    }
    talc_text_writer_init(&writer, text, capacity);
    write_all(&writer, envelope);
    if (writer.full) {
        return TALC_ERROR_TOO_LARGE;
    }
    *size = writer.size;
    return TALC_OK;
}
