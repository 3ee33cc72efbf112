/* SPDX-License-Identifier: MIT */
#include "tools/inspect_report.h"

#include <string.h>
#include <time.h>

#include "tools/inspect_flights.h"
#include "tools/inspect_names.h"

static const char *const arrows[] = { "client -> server", "server -> client" };

bool inspect_is_chosen(const inspect_choice *choice, const inspect_view *view,
                       const inspect_session *session)
{
    return view->is_shown && (!choice->has_session ||
                              memcmp(choice->session_id, session->id, sizeof session->id) == 0);
}

static void write_time(FILE *out, const inspect_summary *summary)
{
    char begin[40] = "";
    char end[40] = "";
    time_t first = (time_t)(summary->first_us / 1000000);
    time_t last = (time_t)(summary->last_us / 1000000);
    struct tm parts;
    if (gmtime_r(&first, &parts) != NULL) {
        strftime(begin, sizeof begin, "%Y-%m-%d %H:%M:%S", &parts);
    }
    if (gmtime_r(&last, &parts) != NULL) {
        strftime(end, sizeof end, "%H:%M:%S", &parts);
    }
    fprintf(out, "  time         %s.%03u to %s.%03u UTC (%.3f s)\n", begin,
            (unsigned)(summary->first_us / 1000 % 1000), end,
            (unsigned)(summary->last_us / 1000 % 1000),
            (double)(summary->last_us - summary->first_us) / 1e6);
}

/* How many times larger the text is; nothing where a journal does not know. */
static void write_ratio(FILE *out, uint64_t body_bytes, uint64_t raw)
{
    if (body_bytes > 0 && raw > 0) {
        fprintf(out, "%7.2f", (double)body_bytes / (double)raw);
    } else {
        fprintf(out, "%7s", "-");
    }
}

static void write_totals(FILE *out, const inspect_session *session)
{
    fprintf(out, "  %-16s %9s %7s %11s %7s %8s %8s %6s %7s\n", "", "envelopes", "repeats",
            "retransmits", "records", "raw B", "body B", "ratio", "largest");
    for (int i = 0; i < 2; i++) {
        const inspect_totals *totals = &session->totals[i];
        const inspect_stream *stream = &session->streams[i];
        fprintf(out, "  %-16s %9zu %7zu %11zu %7zu %8zu", arrows[i], totals->envelopes,
                totals->repeats, totals->retransmissions, stream->record_count, stream->byte_count);
        if (session->is_of_journal && totals->body_bytes == 0) {
            fprintf(out, " %8s %6s %7s\n", "-", "-", "-");
            continue;
        }
        fprintf(out, " %8llu", (unsigned long long)totals->body_bytes);
        write_ratio(out, totals->body_bytes, stream->byte_count);
        fprintf(out, " %7zu\n", totals->body_max);
    }
}

static void write_records(FILE *out, const inspect_session *session, const inspect_flight *flight)
{
    const inspect_stream *stream = &session->streams[flight->direction];
    for (size_t i = 0; i < flight->record_count; i++) {
        const inspect_record *record = &stream->records[flight->record + i];
        const char *type = inspect_type_text(record->header.type);
        fprintf(out, "  %10llu %7u  ", (unsigned long long)record->offset, record->header.length);
        if (record->name[0] != '\0') {
            fprintf(out, "%-18s  %s\n", type, record->name);
        } else {
            fprintf(out, "%s\n", type);
        }
    }
}

static void write_flights(FILE *out, const inspect_session *session, uint64_t first_us)
{
    inspect_flight_cursor cursor = { 0, { 0, 0 } };
    inspect_flight flight;
    fprintf(out, "\n  %10s %7s  %-18s  %s\n", "offset", "length", "type", "in the clear");
    for (size_t number = 1; inspect_flight_next(session, &cursor, &flight); number++) {
        fprintf(out, "  flight %zu, %s, +%.3f s: ", number, arrows[flight.direction],
                (double)(flight.time_us - first_us) / 1e6);
        fprintf(out, "%zu %s", flight.envelopes, flight.envelopes == 1 ? "envelope" : "envelopes");
        if (flight.repeats > 0) {
            fprintf(out, " (%zu of them repeats)", flight.repeats);
        }
        fprintf(out, ", %zu B", flight.raw);
        if (flight.body_bytes > 0 && flight.raw > 0) {
            fprintf(out, " as %llu B (%.2f times)", (unsigned long long)flight.body_bytes,
                    (double)flight.body_bytes / (double)flight.raw);
        }
        fprintf(out, "\n");
        write_records(out, session, &flight);
    }
}

