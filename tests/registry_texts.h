/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_REGISTRY_TEXTS_H
#define TALC_TESTS_REGISTRY_TEXTS_H

/** What the files of registries hold, and what a registry makes of it. */

#include "lib/registry.h"

#define REGISTRY_INFO_SIZE 91
#define REGISTRY_KEY_TEXT_SIZE 122

/** Two devices' keys: as points, and as they stand in a file. */
extern uint8_t registry_points[2][TALC_P256_POINT_SIZE];
extern char registry_key_texts[2][REGISTRY_KEY_TEXT_SIZE + 1];

/** Reads the two keys; as a group set-up of cmocka. */
int read_registry_keys(void **state);

/** The template with the first key's text for each '@' and the second one's for each '#'; static.
 * */
const char *filled(const char *template);

/** A file of one device in this state. */
#define ONE_DEVICE(state)                                                                          \
    "{\"devices\":[{\"id\":\"device-7\",\"key\":\"@\",\"state\":\"" state "\"}]}"

/** The registry of a file that is good; the caller's. */
talc_registry *registry_of(const char *path);

/** Fails the test unless the device has this state, and this key if one is given. */
void assert_device(const talc_registry *registry, const char *id, talc_device_state state,
                   const uint8_t *point);

#endif
