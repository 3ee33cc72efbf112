/* SPDX-License-Identifier: MIT */

/* Whatever a journal or a proxy's log holds, it is read, concluded from and written in every form.
 */
#include <stdlib.h>

#include "tools/inspect_reader.h"
#include "tools/inspect_rebuild.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_and_write(inspect_source *source, FILE *out)
{
    inspection all;
    inspect_reading reading = { 0 };
    inspect_rebuilt rebuilt;
    const inspect_choice choice = { .has_session = false };
    if (inspection_begin(&all)) {
        bool is_journal = inspect_content_of(source->file) == INSPECT_CONTENT_JOURNAL;
        (void)(is_journal ? inspect_journal_read(&all, source, &reading)
                          : inspect_proxy_log_read(&all, source, &reading));
        inspection_finish(&all);
        inspect_report_write(&all, &choice, out);
        inspect_json_write(&all, &choice, out);
        (void)inspect_digests_write(&all, &choice, out);
        inspect_rebuild(&all, &choice, out, &rebuilt);
    }
    inspection_end(&all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FILE *out = fopen("/dev/null", "w");
    inspect_source source = { .path = "input", .leg = INSPECT_LEG_BOTH };
    source.file = size > 0 ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
    if (out != NULL && source.file != NULL) {
        read_and_write(&source, out);
        fclose(source.file);
    }
    if (out != NULL) {
        fclose(out);
    }
    return 0;
}