static void write_ends(FILE *out, const inspect_session *session)
{
    const char *unnamed = session->origin[0] != '\0' ? "the proxy" : "unknown";
    fprintf(out, "  client       %s\n", session->client[0] != '\0' ? session->client : unnamed);
    if (session->origin[0] != '\0') {
        fprintf(out, "  origin       %s\n", session->origin);
    }
}

static void write_session(FILE *out, const inspect_session *session, const inspect_choice *choice)
{
    char id[INSPECT_ID_TEXT_SIZE];
    inspect_summary summary;
    inspect_summarize(session, &summary);
    fprintf(out, "\nsession %s%s%s\n", inspect_id_text(session->id, id),
            session->protocol[0] != '\0' ? ", " : "", session->protocol);
    write_ends(out, session);
    if (session->sighting_count == 0) {
        fprintf(out, "  no envelope of it was seen\n");
        return;
    }
    write_time(out, &summary);
    fprintf(out, "  round trips  %zu", summary.round_trips);
    if (summary.unanswered > 0) {
        fprintf(out, ", and %zu requests without an answer", summary.unanswered);
    }
    fprintf(out, "\n");
    write_totals(out, session);
    if (!choice->is_summary) {
        write_flights(out, session, summary.first_us);
    }
}

static void write_finding(const inspection *all, const inspect_finding *finding, FILE *out)
{
    char id[INSPECT_ID_TEXT_SIZE];
    fprintf(out, "  %c %s", finding->kind <= INSPECT_LAST_ANOMALY ? '!' : ' ',
            inspect_finding_text(finding->kind));
    if (finding->view != NULL && all->view_count > 1) {
        fprintf(out, " in %s", finding->view->name);
    }
    if (finding->place != 0) {
        fprintf(out, " %llu", (unsigned long long)finding->place);
    }
    if (finding->session != NULL) {
        fprintf(out, ", session %s", inspect_id_text(finding->session->id, id));
    }
    fprintf(out, ": %s\n", finding->text);
}

static bool is_of_shown_view(const inspect_finding *finding)
{
    return finding->view == NULL || finding->view->is_shown;
}

static void write_findings(const inspection *all, FILE *out)
{
    const char *heading = "\nnoticed\n";
    for (size_t i = 0; i < all->finding_count; i++) {
        if (is_of_shown_view(&all->findings[i])) {
            fprintf(out, "%s", heading);
            write_finding(all, &all->findings[i], out);
            heading = "";
        }
    }
    heading = "\nnoticed on the proxy's other side, which is not shown (--leg both shows it)\n";
    for (size_t i = 0; i < all->finding_count; i++) {
        if (!is_of_shown_view(&all->findings[i])) {
            fprintf(out, "%s", heading);
            write_finding(all, &all->findings[i], out);
            heading = "";
        }
    }
    for (size_t kind = 0;
         kind < INSPECT_FINDING_KINDS && all->finding_count == INSPECT_FINDINGS_MAX; kind++) {
        fprintf(out, "  %zu of the kind \"%s\" in all\n", all->counts[kind],
                inspect_finding_text((inspect_finding_kind)kind));
    }
    if (all->counts[INSPECT_GAP] > 0 && !all->is_merged) {
        fprintf(out,
                "\nA session that moved has gaps where it was elsewhere: name all recordings of "
                "it, with --merge.\n");
    }
    size_t anomalies = inspection_anomalies(all);
    fprintf(out, "\n%zu %s\n", anomalies, anomalies == 1 ? "anomaly" : "anomalies");
    if (all->is_cut) {
        fprintf(out, "Not everything was taken: there is a limit on views, sessions, envelopes and "
                     "bytes, or memory ran out.\n");
    }
}

void inspect_report_write(const inspection *all, const inspect_choice *choice, FILE *out)
{
    for (size_t i = 0; i < all->view_count; i++) {
        const inspect_view *view = &all->views[i];
        if (!view->is_shown) {
            continue;
        }
        unsigned count = HASH_COUNT(view->sessions);
        fprintf(out, "%s%s: %u %s", i > 0 ? "\n" : "", view->name, count,
                count == 1 ? "session" : "sessions");
        if (view->others > 0) {
            fprintf(out, ", %zu messages that belong to none (%llu B)", view->others,
                    (unsigned long long)view->other_bytes);
        }
        fprintf(out, "\n");
        for (const inspect_session *session = view->sessions; session != NULL;
             session = session->hh.next) {
            if (inspect_is_chosen(choice, view, session)) {
                write_session(out, session, choice);
            }
        }
    }
    write_findings(all, out);
}
