/* SPDX-License-Identifier: MIT */
#include "bench/figures.h"

#include <math.h>

const report_figure compare_figures[COMPARE_FIGURES] = {
    [HEADING_CLASSIC] = { NULL, "The classic experiment: GET index, no path between (ms)", 0 },
    [FRESH_MIN] = { "fresh_min_ms", "fresh session: min", 3 },
    [FRESH_AVERAGE] = { "fresh_average_ms", "fresh session: average", 3 },
    [FRESH_MAX] = { "fresh_max_ms", "fresh session: max", 3 },
    [FRESH_RATIO] = { "fresh_ratio", "average, to plain CoAP", 2 },
    [PUBLISHED_AVERAGE] = { "published_average_ms", "published: average", 0 },
    [PUBLISHED_RATIO] = { "published_ratio", "published: average, to plain CoAP", 2 },
    [KEPT_MIN] = { "kept_min_ms", "session kept: min", 3 },
    [KEPT_AVERAGE] = { "kept_average_ms", "session kept: average", 3 },
    [KEPT_MAX] = { "kept_max_ms", "session kept: max", 3 },
    [KEPT_RATIO] = { "kept_ratio", "average, to plain CoAP", 2 },
    [HEADING_ROUND_TRIPS] = { NULL, "Until the response, by the path's round trip; median (ms)",
                              0 },
    [FIRST_0] = { "first_0ms_ms", "fresh session, 0 ms", 2 },
    [FIRST_50] = { "first_50ms_ms", "fresh session, 50 ms", 2 },
    [FIRST_200] = { "first_200ms_ms", "fresh session, 200 ms", 2 },
    [FIRST_50_RATIO] = { "first_50ms_ratio", "fresh session, 50 ms, to plain CoAP", 2 },
    [OPEN_0] = { "open_0ms_ms", "open session, 0 ms", 2 },
    [OPEN_50] = { "open_50ms_ms", "open session, 50 ms", 2 },
    [OPEN_200] = { "open_200ms_ms", "open session, 200 ms", 2 },
    [OPEN_50_RATIO] = { "open_50ms_ratio", "open session, 50 ms, to plain CoAP", 3 },
    [HEADING_LOSS] = { NULL, "Fresh session with loss; mean (ms)", 0 },
    [LOSS_0_5] = { "loss_0ms_5_ms", "0 ms, 5 %", 0 },
    [LOSS_0_15] = { "loss_0ms_15_ms", "0 ms, 15 %", 0 },
    [LOSS_50_0] = { "loss_50ms_0_ms", "50 ms, none", 0 },
    [LOSS_50_5] = { "loss_50ms_5_ms", "50 ms, 5 %", 0 },
    [LOSS_50_15] = { "loss_50ms_15_ms", "50 ms, 15 %", 0 },
    [LOSS_200_5] = { "loss_200ms_5_ms", "200 ms, 5 %", 0 },
    [LOSS_200_15] = { "loss_200ms_15_ms", "200 ms, 15 %", 0 },
    [LOSS_ROUGH] = { "loss_rough_ms", "50 ms, 5 % lost, 5 % doubled, 5 % late", 0 },
    [LOSS_MEDIAN] = { "loss_50ms_15_median_ms", "50 ms, 15 %: median", 0 },
    [LOSS_MAX] = { "loss_50ms_15_max_ms", "50 ms, 15 %: max", 0 },
    [LOSS_TIME_GROWTH] = { "loss_50ms_15_time_growth", "50 ms, 15 %: time, to none", 2 },
    [LOSS_BYTES_BEFORE] = { "loss_50ms_0_bytes", "50 ms, none: UDP payload (B)", 0 },
    [LOSS_BYTES] = { "loss_50ms_15_bytes", "50 ms, 15 %: UDP payload (B)", 0 },
    [LOSS_BYTES_GROWTH] = { "loss_50ms_15_bytes_growth", "50 ms, 15 %: UDP payload, to none", 3 },
    [LOSS_RUNS] = { "loss_runs", "runs with loss", 0 },
    [LOSS_UNANSWERED] = { "loss_unanswered", "runs without a response", 0 },
    [LOSS_HUNG] = { "loss_hung", "of them, runs that had not ended after 120 s", 0 },
    [HEADING_WIRE] = { NULL, "On the wire, without loss (B: UDP payload, both ways)", 0 },
    [FIRST_ROUND_TRIPS] = { "first_round_trips", "handshake + request: round trips", 0 },
    [FIRST_DATAGRAMS] = { "first_datagrams", "handshake + request: datagrams", 0 },
    [FIRST_BYTES_UP] = { "first_bytes_up", "handshake + request: to the server (B)", 0 },
    [FIRST_BYTES_DOWN] = { "first_bytes_down", "handshake + request: to the client (B)", 0 },
    [FIRST_BYTES] = { "first_bytes", "handshake + request (B)", 0 },
    [OPEN_ROUND_TRIPS] = { "open_round_trips", "request alone: round trips", 0 },
    [OPEN_DATAGRAMS] = { "open_datagrams", "request alone: datagrams", 0 },
    [OPEN_BYTES] = { "open_bytes", "request alone (B)", 0 },
    [HANDSHAKE_ROUND_TRIPS] = { "handshake_round_trips", "handshake: round trips more", 0 },
    [HANDSHAKE_DATAGRAMS] = { "handshake_datagrams", "handshake: datagrams more", 0 },
    [HANDSHAKE_BYTES] = { "handshake_bytes", "handshake: bytes more (B)", 0 },
    [PAYLOAD_MAX] = { "payload_max_bytes", "largest datagram's CoAP payload (B)", 0 },
    [HEADING_COST] = { NULL, "What a session costs each side", 0 },
    [FIRST_CLIENT_CPU] = { "first_client_cpu_us", "client: CPU, handshake + request (us)", 0 },
    [FIRST_SERVER_CPU] = { "first_server_cpu_us", "server: CPU, handshake + request (us)", 0 },
    [OPEN_CLIENT_CPU] = { "open_client_cpu_us", "client: CPU, request alone (us)", 0 },
    [OPEN_SERVER_CPU] = { "open_server_cpu_us", "server: CPU, request alone (us)", 0 },
    [CLIENT_PEAK] = { "client_peak_bytes", "client: heap, peak (B)", 0 },
    [SERVER_PEAK] = { "server_peak_bytes", "server: heap, peak (B)", 0 },
    [CLIENT_IDLE] = { "client_idle_bytes", "client: heap, idle (B)", 0 },
    [SERVER_IDLE] = { "server_idle_bytes", "server: heap, idle (B)", 0 },
    [CODE_OWN] = { "code_own_bytes", "code: objects of this mode alone (B)", 0 },
    [CODE_ALL] = { "code_all_bytes", "code: with objects shared by modes (B)", 0 },
};

