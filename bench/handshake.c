/* SPDX-License-Identifier: MIT */
/*
 * What a handshake costs: exchanges, bytes, processor time and heap, for each kind of credential
 * and TLS version. Exits with 1 if one of the bounds that users may rely on does not hold.
 */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/first_request.h"
#include "bench/heap.h"
#include "bench/report.h"
#include "bench/stopwatch.h"

#define RUNS_USUAL 51 /* a server keeps the sessions of all runs */

typedef struct credential_row {
    credential_kind kind;
    const char *name;
    talc_blockwise blockwise;
    bool is_small;       /* held to the bound on exchanges */
    bool is_certificate; /* held to the bound on bytes */
} credential_row;

static const credential_row credential_rows[] = {
    { CREDENTIAL_SMALL_CERTIFICATE, "P-256", TALC_BLOCKWISE_AUTO, true, true },
    { CREDENTIAL_PINNED_CERTIFICATE, "P-256 pin", TALC_BLOCKWISE_AUTO, true, true },
    { CREDENTIAL_PSK, "PSK", TALC_BLOCKWISE_AUTO, true, false },
    { CREDENTIAL_LARGE_CHAIN, "RSA-4096", TALC_BLOCKWISE_AUTO, false, true },
    { CREDENTIAL_LARGE_CHAIN, "RSA short", TALC_BLOCKWISE_NEVER, false, true },
};

/* TLS 1.2 has a bound of its own on bytes: each of its handshake messages is a record, so a JSON
 * object, and it takes an exchange more. */
typedef struct version_row {
    talc_tls_version version;
    const char *name;
    unsigned exchanges_max; /* until the first response, with small credentials */
    double ratio_max;       /* of bodies to raw records with certificates, first request included */
} version_row;

static const version_row version_rows[] = {
    { TALC_TLS_1_3, "TLS 1.3", 2, 1.5 },
    { TALC_TLS_1_2, "TLS 1.2", 3, 1.7 },
};

#define CREDENTIAL_ROWS (sizeof credential_rows / sizeof credential_rows[0])
#define VERSION_ROWS (sizeof version_rows / sizeof version_rows[0])
#define ROWS (CREDENTIAL_ROWS * VERSION_ROWS)

typedef enum figure {
    FIGURE_HANDSHAKE_EXCHANGES,
    FIGURE_RESPONSE_EXCHANGES,
    FIGURE_HANDSHAKE_RECORDS,
    FIGURE_HANDSHAKE_ENVELOPES,
    FIGURE_HANDSHAKE_RATIO,
    FIGURE_RESPONSE_RECORDS,
    FIGURE_RESPONSE_ENVELOPES,
    FIGURE_RESPONSE_RATIO,
    FIGURE_WIRE_UP,
    FIGURE_WIRE_DOWN,
    FIGURE_DATAGRAMS_UP,
    FIGURE_DATAGRAMS_DOWN,
    FIGURE_PAYLOAD_MAX,
    FIGURE_CLIENT_CPU,
    FIGURE_SERVER_CPU,
    FIGURE_CLIENT_PEAK,
    FIGURE_SERVER_PEAK,
    FIGURE_CLIENT_IDLE,
    FIGURE_SERVER_IDLE,
    FIGURES
} figure;

static const report_figure figure_rows[FIGURES] = {
    { "handshake_exchanges", "exchanges until the handshake is over", 0 },
    { "response_exchanges", "exchanges until the first response", 0 },
    { "handshake_record_bytes", "handshake: records (B)", 0 },
    { "handshake_envelope_bytes", "handshake: envelopes (B)", 0 },
    { "handshake_ratio", "handshake: envelopes / records", 3 },
    { "response_record_bytes", "with first request: records (B)", 0 },
    { "response_envelope_bytes", "with first request: envelopes (B)", 0 },
    { "response_ratio", "with first request: envelopes / records", 3 },
    { "wire_up_bytes", "UDP payload to the server (B)", 0 },
    { "wire_down_bytes", "UDP payload to the client (B)", 0 },
    { "datagrams_up", "datagrams to the server", 0 },
    { "datagrams_down", "datagrams to the client", 0 },
    { "payload_max_bytes", "largest CoAP payload of a datagram (B)", 0 },
    { "client_cpu_us", "client: CPU time (us)", 0 },
    { "server_cpu_us", "server: CPU time (us)", 0 },
    { "client_peak_bytes", "client: heap of a session, peak (B)", 0 },
    { "server_peak_bytes", "server: heap of a session, peak (B)", 0 },
    { "client_idle_bytes", "client: heap of a session, idle (B)", 0 },
    { "server_idle_bytes", "server: heap of a session, idle (B)", 0 },
};

typedef struct options {
    const char *credentials;
    const char *json;
    size_t runs;
} options;

/* ---------------------------------------------------------------- measuring one row */

