/* SPDX-License-Identifier: MIT */
#include "bench/bounds.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdbool.h>

/* The figure of a mode, divided by that of another one: at most `limit`. */
typedef struct bound {
    const char *text;
    compare_figure figure;
    mode_name mode;
    mode_name divisor; /* MODES: none, the figure itself is bounded */
    double limit;
    bool is_of_times;
    bool is_strict; /* below `limit` */
} bound;

#define FIRST_RESPONSE "first response at 50 ms, to dtls"
#define OPEN_REQUEST "request in an open session at 50 ms, to none"
#define HUNG "runs with loss that hang"
#define UNANSWERED "runs with loss without a response"

/* RFC 7252 section 4.2 lets plain CoAP give a request up after five tries: only of the modes that begin
 * again by themselves is each run answered. */
static const bound bounds[] = {
    { FIRST_RESPONSE, FIRST_50, MODE_TLS_PSK, MODE_DTLS_PSK, 0.55, true, false },
    { FIRST_RESPONSE, FIRST_50, MODE_TLS_CERTIFICATE, MODE_DTLS_CERTIFICATE, 0.6, true, false },
    { FIRST_RESPONSE, FIRST_50, MODE_ECC, MODE_DTLS_CERTIFICATE, 0.6, true, false },
    { OPEN_REQUEST, OPEN_50, MODE_DTLS_PSK, MODE_NONE, 1.1, true, false },
    { OPEN_REQUEST, OPEN_50, MODE_DTLS_CERTIFICATE, MODE_NONE, 1.1, true, false },
    { OPEN_REQUEST, OPEN_50, MODE_ECC, MODE_NONE, 1.1, true, false },
    { OPEN_REQUEST, OPEN_50, MODE_TLS_PSK, MODE_NONE, 1.1, true, false },
    { OPEN_REQUEST, OPEN_50, MODE_TLS_CERTIFICATE, MODE_NONE, 1.1, true, false },
    { OPEN_REQUEST, OPEN_50, MODE_TLS_RESUMED, MODE_NONE, 1.1, true, false },
    { "mean time at 15 % loss, to dtls", LOSS_50_15, MODE_TLS_PSK, MODE_DTLS_PSK, 0.7, true,
      false },
    { "mean time at 15 % loss, to dtls", LOSS_50_15, MODE_TLS_CERTIFICATE, MODE_DTLS_CERTIFICATE,
      0.7, true, false },
    { "growth of bytes by 15 % loss, to dtls", LOSS_BYTES_GROWTH, MODE_TLS_PSK, MODE_DTLS_PSK, 1,
      true, true },
    { "growth of bytes by 15 % loss, to dtls", LOSS_BYTES_GROWTH, MODE_TLS_CERTIFICATE,
      MODE_DTLS_CERTIFICATE, 1, true, true },
    { HUNG, LOSS_HUNG, MODE_NONE, MODES, 0, false, false },
    { HUNG, LOSS_HUNG, MODE_DTLS_PSK, MODES, 0, false, false },
    { HUNG, LOSS_HUNG, MODE_DTLS_CERTIFICATE, MODES, 0, false, false },
    { HUNG, LOSS_HUNG, MODE_ECC, MODES, 0, false, false },
    { HUNG, LOSS_HUNG, MODE_TLS_PSK, MODES, 0, false, false },
    { HUNG, LOSS_HUNG, MODE_TLS_CERTIFICATE, MODES, 0, false, false },
    { HUNG, LOSS_HUNG, MODE_TLS_RESUMED, MODES, 0, false, false },
    { UNANSWERED, LOSS_UNANSWERED, MODE_ECC, MODES, 0, false, false },
    { UNANSWERED, LOSS_UNANSWERED, MODE_TLS_PSK, MODES, 0, false, false },
    { UNANSWERED, LOSS_UNANSWERED, MODE_TLS_CERTIFICATE, MODES, 0, false, false },
    { UNANSWERED, LOSS_UNANSWERED, MODE_TLS_RESUMED, MODES, 0, false, false },
    { "bytes of handshake and request, to dtls", FIRST_BYTES, MODE_TLS_PSK, MODE_DTLS_PSK, 1, false,
      false },
    { "bytes of the handshake, to dtls", HANDSHAKE_BYTES, MODE_TLS_PSK, MODE_DTLS_PSK, 1, false,
      false },
    { "round trips to the first response", FIRST_ROUND_TRIPS, MODE_ECC, MODES, 2, false, false },
    { "round trips to the first response", FIRST_ROUND_TRIPS, MODE_TLS_PSK, MODES, 2, false,
      false },
    { "round trips to the first response", FIRST_ROUND_TRIPS, MODE_TLS_CERTIFICATE, MODES, 2, false,
      false },
    { "round trips to the first response", FIRST_ROUND_TRIPS, MODE_TLS_RESUMED, MODES, 2, false,
      false },
    { "round trips in an open session", OPEN_ROUND_TRIPS, MODE_ECC, MODES, 1, false, false },
    { "round trips in an open session", OPEN_ROUND_TRIPS, MODE_TLS_PSK, MODES, 1, false, false },
    { "round trips in an open session", OPEN_ROUND_TRIPS, MODE_TLS_CERTIFICATE, MODES, 1, false,
      false },
    { "round trips in an open session", OPEN_ROUND_TRIPS, MODE_TLS_RESUMED, MODES, 1, false,
      false },
};

