/* SPDX-License-Identifier: MIT */
/* A real interception: somebody with credentials of his own plays the server towards a client and
 * a client towards the server, each with a whole handshake. Where both sides prove who they are
 * neither takes him; where only the server does the client does not; and in no case is anything of
 * theirs in the clear before him. The last row is for those who believe his authority: it shows
 * what the others are spared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/tampering/interception.h"
#include "tests/credential_folder.h"

#define DEADLINE_MS 20000u
#define HANG_MS 120000u
#define SECRET "what nobody else may read"
#define REPLY "nor this"

/* Whose credentials: files without their endings, NULL: none. */
typedef struct credentials {
    const char *certificate; /* or a bare key, of a device with `device_id` or of a server */
    const char *psk;
    const char *device_id;
    const char *anchor;     /* whom it believes */
    const char *pin_of;     /* the key of this certificate */
    const char *psks;       /* a server's */
    const char *server_key; /* ecc */
    const char *device_key; /* ecc, a server's: that of device-7 */
} credentials;

typedef struct interception_case {
    const char *name;
    talc_mode mode;
    talc_tls_version version;
    talc_client_authentication clients;
    credentials client, server;
    credentials as_server, as_client; /* the interceptor's */
    bool client_takes_him;
    bool server_takes_him;
} interception_case;

#define TLS .mode = TALC_MODE_TLS, .version = TALC_TLS_1_3
#define ECC .mode = TALC_MODE_ECC, .version = TALC_TLS_1_3

static const interception_case cases[] = {
    { "certificates on both sides", TLS, .client = { .certificate = "client", .anchor = "ca" },
      .server = { .certificate = "server", .anchor = "ca" },
      .as_server = { .certificate = "other-server" },
      .as_client = { .certificate = "other-client", .anchor = "ca" } },
    { "certificates on both sides, TLS 1.2", .mode = TALC_MODE_TLS, .version = TALC_TLS_1_2,
      .client = { .certificate = "client", .anchor = "ca" },
      .server = { .certificate = "server", .anchor = "ca" },
      .as_server = { .certificate = "other-server" },
      .as_client = { .certificate = "other-client", .anchor = "ca" } },
    { "pins on both sides", TLS, .client = { .certificate = "client", .pin_of = "server" },
      .server = { .certificate = "server", .pin_of = "client" },
      .as_server = { .certificate = "other-server" },
      .as_client = { .certificate = "other-client", .anchor = "ca" } },
    { "a certificate of the server only", TLS, .clients = TALC_CLIENTS_ANONYMOUS,
      .client = { .anchor = "ca" }, .server = { .certificate = "server" },
      .as_server = { .certificate = "other-server" }, .as_client = { .anchor = "ca" },
      .server_takes_him = true },
    { "a certificate of the server only, and his own signed by itself", TLS,
      .clients = TALC_CLIENTS_ANONYMOUS, .client = { .anchor = "ca" },
      .server = { .certificate = "server" }, .as_server = { .certificate = "self-signed" },
      .as_client = { .anchor = "ca" }, .server_takes_him = true },
    { "pre-shared keys", TLS, .client = { .psk = "psk-client" }, .server = { .psks = "psk-server" },
      .as_server = { .psks = "psk-wrong" }, .as_client = { .psk = "psk-wrong" } },
    { "ecc", ECC,
      .client = { .certificate = "device", .device_id = "device-7", .server_key = "ecc-server" },
      .server = { .certificate = "ecc-server", .device_key = "device" },
      .as_server = { .certificate = "ecc-other-server", .device_key = "device" },
      .as_client = { .certificate = "stranger",
                     .device_id = "device-7",
                     .server_key = "ecc-server" } },
    { "a client that believes his authority, and a server that asks nobody", TLS,
      .clients = TALC_CLIENTS_ANONYMOUS, .client = { .anchor = "other-ca" },
      .server = { .certificate = "server" }, .as_server = { .certificate = "other-server" },
      .as_client = { .anchor = "ca" }, .client_takes_him = true, .server_takes_him = true },
};

/* ---------------------------------------------------------------- credentials */

static const char *file(const char *name, const char *ending)
{
    static char names[4][64];
    static unsigned next;
    char *written = names[next++ % 4];
    snprintf(written, sizeof names[0], "%s.%s", name, ending);
    return credential_path(written);
}

static talc_identity *identity_of(const credentials *who, talc_mode mode)
{
    talc_identity *identity = NULL;
    talc_failure failure = { .text = "" };
    talc_status status = TALC_OK;
    if (who->psk != NULL) {
        status = talc_identity_from_psk_file(&identity, file(who->psk, "txt"), &failure);
    } else if (who->certificate != NULL && mode == TALC_MODE_ECC) {
        status = talc_identity_from_key_file(&identity, who->device_id,
                                             file(who->certificate, "key"), &failure);
    } else if (who->certificate != NULL) {
        status = talc_identity_from_files(&identity, file(who->certificate, "pem"),
                                          file(who->certificate, "key"), &failure);
    }
    if (status != TALC_OK) {
        fail_msg("%s", failure.text);
    }
    return identity;
}

