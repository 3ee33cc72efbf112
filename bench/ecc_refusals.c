/* SPDX-License-Identifier: MIT */
/*
 * Whether an `ecc` server takes as long to refuse a device whatever the reason: the CPU time of one
 * M3, for devices that are served, unknown, revoked, or sign with another key. All take turns, so that
 * whatever else the machine does disturbs all alike. Beside it what a handshake costs each side.
 */
#include <getopt.h>
#include <math.h>
#include <mbedtls/pk.h>
#include <psa/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report.h"
#include "bench/stopwatch.h"
#include "lib/crypto.h"
#include "lib/engine.h"

#define ROUNDS_MAX 1001
#define WIRE_SIZE 1024

typedef enum visitor { SERVED, UNKNOWN, REVOKED, OTHER_KEY, UNKNOWN_AGAIN, VISITORS } visitor;

typedef struct visitor_row {
    const char *name;
    const char *device_id;
    bool has_other_key;
    talc_status outcome;
} visitor_row;

/* The last one is measured twice: how far two series of the same thing lie apart is the noise. */
static const visitor_row visitor_rows[VISITORS] = {
    { "served", "served", false, TALC_OK },
    { "unknown", "unknown", false, TALC_ERROR_VERIFY },
    { "revoked", "revoked", false, TALC_ERROR_VERIFY },
    { "other key", "served", true, TALC_ERROR_VERIFY },
    { "unknown again", "unknown", false, TALC_ERROR_VERIFY },
};

typedef enum figure {
    FIGURE_M3,
    FIGURE_RATIO,
    FIGURE_QUARTILE_LOW,
    FIGURE_QUARTILE_HIGH,
    FIGURE_CLIENT,
    FIGURE_SERVER,
    FIGURES
} figure;

static const report_figure figure_rows[FIGURES] = {
    { "m3_us", "server: CPU time from M3 to its answer (us)", 1 },
    { "m3_ratio", "the same, beside that of an unknown device", 4 },
    { "m3_low_us", "a quarter took less than (us)", 1 },
    { "m3_high_us", "a quarter took more than (us)", 1 },
    { "client_us", "client: CPU time of the handshake (us)", 0 },
    { "server_us", "server: CPU time of the handshake (us)", 0 },
};

typedef struct key {
    uint8_t private_der[128];
    size_t private_size;
    uint8_t public_der[128];
    size_t public_size;
} key;

typedef struct scene {
    key server_key;
    key device_key;
    key other_key;
    void *server;
    void *clients[VISITORS];
} scene;

typedef struct series {
    double m3_us[ROUNDS_MAX];
    double client_us[ROUNDS_MAX];
    double server_us[ROUNDS_MAX];
} series;

/* ---------------------------------------------------------------- keys and contexts */

/* mbedTLS writes to the end of a buffer. */
static bool write_key(mbedtls_pk_context *pk, key *made)
{
    int size = mbedtls_pk_write_key_der(pk, made->private_der, sizeof made->private_der);
    int public_size = mbedtls_pk_write_pubkey_der(pk, made->public_der, sizeof made->public_der);
    if (size <= 0 || public_size <= 0) {
        return false;
    }
    made->private_size = (size_t)size;
    made->public_size = (size_t)public_size;
    memmove(made->private_der, made->private_der + sizeof made->private_der - made->private_size,
            made->private_size);
    memmove(made->public_der, made->public_der + sizeof made->public_der - made->public_size,
            made->public_size);
    return true;
}

static bool make_key(key *made)
{
    mbedtls_pk_context pk;
    psa_key_id_t id = PSA_KEY_ID_NULL;
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1));
    psa_set_key_bits(&attributes, 256);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_EXPORT | PSA_KEY_USAGE_SIGN_HASH);
    psa_set_key_algorithm(&attributes, PSA_ALG_ECDSA(PSA_ALG_ANY_HASH));
    mbedtls_pk_init(&pk);
    bool is_made = psa_generate_key(&attributes, &id) == PSA_SUCCESS &&
                   mbedtls_pk_copy_from_psa(id, &pk) == 0 && write_key(&pk, made);
    mbedtls_pk_free(&pk);
    psa_destroy_key(id);
    return is_made;
}

