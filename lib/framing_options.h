/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_FRAMING_OPTIONS_H
#define TALC_LIB_FRAMING_OPTIONS_H

/** The meaning of options, apart from the bytes around them: for talc_frame_read(), and for links
 * that have their messages parsed by others, so that both know the same options. */

#include "lib/framing.h"
#include "lib/path.h"

typedef struct talc_frame_options {
    talc_frame *frame;
    talc_path_form path;
    talc_path_form query;
    uint32_t last; /**< number of the option before */
    bool is_too_large;
} talc_frame_options;

/** Begins a frame of this code: like talc_frame_init(). `frame` is the caller's and outlives
 * `options`. */
void talc_frame_options_begin(talc_frame_options *options, talc_frame *frame, uint8_t code);

/**
 * Takes one option, in ascending order of numbers. What talc_frame_read() says of options holds:
 * what is passed over, what becomes `refused_option`.
 * TALC_OK; TALC_ERROR_MALFORMED: a segment of the path is "." or ".."; numbers descend or are above
 * 65535.
 */
talc_status talc_frame_options_take(talc_frame_options *options, uint32_t number,
                                    const uint8_t *value, size_t size);

/** After the last one: TALC_OK or TALC_ERROR_TOO_LARGE, as talc_frame_read(). */
talc_status talc_frame_options_end(const talc_frame_options *options);

#endif