static void pin(talc_trust *trust, const char *whose)
{
    uint8_t bytes[TALC_PIN_SIZE];
    const credentials other = { .certificate = whose };
    talc_identity *identity = identity_of(&other, TALC_MODE_TLS);
    assert_int_equal(talc_identity_pin(identity, bytes), TALC_OK);
    assert_int_equal(talc_trust_add_pin(trust, bytes), TALC_OK);
    talc_identity_free(identity);
}

static talc_trust *trust_of(const credentials *who)
{
    talc_trust *trust;
    assert_int_equal(talc_trust_new(&trust), TALC_OK);
    if (who->anchor != NULL) {
        assert_int_equal(talc_trust_add_anchor_file(trust, file(who->anchor, "pem"), NULL),
                         TALC_OK);
    }
    if (who->pin_of != NULL) {
        pin(trust, who->pin_of);
    }
    if (who->psks != NULL) {
        assert_int_equal(talc_trust_add_psk_file(trust, file(who->psks, "txt"), NULL), TALC_OK);
    }
    if (who->server_key != NULL) {
        assert_int_equal(talc_trust_add_server_key_file(trust, file(who->server_key, "pub"), NULL),
                         TALC_OK);
    }
    return trust;
}

static talc_registry *registry_of(const credentials *who)
{
    char name[64];
    size_t size;
    talc_registry *registry;
    assert_int_equal(talc_registry_new(&registry), TALC_OK);
    snprintf(name, sizeof name, "%s.pub", who->device_key);
    uint8_t *key = credential_bytes(name, &size);
    const talc_device device = { "device-7", key, size };
    assert_int_equal(talc_registry_enrol(registry, &device, NULL), TALC_OK);
    free(key);
    return registry;
}

static uint64_t clock_of(void *now_ms)
{
    return *(uint64_t *)now_ms;
}

static talc_config config_of(const interception_case *row, const credentials *who, uint64_t *now_ms)
{
    talc_config config = TALC_CONFIG_DEFAULT;
    config.mode = row->mode;
    config.tls_version_min = config.tls_version_max = row->version;
    config.identity = identity_of(who, row->mode);
    config.trust = who->psk == NULL ? trust_of(who) : NULL;
    config.registry = who->device_key != NULL ? registry_of(who) : NULL;
    config.server_name = row->mode == TALC_MODE_ECC || who->psk != NULL ? NULL : "sensor.example";
    config.request_timeout_ms = DEADLINE_MS;
    config.clock_ms = clock_of;
    config.clock_context = now_ms;
    return config;
}

/* Who uses it holds what is in it. */
static void drop(talc_config *config)
{
    talc_identity_free(config->identity);
    talc_trust_free(config->trust);
    talc_registry_free(config->registry);
}

/* ---------------------------------------------------------------- three who talk */

typedef struct scene {
    uint64_t now_ms;
    talc_failure failure;
    talc_loopback *near, *far; /* from the client to him, from him to the server */
    talc_client *client;
    talc_server *server;
    interception *him;
    unsigned runs; /* of the server's handler */
    bool had_secret;
    bool is_done;
    talc_status status;
    uint8_t code;
    bool had_reply;
} scene;

static void handle(void *context, talc_exchange *exchange, const talc_request *request)
{
    scene *of = context;
    talc_response response = TALC_RESPONSE_DEFAULT;
    of->runs++;
    of->had_secret |= request->payload_size == strlen(SECRET) &&
                      memcmp(request->payload, SECRET, strlen(SECRET)) == 0;
    response.payload = REPLY;
    response.payload_size = strlen(REPLY);
    (void)talc_exchange_respond(exchange, &response);
}

static void on_response(void *context, talc_status status, const talc_response *response)
{
    scene *of = context;
    of->is_done = true;
    of->status = status;
    of->code = response != NULL ? response->code : 0;
    of->had_reply = response != NULL && response->payload_size == strlen(REPLY) &&
                    memcmp(response->payload, REPLY, strlen(REPLY)) == 0;
}

static void make_server(scene *of, const interception_case *row)
{
    talc_config config = config_of(row, &row->server, &of->now_ms);
    config.client_authentication = row->clients;
    config.failure = &of->failure;
    if (talc_server_new(&of->server, &config) != TALC_OK) {
        fail_msg("%s: %s", row->name, of->failure.text);
    }
    drop(&config);
    assert_int_equal(talc_server_handle(of->server, "secret",
                                        TALC_ALLOW(TALC_GET) | TALC_ALLOW(TALC_POST), handle, of),
                     TALC_OK);
    assert_int_equal(talc_server_listen(of->server, talc_loopback_uri(of->far)), TALC_OK);
}

