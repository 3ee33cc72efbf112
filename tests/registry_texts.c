/* SPDX-License-Identifier: MIT */
#include "registry_texts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "credential_folder.h"
#include "lib/hex.h"
#include "records/base64.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

uint8_t registry_points[2][TALC_P256_POINT_SIZE];
char registry_key_texts[2][REGISTRY_KEY_TEXT_SIZE + 1];

int read_registry_keys(void **state)
{
    static const char *const names[] = { "device.pub", "device2.pub" };
    static const char head[] = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
    (void)state;
    for (size_t i = 0; i < COUNT(registry_points); i++) {
        size_t size;
        uint8_t info[REGISTRY_INFO_SIZE];
        uint8_t *bytes = credential_bytes(names[i], &size);
        bool good = talc_p256_point_read(bytes, size, registry_points[i]) == TALC_OK &&
                    talc_hex_read(info, REGISTRY_INFO_SIZE - TALC_P256_POINT_SIZE, head);
        memcpy(info + REGISTRY_INFO_SIZE - TALC_P256_POINT_SIZE, registry_points[i],
               TALC_P256_POINT_SIZE);
        free(bytes);
        if (!good || talc_base64_encode(info, sizeof info, registry_key_texts[i],
                                        REGISTRY_KEY_TEXT_SIZE) != TALC_OK) {
            return -1;
        }
    }
    return 0;
}

const char *filled(const char *template)
{
    static char text[4096];
    size_t size = 0;
    for (; *template != '\0'; template ++) {
        const char *key = *template == '@'   ? registry_key_texts[0]
                          : *template == '#' ? registry_key_texts[1]
                                             : NULL;
        int added = key ? snprintf(text + size, sizeof text - size, "%s", key)
                        : snprintf(text + size, sizeof text - size, "%c", *template);
        size += (size_t)added;
        assert_true(size < sizeof text);
    }
    return text;
}

talc_registry *registry_of(const char *path)
{
    talc_registry *registry = NULL;
    talc_failure failure;
    if (talc_registry_from_file(&registry, path, &failure) != TALC_OK) {
        fail_msg("%s", failure.text);
    }
    return registry;
}

void assert_device(const talc_registry *registry, const char *id, talc_device_state state,
                   const uint8_t *point)
{
    talc_registry_entry entry;
    talc_registry_look_up(registry, id, strlen(id), &entry);
    assert_int_equal(entry.state, state);
    if (point) {
        assert_memory_equal(entry.key, point, TALC_P256_POINT_SIZE);
    }
}
