/* SPDX-License-Identifier: MIT */
#ifndef TALC_TOOLS_INSPECT_H
#define TALC_TOOLS_INSPECT_H

/** `talc inspect`: `words[0]` is its name. Returns what to exit with: 0, 1 (--check found
 * something), 2 (usage), 3 (something could not be read or written). */
int inspect_command(int count, char **words);

#endif