static talc_status measure_alone(const handshake_case *measured, double *figures,
                                 talc_failure *failure)
{
    handshake_alone alone;
    talc_status status = handshake_alone_run(measured, &alone, failure);
    if (status == TALC_OK) {
        double records = (double)(alone.record_bytes_up + alone.record_bytes_down);
        double envelopes = (double)(alone.envelope_bytes_up + alone.envelope_bytes_down);
        figures[FIGURE_HANDSHAKE_RECORDS] = records;
        figures[FIGURE_HANDSHAKE_ENVELOPES] = envelopes;
        figures[FIGURE_HANDSHAKE_RATIO] = envelopes / records;
    }
    return status;
}

static talc_status measure_wire(const handshake_case *measured, double *figures,
                                talc_failure *failure)
{
    wire passed;
    talc_status status = first_request_wire(measured, &passed, failure);
    if (status == TALC_OK) {
        figures[FIGURE_WIRE_UP] = (double)passed.up.bytes;
        figures[FIGURE_WIRE_DOWN] = (double)passed.down.bytes;
        figures[FIGURE_DATAGRAMS_UP] = (double)passed.up.datagrams;
        figures[FIGURE_DATAGRAMS_DOWN] = (double)passed.down.datagrams;
        figures[FIGURE_PAYLOAD_MAX] =
            fmax((double)passed.up.payload_max, (double)passed.down.payload_max);
    }
    return status;
}

static talc_status measure_heap(memory_server *server, double *figures, talc_failure *failure)
{
    first_request ignored;
    session_heap heap;
    talc_status status = first_request_run(server, &ignored, &heap, failure);
    if (status == TALC_OK && heap_is_counted() && heap_is_complete()) {
        figures[FIGURE_CLIENT_PEAK] = (double)heap.client_peak_bytes;
        figures[FIGURE_SERVER_PEAK] = (double)heap.server_peak_bytes;
        figures[FIGURE_CLIENT_IDLE] = (double)heap.client_idle_bytes;
        figures[FIGURE_SERVER_IDLE] = (double)heap.server_idle_bytes;
    }
    return status;
}

/* Sizes vary by a few bytes from run to run, as signatures do: the worst run counts. */
static void keep_worst(const first_request *result, double *figures)
{
    double ratio = (double)result->envelope_bytes / (double)result->record_bytes;
    figures[FIGURE_HANDSHAKE_EXCHANGES] =
        fmax(figures[FIGURE_HANDSHAKE_EXCHANGES], result->handshake_exchanges);
    figures[FIGURE_RESPONSE_EXCHANGES] =
        fmax(figures[FIGURE_RESPONSE_EXCHANGES], result->exchanges);
    if (!(ratio <= figures[FIGURE_RESPONSE_RATIO])) {
        figures[FIGURE_RESPONSE_RATIO] = ratio;
        figures[FIGURE_RESPONSE_RECORDS] = (double)result->record_bytes;
        figures[FIGURE_RESPONSE_ENVELOPES] = (double)result->envelope_bytes;
    }
}

static talc_status measure_runs(memory_server *server, size_t runs, double *figures,
                                talc_failure *failure)
{
    double client_us[RUNS_USUAL];
    double server_us[RUNS_USUAL];
    for (size_t run = 0; run < runs; run++) {
        first_request result;
        talc_status status = first_request_run(server, &result, NULL, failure);
        if (status != TALC_OK) {
            return status;
        }
        keep_worst(&result, figures);
        client_us[run] = result.client_cpu_us;
        server_us[run] = result.server_cpu_us;
    }
    figures[FIGURE_CLIENT_CPU] = stopwatch_median(client_us, runs);
    figures[FIGURE_SERVER_CPU] = stopwatch_median(server_us, runs);
    return TALC_OK;
}

/* The heap comes last, when the server has what it makes once for all sessions. */
static talc_status measure_memory(const handshake_case *measured, size_t runs, double *figures,
                                  talc_failure *failure)
{
    memory_server *server = NULL;
    talc_status status = memory_server_new(&server, measured, failure);
    if (status == TALC_OK) {
        status = measure_runs(server, runs, figures, failure);
    }
    if (status == TALC_OK) {
        status = measure_heap(server, figures, failure);
    }
    memory_server_free(server);
    return status;
}

static talc_status measure(const handshake_case *measured, size_t runs, double *figures,
                           talc_failure *failure)
{
    for (size_t i = 0; i < FIGURES; i++) {
        figures[i] = (double)NAN;
    }
    talc_status status = measure_alone(measured, figures, failure);
    if (status == TALC_OK) {
        status = measure_wire(measured, figures, failure);
    }
    return status == TALC_OK ? measure_memory(measured, runs, figures, failure) : status;
}

/* ---------------------------------------------------------------- all rows */