static bool make_client(scene *on, visitor who)
{
    const visitor_row *row = &visitor_rows[who];
    const key *own = row->has_other_key ? &on->other_key : &on->device_key;
    talc_config config = TALC_CONFIG_DEFAULT;
    talc_failure failure = { 0 };
    bool is_made =
        talc_identity_from_key(&config.identity, row->device_id, own->private_der,
                               own->private_size, &failure) == TALC_OK &&
        talc_trust_new(&config.trust) == TALC_OK &&
        talc_trust_add_server_key(config.trust, on->server_key.public_der,
                                  on->server_key.public_size, &failure) == TALC_OK &&
        talc_engine_ecc.context_new(&on->clients[who], TALC_ROLE_CLIENT, &config, &failure) ==
            TALC_OK;
    talc_identity_free(config.identity);
    talc_trust_free(config.trust);
    return is_made;
}

static bool make_server(scene *on)
{
    const talc_device served = { "served", on->device_key.public_der, on->device_key.public_size };
    const talc_device revoked = { "revoked", on->device_key.public_der,
                                  on->device_key.public_size };
    talc_config config = TALC_CONFIG_DEFAULT;
    talc_failure failure = { 0 };
    bool is_made =
        talc_identity_from_key(&config.identity, NULL, on->server_key.private_der,
                               on->server_key.private_size, &failure) == TALC_OK &&
        talc_registry_new(&config.registry) == TALC_OK &&
        talc_registry_enrol(config.registry, &served, &failure) == TALC_OK &&
        talc_registry_enrol(config.registry, &revoked, &failure) == TALC_OK &&
        talc_registry_revoke(config.registry, "revoked") == TALC_OK &&
        talc_engine_ecc.context_new(&on->server, TALC_ROLE_SERVER, &config, &failure) == TALC_OK;
    talc_identity_free(config.identity);
    talc_registry_free(config.registry);
    return is_made;
}

static bool scene_make(scene *on)
{
    memset(on, 0, sizeof *on);
    bool is_made = talc_crypto_start() == TALC_OK && make_key(&on->server_key) &&
                   make_key(&on->device_key) && make_key(&on->other_key) && make_server(on);
    for (visitor who = SERVED; who < VISITORS && is_made; who++) {
        is_made = make_client(on, who);
    }
    return is_made;
}

static void scene_free(scene *on)
{
    talc_engine_ecc.context_free(on->server);
    for (visitor who = SERVED; who < VISITORS; who++) {
        talc_engine_ecc.context_free(on->clients[who]);
    }
}

/* ---------------------------------------------------------------- one handshake */

typedef struct side {
    void *engine;
    uint8_t wire[WIRE_SIZE];
    size_t size;
    size_t passed;
    uint64_t cpu_ns;
} side;

static talc_status put(void *context, const uint8_t *bytes, size_t size)
{
    side *to = context;
    if (size > sizeof to->wire - to->size) {
        return TALC_ERROR_MEMORY;
    }
    memcpy(to->wire + to->size, bytes, size);
    to->size += size;
    return TALC_OK;
}

static bool open_side(side *opened, void *context)
{
    talc_failure failure = { 0 };
    talc_engine_setup setup = { context, NULL, { put, opened } };
    uint64_t before = stopwatch_cpu_ns();
    opened->size = opened->passed = 0;
    bool is_open = talc_engine_ecc.open(&opened->engine, &setup, &failure) == TALC_OK;
    opened->cpu_ns = stopwatch_cpu_ns() - before;
    return is_open;
}

static talc_status pass(side *from, side *to)
{
    uint64_t before = stopwatch_cpu_ns();
    talc_status status = talc_engine_ecc.feed(to->engine, from->wire + from->passed,
                                              from->size - from->passed);
    to->cpu_ns += stopwatch_cpu_ns() - before;
    from->passed = from->size;
    return status;
}

