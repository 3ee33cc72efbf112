#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An HTTP client of the gateway that is no program of ours: one connection, kept alive, to CoAP
resources below /hc/. Usage: http_client.py PORT coap://ORIGIN. Says "all right", or what was not."""

import http.client
import sys

port, origin = int(sys.argv[1]), sys.argv[2]
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
sockets = set()


def ask(method, path, body=None, **fields):
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    connection.request(method, "/hc/" + origin + path, body, headers)
    sockets.add(connection.sock.getsockname())
    response = connection.getresponse()
    return response.status, dict(response.getheaders()), response.read()


def expect(what, found, wanted):
    if found != wanted:
        sys.exit("%s: %r, not %r" % (what, found, wanted))


text = {"Content_Type": "text/plain;charset=utf-8"}
expect("first PUT", ask("PUT", "/python", b"one", **text)[0], 201)
expect("second PUT", ask("PUT", "/python", b"two", **text)[0], 204)
status, fields, body = ask("GET", "/python")
expect("GET", (status, body), (200, b"two"))
expect("HEAD", ask("HEAD", "/python")[::2], (200, b""))
expect("DELETE", ask("DELETE", "/python")[0], 204)
expect("GET of nothing", ask("GET", "/python")[0], 404)
large = bytes(i * 11 % 256 for i in range(65536))
expect("PUT of 64 KiB", ask("PUT", "/python-large", large,
                            Content_Type="application/octet-stream")[0], 201)
expect("GET of 64 KiB", ask("GET", "/python-large")[2] == large, True)
expect("connections for all this", len(sockets), 1)
expect("PUT of a byte more", ask("PUT", "/python-large", large + b"x",
                                 Content_Type="application/octet-stream")[0], 413)
expect("after it", ask("GET", "/example_data")[0], 200)
print("all right, over", len(sockets), "connections")
