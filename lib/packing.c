/* SPDX-License-Identifier: MIT */
#include "lib/packing.h"

#include "records/record.h"

/* Below this a part of a record costs more in JSON than it brings. */
#define PART_SIZE_MIN 48

size_t talc_pack_fragment_size(size_t message_size)
{
    return message_size <= TALC_BODY_RESERVE ? 0 : (message_size - TALC_BODY_RESERVE) / 4 * 3;
}

static talc_piece whole_piece(const talc_record_view *view)
{
    talc_piece piece = {
        .type = view->type,
        .version = view->version,
        .length = view->length,
        .continues = view->continues,
        .open = false,
        .fragment = view->fragment,
        .fragment_size = view->fragment_size,
    };
    return piece;
}

/* Cuts the piece to what fits `room`; false if that is not worth an object. */
static bool cut(talc_piece *piece, size_t room)
{
    piece->open = true;
    size_t size = talc_piece_fragment_room(piece, room);
    if (size < PART_SIZE_MIN || size >= piece->fragment_size) {
        return false;
    }
    piece->fragment_size = size;
    return true;
}

/* Room for objects in a body; one comma less than talc_piece_size() counts. */
static size_t room_of(const talc_envelope *envelope, size_t body_size)
{
    size_t overhead = talc_envelope_overhead(envelope);
    return overhead > body_size ? 0 : body_size - overhead + 1;
}

typedef struct packer {
    const talc_send_stream *stream;
    const talc_carrier_limits *limits;
    talc_envelope *envelope;
    size_t alone; /* room of an empty body */
    size_t left;  /* room that is left in this one */
} packer;

static void add(packer *packing, const talc_piece *piece)
{
    packing->envelope->pieces[packing->envelope->piece_count++] = *piece;
    packing->left -= talc_piece_size(piece);
}

/* Takes (part of) the record of `view`; false if this body is closed behind it or without it. */
static bool take(packer *packing, const talc_record_view *view, uint64_t *end)
{
    talc_piece piece = whole_piece(view);
    size_t size = talc_piece_size(&piece);
    if (size <= packing->left) {
        add(packing, &piece);
        *end = view->end;
        return true;
    }
    if (size <= packing->alone) {
        return false;
    }
    if (packing->limits->body_size > packing->limits->message_size) {
        size_t longer = room_of(packing->envelope, packing->limits->body_size);
        if (packing->envelope->piece_count == 0 && size <= longer) {
            packing->left = longer;
            add(packing, &piece);
            *end = view->end;
            return false;
        }
        if (size <= longer) {
            return false;
        }
    }
    if (cut(&piece, packing->left)) {
        add(packing, &piece);
        *end = view->end - view->fragment_size + piece.fragment_size;
    }
    return false;
}

uint64_t talc_pack(const talc_send_stream *stream, uint64_t start,
                   const talc_carrier_limits *limits, talc_envelope *envelope)
{
    talc_record_view view;
    uint64_t end = start;
    envelope->offset = start;
    envelope->piece_count = 0;
    size_t room = room_of(envelope, limits->message_size);
    packer packing = { stream, limits, envelope, room, room };
    bool open = talc_send_stream_view(stream, start, &view);
    if (open) {
        envelope->offset = end = view.end - view.fragment_size -
                                 (view.continues ? 0 : TALC_RECORD_HEADER_SIZE);
    }
    while (open && envelope->piece_count < TALC_ENVELOPE_PIECES_MAX) {
        open = take(&packing, &view, &end) && talc_send_stream_view(stream, end, &view);
    }
    envelope->more = end < talc_send_stream_end(stream);
    if (envelope->piece_count == 0) {
        envelope->offset = 0;
    }
    return end;
}