static bool shake_hands(const scene *on, visitor who, series *into, size_t round)
{
    static side client, server;
    bool is_good = open_side(&client, on->clients[who]) && open_side(&server, on->server) &&
                   pass(&client, &server) == TALC_OK && pass(&server, &client) == TALC_OK;
    uint64_t before = server.cpu_ns;
    is_good = is_good && pass(&client, &server) == visitor_rows[who].outcome;
    into->m3_us[round] = (double)(server.cpu_ns - before) / 1000;
    (void)pass(&server, &client);
    into->client_us[round] = (double)client.cpu_ns / 1000;
    into->server_us[round] = (double)server.cpu_ns / 1000;
    talc_engine_ecc.free(client.engine);
    talc_engine_ecc.free(server.engine);
    return is_good;
}

/* ---------------------------------------------------------------- all of them */

static void summarize(series *of, size_t rounds, double figures[FIGURES])
{
    figures[FIGURE_M3] = stopwatch_median(of->m3_us, rounds); /* they are in order then */
    figures[FIGURE_QUARTILE_LOW] = of->m3_us[rounds / 4];
    figures[FIGURE_QUARTILE_HIGH] = of->m3_us[rounds - 1 - rounds / 4];
    figures[FIGURE_CLIENT] = stopwatch_median(of->client_us, rounds);
    figures[FIGURE_SERVER] = stopwatch_median(of->server_us, rounds);
}

static bool measure(const scene *on, size_t rounds, double figures[VISITORS][FIGURES])
{
    static series all[VISITORS];
    for (size_t round = 0; round < rounds; round++) {
        for (int turn = 0; turn < VISITORS; turn++) {
            visitor who = (visitor)(((size_t)turn + round) % VISITORS);
            if (!shake_hands(on, who, &all[who], round)) {
                return false;
            }
        }
    }
    for (visitor who = SERVED; who < VISITORS; who++) {
        summarize(&all[who], rounds, figures[who]);
    }
    for (visitor who = SERVED; who < VISITORS; who++) {
        figures[who][FIGURE_RATIO] = figures[who][FIGURE_M3] / figures[UNKNOWN][FIGURE_M3];
    }
    return true;
}

static bool report(size_t rounds, double figures[VISITORS][FIGURES], const char *json)
{
    report_case cases[VISITORS];
    for (visitor who = SERVED; who < VISITORS; who++) {
        cases[who] = (report_case){ { visitor_rows[who].name, "" }, figures[who] };
    }
    report_table table = { "ecc_refusals",     { "device", "" }, figure_rows, FIGURES, cases,
                           VISITORS };
    printf("M3 of an `ecc` client at the server, by what becomes of the device; medians of %zu.\n\n",
           rounds);
    report_print(&table, stdout);
    if (json != NULL && !report_write_json(&table, json)) {
        fprintf(stderr, "ecc_refusals: %s cannot be written\n", json);
        return false;
    }
    return true;
}

static int usage(FILE *file, int code)
{
    fprintf(file, "usage: ecc_refusals [--json FILE] [--quick]\n\n--quick: its times say nothing.\n");
    return code;
}

int main(int argc, char **argv)
{
    static const struct option known[] = { { "json", required_argument, NULL, 'j' },
                                           { "quick", no_argument, NULL, 'q' },
                                           { "help", no_argument, NULL, 'h' },
                                           { NULL, 0, NULL, 0 } };
    static scene on;
    static double figures[VISITORS][FIGURES];
    const char *json = NULL;
    size_t rounds = ROUNDS_MAX;
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'j': json = optarg; break;
        case 'q': rounds = 3; break;
        case 'h': return usage(stdout, 0);
        default: return usage(stderr, 2);
        }
    }
    if (optind != argc) {
        return usage(stderr, 2);
    }
    bool is_good = scene_make(&on) && measure(&on, rounds, figures);
    scene_free(&on);
    if (!is_good) {
        fprintf(stderr, "ecc_refusals: a handshake did not end as it should\n");
        return 1;
    }
    return report(rounds, figures, json) ? 0 : 1;
}
