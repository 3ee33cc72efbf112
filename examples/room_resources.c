/* SPDX-License-Identifier: MIT */
#include "room_resources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "room.h"

#define SLOW_MS 1000
#define INDEX_COUNT 6
#define INDEX_STEP_S 600

struct room_late_answer {
    talc_exchange *exchange;
    uint64_t due_ms;
    room_late_answer *next;
};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void respond_code(talc_exchange *exchange, uint8_t code)
{
    talc_response response = TALC_RESPONSE_DEFAULT;
    response.code = code;
    talc_exchange_respond(exchange, &response);
}

static void respond_json(talc_exchange *exchange, const char *json)
{
    talc_response response = TALC_RESPONSE_DEFAULT;
    response.content_format = TALC_FORMAT_JSON;
    response.payload = json;
    response.payload_size = strlen(json);
    talc_exchange_respond(exchange, &response);
}

static void on_temperature(void *context, talc_exchange *exchange, const talc_request *request)
{
    const room_state *room = context;
    (void)request;
    char json[64];
    snprintf(json, sizeof json, "{\"temperature\":%.1f,\"unit\":\"Cel\"}", room->temperature);
    respond_json(exchange, json);
}

static void on_humidity(void *context, talc_exchange *exchange, const talc_request *request)
{
    const room_state *room = context;
    (void)request;
    char json[64];
    snprintf(json, sizeof json, "{\"humidity\":%d,\"unit\":\"%%RH\"}", room->humidity);
    respond_json(exchange, json);
}

static void on_light_get(void *context, talc_exchange *exchange, const talc_request *request)
{
    const room_state *room = context;
    (void)request;
    respond_json(exchange, room->light_is_on ? "{\"light\":\"on\"}" : "{\"light\":\"off\"}");
}

static int payload_is(const talc_request *request, const char *word)
{
    size_t size = strlen(word);
    return request->payload_size == size && memcmp(request->payload, word, size) == 0;
}

static void on_light_put(void *context, talc_exchange *exchange, const talc_request *request)
{
    room_state *room = context;
    if (!payload_is(request, "on") && !payload_is(request, "off")) {
        respond_code(exchange, TALC_CODE_BAD_REQUEST);
        return;
    }
    room->light_is_on = payload_is(request, "on");
    const char *name = talc_exchange_peer(exchange)->name;
    fprintf(stderr, "room_sensor: %s switched the light %s\n", name[0] != 0 ? name : "somebody",
            room->light_is_on ? "on" : "off");
    respond_code(exchange, TALC_CODE_CHANGED);
}

/* The last hour, one value every ten minutes. */
static void on_index(void *context, talc_exchange *exchange, const talc_request *request)
{
    const room_state *room = context;
    (void)request;
    char json[512] = "[";
    for (int i = 0; i < INDEX_COUNT; i++) {
        time_t then = time(NULL) - (INDEX_COUNT - 1 - i) * INDEX_STEP_S;
        struct tm utc;
        char stamp[32], value[96];
        gmtime_r(&then, &utc);
        strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &utc);
        snprintf(value, sizeof value, "%s{\"time\":\"%s\",\"temperature\":%.1f}", i > 0 ? "," : "",
                 stamp, room->temperature - 0.1 * (INDEX_COUNT - 1 - i));
        strncat(json, value, sizeof json - strlen(json) - 2);
    }
    strcat(json, "]");
    respond_json(exchange, json);
}

static void on_firmware(void *context, talc_exchange *exchange, const talc_request *request)
{
    (void)context;
    (void)request;
    uint8_t image[ROOM_FIRMWARE_SIZE];
    for (size_t i = 0; i < sizeof image; i++) {
        image[i] = room_firmware_byte(i);
    }
    talc_response response = TALC_RESPONSE_DEFAULT;
    response.content_format = TALC_FORMAT_OCTETS;
    response.payload = image;
    response.payload_size = sizeof image;
    talc_exchange_respond(exchange, &response);
}

/* ---------------------------------------------------------------- late answers */

/* The handler returns without an answer and keeps the exchange. Each waits equally long, so a new
 * one belongs at the end of the list. */
static void on_slow(void *context, talc_exchange *exchange, const talc_request *request)
{
    room_state *room = context;
    (void)request;
    room_late_answer *late = malloc(sizeof *late);
    if (late == NULL) {
        respond_code(exchange, TALC_CODE_UNAVAILABLE);
        return;
    }
    *late = (room_late_answer){ .exchange = exchange, .due_ms = now_ms() + SLOW_MS };
    room_late_answer **end = &room->late;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = late;
}

static void answer_first(room_state *room)
{
    room_late_answer *late = room->late;
    room->late = late->next;
    respond_json(late->exchange, "{\"slow\":\"done\"}");
    free(late);
}

uint32_t room_answer_due(room_state *room)
{
    uint64_t now = now_ms();
    while (room->late != NULL && room->late->due_ms <= now) {
        answer_first(room);
    }
    return room->late != NULL ? (uint32_t)(room->late->due_ms - now) : UINT32_MAX;
}

void room_answer_all(room_state *room)
{
    while (room->late != NULL) {
        answer_first(room);
    }
}

/* ---------------------------------------------------------------- the table */

typedef struct room_resource {
    const char *path;
    talc_method method;
    talc_handler *handler;
    talc_resource_description description;
} room_resource;

static talc_status serve(room_state *room, talc_server *server, const room_resource *resource)
{
    talc_status status = talc_server_handle(server, resource->path, TALC_ALLOW(resource->method),
                                            resource->handler, room);
    if (status != TALC_OK || resource->method != TALC_GET) {
        return status;
    }
    return talc_server_describe(server, resource->path, &resource->description);
}

/* What clients find out at /.well-known/core (RFC 6690). */
#define SENSOR(type)                                                                               \
    {                                                                                              \
        { TALC_FORMAT_JSON }, type, "sensor", NULL, 0                                              \
    }
#define PLAIN(format, about)                                                                       \
    {                                                                                              \
        { format }, NULL, NULL, about, 0                                                           \
    }

talc_status room_serve(room_state *room, talc_server *server)
{
    static const room_resource resources[] = {
        { "sensors/temperature", TALC_GET, on_temperature, SENSOR("temperature") },
        { "sensors/humidity", TALC_GET, on_humidity, SENSOR("humidity") },
        { "actuators/light", TALC_GET, on_light_get, PLAIN(TALC_FORMAT_JSON, "PUT on or off") },
        { "actuators/light", TALC_PUT, on_light_put, PLAIN(TALC_FORMAT_NONE, NULL) },
        { "index", TALC_GET, on_index, PLAIN(TALC_FORMAT_JSON, "the last hour") },
        { "firmware", TALC_GET, on_firmware, PLAIN(TALC_FORMAT_OCTETS, NULL) },
        { "slow", TALC_GET, on_slow, PLAIN(TALC_FORMAT_JSON, "answers after a second") },
    };
    talc_status status = TALC_OK;
    for (size_t i = 0; i < sizeof resources / sizeof resources[0] && status == TALC_OK; i++) {
        status = serve(room, server, &resources[i]);
    }
    return status;
}
