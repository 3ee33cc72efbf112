#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A CoAP origin for the tests of the gateway that misbehaves as the first segment of the path says.
Prints "ready PORT" and ends with its standard input."""

import os
import socket
import struct
import sys
import threading
import time

URI_PATH, CONTENT_FORMAT, BLOCK2, SIZE2 = 11, 12, 23, 28
CON, NON, ACK, RST = range(4)
CONTENT = 0x45

wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
wire.bind(("127.0.0.1", 0))


def options_of(data):
    """Pairs of number and value; what follows the options is not looked at."""
    at, number, found = 4 + (data[0] & 15), 0, []
    while at < len(data) and data[at] != 0xFF:
        parts = []
        for nibble in (data[at] >> 4, data[at] & 15):
            parts.append(nibble)
        at += 1
        for i, nibble in enumerate(parts):
            if nibble == 13:
                parts[i], at = data[at] + 13, at + 1
            elif nibble == 14:
                parts[i], at = struct.unpack_from(">H", data, at)[0] + 269, at + 2
        number += parts[0]
        found.append((number, data[at:at + parts[1]]))
        at += parts[1]
    return found


def write_options(options):
    text, last = b"", 0
    for number, value in sorted(options, key=lambda option: option[0]):
        assert len(value) < 13
        delta = number - last
        last = number
        text += bytes([(delta if delta < 13 else 13) << 4 | len(value)])
        text += bytes([delta - 13]) if delta >= 13 else b""
        text += value
    return text


def number_of(value):
    return int.from_bytes(value, "big")


def value_of(number):
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


class Request:
    def __init__(self, data, peer):
        self.peer = peer
        self.kind = data[0] >> 4 & 3
        self.code = data[1]
        self.id = struct.unpack_from(">H", data, 2)[0]
        self.token = data[4:4 + (data[0] & 15)]
        self.options = options_of(data)
        path = [value.decode() for number, value in self.options if number == URI_PATH]
        self.name = path[0] if path else ""
        block = [number_of(value) for number, value in self.options if number == BLOCK2]
        self.block = block[0] >> 4 if block else 0
        self.szx = min(block[0] & 7, 5) if block else 5

    def send(self, kind, code, options=(), payload=b"", message_id=None, token=None):
        token = self.token if token is None else token
        data = struct.pack(">BBH", 0x40 | kind << 4 | len(token), code,
                           self.id if message_id is None else message_id)
        data += token + write_options(options) + (b"\xff" + payload if payload else b"")
        wire.sendto(data, self.peer)


def good(request):
    request.send(ACK, CONTENT, [(CONTENT_FORMAT, b"")], b"good")


def silent(request):
    del request


def acknowledged(request):
    request.send(ACK, 0, token=b"")


def reset(request):
    request.send(RST, 0, token=b"")


def twice(request):
    request.send(ACK, CONTENT, [], b"one")
    request.send(ACK, CONTENT, [], b"two")
    request.send(CON, CONTENT, [], b"three", message_id=request.id ^ 0x5555)


def block(request, number, more, etag=b"e"):
    size = 16 << request.szx
    options = [(4, etag), (SIZE2, value_of(1 << 30)),
               (BLOCK2, value_of(number << 4 | more << 3 | request.szx))]
    request.send(ACK, CONTENT, options, b"x" * size)


def gigabyte(request):
    block(request, request.block, 1)


def drip(request):
    time.sleep(1)
    request.szx = 0
    block(request, request.block, 1)


def cut(request):
    if request.block < 2:
        block(request, request.block, 1)


def swapped(request):
    block(request, request.block * 2, 1)


def changed(request):
    block(request, request.block, 1, b"e%d" % request.block)


def nonsense(request):
    wire.sendto(os.urandom(40), request.peer)
    wire.sendto(b"", request.peer)
    wire.sendto(b"\x40", request.peer)
    wire.sendto(struct.pack(">BBH", 0x60 | len(request.token), CONTENT, request.id) +
                request.token + b"\xd0", request.peer)


def another_token(request):
    request.send(ACK, CONTENT, [], b"not yours", token=b"\x00" * len(request.token))


behaviours = {behaviour.__name__.replace("_", "-"): behaviour for behaviour in (
    silent, acknowledged, reset, twice, gigabyte, drip, cut, swapped, changed, nonsense,
    another_token)}


def serve():
    while True:
        data, peer = wire.recvfrom(2048)
        try:
            request = Request(data, peer)
        except (IndexError, struct.error, UnicodeDecodeError):
            continue
        if request.kind in (CON, NON) and 1 <= request.code < 32:
            behaviour = behaviours.get(request.name, good)
            threading.Thread(target=behaviour, args=(request,), daemon=True).start()


threading.Thread(target=serve, daemon=True).start()
print("ready", wire.getsockname()[1], flush=True)
sys.stdin.read()
os._exit(0)
