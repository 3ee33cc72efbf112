/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "lib/hex.h"
#include "tools/inspect_flights.h"
#include "tools/inspect_names.h"
#include "tools/inspect_report.h"

static const char *const senders[] = { "client", "server" };

static void write_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            fputc('\\', out);
        }
        /* Names of files may hold anything; the rest was cleaned when it was read. */
        fputc(*text >= 0x20 && *text < 0x7f ? *text : '?', out);
    }
    fputc('"', out);
}

static void write_record(FILE *out, const inspect_record *record)
{
    char digest[2 * sizeof record->digest + 1];
    talc_hex_write(digest, record->digest, sizeof record->digest);
    digest[sizeof digest - 1] = '\0';
    fprintf(out, "{\"offset\":%llu,\"type\":%u,\"version\":%u,\"length\":%u,\"name\":",
            (unsigned long long)record->offset, record->header.type, record->header.version,
            record->header.length);
    write_string(out, record->name);
    fprintf(out, ",\"sha256\":\"%s\"}", digest);
}

static void write_flights(FILE *out, const inspect_session *session)
{
    inspect_flight_cursor cursor = { 0, { 0, 0 } };
    inspect_flight flight;
    for (size_t number = 0; inspect_flight_next(session, &cursor, &flight); number++) {
        fprintf(out,
                "%s{\"from\":\"%s\",\"time_ms\":%llu,\"envelopes\":%zu,\"repeats\":%zu,"
                "\"record_bytes\":%zu,\"body_bytes\":%llu,\"records\":[",
                number > 0 ? "," : "", senders[flight.direction],
                (unsigned long long)(flight.time_us / 1000), flight.envelopes, flight.repeats,
                flight.raw, (unsigned long long)flight.body_bytes);
        for (size_t i = 0; i < flight.record_count; i++) {
            fputs(i > 0 ? "," : "", out);
            write_record(out, &session->streams[flight.direction].records[flight.record + i]);
        }
        fputs("]}", out);
    }
}

static void write_totals(FILE *out, const inspect_session *session, int direction)
{
    const inspect_totals *totals = &session->totals[direction];
    fprintf(out,
            ",\"from_%s\":{\"envelopes\":%zu,\"repeats\":%zu,\"retransmissions\":%zu,"
            "\"records\":%zu,\"record_bytes\":%zu,\"body_bytes\":%llu,\"body_max\":%zu}",
            senders[direction], totals->envelopes, totals->repeats, totals->retransmissions,
            session->streams[direction].record_count, session->streams[direction].byte_count,
            (unsigned long long)totals->body_bytes, totals->body_max);
}

static void write_session(FILE *out, const inspect_session *session, const inspect_choice *choice)
{
    char id[INSPECT_ID_TEXT_SIZE];
    inspect_summary summary;
    inspect_summarize(session, &summary);
    fprintf(out, "{\"id\":\"%s\",\"protocol\":", inspect_id_text(session->id, id));
    write_string(out, session->protocol);
    fputs(",\"client\":", out);
    write_string(out, session->client);
    fputs(",\"origin\":", out);
    write_string(out, session->origin);
    fprintf(out, ",\"first_ms\":%llu,\"last_ms\":%llu,\"round_trips\":%zu,\"unanswered\":%zu",
            (unsigned long long)(summary.first_us / 1000),
            (unsigned long long)(summary.last_us / 1000), summary.round_trips, summary.unanswered);
    write_totals(out, session, INSPECT_CLIENT);
    write_totals(out, session, INSPECT_SERVER);
    fprintf(out, ",\"anomalies\":%zu", session->anomalies);
    if (!choice->is_summary) {
        fputs(",\"flights\":[", out);
        write_flights(out, session);
        fputs("]", out);
    }
    fputs("}", out);
}

static void write_view(FILE *out, const inspect_view *view, const inspect_choice *choice)
{
    const char *comma = "";
    fputs("{\"name\":", out);
    write_string(out, view->name);
    fprintf(out, ",\"other_messages\":%zu,\"other_bytes\":%llu,\"sessions\":[", view->others,
            (unsigned long long)view->other_bytes);
    for (const inspect_session *session = view->sessions; session != NULL;
         session = session->hh.next) {
        if (inspect_is_chosen(choice, view, session)) {
            fputs(comma, out);
            write_session(out, session, choice);
            comma = ",";
        }
    }
    fputs("]}", out);
}

static void write_finding(FILE *out, const inspect_finding *finding)
{
    char id[INSPECT_ID_TEXT_SIZE] = "";
    if (finding->session != NULL) {
        (void)inspect_id_text(finding->session->id, id);
    }
    fprintf(out, "{\"kind\":\"%s\",\"anomaly\":%s,\"view\":", inspect_finding_text(finding->kind),
            finding->kind <= INSPECT_LAST_ANOMALY ? "true" : "false");
    write_string(out, finding->view != NULL ? finding->view->name : "");
    fprintf(out, ",\"session\":\"%s\",\"place\":%llu,\"text\":", id,
            (unsigned long long)finding->place);
    write_string(out, finding->text);
    fputs("}", out);
}

void inspect_json_write(const inspection *all, const inspect_choice *choice, FILE *out)
{
    const char *comma = "";
    fputs("{\"views\":[", out);
    for (size_t i = 0; i < all->view_count; i++) {
        if (all->views[i].is_shown) {
            fputs(comma, out);
            write_view(out, &all->views[i], choice);
            comma = ",";
        }
    }
    fputs("],\"findings\":[", out);
    for (size_t i = 0; i < all->finding_count; i++) {
        fputs(i > 0 ? "," : "", out);
        write_finding(out, &all->findings[i]);
    }
    fprintf(out, "],\"anomalies\":%zu,\"cut\":%s}\n", inspection_anomalies(all),
            all->is_cut ? "true" : "false");
}
