/* SPDX-License-Identifier: MIT */
/* No CoAP payload on the wire reaches 1024 bytes, whatever is to be carried and whatever the path makes
 * of it; and none is larger than the blocks that were asked for. */
#include "tests/coap_wire.h"
#include "tests/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* How a path fails block-wise transfer (RFC 7959). */
typedef enum path_fault {
    PATH_SOUND = 0,
    PATH_LOSES_LATER_BLOCKS, /* every Block2 but the first, as libcoap before 4.3.5 does */
    PATH_ANSWERS             /* a code instead of anything with a block option */
} path_fault;

typedef struct wire_row {
    const char *name;
    const peers_credentials *credentials;
    peers_path path;
    uint32_t block_size;
    path_fault fault;
    unsigned code;  /* that PATH_ANSWERS */
    int has_blocks; /* whether a body is to arrive block-wise */
    size_t payload_max;
} wire_row;

static const wire_row wire_rows[] = {
    { "PSK, direct", &peers_psk, PEERS_DIRECT, 0, PATH_SOUND, 0, 0, 1023 },
    { "PSK, through the proxy", &peers_psk, PEERS_PROXY, 0, PATH_SOUND, 0, 0, 1023 },
    { "certificates, direct", &peers_certificates, PEERS_DIRECT, 0, PATH_SOUND, 0, 0, 1023 },
    { "certificates, through the proxy", &peers_certificates, PEERS_PROXY, 0, PATH_SOUND, 0, 0,
      1023 },
    { "RSA-4096 chain, direct: block-wise", &peers_rsa_chain, PEERS_DIRECT, 0, PATH_SOUND, 0, 1,
      1023 },
    { "RSA-4096 chain, through the proxy: in several bodies", &peers_rsa_chain, PEERS_PROXY, 0,
      PATH_SOUND, 0, 0, 1023 },
    { "RSA-4096 chain, later blocks are lost", &peers_rsa_chain, PEERS_DIRECT, 0,
      PATH_LOSES_LATER_BLOCKS, 0, 0, 1023 },
    { "RSA-4096 chain, blocks are answered 4.13", &peers_rsa_chain, PEERS_DIRECT, 0, PATH_ANSWERS,
      WIRE_CODE(4, 13), 0, 1023 },
    { "RSA-4096 chain, blocks are answered 4.02", &peers_rsa_chain, PEERS_DIRECT, 0, PATH_ANSWERS,
      WIRE_CODE(4, 2), 0, 1023 },
    { "RSA-4096 chain, blocks are answered 4.08", &peers_rsa_chain, PEERS_DIRECT, 0, PATH_ANSWERS,
      WIRE_CODE(4, 8), 0, 1023 },
    { "PSK, blocks of 64 bytes", &peers_psk, PEERS_DIRECT, 64, PATH_SOUND, 0, 1, 64 },
    { "certificates, blocks of 64 bytes", &peers_certificates, PEERS_DIRECT, 64, PATH_SOUND, 0, 1,
      64 },
    { "RSA-4096 chain, blocks of 64 bytes", &peers_rsa_chain, PEERS_DIRECT, 64, PATH_SOUND, 0, 1,
      64 },
};

#define WIRE_ROWS (sizeof wire_rows / sizeof wire_rows[0])

/* ---------------------------------------------------------------- the path */

typedef struct watched_path {
    const wire_row *row;
    uint32_t block1_max; /* largest block number that arrived */
    uint32_t block2_max;
    unsigned faults; /* how often the path has failed */
} watched_path;

static watched_path watched;

static void note_block(uint32_t option, uint32_t *max)
{
    if (option != UINT32_MAX && option >> 4 > *max) {
        *max = option >> 4;
    }
}

/* Header and token stay; everything else goes. */
static void answer_instead(uint8_t *bytes, size_t *size, unsigned code)
{
    bytes[1] = (uint8_t)code;
    *size = 4 + (bytes[0] & 15u);
}