static void make_him(scene *of, const interception_case *row)
{
    static const char *const paths[] = { "secret", NULL };
    interception_setup setup = { .towards_clients = config_of(row, &row->as_server, &of->now_ms),
                                 .towards_server = config_of(row, &row->as_client, &of->now_ms),
                                 .listen_uri = talc_loopback_uri(of->near),
                                 .server_uri = talc_loopback_uri(of->far),
                                 .paths = paths,
                                 .failure = &of->failure };
    if (row->as_server.psks == NULL) { /* whoever comes is welcome */
        setup.towards_clients.client_authentication = TALC_CLIENTS_ANONYMOUS;
    }
    if (interception_new(&of->him, &setup) != TALC_OK) {
        fail_msg("%s: %s", row->name, of->failure.text);
    }
    drop(&setup.towards_clients);
    drop(&setup.towards_server);
}

static void make_client(scene *of, const interception_case *row)
{
    talc_config config = config_of(row, &row->client, &of->now_ms);
    config.failure = &of->failure;
    if (talc_client_new(&of->client, &config, talc_loopback_uri(of->near), NULL) != TALC_OK) {
        fail_msg("%s: %s", row->name, of->failure.text);
    }
    drop(&config);
}

static void begin(scene *of, const interception_case *row)
{
    memset(of, 0, sizeof *of);
    of->now_ms = 1000000;
    assert_int_equal(talc_loopback_new(&of->near), TALC_OK);
    assert_int_equal(talc_loopback_new(&of->far), TALC_OK);
    make_server(of, row);
    make_him(of, row);
    make_client(of, row);
}

static void end(scene *of)
{
    talc_client_free(of->client);
    interception_free(of->him);
    talc_server_free(of->server);
    talc_loopback_free(of->near);
    talc_loopback_free(of->far);
}

static void turn(scene *of)
{
    (void)talc_client_process(of->client);
    interception_process(of->him);
    (void)talc_server_process(of->server);
    uint32_t next_ms = talc_client_timeout_ms(of->client);
    uint32_t his_ms = interception_timeout_ms(of->him);
    uint32_t server_ms = talc_server_timeout_ms(of->server);
    next_ms = his_ms < next_ms ? his_ms : next_ms;
    next_ms = server_ms < next_ms ? server_ms : next_ms;
    of->now_ms += next_ms < 1000 ? next_ms : 1000;
}

static bool is_over(const scene *of)
{
    const interception_report *report = interception_report_of(of->him);
    return of->is_done && report->server_answered + report->server_refused > 0;
}

static void converse(scene *of)
{
    talc_request request = TALC_REQUEST_DEFAULT;
    uint64_t end_ms = of->now_ms + HANG_MS;
    request.method = TALC_POST;
    request.path = "secret";
    request.payload = SECRET;
    request.payload_size = strlen(SECRET);
    interception_try_server(of->him);
    assert_int_equal(talc_client_send(of->client, &request, on_response, of), TALC_PENDING);
    while (!is_over(of) && of->now_ms < end_ms) {
        turn(of);
    }
    assert_true(is_over(of));
}

/* ---------------------------------------------------------------- the tests */

static void expect_refusal_by_client(const scene *of, const interception_report *report)
{
    assert_int_not_equal(of->status, TALC_OK);
    assert_int_not_equal(talc_client_failure(of->client)->text[0], 0);
    assert_int_equal(report->seen, 0);
    assert_int_equal(report->clients_opened, 0);
    assert_false(of->had_secret);
    assert_false(of->had_reply);
}

static void expect_refusal_by_server(const scene *of, const interception_report *report)
{
    assert_int_equal(report->server_answered, 0);
    assert_int_not_equal(report->server_reason[0], 0);
    assert_int_equal(of->runs, 0);
}

static void expect(const scene *of, const interception_case *row)
{
    const interception_report *report = interception_report_of(of->him);
    if (!row->client_takes_him) {
        expect_refusal_by_client(of, report);
    }
    if (!row->server_takes_him) {
        expect_refusal_by_server(of, report);
    } else {
        assert_true(report->server_answered > 0); /* as nobody */
    }
    if (row->client_takes_him && row->server_takes_him) {
        assert_int_equal(of->status, TALC_OK);
        assert_int_equal(report->seen, 1);
        assert_true(of->had_secret && of->had_reply);
    }
}

static void intercept(void **state)
{
    const interception_case *row = *state;
    scene of;
    begin(&of, row);
    converse(&of);
    print_message("%s: client: %s; server: %s\n", row->name,
                  of.status == TALC_OK ? "takes him" : talc_client_failure(of.client)->text,
                  interception_report_of(of.him)->server_answered > 0
                      ? "takes him"
                      : interception_report_of(of.him)->server_reason);
    expect(&of, row);
    end(&of);
}

int main(void)
{
    struct CMUnitTest tests[sizeof cases / sizeof cases[0]];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tests[i] = (struct CMUnitTest){ cases[i].name, intercept, NULL, NULL,
                                        (void *)(uintptr_t)&cases[i] };
    }
    return cmocka_run_group_tests_name("interception", tests, NULL, NULL);
}
