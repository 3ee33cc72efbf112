/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "room.h"
#include "room_client.h"

/* One request and what its answer must be. */
typedef struct tour_step {
    talc_method method;
    const char *path;
    const char *payload; /* NULL: none */
    uint8_t code;
    const char *answer; /* the whole payload; NULL: `is_right` tells */
    int (*is_right)(const talc_response *response);
} tour_step;

static int index_is_right(const talc_response *response)
{
    int values = 0;
    const char *at = response->payload;
    while (at != NULL && (at = strstr(at, "{\"time\":\"20")) != NULL) {
        values++;
        at++;
    }
    return values == 6;
}

static int firmware_is_right(const talc_response *response)
{
    const uint8_t *bytes = response->payload;
    size_t right = 0;
    while (right < response->payload_size && bytes[right] == room_firmware_byte(right)) {
        right++;
    }
    return right == ROOM_FIRMWARE_SIZE && response->payload_size == ROOM_FIRMWARE_SIZE;
}

static const tour_step steps[] = {
    { TALC_GET, "sensors/temperature", NULL, TALC_CODE_CONTENT,
      "{\"temperature\":21.5,\"unit\":\"Cel\"}", NULL },
    { TALC_GET, "sensors/humidity", NULL, TALC_CODE_CONTENT, "{\"humidity\":48,\"unit\":\"%RH\"}",
      NULL },
    { TALC_PUT, "actuators/light", "off", TALC_CODE_CHANGED, "", NULL },
    { TALC_GET, "actuators/light", NULL, TALC_CODE_CONTENT, "{\"light\":\"off\"}", NULL },
    { TALC_PUT, "actuators/light", "on", TALC_CODE_CHANGED, "", NULL },
    { TALC_GET, "actuators/light", NULL, TALC_CODE_CONTENT, "{\"light\":\"on\"}", NULL },
    { TALC_GET, "firmware", NULL, TALC_CODE_CONTENT, NULL, firmware_is_right },
    { TALC_GET, "index", NULL, TALC_CODE_CONTENT, NULL, index_is_right },
};

static int answer_is_right(const tour_step *step, const talc_response *response)
{
    if (response->code != step->code) {
        return 0;
    }
    if (step->answer == NULL) {
        return step->is_right(response);
    }
    size_t size = strlen(step->answer);
    return response->payload_size == size &&
           (size == 0 || memcmp(response->payload, step->answer, size) == 0);
}

/* "PUT actuators/light on -> 2.04", then the payload, or its size if it is not for people. */
static void print_step(const tour_step *step, const talc_response *response)
{
    char code[TALC_CODE_TEXT_SIZE];
    printf("%s %s%s%s -> %s", step->method == TALC_PUT ? "PUT" : "GET", step->path,
           step->payload != NULL ? " " : "", step->payload != NULL ? step->payload : "",
           talc_code_text(response->code, code));
    if (response->content_format == TALC_FORMAT_JSON) {
        printf(" %.*s", (int)response->payload_size, (const char *)response->payload);
    } else if (response->payload_size > 0) {
        printf(" (%zu bytes)", response->payload_size);
    }
    printf("\n");
}

/* In numbers of envelopes, so that a line above can be found again in what the path saw. */
static void print_exchanges(talc_client *client)
{
    talc_session_info info;
    talc_client_info(client, &info);
    if (info.exchanges > 0) { /* else nothing is tunnelled, and the answers themselves are seen */
        printf("  sent: %u request bodies, %u of them repeats\n", info.exchanges, info.repeats);
    }
}

static void print_session(talc_client *client)
{
    talc_session_info info;
    talc_client_info(client, &info);
    if (info.peer.engine == TALC_ENGINE_NONE) {
        printf("no session: nothing is protected\n");
        return;
    }
    printf("session: %s, %s, server %s%s\n", info.protocol, info.cipher_suite,
           info.peer.credential == TALC_CREDENTIAL_PSK ? "with the pre-shared key " : "",
           info.peer.name);
    if (info.exchanges == 0) {
        return;
    }
    printf("handshake: this side was sure of the other after round trip %u\n",
           info.handshake_exchanges);
}

/* The handshake goes before the first request, so the first answer closes its bill. */
static void print_bytes(talc_client *client, const char *until)
{
    talc_session_info info;
    talc_client_info(client, &info);
    if (info.exchanges == 0) {
        return;
    }
    printf("until %s: %u round trips, %llu bytes of records as %llu bytes of JSON\n", until,
           info.exchanges, (unsigned long long)(info.record_bytes_out + info.record_bytes_in),
           (unsigned long long)(info.body_bytes_out + info.body_bytes_in));
}

static int take_step(talc_client *client, const tour_step *step, const char *output_path)
{
    talc_request request = TALC_REQUEST_DEFAULT;
    request.method = step->method;
    request.path = step->path;
    if (step->payload != NULL) {
        request.payload = step->payload;
        request.payload_size = strlen(step->payload);
        request.content_format = TALC_FORMAT_TEXT;
    }
    talc_response response = TALC_RESPONSE_DEFAULT;
    if (talc_client_fetch(client, &request, &response) != TALC_OK) {
        fprintf(stderr, "room_client: %s: %s\n", step->path, talc_client_failure(client)->text);
        return 1;
    }
    print_step(step, &response);
    int failed = !answer_is_right(step, &response);
    if (failed) {
        fprintf(stderr, "room_client: %s: not the answer it should be\n", step->path);
    }
    if (step->is_right == firmware_is_right && output_path != NULL) {
        failed |= room_save(&response, output_path);
    }
    talc_response_clear(&response);
    return failed;
}

int room_tour(talc_client *client, const char *output_path)
{
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (take_step(client, &steps[i], output_path) != 0) {
            return 1;
        }
        print_exchanges(client);
        if (i == 0) {
            print_session(client);
            print_bytes(client, "the first answer");
        }
        fflush(stdout);
    }
    print_bytes(client, "the last answer");
    return 0;
}