static int watch(void *context, relay_direction direction, uint8_t *bytes, size_t *size,
                 size_t capacity)
{
    watched_path *path = context;
    wire_message message = { .size = *size };
    assert_true(*size <= sizeof message.bytes && *size <= capacity);
    memcpy(message.bytes, bytes, *size);
    uint32_t block1 = wire_number(&message, WIRE_BLOCK1);
    uint32_t block2 = wire_number(&message, WIRE_BLOCK2);
    int has_block = block1 != UINT32_MAX || block2 != UINT32_MAX;
    if (path->row->fault == PATH_LOSES_LATER_BLOCKS && block2 != UINT32_MAX && block2 >> 4 > 0) {
        path->faults++;
        return 0;
    }
    if (path->row->fault == PATH_ANSWERS && direction == RELAY_DOWN && has_block) {
        path->faults++;
        answer_instead(bytes, size, path->row->code);
        return 1;
    }
    note_block(block1, &path->block1_max);
    note_block(block2, &path->block2_max);
    return 1;
}

/* ---------------------------------------------------------------- the test */

static void expect_small_payloads(const test_relay *relay, const wire_row *row)
{
    const char *const ways[] = { [RELAY_UP] = "up", [RELAY_DOWN] = "down" };
    for (int way = RELAY_UP; way <= RELAY_DOWN; way++) {
        relay_counts counts = relay_counts_get(relay, (relay_direction)way);
        if (counts.payload_max > row->payload_max) {
            fail_msg("a payload of %zu bytes went %s", counts.payload_max, ways[way]);
        }
        /* Bodies are filled: the count has seen them. */
        if (counts.payload_max < row->payload_max / 2) {
            fail_msg("the largest payload %s had only %zu bytes", ways[way], counts.payload_max);
        }
    }
}

static void expect_blocks(const wire_row *row)
{
    assert_int_equal(watched.faults > 0, row->fault != PATH_SOUND);
    int up = watched.block1_max > 0, down = watched.block2_max > 0;
    if (row->fault == PATH_SOUND && (up != row->has_blocks || down != row->has_blocks)) {
        fail_msg("the last block up was %u, down %u", watched.block1_max, watched.block2_max);
    }
}

static void fetch(peers *of, talc_method method, const char *path, size_t size)
{
    static peers_call call;
    static uint8_t payload[PEERS_PAYLOAD_MAX];
    talc_request request = TALC_REQUEST_DEFAULT;
    for (size_t i = 0; i < size; i++) {
        payload[i] = resources_byte(i);
    }
    request.method = method;
    request.path = path;
    request.payload = payload;
    request.payload_size = size;
    peers_fetch(of, 0, &request, &call);
    peers_expect(&call, method == TALC_POST ? TALC_CODE_CHANGED : TALC_CODE_CONTENT);
    if (size > 0) {
        assert_int_equal(call.payload_size, size);
        assert_memory_equal(call.payload, payload, size);
    }
}

static void no_payload_is_too_large(void **state)
{
    const wire_row *row = *state;
    peers_options options = { .credentials = row->credentials,
                              .path = row->path,
                              .has_relays = 1,
                              .block_size = row->block_size };
    peers *of = peers_new(&options);
    watched = (watched_path){ .row = row };
    relay_hook_set(of->near, watch, &watched);
    fetch(of, TALC_GET, "hello", 0);
    fetch(of, TALC_POST, "echo", 16384);
    fetch(of, TALC_GET, "large", 0);
    expect_small_payloads(of->near, row);
    if (of->far != NULL) {
        expect_small_payloads(of->far, row);
    }
    expect_blocks(row);
    assert_int_equal(of->events.opened, 1);
    peers_free(of);
}

int main(void)
{
    struct CMUnitTest tests[WIRE_ROWS];
    for (size_t i = 0; i < WIRE_ROWS; i++) {
        tests[i] = (struct CMUnitTest){ wire_rows[i].name, no_payload_is_too_large, NULL,
                                        peers_free_all, (void *)&wire_rows[i] };
    }
    return cmocka_run_group_tests_name("sizes on the wire", tests, NULL, NULL);
}
