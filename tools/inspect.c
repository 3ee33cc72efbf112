/* SPDX-License-Identifier: MIT */
#include "tools/inspect.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "records/base64.h"
#include "tools/inspect_keys.h"
#include "tools/inspect_reader.h"

enum { EXIT_FOUND = 1, EXIT_USAGE = 2, EXIT_UNREADABLE = 3 };

static const char usage[] =
    "usage: talc inspect [option]... FILE...\n"
    "\n"
    "Reads recordings and prints sessions, flights, records, repeats and what is odd. A FILE is a\n"
    "journal, a log of talc-proxy, or a capture (pcap, pcapng), which tshark reads.\n"
    "\n"
    "  --json            one JSON object\n"
    "  --digests         a line for each record: session, sender, offset, type, length, SHA-256\n"
    "  --summary         no flights and records\n"
    "  --session ID      this session only\n"
    "  --leg in|out|both a proxy's log: the client's side (default), the origin's, or both\n"
    "  --port N          a capture: servers at this port only (default: wherever it looks right)\n"
    "  --merge           take all hops as one: a session that moved from one to another is whole\n"
    "  --pcap OUT        write each session as a TCP connection, for Wireshark\n"
    "  --keys KEYLOG     print what was said inside: tshark decrypts it with this key log\n"
    "  --check           exit with 1 if something is wrong\n"
    "\n"
    "Exits with 0, 1 (see --check), 2 on wrong usage, 3 when something cannot be read or "
    "written.\n";

typedef struct options {
    inspect_choice choice;
    inspect_source source;
    bool is_json;
    bool is_digests;
    bool is_check;
    const char *pcap_path;
    const char *keys_path;
    size_t bad;        /* lines that could not be read, and ends that are missing */
    size_t read_count; /* files that were read */
} options;

static bool read_leg(options *o, const char *text)
{
    static const char *const names[] = { "in", "out", "both" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            o->source.leg = (inspect_leg)i;
            return true;
        }
    }
    return false;
}

static bool read_session(options *o, const char *text)
{
    o->choice.has_session = strlen(text) == INSPECT_ID_TEXT_SIZE - 1 &&
                            talc_base64_decode(text, strlen(text), o->choice.session_id,
                                               TALC_SESSION_ID_SIZE) == TALC_OK;
    return o->choice.has_session;
}

static bool read_port(options *o, const char *text)
{
    char *end = NULL;
    unsigned long port = strtoul(text, &end, 10);
    o->source.port = (unsigned)port;
    return *text >= '0' && *text <= '9' && *end == '\0' && port > 0 && port <= 65535;
}

static bool is_good_value(bool is_good, const char *name, const char *value, const char *wanted)
{
    if (!is_good) {
        fprintf(stderr, "talc inspect: %s: \"%s\" is not %s; try --help\n", name, value, wanted);
    }
    return is_good;
}

static bool take_option(options *o, int option, const char *value)
{
    switch (option) {
    case 'j': return o->is_json = true;
    case 'd': return o->is_digests = true;
    case 's': return o->choice.is_summary = true;
    case 'm': return o->source.merges = true;
    case 'c': return o->is_check = true;
    case 'S':
        return is_good_value(read_session(o, value), "--session", value,
                             "a session id, 16 characters as the report has them");
    case 'l': return is_good_value(read_leg(o, value), "--leg", value, "in, out or both");
    case 'p': return is_good_value(read_port(o, value), "--port", value, "a port, 1 to 65535");
    case 'P': o->pcap_path = value; return true;
    case 'k': o->keys_path = value; return true;
    default: return false;
    }
}

/* What getopt_long did not like, in one line. */
static void say_bad_option(int option, const char *word)
{
    bool is_long = strncmp(word, "--", 2) == 0 && (optopt == 0 || strchr(word, '=') != NULL);
    if (option == ':') {
        fprintf(stderr, "talc inspect: %s needs a value; try --help\n", word);
    } else if (is_long) {
        fprintf(stderr, "talc inspect: %s: %s; try --help\n", word,
                optopt == 0 ? "no such option" : "it takes no value");
    } else {
        fprintf(stderr, "talc inspect: -%c: no such option; try --help\n", optopt);
    }
}

