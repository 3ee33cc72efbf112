/* SPDX-License-Identifier: MIT */
#include "bench/code_size.h"

#include <stdio.h>
#include <string.h>

#define LINE_SIZE 1024
#define NAME_SIZE 256

#define DTLS (1u << MODE_DTLS_PSK | 1u << MODE_DTLS_CERTIFICATE)
#define TLS (1u << MODE_TLS_PSK | 1u << MODE_TLS_CERTIFICATE | 1u << MODE_TLS_RESUMED)
#define ECC (1u << MODE_ECC)
#define NONE (1u << MODE_NONE)

/* Objects whose source begins with `folder` and `name`, by the modes that they are for. The first row
 * that fits counts. */
typedef struct object_row {
    const char *folder;
    const char *name;
    unsigned modes;
} object_row;

static const object_row object_rows[] = {
    /* the engines, and what only they need */
    { "lib", "engine_tls", TLS },
    { "lib", "key_log", TLS },
    { "lib", "ticket", TLS },
    { "lib", "tls_hello", TLS },
    { "lib", "engine_ecc", ECC },
    { "lib", "ecc_", ECC },
    { "lib", "registry", ECC },
    { "lib", "identity_key", ECC },
    { "records", "registry_reader", ECC },
    { "records", "text_writer", NONE | DTLS | TLS | ECC },
    { "lib", "dtls_", DTLS },
    { "transport", "coap_dtls", DTLS },
    /* who is who */
    { "lib", "identity_psk", DTLS | TLS },
    { "lib", "identity", DTLS | TLS | ECC },
    { "lib", "trust", DTLS | TLS | ECC },
    { "lib", "hex", DTLS | TLS | ECC },
    { "lib", "tls_alert", DTLS | TLS | ECC },
    /* requests that are the messages on the wire */
    { "lib", "client_direct", NONE | DTLS },
    { "lib", "server_direct", NONE | DTLS },
    { "transport", "coap_direct", NONE | DTLS },
    { "transport", "coap_duplicates", NONE | DTLS },
    /* sessions inside envelopes */
    { "records", "", TLS | ECC },
    { "lib", "client_envelope", TLS | ECC },
    { "lib", "client_exchange", TLS | ECC },
    { "lib", "client_session", TLS | ECC },
    { "lib", "client_tunnel", TLS | ECC },
    { "lib", "conversation", TLS | ECC },
    { "lib", "exchanges", TLS | ECC },
    { "lib", "guard", TLS | ECC },
    { "lib", "packing", TLS | ECC },
    { "lib", "receive_stream", TLS | ECC },
    { "lib", "record_log", TLS | ECC },
    { "lib", "send_stream", TLS | ECC },
    { "lib", "server_answer", TLS | ECC },
    { "lib", "server_inbound", TLS | ECC },
    { "lib", "server_lifetime", TLS | ECC },
    { "lib", "server_session", TLS | ECC },
    { "lib", "session", TLS | ECC },
    { "lib", "sighting", TLS | ECC },
    { "transport", "coap_carrier", TLS | ECC },
    { "transport", "coap_listener", TLS | ECC },
    { "transport", "loopback", TLS | ECC },
};

#define ALL ((1u << MODES) - 1)

static bool begins_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* Meson names the object of lib/session.c "lib_session.c.o". */
static unsigned modes_of(const char *object)
{
    for (size_t i = 0; i < sizeof object_rows / sizeof object_rows[0]; i++) {
        const object_row *row = &object_rows[i];
        size_t folder_size = strlen(row->folder);
        if (begins_with(object, row->folder) && object[folder_size] == '_' &&
            begins_with(object + folder_size + 1, row->name)) {
            return row->modes;
        }
    }
    return ALL;
}

/* What one mode has alone counts as its own, whatever its credentials are. */
static bool is_own(unsigned modes)
{
    return modes == NONE || modes == DTLS || modes == TLS || modes == ECC;
}

static void count_object(const char *object, double size, figure_columns figures)
{
    unsigned modes = modes_of(object);
    for (size_t mode = 0; mode < MODES; mode++) {
        if ((modes & 1u << mode) != 0) {
            figures[mode][CODE_ALL] += size;
            figures[mode][CODE_OWN] += is_own(modes) ? size : 0;
        }
    }
}

/* Lines of size(1): text, data, bss, two sums, the object's name and whose member it is. */
static size_t count_objects(FILE *from, figure_columns figures)
{
    char line[LINE_SIZE];
    size_t found = 0;
    while (fgets(line, sizeof line, from) != NULL) {
        unsigned long text = 0;
        unsigned long data = 0;
        char object[NAME_SIZE];
        if (sscanf(line, "%lu %lu %*u %*u %*x %255s", &text, &data, object) == 3) {
            const char *base = strrchr(object, '/');
            count_object(base != NULL ? base + 1 : object, (double)(text + data), figures);
            found++;
        }
    }
    return found;
}

bool code_size_measure(const char *library, figure_columns figures)
{
    char command[LINE_SIZE];
    if (strchr(library, '\'') != NULL || strlen(library) > LINE_SIZE / 2) {
        return false;
    }
    for (size_t mode = 0; mode < MODES; mode++) {
        figures[mode][CODE_OWN] = figures[mode][CODE_ALL] = 0;
    }
    snprintf(command, sizeof command, "LC_ALL=C size '%s'", library);
    FILE *from = popen(command, "r");
    size_t found = from != NULL ? count_objects(from, figures) : 0;
    return from != NULL && pclose(from) == 0 && found > 0;
}
