/* SPDX-License-Identifier: MIT */
#ifndef TALC_RECORDS_PRIVATE_FILE_H
#define TALC_RECORDS_PRIVATE_FILE_H

/** Files that grow line by line and are nobody else's business: the journal, the key log. */

#include <stdio.h>

/** Opens `path` to append to it, and creates it with mode 0600. NULL if it cannot be opened (errno
 * says why), or is there already and no regular file, somebody else's, or open to group or others
 * (errno is what it was). A symbolic link is not followed. What one fwrite() is given reaches the
 * end of the file in one piece, whoever else appends to it; the caller closes it. */
FILE *talc_private_file_open(const char *path);

#endif
