/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_RESOURCES_H
#define TALC_TESTS_RESOURCES_H

/**
 * What the servers of the end-to-end tests serve:
 *
 * | path    | methods          | does                                                               |
 * |---------|------------------|--------------------------------------------------------------------|
 * | hello   | GET              | says "21.5"                                                        |
 * | value   | PUT, GET, DELETE | one value for everybody                                            |
 * | mine    | PUT, GET         | one value for each authenticated peer                              |
 * | echo    | POST             | gives the payload back                                             |
 * | large   | GET              | RESOURCES_LARGE_SIZE bytes of resources_byte()                     |
 * | counter | POST ?n=NUMBER   | does nothing else                                                  |
 * | later   | GET              | keeps the exchange until `release`, then says "now"                |
 * | release | POST             | answers what `later` keeps                                         |
 *
 * Each request with a query "n=NUMBER" is counted under its number.
 */

#include <stddef.h>
#include <stdint.h>

#include <talc/talc.h>

#define RESOURCES_LARGE_SIZE 16384
#define RESOURCES_VALUE_MAX 16384
#define RESOURCES_COUNTERS 256
#define RESOURCES_PEERS 16
#define RESOURCES_LATER 64

typedef struct resources_owned {
    talc_peer peer;
    uint8_t bytes[RESOURCES_VALUE_MAX];
    size_t size;
} resources_owned;

typedef struct resources {
    size_t handled;      /**< requests that reached a handler */
    talc_peer last_peer; /**< who sent the last of them */
    talc_session_info last_session;
    unsigned executions[RESOURCES_COUNTERS]; /**< by n */
    uint8_t value[RESOURCES_VALUE_MAX];
    size_t value_size;
    int has_value;
    resources_owned owned[RESOURCES_PEERS];
    size_t owned_count;
    talc_exchange *later[RESOURCES_LATER];
    size_t later_count;
} resources;

/** The at-th byte of `large`, and of payloads that tests send. */
uint8_t resources_byte(size_t at);

/** Adds them to the server; `resources` has to outlive it. Fails the test if that cannot be. */
void resources_serve(resources *resources, talc_server *server);

/** Answers what `later` still keeps: before its server is freed or after. */
void resources_release(resources *resources);

#endif