/* Whether the options go together; says what does not. */
static bool is_whole(const options *o, bool has_file)
{
    int forms = o->is_json + o->is_digests + (o->keys_path != NULL);
    if (forms > 1) {
        fputs("talc inspect: only one of --json, --digests and --keys; try --help\n", stderr);
    } else if (!has_file) {
        fputs("talc inspect: no FILE is named; try --help\n", stderr);
    }
    return forms <= 1 && has_file;
}

/* -1: go on; otherwise the code to exit with. */
static int read_options(options *o, int count, char **words)
{
    static const struct option table[] = {
        { "json", no_argument, NULL, 'j' },       { "digests", no_argument, NULL, 'd' },
        { "summary", no_argument, NULL, 's' },    { "session", required_argument, NULL, 'S' },
        { "leg", required_argument, NULL, 'l' },  { "port", required_argument, NULL, 'p' },
        { "merge", no_argument, NULL, 'm' },      { "pcap", required_argument, NULL, 'P' },
        { "keys", required_argument, NULL, 'k' }, { "check", no_argument, NULL, 'c' },
        { "help", no_argument, NULL, 'h' },       { NULL, 0, NULL, 0 }
    };
    int option;
    opterr = 0; /* the words are those of say_bad_option() */
    while ((option = getopt_long(count, words, ":h", table, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            return 0;
        }
        if (option == '?' || option == ':') {
            say_bad_option(option, words[optind - 1]);
            return EXIT_USAGE;
        }
        if (!take_option(o, option, optarg)) {
            return EXIT_USAGE;
        }
    }
    return is_whole(o, optind < count) ? -1 : EXIT_USAGE;
}

/* ---------------------------------------------------------------- reading */

static void say_bad_lines(const char *path, const inspect_reading *reading)
{
    fprintf(stderr, "talc inspect: %s: %llu of %llu lines could not be read:", path,
            (unsigned long long)reading->bad, (unsigned long long)reading->lines);
    size_t named =
        reading->bad < INSPECT_BAD_LINES_MAX ? (size_t)reading->bad : (size_t)INSPECT_BAD_LINES_MAX;
    for (size_t i = 0; i < named; i++) {
        fprintf(stderr, " %llu", (unsigned long long)reading->bad_lines[i]);
    }
    fprintf(stderr, "%s\n", reading->bad > named ? " and more" : "");
}

static bool read_content(inspection *all, const inspect_source *source, inspect_reading *reading)
{
    if (fseek(source->file, 0, SEEK_SET) != 0) {
        snprintf(reading->failure, sizeof reading->failure,
                 "it is read twice, so it has to be a file and no pipe");
        return false;
    }
    switch (inspect_content_of(source->file)) {
    case INSPECT_CONTENT_JOURNAL: return inspect_journal_read(all, source, reading);
    case INSPECT_CONTENT_PROXY_LOG: return inspect_proxy_log_read(all, source, reading);
    case INSPECT_CONTENT_CAPTURE: return inspect_capture_read(all, source, reading);
    case INSPECT_CONTENT_EMPTY:
        snprintf(reading->failure, sizeof reading->failure, "it is empty");
        return false;
    default:
        snprintf(reading->failure, sizeof reading->failure,
                 "it is no journal, no log of talc-proxy and no capture");
        return false;
    }
}

static bool read_file(options *o, inspection *all, const char *path)
{
    inspect_reading reading;
    memset(&reading, 0, sizeof reading);
    struct stat about;
    o->source.path = path;
    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode)) {
        fprintf(stderr, "talc inspect: %s: it is a directory\n", path);
        return false;
    }
    o->source.file = fopen(path, "rb");
    if (o->source.file == NULL) {
        fprintf(stderr, "talc inspect: %s: %s\n", path, strerror(errno));
        return false;
    }
    bool is_read = read_content(all, &o->source, &reading);
    fclose(o->source.file);
    if (!is_read) {
        fprintf(stderr, "talc inspect: %s: %s\n", path, reading.failure);
    }
    if (reading.bad > 0) {
        say_bad_lines(path, &reading);
        o->bad += (size_t)reading.bad;
    }
    if (reading.early_end[0] != '\0') {
        fprintf(stderr, "talc inspect: %s: %s\n", path, reading.early_end);
        o->bad++;
    }
    o->read_count += is_read;
    return is_read;
}

