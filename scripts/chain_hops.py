# SPDX-License-Identifier: MIT
"""What each hop of a chain saw: its log, read into streams of records. Used by chain_report.py.

Each direction of a session is one stream of TLS record bytes (docs/wire-format.md). A hop's log is
read into those streams again, body by body and by their offsets, so that neither repeats nor the
places where a record was cut make a difference. Then a record's fragment is what lies between two
headers, and its SHA-256 can be compared with that of another hop.
"""

import base64
import hashlib
import json
import re
from collections import defaultdict, namedtuple
from urllib.parse import urlsplit

HEADER_SIZE = 5  # of a TLS record
SESSION = re.compile(r"[?&: ]s=([\w-]{16})")
METHODS = {"0.01": "GET", "0.02": "POST", "0.03": "PUT", "0.04": "DELETE"}


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Stream:
    """One direction of one session."""

    def __init__(self):
        self.bytes = {}
        self.lengths = {}  # of fragments, by where their records begin

    def put(self, at, content):
        for i, byte in enumerate(content):
            self.bytes[at + i] = byte

    def take(self, envelope):
        at = envelope.get("n", 0)
        for record in envelope.get("r", []):
            piece = decode(record["f"])
            if not record.get("p"):
                self.lengths[at] = record.get("l", len(piece))
                at += HEADER_SIZE
            self.put(at, piece)
            at += len(piece)

    def fragments(self):
        """(offset, bytes) of each record; None for bytes that are not whole."""
        for start, length in sorted(self.lengths.items()):
            first = start + HEADER_SIZE
            content = [self.bytes.get(at) for at in range(first, first + length)]
            yield start, None if None in content else bytes(content)


# A fragment is named by session and offset; digest: hex, "" when it did not come whole.
Fragment = namedtuple("Fragment", "session offset size digest")


class Hop:
    """A place where bodies were seen. `out`: from the client to the server."""

    def __init__(self, name, place):
        self.name, self.place = name, place
        self.streams = {True: defaultdict(Stream), False: defaultdict(Stream)}
        self.logs = {True: True, False: True}  # what it can tell of
        self.bodies, self.strange = [], []

    def take(self, out, session, body):
        try:
            envelope = json.loads(body)
            self.streams[out][session].take(envelope)
            self.bodies.append((out, envelope.get("i"), body))
        except (ValueError, KeyError, TypeError, AttributeError):
            self.strange.append(body)

    def fragments(self, out):
        result = []
        for session, stream in sorted(self.streams[out].items()):
            for offset, content in stream.fragments():
                digest = "" if content is None else hashlib.sha256(content).hexdigest()
                result.append(Fragment(session, offset, len(content or b""), digest))
        return result

    def contents(self):
        for streams in self.streams.values():
            for stream in streams.values():
                yield from (content for _, content in stream.fragments() if content)

    def write(self, path):
        with open(path, "w", encoding="utf-8") as listing:
            for out, arrow in ((True, "->"), (False, "<-")):
                for one in self.fragments(out):
                    print(arrow, one.session, one.offset, one.size, one.digest, file=listing)


# --- Journals ---


def journal_hop(name, path, sends):
    """`sends`: the direction that this end calls "out"."""
    hop = Hop(name, "its journal")
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            stream = hop.streams[sends == (record["direction"] == "out")][record["session"]]
            stream.lengths[record["offset"]] = record["length"]
            stream.put(record["offset"] + HEADER_SIZE, decode(record["fragment"]))
    return hop


# --- coap-server -v 7: a line says how much was sent or received, the next prints the message ---

TIME = re.compile(r"^\w{3} \d\d \d\d:\d\d:\d\d\.\d{3} ")
ENDPOINT = re.compile(r"created UDP +endpoint \S+:(\d+)")
PASSING = re.compile(r":(\d+) <-> \S+ (?:\(\S+\) )?UDP *: (?:sent|received) \d+ bytes")
MESSAGE = re.compile(r"v:1 t:\w+ c:(\S+) i:\w+ {\w*} \[ ?(.*?) ?\](?: :: (.*))?$")


class CoapServerLog:
    """Up to the first message over DTLS: there the mirror begins."""

    def __init__(self, name, path):
        self.near = Hop(name, "its log, client's side")
        self.far = Hop(name, "its log, server's side")
        with open(path, encoding="utf-8", errors="replace") as log:
            lines = [TIME.sub("", line) for line in log.read().splitlines()]
        end = next((i for i, line in enumerate(lines) if " DTLS: " in line), len(lines))
        self.lines = lines[:end]
        self.payload_sizes = []
        port = passing = session = None
        for line in self.lines:
            port = port or (ENDPOINT.search(line) or [None, None])[1]
            message = MESSAGE.match(line)
            if message and passing:
                code, options, payload = message.groups()
                session = (SESSION.search(options) or [None, session])[1]
                if payload:
                    self.payload_sizes.append(len(payload) - 2)
                    hop = self.near if passing[1] == port else self.far
                    hop.take(code == "POST", session, payload[1:-1])
            passing = PASSING.search(line)


# --- talc-proxy --log ---

# One line of it. word: the method of a request, the code or status of a response.
Passed = namedtuple("Passed", "exchange kind protocol word path uri format body size")


def read_gateway_log(path):
    result = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            word = str(entry.get("method") or entry.get("code") or entry.get("status") or "")
            body = entry.get("body")
            if body is None and "body_base64url" in entry:
                body = decode(entry["body_base64url"]).decode("latin-1")
            uri = entry.get("uri") or ""
            result.append(
                Passed(entry["exchange"], entry["kind"], entry.get("protocol"),
                       METHODS.get(word, word), urlsplit(uri).path, uri,
                       str(entry.get("format") or ""), body or "", entry.get("size", 0))
            )
    return result


def gateway_hops(name, passed):
    """One for the side of its clients, one for that of the origins."""
    hops = (Hop(name, "its log, client's side"),
            Hop(name, "its log, server's side"))
    sides = {"request-in": (0, True), "response-out": (0, False),
             "request-out": (1, True), "response-in": (1, False)}
    sessions = {}
    for one in passed:
        session = SESSION.search(one.uri)
        if session:
            sessions[one.exchange] = session[1]
        if one.kind in sides and one.body:
            side, out = sides[one.kind]
            hops[side].take(out, sessions.get(one.exchange), one.body)
    return hops


# --- nginx ---


def nginx_hop(name, lines):
    hop = Hop(name, "its access log")
    hop.logs[False] = False
    for line in lines:
        entry = json.loads(line)
        session = SESSION.search(entry["uri"])
        hop.take(True, session[1] if session else None, entry["body"])
    return hop