static bool measure_row(const options *chosen, size_t row, double *figures)
{
    talc_failure failure = { 0 };
    credentials loaded;
    const credential_row *credential = &credential_rows[row / VERSION_ROWS];
    const version_row *version = &version_rows[row % VERSION_ROWS];
    handshake_case measured = { &loaded, version->version, credential->blockwise };
    talc_status status = credentials_load(&loaded, credential->kind, chosen->credentials, &failure);
    if (status == TALC_OK) {
        status = measure(&measured, chosen->runs, figures, &failure);
    }
    credentials_clear(&loaded);
    if (status != TALC_OK) {
        fprintf(stderr, "handshake: %s, %s: %s: %s\n", credential->name, version->name,
                talc_status_text(status), failure.text);
    }
    return status == TALC_OK;
}

/* A bound holds only for what was measured: NAN fails. */
static bool keeps(const char *what, size_t row, double value, double limit)
{
    bool kept = value <= limit;
    printf("%-10s %s  %-38s %8.3f, at most %8.3f: %s\n", credential_rows[row / VERSION_ROWS].name,
           version_rows[row % VERSION_ROWS].name, what, value, limit, kept ? "kept" : "NOT KEPT");
    return kept;
}

static bool row_keeps_bounds(size_t row, const double *figures)
{
    const credential_row *credential = &credential_rows[row / VERSION_ROWS];
    const version_row *version = &version_rows[row % VERSION_ROWS];
    bool kept = keeps("largest CoAP payload of a datagram", row, figures[FIGURE_PAYLOAD_MAX],
                      TALC_MESSAGE_BODY_MAX);
    if (credential->is_certificate) {
        kept = keeps("envelopes / records with first request", row, figures[FIGURE_RESPONSE_RATIO],
                     version->ratio_max) &&
               kept;
    }
    if (credential->is_small) {
        kept = keeps("exchanges until the first response", row, figures[FIGURE_RESPONSE_EXCHANGES],
                     version->exchanges_max) &&
               kept;
    }
    return kept;
}

static void print_legend(size_t runs)
{
    printf(
        "Handshakes with mutual authentication, by credential and TLS version; %zu runs.\n"
        "P-256: certificates of at most 320 bytes. P-256 pin: the same, believed for their keys.\n"
        "RSA-4096: chains of three certificates. RSA short: the same, bodies below 1024 bytes.\n"
        "Records and envelopes: both directions together. Records: as TLS would write to TCP.\n"
        "UDP payload, CPU time and heap: of handshake, first request and response together.\n"
        "CPU time: median. Heap: bytes asked for by one session more, mbedTLS counted, the\n"
        "carrier not; idle: when the response is there.\n\n",
        runs);
}

static bool measure_all(const options *chosen)
{
    static double figures[ROWS][FIGURES];
    report_case cases[ROWS];
    report_table table = { "handshake", { "credential", "protocol" }, figure_rows, FIGURES, cases,
                           ROWS };
    for (size_t row = 0; row < ROWS; row++) {
        cases[row] = (report_case){ { credential_rows[row / VERSION_ROWS].name,
                                      version_rows[row % VERSION_ROWS].name },
                                    figures[row] };
        if (!measure_row(chosen, row, figures[row])) {
            return false;
        }
    }
    print_legend(chosen->runs);
    report_print(&table, stdout);
    printf("\nBounds, in the worst run:\n");
    bool kept = true;
    for (size_t row = 0; row < ROWS; row++) {
        kept = row_keeps_bounds(row, figures[row]) && kept;
    }
    if (chosen->json != NULL && !report_write_json(&table, chosen->json)) {
        fprintf(stderr, "handshake: %s cannot be written\n", chosen->json);
        return false;
    }
    return kept;
}

static int usage(FILE *file, int code)
{
    fprintf(file, "usage: handshake --credentials DIR [--json FILE] [--quick]\n\n"
                  "DIR is made by scripts/make-credentials.sh DIR --rsa. --quick: few runs; its\n"
                  "times say nothing.\n");
    return code;
}

int main(int argc, char **argv)
{
    static const struct option known[] = { { "credentials", required_argument, NULL, 'c' },
                                           { "json", required_argument, NULL, 'j' },
                                           { "quick", no_argument, NULL, 'q' },
                                           { "help", no_argument, NULL, 'h' },
                                           { NULL, 0, NULL, 0 } };
    options chosen = { NULL, NULL, RUNS_USUAL };
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'c': chosen.credentials = optarg; break;
        case 'j': chosen.json = optarg; break;
        case 'q': chosen.runs = 3; break;
        case 'h': return usage(stdout, 0);
        default: return usage(stderr, 2);
        }
    }
    if (chosen.credentials == NULL || optind != argc) {
        return usage(stderr, 2);
    }
    return measure_all(&chosen) ? 0 : 1;
}
