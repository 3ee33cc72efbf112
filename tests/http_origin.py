#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An HTTP origin for the tests of the gateway: well-behaved below /things and where a name says what
it answers, ill-behaved elsewhere. Prints "ready PORT" and ends with its standard input."""

import hashlib
import http.server
import os
import sys
import threading
import time

GIGABYTE = 1 << 30
PIECE = b"x" * 65536
PATTERN = bytes(i * 7 % 251 for i in range(1 << 17))
things = {}  # path: (bytes, media type)
counts = {"posted": 0}


class Origin(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *words):
        pass

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status, body=b"", media_type=None, **fields):
        self.send_response(status)
        if media_type is not None:
            self.send_header("Content-Type", media_type)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(body)

    # ---- well-behaved

    def thing(self, body):
        path = self.path.split("?")[0]
        there = things.get(path)
        tag = '"' + hashlib.sha256(there[0]).hexdigest()[:8] + '"' if there else None
        wanted, unwanted = self.headers.get("If-Match"), self.headers.get("If-None-Match")
        if wanted is not None and wanted not in ("*", tag):
            return self.answer(412)
        if self.command in ("GET", "HEAD"):
            if there is None:
                return self.answer(404, b"no such thing", "text/plain;charset=utf-8")
            if unwanted is not None and tag in [part.strip() for part in unwanted.split(",")]:
                return self.answer(304, ETag=tag, Cache_Control="max-age=30")
            return self.answer(200, there[0], there[1], ETag=tag, Cache_Control="max-age=120")
        if unwanted == "*" and there is not None:
            return self.answer(412)
        return self.change(path, there, body)

    def change(self, path, there, body):
        media_type = self.headers.get("Content-Type", "application/octet-stream")
        if self.command == "PUT":
            things[path] = (body, media_type)
            return self.answer(204 if there else 201)
        if self.command == "DELETE":
            return self.answer(204 if things.pop(path, None) else 404)
        if self.command == "PATCH":
            things[path] = (there[0] + body, there[1])
            return self.answer(204)
        counts["posted"] += 1
        made = "/things/new/%d" % counts["posted"]
        things[made] = (body, media_type)
        return self.answer(201, Location=made + "?made=1")

    # ---- what a name says

    def named(self, name, argument, body):
        if name == "status":
            return self.answer(int(argument), b"" if argument in ("204", "304") else b"as asked")
        if name == "bytes":
            return self.answer(200, PATTERN[:int(argument)], "application/octet-stream")
        if name == "echo":
            fields = "\n".join("%s: %s" % pair for pair in self.headers.items())
            if argument == "fields":
                body = ("%s %s\n%s" % (self.command, self.path, fields)).encode()
                return self.answer(200, body, "text/plain")
            return self.answer(200, body, self.headers.get("Content-Type"))
        if name == "loop":
            return self.answer(302, Location="/loop")
        return self.misbehave(name)

    # ---- ill-behaved

    def begin(self, size):
        self.send_response(200)
        if size is not None:
            self.send_header("Content-Length", str(size))
        else:
            self.send_header("Connection", "close")
        self.close_connection = True
        self.end_headers()

    def misbehave(self, name):
        if name == "silent":
            self.connection.recv(1)  # until the other side gives up
        elif name == "drip":
            self.begin(1000)
            for _ in range(1000):
                self.wfile.write(b"x")
                time.sleep(1)
        elif name == "drip-header":
            for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1000:
                self.wfile.write(bytes([byte]))
                time.sleep(1)
        elif name in ("gigabyte", "endless"):
            self.begin(GIGABYTE if name == "gigabyte" else None)
            for _ in range(GIGABYTE // len(PIECE)):
                self.wfile.write(PIECE)
        elif name == "cut":
            self.begin(1000)
            self.wfile.write(b"x" * 10)
        elif name == "many-fields":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            for i in range(100000):
                self.wfile.write(b"X-%d: y\r\n" % i)
        elif name == "nonsense":
            self.wfile.write(b"\x00\xffnonsense\r\n\r\n" * 10)
        elif name == "two-lengths":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef")
        elif name == "twice":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none" * 2)
        else:
            return self.answer(404, b"no such name")
        self.close_connection = True

    def take(self):
        try:
            body = self.body()
            parts = self.path.split("?")[0].split("/")
            if parts[1] == "things":
                self.thing(body)
            else:
                self.named(parts[1], parts[2] if len(parts) > 2 else "", body)
        except (OSError, ValueError, IndexError):
            self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = take


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass


server = Server(("127.0.0.1", 0), Origin)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", server.server_address[1], flush=True)
sys.stdin.read()
os._exit(0)
