/* SPDX-License-Identifier: MIT */
/*
 * Every mode against the same server: the experiment of the literature, paths with delay and loss, and
 * what each mode puts on the wire and costs each side. Exits with 1 if one of the bounds that users may
 * rely on does not hold.
 */
#include <cjson/cJSON.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench/bounds.h"
#include "bench/code_size.h"
#include "bench/experiments.h"
#include "bench/json_cost.h"
#include "bench/plot.h"

#define EXIT_HOLDS 0
#define EXIT_BROKEN 1
#define EXIT_USAGE 2
#define EXIT_NOT_RUN 3

#define ECHO_ROWS 3

typedef struct options {
    const char *credentials;
    const char *library;
    const char *csv;
    const char *json;
    const char *svg;
    uint64_t seed;
    bool is_quick;
    bool shows_timelines;
    mode_name mode; /* of the timelines; MODES: all */
    relay_path path;
} options;

static const compare_plan plan_full = { 20, 21, 5, 7, 400, 30, 0 };
static const compare_plan plan_quick = { 2, 1, 0, 3, 2, 0, 0 };

/* All that is measured. */
typedef struct comparison {
    figure_columns figures;
    json_cost json[JSON_COSTS];
    double echo_ms[ECHO_ROWS]; /* of the relay itself */
} comparison;

static const unsigned echo_round_trips_ms[ECHO_ROWS] = { 0, 50, 200 };

/* ---------------------------------------------------------------- measuring */

static void refusals_print(const testbed *on)
{
    for (size_t mode = 0; mode < MODES; mode++) {
        if (!on->is_served[mode]) {
            printf("%s, %s: cannot be run: %s\n", mode_rows[mode].name, mode_rows[mode].credential,
                   on->refusals[mode].text);
        }
    }
}

static bool all_are_served(const testbed *on)
{
    bool are = true;
    for (size_t mode = 0; mode < MODES; mode++) {
        are = are && on->is_served[mode];
    }
    return are;
}

static void echoes_measure(const testbed *on, const options *chosen, comparison *of)
{
    for (size_t i = 0; i < ECHO_ROWS; i++) {
        size_t count = echo_round_trips_ms[i] == 0 ? 101 : 11;
        of->echo_ms[i] = (double)NAN;
        if (!chosen->is_quick || i == 0) {
            of->echo_ms[i] = relays_echo_ms(on->paths, echo_round_trips_ms[i], count);
        }
    }
}

/* The heap comes late, when the servers have what they make once for all sessions. */
static bool measure(const testbed *on, const options *chosen, comparison *of)
{
    compare_plan plan = chosen->is_quick ? plan_quick : plan_full;
    plan.seed = chosen->seed;
    echoes_measure(on, chosen, of);
    bool is_good = experiment_classic(on, &plan, of->figures) &&
                   experiment_paths(on, &plan, of->figures) &&
                   experiment_wire(on, &plan, of->figures) && experiment_heap(on, of->figures) &&
                   experiment_loss(on, &plan, of->figures) &&
                   json_cost_measure(of->json, chosen->is_quick ? 1 : 101);
    if (chosen->library != NULL && !code_size_measure(chosen->library, of->figures)) {
        fprintf(stderr, "compare: size(1) cannot read %s\n", chosen->library);
        is_good = false;
    }
    figures_derive(of->figures);
    return is_good;
}

/* ---------------------------------------------------------------- telling */

static const char legend[] =
    "All times but CPU are wall clock, from the call that sends the request to the callback that\n"
    "brings its response; clients are made before. none: plain CoAP. dtls: coaps. Both sides are\n"
    "authenticated in all other modes; certificates have at most 320 bytes. ticket: a session of "
    "a\n"
    "certificate, resumed. Handshake: what the first request takes more than one in an open "
    "session.\n"
    "A path's round trip is split in two equal delays; loss, doubling and lateness (half a round "
    "trip)\n"
    "are per datagram, in both directions. UDP payload with loss: what was sent, lost or not.\n"
    "CPU and heap: from the making of the client to the response, libcoap and mbedTLS included;\n"
    "idle: when the response is there. Code: text and data of talc's own objects, both sides; "
    "mbedTLS,\n"
    "libcoap and cJSON are not counted.\n\n";