#define BOUNDS (sizeof bounds / sizeof bounds[0])

static bool is_told(const bound *of, bounds_wanted wanted)
{
    return wanted == BOUNDS_ALL || !of->is_of_times;
}

static double value_of(const bound *of, const figure_columns figures)
{
    double value = figures[of->mode][of->figure];
    return of->divisor == MODES ? value : value / figures[of->divisor][of->figure];
}

static bool holds(const bound *of, double value)
{
    return of->is_strict ? value < of->limit : value <= of->limit;
}

static const char *outcome_text(const bound *of, double value)
{
    return isnan(value) ? "NOT MEASURED" : holds(of, value) ? "holds" : "DOES NOT HOLD";
}

static void bound_print(const bound *of, double value, FILE *file)
{
    char text[16] = "-";
    if (!isnan(value)) {
        snprintf(text, sizeof text, "%.3f", value);
    }
    fprintf(file, "%-5s %-7s %-45s %7s, %s %4.2f: %s\n", mode_rows[of->mode].name,
            mode_rows[of->mode].credential, of->text, text, of->is_strict ? "below  " : "at most",
            of->limit, outcome_text(of, value));
}

bounds_outcome bounds_print(const figure_columns figures, bounds_wanted wanted, FILE *file)
{
    bounds_outcome outcome = BOUNDS_HOLD;
    for (size_t i = 0; i < BOUNDS; i++) {
        const bound *of = &bounds[i];
        double value = value_of(of, figures);
        if (!is_told(of, wanted)) {
            continue;
        }
        bound_print(of, value, file);
        if (!isnan(value) && !holds(of, value)) {
            outcome = BOUNDS_BROKEN;
        } else if (isnan(value) && outcome == BOUNDS_HOLD) {
            outcome = BOUNDS_NOT_ALL_MEASURED;
        }
    }
    return outcome;
}

static cJSON *bound_json(const bound *of, double value)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "mode", mode_rows[of->mode].key);
    cJSON_AddStringToObject(object, "what", of->text);
    if (isnan(value)) {
        cJSON_AddNullToObject(object, "value");
    } else {
        cJSON_AddNumberToObject(object, "value", value);
    }
    cJSON_AddNumberToObject(object, of->is_strict ? "below" : "at_most", of->limit);
    cJSON_AddBoolToObject(object, "holds", !isnan(value) && holds(of, value));
    return object;
}

struct cJSON *bounds_json(const figure_columns figures, bounds_wanted wanted)
{
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < BOUNDS; i++) {
        if (is_told(&bounds[i], wanted)) {
            cJSON_AddItemToArray(array, bound_json(&bounds[i], value_of(&bounds[i], figures)));
        }
    }
    return array;
}
