/* SPDX-License-Identifier: MIT */
#include "attacks.h"

#include <string.h>

const attack attacks[] = {
    { "shift-bits", "RECORD",
      "shifts the bits of the first ten bytes of a fragment to the left by one; of the first "
      "record, or of the one with this number",
      attack_shift_bits },
    { "flip-bit", "BIT", "flips this bit of the body's text; without a number every bit in turn",
      attack_flip_bit },
    { "flip-record-bit", "BIT",
      "flips this bit of the first record's fragment; without a number every bit in turn",
      attack_flip_record_bit },
    { "truncate", "BYTES", "cuts the body off behind these bytes; without a number in the middle",
      attack_truncate },
    { "truncate-fragment", "BYTES",
      "takes these bytes off the end of the last record's fragment; 1 without a number",
      attack_truncate_fragment },
    { "recut", NULL, "writes the last record as two parts", attack_recut },
    { "drop", NULL, "loses the body; from a position on: nothing passes", attack_drop },
    { "cut-off", NULL, "the same as drop, for a path that is gone for good", attack_drop },
    { "duplicate", NULL, "sends the body twice", attack_duplicate },
    { "replay", "front | instead | renumbered",
      "sends the body before this one once more: in front of it (front), in its place (instead), "
      "or in its place and under its number (renumbered)",
      attack_replay },
    { "replay-session", "here | closed",
      "sends the body of the same position of an older session: in place of this one (here), or "
      "in front of it and under the older session's address (closed)",
      attack_replay_session },
    { "reorder", NULL, "holds the body back until the next one has passed", attack_reorder },
    { "swap", NULL, "holds the body back and swaps it with the next one of another session",
      attack_swap },
    { "reflect", NULL, "sends the body back to who wrote it", attack_reflect },
    { "answer",
      "unknown-session | malformed | too-large | overloaded | unsupported | lost-state | "
      "nonsense | empty | number | acknowledgement | alert | close | records | begin | "
      "text",
      "answers in the server's place: an error, nothing, a forged alert, forged records, the text "
      "of a proxy; on responses in place of what the server said",
      attack_answer },
    { "inject", "alert | close | records | begin | hello | acknowledgement",
      "sends a request of its own making in front of the client's: a forged alert, forged records, "
      "or the first envelope of an older session",
      attack_inject },
    { "rewrite-json", "order | space | escapes | unknown | all",
      "writes the same JSON in other words, as gateways do", attack_rewrite_json },
    { "number", "KEY:N | KEY+N | KEY-N",
      "writes another number for `i`, `n`, `a`, `b`, `m` or `w`, or takes it up or down",
      attack_number },
    { "strip-guard", NULL, "takes the guard tag out", attack_strip_guard },
    { "change-guard", NULL, "flips a bit of the guard tag", attack_change_guard },
    { "change-code", "CLASS.DETAIL", "puts another code on the response, such as 5.03",
      attack_change_code },
    { "downgrade", NULL, "takes TLS 1.3 out of the hello's list of versions", attack_downgrade },
};

const size_t attack_count = sizeof attacks / sizeof attacks[0];

bool attack_read(const char *words, tampering_order *order)
{
    size_t size = strcspn(words, "=");
    for (size_t i = 0; i < attack_count; i++) {
        if (strlen(attacks[i].name) == size && memcmp(attacks[i].name, words, size) == 0) {
            order->attack = &attacks[i];
            order->argument = words[size] == '=' ? words + size + 1 : "";
            return true;
        }
    }
    return false;
}
