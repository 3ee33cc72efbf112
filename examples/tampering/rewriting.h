/* SPDX-License-Identifier: MIT */
#ifndef EXAMPLES_TAMPERING_REWRITING_H
#define EXAMPLES_TAMPERING_REWRITING_H

/** The same JSON in other words, as gateways write it that read a body and write it again. */

#include "envelope_text.h"

/** What a writer does otherwise; or-ed. */
enum {
    REWRITING_ORDER = 1,   /**< the members of each object in reverse order */
    REWRITING_SPACE = 2,   /**< blanks, tabs and line ends where JSON allows them */
    REWRITING_ESCAPES = 4, /**< `\u0041` for some characters of strings, and `\/` */
    REWRITING_UNKNOWN = 8  /**< a member more, which nobody knows */
};

/** False, and the text as it was, if it is no JSON object or there is no room. */
bool rewriting_apply(envelope_text *text, unsigned ways);

#endif
