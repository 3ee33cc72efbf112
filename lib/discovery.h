/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_DISCOVERY_H
#define TALC_LIB_DISCOVERY_H

/**
 * What GET /.well-known/core answers: the resources of a server in link-format (RFC 6690), its
 * content format TALC_FORMAT_LINKS.
 *
 *     </sensors/temperature>;rt="temperature-c";if="sensor";ct="0 50";title="Hall"
 *
 * Links are parted by ',' and sorted by the bytes of their paths.
 */

#include "lib/routes.h"

#define TALC_DISCOVERY_PATH ".well-known/core" /**< in the form of talc_path_normalize() */

/**
 * Writes all resources that are not hidden and that the query selects. `query` is as in
 * talc_request; NULL or "": all. Each part of it `name=value` selects by section 4.1: `href` is
 * compared with the link's reference, '/' first and percent-encoded as it is written; `rt`, `if`
 * and `ct` with each of their words, `title` with all of it. A '*' at the end of the value stands
 * for anything. A resource without the attribute, and an attribute that is not told here, do not
 * match. Several parts must all match. A part without '=' says nothing.
 *
 * On TALC_OK `*text` is the caller's, NUL-terminated, to be freed; `*size`, without the NUL, may be
 * 0. TALC_ERROR_MEMORY. TALC_ERROR_ARGUMENT: a query with a broken percent-encoding, or a part
 * above 255 bytes; queries of talc_frame_read() have none.
 */
talc_status talc_discovery_write(const talc_route *routes, const char *query, char **text,
                                 size_t *size);

#endif