static void heading_print(const options *chosen, const comparison *of)
{
    const compare_plan *plan = chosen->is_quick ? &plan_quick : &plan_full;
    printf("Modes compared: %zu sessions without a path, %zu at 0 and 50 ms, %zu at 200 ms; with "
           "loss\n"
           "seeds %" PRIu64 " to %" PRIu64
           " at 50 ms and 15 %%, the first %zu of them elsewhere.\n",
           plan->classic_runs, plan->path_runs, plan->long_path_runs, chosen->seed,
           chosen->seed + plan->loss_runs - 1, plan->other_loss_runs);
    printf("The relay itself, nominal and measured round trip (ms):");
    for (size_t i = 0; i < ECHO_ROWS; i++) {
        printf("%s %u: %.3f", i > 0 ? "," : "", echo_round_trips_ms[i], of->echo_ms[i]);
    }
    printf("\n%s", legend);
}

static cJSON *comparison_json(const report_table *table, const options *chosen,
                              const comparison *of)
{
    cJSON *root = report_json(table);
    cJSON_AddNumberToObject(root, "seed", (double)chosen->seed);
    cJSON_AddBoolToObject(root, "quick", chosen->is_quick);
    cJSON *echoes = cJSON_AddObjectToObject(root, "relay_round_trip_ms");
    for (size_t i = 0; i < ECHO_ROWS; i++) {
        char nominal[16];
        snprintf(nominal, sizeof nominal, "%u", echo_round_trips_ms[i]);
        if (!isnan(of->echo_ms[i])) {
            cJSON_AddNumberToObject(echoes, nominal, of->echo_ms[i]);
        }
    }
    cJSON_AddItemToObject(root, "json", json_cost_json(of->json));
    cJSON_AddItemToObject(
        root, "bounds",
        bounds_json(of->figures, chosen->is_quick ? BOUNDS_WITHOUT_TIMES : BOUNDS_ALL));
    return root;
}

static bool files_write(const report_table *table, const options *chosen, const comparison *of)
{
    bool is_good = true;
    if (chosen->csv != NULL && !report_write_csv(table, chosen->csv)) {
        fprintf(stderr, "compare: %s cannot be written\n", chosen->csv);
        is_good = false;
    }
    if (chosen->json != NULL && !report_write(comparison_json(table, chosen, of), chosen->json)) {
        fprintf(stderr, "compare: %s cannot be written\n", chosen->json);
        is_good = false;
    }
    return (chosen->svg == NULL || plot_draw(of->figures, chosen->svg)) && is_good;
}

static int tell(const testbed *on, const options *chosen, const comparison *of)
{
    report_case columns[MODES];
    for (size_t mode = 0; mode < MODES; mode++) {
        columns[mode] = (report_case){ { mode_rows[mode].name, mode_rows[mode].credential },
                                       of->figures[mode] };
    }
    const report_table table = { "compare",       { "mode", "credential" },
                                 compare_figures, COMPARE_FIGURES,
                                 columns,         MODES };
    heading_print(chosen, of);
    report_print(&table, stdout);
    printf("\n");
    json_cost_print(of->json, stdout);
    printf("\nBounds:\n");
    bounds_outcome outcome =
        bounds_print(of->figures, chosen->is_quick ? BOUNDS_WITHOUT_TIMES : BOUNDS_ALL, stdout);
    refusals_print(on);
    if (!files_write(&table, chosen, of)) {
        return EXIT_NOT_RUN;
    }
    if (outcome == BOUNDS_BROKEN) {
        return EXIT_BROKEN;
    }
    return outcome == BOUNDS_HOLD && all_are_served(on) ? EXIT_HOLDS : EXIT_NOT_RUN;
}

static int compare(const testbed *on, const options *chosen)
{
    static comparison made;
    if (chosen->shows_timelines) {
        relay_path path = chosen->path;
        path.seed = chosen->seed;
        return experiment_timelines(on, &path, chosen->mode) ? EXIT_HOLDS : EXIT_NOT_RUN;
    }
    figures_clear(made.figures);
    if (!measure(on, chosen, &made)) {
        refusals_print(on);
        return EXIT_NOT_RUN;
    }
    return tell(on, chosen, &made);
}

/* ---------------------------------------------------------------- the program */

