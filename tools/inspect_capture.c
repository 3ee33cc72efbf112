/* SPDX-License-Identifier: MIT */
/* A capture, through tshark: it knows the formats of files, links and IP, puts fragments and TCP
 * streams together, and finds HTTP on any port. */
#include "tools/inspect_packets.h"
#include "tools/process.h"

#define WORDS_BEFORE 14
#define WORDS_MAX (WORDS_BEFORE + 2 * INSPECT_PACKET_FIELDS + 1)

static void write_words(const char *path, const char **words)
{
    static const char *const before[WORDS_BEFORE] = { "tshark", "-n",
                                                      "-r",     NULL,
                                                      "-Y",     "(udp && !icmp && !icmpv6) || http",
                                                      "-T",     "fields",
                                                      "-E",     "separator=/t",
                                                      "-E",     "occurrence=f",
                                                      "-o",     "http.decompress_body:TRUE" };
    size_t count = 0;
    for (size_t i = 0; i < WORDS_BEFORE; i++) {
        words[count++] = before[i] == NULL ? path : before[i];
    }
    for (size_t i = 0; i < INSPECT_PACKET_FIELDS; i++) {
        words[count++] = "-e";
        words[count++] = inspect_packet_fields[i];
    }
    words[count] = NULL;
}

/* Whether tshark did its work; a file that is cut at its end has been read up to there. */
static bool judge(int code, const char *reason, inspect_reading *reading)
{
    if (code == PROCESS_NOT_FOUND) {
        snprintf(reading->failure, sizeof reading->failure,
                 "captures are read by tshark, which is not there: install it (Debian's package is "
                 "tshark)");
        return false;
    }
    if (code != 0 && reading->lines == 0) {
        snprintf(reading->failure, sizeof reading->failure, "tshark cannot read it: %.200s",
                 reason);
        return false;
    }
    if (code != 0) {
        snprintf(reading->early_end, sizeof reading->early_end,
                 "it breaks off, and only what comes before was read; tshark: %.200s", reason);
    }
    return true;
}

bool inspect_capture_read(inspection *all, const inspect_source *source, inspect_reading *reading)
{
    const char *words[WORDS_MAX];
    char reason[256];
    process tshark;
    write_words(source->path, words);
    if (!process_start(&tshark, words)) {
        snprintf(reading->failure, sizeof reading->failure, "tshark cannot be started");
        return false;
    }
    bool has_memory = inspect_packets_read(all, source, tshark.output, reading);
    bool is_done = judge(process_end(&tshark, reason, sizeof reason), reason, reading);
    if (!has_memory) {
        snprintf(reading->failure, sizeof reading->failure, "out of memory");
    }
    return has_memory && is_done;
}