/* ---------------------------------------------------------------- writing */

static bool decrypt(const options *o, const inspection *all, const char *capture_path)
{
    inspect_decryption decryption = { .capture_path = capture_path, .keys_path = o->keys_path };
    if (!inspect_keys_use(all, &o->choice, &decryption, stdout)) {
        fprintf(stderr, "talc inspect: %s: %s\n", o->keys_path, decryption.failure);
        return false;
    }
    return true;
}

static void say_rebuilt(const options *o, const inspect_rebuilt *rebuilt)
{
    fprintf(stderr, "talc inspect: %s: sessions as TCP connections: %zu", o->pcap_path,
            rebuilt->connections);
    if (rebuilt->cut > 0) {
        fprintf(stderr, ", %zu of them up to a gap", rebuilt->cut);
    }
    if (rebuilt->ecc > 0) {
        fprintf(stderr, ", %zu of ecc, which nobody else decrypts", rebuilt->ecc);
    }
    fprintf(stderr, "; open it with: wireshark -o tls.keylog_file:%s %s\n",
            o->keys_path != NULL ? o->keys_path : "KEYLOG", o->pcap_path);
}

/* The capture goes into `file`, which has the name `path`. */
static bool write_capture(const options *o, const inspection *all, FILE *file, const char *path)
{
    inspect_rebuilt rebuilt;
    inspect_rebuild(all, &o->choice, file, &rebuilt);
    rebuilt.failed |= fclose(file) != 0;
    if (rebuilt.failed) {
        fprintf(stderr, "talc inspect: %s cannot be written\n", path);
        return false;
    }
    if (o->pcap_path != NULL) {
        say_rebuilt(o, &rebuilt);
    }
    return o->keys_path == NULL || decrypt(o, all, path);
}

static bool rebuild(const options *o, const inspection *all)
{
    char path[] = "/tmp/talc-inspect-XXXXXX";
    if (o->pcap_path != NULL) {
        FILE *file = fopen(o->pcap_path, "wb");
        if (file == NULL) {
            fprintf(stderr, "talc inspect: %s: %s\n", o->pcap_path, strerror(errno));
        }
        return file != NULL && write_capture(o, all, file, o->pcap_path);
    }
    int descriptor = mkstemp(path);
    FILE *file = descriptor >= 0 ? fdopen(descriptor, "wb") : NULL;
    bool done = file != NULL && write_capture(o, all, file, path);
    unlink(path);
    return done;
}

static bool write_all(const options *o, const inspection *all)
{
    bool done = true;
    if (o->is_json) {
        inspect_json_write(all, &o->choice, stdout);
    } else if (o->is_digests) {
        done = inspect_digests_write(all, &o->choice, stdout);
    } else {
        inspect_report_write(all, &o->choice, stdout);
    }
    if (o->pcap_path != NULL || o->keys_path != NULL) {
        done = rebuild(o, all) && done;
    }
    return fflush(stdout) == 0 && done;
}

int inspect_command(int count, char **words)
{
    inspection all;
    options o = { .choice = { .has_session = false } };
    bool done = true;
    optind = 1;
    int code = read_options(&o, count, words);
    if (code >= 0) {
        return code;
    }
    if (!inspection_begin(&all)) {
        fputs("talc inspect: no memory, or no cryptography\n", stderr);
        return EXIT_UNREADABLE;
    }
    for (int i = optind; i < count; i++) {
        done = read_file(&o, &all, words[i]) && done;
    }
    if (o.read_count == 0) {
        inspection_end(&all);
        return EXIT_UNREADABLE;
    }
    all.is_merged = o.source.merges;
    inspection_finish(&all);
    done = write_all(&o, &all) && done;
    bool is_odd = inspection_anomalies(&all) > 0 || o.bad > 0 || all.is_cut;
    inspection_end(&all);
    return !done ? EXIT_UNREADABLE : o.is_check && is_odd ? EXIT_FOUND : 0;
}