/* Many clients at a time have many sockets. */
static void descriptors_raise(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static const char usage_text[] =
    "usage: compare --credentials DIR [--csv FILE] [--json FILE] [--svg FILE] [--seed N]\n"
    "               [--library FILE] [--quick]\n"
    "       compare --credentials DIR --timelines [--mode KEY] [--round-trip MS]\n"
    "               [--loss PERCENT] [--seed N]\n\n"
    "Runs all modes against one server and prints a table of times, bytes and costs, and the\n"
    "bounds on them. DIR is made by scripts/make-credentials.sh DIR. Takes about three minutes.\n\n"
    "  --csv FILE      a line for each mode\n"
    "  --json FILE     the same, with the bounds\n"
    "  --svg FILE      a drawing by gnuplot, and its script beside it\n"
    "  --seed N        of the first path with loss; the next one has the next [1]\n"
    "  --library FILE  talc's static library, for the size of its code\n"
    "  --quick         few runs; its times say nothing and have no bounds\n\n"
    "  --timelines     only prints when each datagram of a first and a second request passed\n"
    "  --mode KEY      of this mode alone: none, dtls_psk, dtls_certificate, ecc, tls_psk,\n"
    "                  tls_certificate, tls_resumed [all]\n"
    "  --round-trip MS, --loss PERCENT\n"
    "                  over this path [50, 0]\n\n"
    "exits with 0: all bounds hold; 1: one does not; 2: usage; 3: not all could be run or\n"
    "written\n\n"
    "  compare --credentials build/bench/credentials --svg compare.svg --csv compare.csv\n"
    "  compare --credentials build/bench/credentials --quick --json /dev/stdout\n"
    "  compare --credentials build/bench/credentials --timelines --mode tls_psk --loss 15\n";

static int usage(FILE *file, int code)
{
    fputs(usage_text, file);
    return code;
}

static bool number_read(const char *text, uint64_t most, uint64_t *number)
{
    char *end = NULL;
    *number = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && *number <= most;
}

static bool round_trip_read(const char *text, unsigned *round_trip_ms)
{
    uint64_t number = 0;
    bool is_good = number_read(text, 10000, &number);
    *round_trip_ms = (unsigned)number;
    return is_good;
}

static bool loss_read(const char *text, double *loss)
{
    uint64_t percent = 0;
    bool is_good = number_read(text, 99, &percent);
    *loss = (double)percent / 100;
    return is_good;
}

static bool mode_read(const char *text, mode_name *mode)
{
    for (int each = 0; each < MODES; each++) {
        if (strcmp(text, mode_rows[each].key) == 0) {
            *mode = (mode_name)each;
            return true;
        }
    }
    return false;
}

/* Returns what to exit with, or -1 to go on. */
static int options_read(int argc, char **argv, options *chosen)
{
    static const struct option known[] = {
        { "credentials", required_argument, NULL, 'c' },
        { "csv", required_argument, NULL, 'v' },
        { "json", required_argument, NULL, 'j' },
        { "svg", required_argument, NULL, 's' },
        { "seed", required_argument, NULL, 'n' },
        { "library", required_argument, NULL, 'l' },
        { "quick", no_argument, NULL, 'q' },
        { "timelines", no_argument, NULL, 't' },
        { "help", no_argument, NULL, 'h' },
        { "mode", required_argument, NULL, 'm' },
        { "loss", required_argument, NULL, 'p' },
        { "round-trip", required_argument, NULL, 'r' },
        { NULL, 0, NULL, 0 },
    };
    int option;
    bool is_good = true;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'c': chosen->credentials = optarg; break;
        case 'v': chosen->csv = optarg; break;
        case 'j': chosen->json = optarg; break;
        case 's': chosen->svg = optarg; break;
        case 'n': is_good = number_read(optarg, UINT32_MAX, &chosen->seed) && is_good; break;
        case 'm': is_good = mode_read(optarg, &chosen->mode) && is_good; break;
        case 'p': is_good = loss_read(optarg, &chosen->path.loss) && is_good; break;
        case 'r': is_good = round_trip_read(optarg, &chosen->path.round_trip_ms) && is_good; break;
        case 'l': chosen->library = optarg; break;
        case 'q': chosen->is_quick = true; break;
        case 't': chosen->shows_timelines = true; break;
        case 'h': return usage(stdout, EXIT_HOLDS);
        default: return usage(stderr, EXIT_USAGE);
        }
    }
    is_good = is_good && chosen->credentials != NULL && optind == argc;
    return is_good ? -1 : usage(stderr, EXIT_USAGE);
}

int main(int argc, char **argv)
{
    static testbed bed;
    options chosen = { .seed = 1, .mode = MODES, .path = { .round_trip_ms = 50 } };
    talc_failure failure = { 0 };
    int code = options_read(argc, argv, &chosen);
    if (code >= 0) {
        return code;
    }
    descriptors_raise();
    talc_status status = testbed_open(&bed, chosen.credentials, &failure);
    if (status != TALC_OK) {
        fprintf(stderr, "compare: %s: %s\n", talc_status_text(status), failure.text);
        return EXIT_NOT_RUN;
    }
    code = compare(&bed, &chosen);
    testbed_close(&bed);
    return code;
}
