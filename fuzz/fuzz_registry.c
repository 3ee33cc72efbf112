/* SPDX-License-Identifier: MIT */

/* What is accepted device by device is JSON as a whole, and no key upsets the reader of keys. */
#include <stdlib.h>
#include <string.h>

#include "lib/identity_key.h"
#include "records/json_scan.h"
#include "records/registry_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static talc_status take(void *context, const talc_registry_record *record,
                        talc_registry_fault *fault)
{
    uint8_t point[TALC_P256_POINT_SIZE];
    (void)context;
    (void)talc_device_id_is_valid(record->id, strlen(record->id));
    (void)talc_p256_info_read(record->key, record->key_size, point);
    (void)talc_p256_point_read(record->key, record->key_size, point);
    return fault->device > 0 && fault->line > 0 ? TALC_OK : TALC_ERROR_ARGUMENT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const talc_json_limits limits = { .depth = 16, .values = SIZE_MAX };
    talc_registry_fault fault;
    size_t copy_size = 0;
    char *copy = malloc(size + 1);
    talc_status status = talc_registry_read((const char *)data, size, take, NULL, &fault);
    if (copy == NULL || status == TALC_ERROR_ARGUMENT || (status != TALC_OK) != !!fault.reason ||
        (status == TALC_OK &&
         talc_json_scan((const char *)data, size, &limits, copy, &copy_size) != TALC_OK)) {
        abort();
    }
    free(copy);
    return 0;
}