void figures_clear(figure_columns figures)
{
    for (size_t mode = 0; mode < MODES; mode++) {
        for (size_t i = 0; i < COMPARE_FIGURES; i++) {
            figures[mode][i] = (double)NAN;
        }
        figures[mode][PUBLISHED_AVERAGE] = mode_rows[mode].published_ms;
    }
}

/* Each figure below the first is the quotient of its column's second and the third, of which the
 * first mode's is taken where the column is measured by plain CoAP. */
typedef struct quotient {
    compare_figure result;
    compare_figure dividend;
    compare_figure divisor;
    bool is_to_plain;
} quotient;

static const quotient quotients[] = {
    { FRESH_RATIO, FRESH_AVERAGE, FRESH_AVERAGE, true },
    { PUBLISHED_RATIO, PUBLISHED_AVERAGE, PUBLISHED_AVERAGE, true },
    { KEPT_RATIO, KEPT_AVERAGE, KEPT_AVERAGE, true },
    { FIRST_50_RATIO, FIRST_50, FIRST_50, true },
    { OPEN_50_RATIO, OPEN_50, OPEN_50, true },
    { LOSS_TIME_GROWTH, LOSS_50_15, LOSS_50_0, false },
    { LOSS_BYTES_GROWTH, LOSS_BYTES, LOSS_BYTES_BEFORE, false },
};

void figures_derive(figure_columns figures)
{
    for (size_t mode = 0; mode < MODES; mode++) {
        double *column = figures[mode];
        for (size_t i = 0; i < sizeof quotients / sizeof quotients[0]; i++) {
            const quotient *of = &quotients[i];
            const double *by = of->is_to_plain ? figures[MODE_NONE] : column;
            column[of->result] = column[of->dividend] / by[of->divisor];
        }
        column[HANDSHAKE_ROUND_TRIPS] = column[FIRST_ROUND_TRIPS] - column[OPEN_ROUND_TRIPS];
        column[HANDSHAKE_DATAGRAMS] = column[FIRST_DATAGRAMS] - column[OPEN_DATAGRAMS];
        column[HANDSHAKE_BYTES] = column[FIRST_BYTES] - column[OPEN_BYTES];
    }
}
