#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An HTTP reverse proxy that understands what it passes on, and writes it anew as it likes.

usage: rude_gateway.py

Prints its port, then obeys lines on standard input and answers each with a line:

    upstream PORT [PORT]   where requests go (127.0.0.1); ends the counting of requests
    manner NAME            how it behaves from now on: a function below
    requests               how many it has taken since
    stop                   from now on connections are closed without a word

Ends when its standard input does.
"""
import http.client
import http.server
import json
import socketserver
import sys
import threading
import time
import urllib.parse


class Exchange:
    """One request on its way there and back."""

    def __init__(self, target, fields, body, number):
        self.target, self.fields, self.body = target, fields, body
        self.number = number  # counted from 1
        self.upstream = 0  # which of them
        self.sends = 1
        self.takes = 0  # which of the answers
        self.status = 0
        self.answer_fields, self.answer = {}, b""
        self.chunked_up = self.old_up = self.chunked_down = self.old_down = False
        self.slowly = False
        self.breaks = False  # the connection ends without an answer


# ---------------------------------------------------------------- JSON, written anew

def rewritten(body, write):
    try:
        return write(json.loads(body.decode("utf-8-sig"))).encode()
    except ValueError:
        return body


def both_ways(write):
    def manner(exchange):
        exchange.body = rewritten(exchange.body, write)
        yield
        exchange.answer = rewritten(exchange.answer, write)
    return manner


def quoted(text, escape):
    return '"' + "".join(escape(character) for character in text) + '"'


def escaping(escape):
    """Writes values of which every string, keys too, goes through `escape`."""
    def write(value):
        if isinstance(value, dict):
            return "{" + ",".join(quoted(k, escape) + ":" + write(v) for k, v in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ",".join(write(item) for item in value) + "]"
        if isinstance(value, str):
            return quoted(value, escape)
        return json.dumps(value)
    return write


def reversed_keys(value):
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(value)}
    if isinstance(value, list):
        return [reversed_keys(item) for item in value]
    return value


def with_keys(value):
    """As a gateway does that notes its name, and PHP escapes slashes."""
    value = {"via": "http://gateway/rude", "x": {"y": [1, None, True, -2.5e3]}, **value}
    return json.dumps(value).replace("/", "\\/")


def as_php(value):
    return with_keys(value)


def as_dotnet(value):
    """.NET and Gson escape what means something in HTML; these go one further."""
    return escaping(lambda c: c if c.isalnum() else "\\u%04X" % ord(c))(value)


def as_codes(value):
    return escaping(lambda c: "\\u%04x" % ord(c))(value)


# ---------------------------------------------------------------- manners
# A manner is a generator: what stands before the yield happens to the request, what follows to the
# answer.

def polite(exchange):
    yield


sorted_keys = both_ways(lambda value: json.dumps(value, sort_keys=True))
other_order = both_ways(lambda value: json.dumps(reversed_keys(value)))
pretty = both_ways(lambda value: json.dumps(value, indent=4))
windows = both_ways(lambda value: "\r\n\t " + json.dumps(value, indent="\t").replace("\n", "\r\n") +
                    "\r\n")
php = both_ways(as_php)
dotnet = both_ways(as_dotnet)
codes = both_ways(as_codes)


def byte_order_mark(exchange):
    exchange.body = b"\xef\xbb\xbf" + exchange.body
    yield
    exchange.answer = b"\xef\xbb\xbf" + exchange.answer


def empty_answers(exchange):
    """204 and nothing, now and then."""
    yield
    if exchange.number % 3 == 0:
        exchange.status, exchange.answer = 204, b""


def empty_success(exchange):
    """200 and nothing, now and then."""
    yield
    if exchange.number % 3 == 0:
        exchange.answer = b""


def empty_requests(exchange):
    """The body does not get through, now and then."""
    if exchange.number % 4 == 0:
        exchange.body = b""
    yield


def untyped(exchange):
    exchange.fields.pop("content-type", None)
    yield
    exchange.answer_fields.pop("content-type", None)


def charset(exchange):
    exchange.fields["content-type"] = "application/json; charset=utf-8"
    yield
    exchange.answer_fields["content-type"] = "application/json; charset=utf-8"


def problem(exchange):
    exchange.fields["content-type"] = "application/problem+json"
    yield
    exchange.answer_fields["content-type"] = "application/problem+json"


def encoded_query(exchange):
    path, _, query = exchange.target.partition("?")
    plain = urllib.parse.unquote(query)
    exchange.target = path + "?" + "".join("%%%02X" % ord(c) for c in plain)
    yield


def encoded_target(exchange):
    path, _, query = exchange.target.partition("?")
    path = path.replace("-", "%2D").replace(".", "%2e")
    exchange.target = path + "?" + query.replace("-", "%2d").replace("_", "%5F")
    yield


def more_query(exchange):
    exchange.target = exchange.target.replace("?", "?tenant=7&") + "&trace=%2Fa%26s%3D"
    yield


def twice_first(exchange):
    """Sends every request twice and gives back the first answer."""
    exchange.sends = 2
    yield


def twice_second(exchange):
    exchange.sends, exchange.takes = 2, 1
    yield


def thrice_at_once(exchange):
    """Three copies side by side; the last to come back is given back."""
    exchange.sends, exchange.takes = -3, 2
    yield


def round_robin(exchange):
    """A pool of two, of which each request meets the next one."""
    exchange.upstream = exchange.number % 2
    yield


def sticky(exchange):
    """A pool of two, of which a session keeps to one."""
    exchange.upstream = sum(exchange.target.encode()) % 2
    yield


def strays(exchange):
    """A pool of two; one request in five meets the other one."""
    exchange.upstream = 1 if exchange.number % 5 == 0 else 0
    yield


def other_one(exchange):
    """After the twelfth request the first of a pool is gone."""
    exchange.upstream = 1 if exchange.number > 12 else 0
    yield


def chunked(exchange):
    exchange.chunked_up = exchange.chunked_down = True
    yield


def old(exchange):
    """HTTP/1.0 on both sides."""
    exchange.old_up = exchange.old_down = True
    yield


def slow(exchange):
    exchange.slowly = True
    time.sleep(0.05)
    yield
    time.sleep(0.05)


def portal(exchange):
    """A captive portal answers first, and once more in between."""
    caught = exchange.number <= 2 or exchange.number == 9
    if caught:
        exchange.sends = 0
    yield
    if caught:
        page(exchange, 200, "Please accept our terms of use.")


def error_pages(exchange):
    """An HTML page in place of the answer, now and then, in all colours."""
    yield
    if exchange.number % 4 == 0:
        page(exchange, (500, 502, 504, 403, 404)[exchange.number // 4 % 5], "Oh no!")


def busy(exchange):
    """429 and 503 now and then, before anything was passed on."""
    refused = exchange.number in (3, 8)
    if refused:
        exchange.sends = 0
    yield
    if refused:
        page(exchange, 503 if exchange.number == 3 else 429, "Busy.")
        exchange.answer_fields["retry-after"] = "1"


def always_200(exchange):
    yield
    exchange.status = 200


def accepted(exchange):
    yield
    exchange.status = 202


def breaking(exchange):
    """The connection ends in place of the answer, now and then; the request was passed on."""
    yield
    exchange.breaks = exchange.number % 4 == 0


def half_answers(exchange):
    """The answer ends in the middle, now and then, and says that this was all."""
    yield
    if exchange.number % 4 == 0:
        exchange.answer = exchange.answer[:len(exchange.answer) // 2]


def stale(exchange):
    """A cache that should not be one: now and then the answer of the request before."""
    yield
    Gateway.last, answer = exchange.answer, Gateway.last
    if exchange.number % 4 == 0 and answer:
        exchange.answer = answer


def page(exchange, status, text):
    exchange.status = status
    exchange.answer_fields = {"content-type": "text/html"}
    exchange.answer = ("<!DOCTYPE html><html><body><h1>%s</h1></body></html>" % text).encode()


# ---------------------------------------------------------------- the gateway

class Gateway:
    upstreams = []
    manner = staticmethod(polite)
    requests = 0
    last = b""
    is_stopped = False
    lock = threading.Lock()


def send_chunks(exchange):
    for begin in range(0, len(exchange.body), 100):
        yield exchange.body[begin:begin + 100]


def ask(exchange):
    """One request to the upstream: (status, fields, body)."""
    connection = http.client.HTTPConnection("127.0.0.1", Gateway.upstreams[exchange.upstream],
                                            timeout=60)
    if exchange.old_up:
        connection._http_vsn, connection._http_vsn_str = 10, "HTTP/1.0"
    fields = dict(exchange.fields)
    body = exchange.body
    if exchange.chunked_up:
        fields.pop("content-length", None)
        connection.request("POST", exchange.target, send_chunks(exchange), fields,
                           encode_chunked=True)
    else:
        fields["content-length"] = str(len(body))
        connection.request("POST", exchange.target, body, fields)
    response = connection.getresponse()
    answer = (response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    connection.close()
    return answer


def ask_all(exchange):
    if exchange.sends >= 0:
        return [ask(exchange) for _ in range(exchange.sends)]
    answers, threads = [], []
    for _ in range(-exchange.sends):
        thread = threading.Thread(target=lambda: answers.append(ask(exchange)), daemon=True)
        threads.append(thread)
        thread.start()
    for thread in threads:
        thread.join()
    return answers


HOPS = ("connection", "keep-alive", "transfer-encoding", "content-length", "host", "expect")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 120

    def log_message(self, *_):
        pass

    def received(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_POST(self):
        with Gateway.lock:
            Gateway.requests += 1
            number = Gateway.requests
        fields = {k.lower(): v for k, v in self.headers.items() if k.lower() not in HOPS}
        exchange = Exchange(self.path, fields, self.received(), number)
        manner = Gateway.manner(exchange)
        next(manner)
        try:
            answers = ask_all(exchange)
            if answers:
                exchange.status, exchange.answer_fields, exchange.answer = answers[exchange.takes]
        except (OSError, http.client.HTTPException, IndexError):
            page(exchange, 502, "Bad Gateway")
        next(manner, None)
        if exchange.breaks or Gateway.is_stopped:
            self.close_connection = True
            return
        self.give(exchange)

    def give(self, exchange):
        if exchange.old_down:
            self.protocol_version = "HTTP/1.0"
            self.close_connection = True
        self.send_response(exchange.status)
        for name, value in exchange.answer_fields.items():
            if name not in HOPS and name not in ("date", "server"):
                self.send_header(name, value)
        if exchange.chunked_down:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for begin in range(0, len(exchange.answer), 100):
                piece = exchange.answer[begin:begin + 100]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
            return
        if exchange.status != 204 and not exchange.old_down:
            self.send_header("Content-Length", str(len(exchange.answer)))
        self.end_headers()
        if exchange.status == 204:
            return
        if not exchange.slowly:
            self.wfile.write(exchange.answer)
            return
        for begin in range(0, len(exchange.answer), 200):
            self.wfile.write(exchange.answer[begin:begin + 200])
            time.sleep(0.005)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass  # somebody went away


def obey(line):
    command, *words = line.split()
    if command == "upstream":
        Gateway.upstreams = [int(word) for word in words]
        Gateway.requests, Gateway.last, Gateway.is_stopped = 0, b"", False
    elif command == "manner":
        Gateway.manner = staticmethod(globals()[words[0]])
    elif command == "stop":
        Gateway.is_stopped = True
    return str(Gateway.requests)


def main():
    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.server_address[1], flush=True)
        for line in sys.stdin:
            print(obey(line), flush=True)


main()
