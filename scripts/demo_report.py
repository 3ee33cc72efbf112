#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""demo_report.py CLIENT-LOG FIRMWARE (--proxy-log FILE | --journal FILE) [--protocol NAME]

Sets what room_client says it exchanged beside what the path saw: the messages that coap-server
printed, or the records of the client's journal. Then checks both. Exits non-zero if a check failed.
"""

import argparse
import base64
import json
import re
import shutil
import sys
import textwrap
from collections import defaultdict, namedtuple

BODY_SIZE_MAX = 1023
FIRMWARE = bytes((i * 31 + (i >> 8) * 7) & 255 for i in range(16384))
WIDE_COLUMNS = 110  # from here on two columns
NARROW_COLUMNS = 80
SHOWN_MAX = 4  # messages for one request

# --- What the application exchanged: the lines of room_client ---

Step = namedtuple("Step", "request code payload bodies")


class Client:
    def __init__(self, path):
        with open(path, encoding="utf-8") as log:
            self.text = log.read()
        self.steps = []
        bodies_before = 0
        pattern = r"^((?:GET|PUT) .*) -> (\d\.\d\d) ?(.*)\n  sent: (\d+) .*, (\d+) of them"
        for match in re.finditer(pattern, self.text, re.M):
            request, code, payload, sent, repeats = match.groups()
            bodies = int(sent) - int(repeats)
            self.steps.append(Step(request, code, payload, range(bodies_before, bodies)))
            bodies_before = bodies
        self.bodies = bodies_before
        session = re.search(r"^session: (.*?), (.*?), server (.*)$", self.text, re.M)
        self.protocol, self.suite, self.server = session.groups()
        self.handshake = re.search(r"^handshake: .* round trip (\d+)$", self.text, re.M)[1]
        bill = r"^until the {} answer: (\d+) round trips, (\d+) .*as (\d+) .*$"
        self.first, self.last = (
            tuple(map(int, re.search(bill.format(word), self.text, re.M).groups()))
            for word in ("first", "last")
        )

    def answer(self, request):
        """(code, payload) of the last answer to this request, or (None, "")."""
        found = [step for step in self.steps if step.request == request]
        return (found[-1].code, found[-1].payload) if found else (None, "")


# --- What the path saw ---

# number: counts the client's request bodies from 0; out: from the client; fragments: of records.
Seen = namedtuple("Seen", "number out title text fragments")


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class ProxyLog:
    """coap-server -v 7: a line says how much was sent or received, the next prints the message."""

    HEADER = re.compile(r"UDP +: (sent|received) (\d+) bytes")
    MESSAGE = re.compile(r"v:1 t:(\w+) c:(\S+) i:(\w+) {(\w*)} \[ ?(.*?) ?\](?: :: (.*))?$")
    TIME = re.compile(r"^\w{3} \d\d \d\d:\d\d:\d\d\.\d{3} ")

    name = "the proxy"

    def __init__(self, path):
        with open(path, encoding="utf-8", errors="replace") as log:
            self.lines = [self.TIME.sub("", line.rstrip("\n")) for line in log]
        self.payloads, self.strange, self.seen = [], [], []
        heading = None
        unique = set()
        for line in self.lines:
            message = self.MESSAGE.match(line)
            if message and heading:
                self.take(heading, message, unique)
            heading = self.HEADER.search(line)
        first = min((seen.number for seen in self.seen), default=0)
        self.seen = [seen._replace(number=seen.number - first) for seen in self.seen]

    def take(self, heading, message, unique):
        direction, size = heading.groups()
        _, code, _, _, options, payload = message.groups()
        for path in re.findall(r"Uri-Path:([^,\]]*)", options):
            if path.strip() not in (".well-known", "atls"):
                self.strange.append(path)
        if payload is None:
            return
        payload = payload[1:-1]
        self.payloads.append(payload)
        try:
            envelope = json.loads(payload)
            fragments = [decode(record["f"]) for record in envelope.get("r", []) if "f" in record]
        except (ValueError, KeyError, TypeError):
            self.strange.append(payload)
            return
        # Every message comes in once and goes out once; shown as it came in, repeats left out.
        if direction == "received" and (code, payload) not in unique:
            unique.add((code, payload))
            title = f"{code}, {size} bytes"
            self.seen.append(Seen(envelope["i"], code == "POST", title, payload, fragments))

    def text(self):
        return "\n".join(self.lines)


class Journal:
    """The client's journal: one JSON object for each record."""

    name = "the path"

    def __init__(self, path):
        with open(path, encoding="utf-8") as lines:
            self.lines = lines.read().splitlines()
        self.payloads, self.strange, self.seen = [], [], []
        records = [json.loads(line) for line in self.lines]
        first = min((record["request"] for record in records), default=0)
        for record in records:
            title = f"record of type {record['type']}, {record['length']} bytes"
            self.seen.append(
                Seen(record["request"] - first, record["direction"] == "out", title,
                     record["fragment"], [decode(record["fragment"])])
            )

    def text(self):
        return "\n".join(self.lines)


# --- Side by side ---


class Page:
    def __init__(self):
        terminal = sys.stdout.isatty()
        self.columns = shutil.get_terminal_size((NARROW_COLUMNS, 24)).columns
        self.is_wide = terminal and self.columns >= WIDE_COLUMNS
        self.columns = self.columns if terminal else NARROW_COLUMNS
        self.has_colour = terminal

    def paint(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self.has_colour else text

    def heading(self, text):
        print("\n" + self.paint(1, text))

    def side_by_side(self, left, right, left_colour, right_colour):
        half = (self.columns - 3) * 2 // 5
        for i in range(max(len(left), len(right))):
            one = left[i] if i < len(left) else ""
            two = right[i] if i < len(right) else ""
            bar = self.paint(2, "|")
            one = self.paint(left_colour, one.ljust(half))
            print(f"{one} {bar} {self.paint(right_colour, two)}")
        print()

    def pair(self, left, right):
        """`left` and `right` take a width and return lines."""
        if self.is_wide:
            half = (self.columns - 3) * 2 // 5
            self.side_by_side(left(half), right(self.columns - 3 - half), 32, 33)
            return
        for line in left(self.columns - 2):
            print("  " + self.paint(32, line))
        for line in right(self.columns - 4):
            print("    " + self.paint(33, line))
        print()


def wrap(text, width):
    return textwrap.wrap(text, width, break_on_hyphens=False)


def step_lines(step):
    def lines(width):
        answer = f"{step.code} {step.payload}".rstrip()
        return wrap(step.request, width) + wrap(answer, width)

    return lines


def seen_lines(messages):
    def one(seen, width):
        arrow = "->" if seen.out else "<-"
        line = f"{arrow} {seen.title}: {seen.text}"
        return line if len(line) <= width else line[: width - 3] + "..."

    def lines(width):
        shown = messages
        if len(messages) > SHOWN_MAX:
            shown = messages[: SHOWN_MAX - 1]
        result = [one(seen, width) for seen in shown]
        if len(messages) > SHOWN_MAX:
            result.append(f"   ... {len(messages) - SHOWN_MAX} more like these ...")
            result.append(one(messages[-1], width))
        return result

    return lines


def print_exchange(page, client, path):
    page.heading(f"What the application exchanged, and what {path.name} saw of it")
    print()
    by_number = defaultdict(list)
    for seen in path.seen:
        by_number[seen.number].append(seen)
    for step in client.steps:
        messages = [seen for number in step.bodies for seen in by_number[number]]
        page.pair(step_lines(step), seen_lines(messages))


def records_size(messages):
    return sum(5 + len(fragment) for seen in messages for fragment in seen.fragments)


def print_handshake(page, client, path):
    page.heading("The session")
    trips, records, text = client.first
    print(f"  {client.protocol}, {client.suite}, server {client.server}")
    print(f"  handshake: the client was sure of the server after round trip {client.handshake};")
    print(f"  the first answer came with round trip {trips}; until then both ways together")
    print(f"  {records} bytes of records as {text} bytes of JSON ({text / records:.2f} times)")
    if path.payloads:
        print_trips(path, trips)
    trips, records, text = client.last
    print(f"  all requests: {trips} round trips, {records} bytes of records "
          f"as {text} bytes of JSON ({text / records:.2f} times)")


def print_trips(path, trips):
    print("    round trip  direction            records   bytes of records   bytes of JSON")
    for number in range(trips):
        for out, direction in ((True, "client to server"), (False, "server to client")):
            found = [seen for seen in path.seen if (seen.number, seen.out) == (number, out)]
            count = sum(len(seen.fragments) for seen in found)
            size = sum(len(seen.text) for seen in found)
            total = records_size(found)
            print(f"    {number + 1:10}  {direction:17} {count:10} {total:18} {size:15}")


# --- Checks: each returns whether it held, and what to print ---


def check_answers(client):
    expected = [
        ("GET sensors/temperature", "2.05", {"temperature": 21.5, "unit": "Cel"}),
        ("GET sensors/humidity", "2.05", {"humidity": 48, "unit": "%RH"}),
        ("PUT actuators/light on", "2.04", None),
        ("GET actuators/light", "2.05", {"light": "on"}),
    ]
    for request, code, value in expected:
        got_code, payload = client.answer(request)
        good = got_code == code and (value is None or json.loads(payload or "null") == value)
        yield good, f"{request}: {got_code} {payload}".rstrip()


def check_light(client):
    reads = [step.payload for step in client.steps if step.request == "GET actuators/light"]
    yield reads == ['{"light":"off"}', '{"light":"on"}'], "the light was off, then switched on"


def check_index(client):
    payload = client.answer("GET index")[1]
    values = json.loads(payload or "[]")
    stamp = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
    good = len(values) == 6 and all(stamp.fullmatch(value.get("time", "")) for value in values)
    yield good, f"index: {len(values)} values with their time, {len(payload)} bytes"


def check_firmware(path):
    with open(path, "rb") as image:
        content = image.read()
    yield content == FIRMWARE, f"firmware: {len(content)} bytes, each as it should be"


def check_session(client, protocol):
    yield client.protocol == protocol, f"negotiated {client.protocol}, asked for {protocol}"


def check_envelopes(client, path):
    # More is right: the end of the session comes after the client has counted.
    total = records_size(path.seen)
    good = total >= client.last[1]
    yield good, f"{path.name} saw all records of the client: {client.last[1]} bytes"
    if path.payloads:
        numbers = {seen.number for seen in path.seen if seen.out}
        good = set(range(client.bodies)) <= numbers
        yield good, f"{path.name} saw all {client.bodies} request bodies of the client"
        yield not path.strange, f"{path.name} saw nothing but envelopes for /.well-known/atls"
        largest = max(map(len, path.payloads))
        good = largest <= BODY_SIZE_MAX
        yield good, f"largest of {len(path.payloads)} CoAP payloads: {largest} bytes, below 1024"


WORDS = ["sensors", "temperature", "humidity", "actuators", "light", "firmware", "index", "unit",
         "21."]


def secrets(client):
    """16-byte pieces of everything that was answered, wherever a piece may begin in a record."""
    for step in client.steps:
        text = step.payload.encode()
        if not step.payload.startswith("("):
            yield from (text[i : i + 16] for i in range(max(0, len(text) - 15)))
    yield from (FIRMWARE[i : i + 16] for i in range(0, len(FIRMWARE) - 15))


def check_plaintext(client, path):
    # Short words come about by chance in much base64url: looked for around the fragments as text,
    # and inside the fragments (when long enough) as the bytes that they stand for.
    text = path.text()
    around = re.sub(r'"(f|fragment|g|sha256|session)":"[\w-]*"', "", text)
    around = re.sub(r"s=[\w-]{16}", "", around)
    found = [word for word in WORDS if word in around]
    found += [word for word in WORDS if len(word) >= 8 and word in text]
    content = [fragment for seen in path.seen for fragment in seen.fragments]
    found += [w for w in WORDS if len(w) >= 5 and any(w.encode() in f for f in content)]
    pieces = {f[i : i + 16] for f in content for i in range(max(0, len(f) - 15))}
    found += [repr(piece) for piece in set(secrets(client)) & pieces]
    total = sum(map(len, content))
    text = f"nothing of it in {path.name}'s {len(text)} bytes of log and {total} bytes of records"
    yield not found and total > len(FIRMWARE), text + "".join(f", but {item}" for item in found[:3])


def main():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("client_log")
    parser.add_argument("firmware")
    parser.add_argument("--proxy-log")
    parser.add_argument("--journal")
    parser.add_argument("--protocol", default="TLSv1.3")
    words = parser.parse_args()
    client = Client(words.client_log)
    path = ProxyLog(words.proxy_log) if words.proxy_log else Journal(words.journal)
    page = Page()
    print_exchange(page, client, path)
    print_handshake(page, client, path)
    page.heading("Checked")
    failed = 0
    for checks in (check_answers(client), check_light(client), check_index(client),
                   check_firmware(words.firmware),
                   check_session(client, words.protocol),
                   check_envelopes(client, path), check_plaintext(client, path)):
        for good, text in checks:
            print(f"  {page.paint(32, 'ok    ') if good else page.paint(31, 'FAILED')} {text}")
            failed += not good
    print(f"\n{failed} checks failed" if failed else "\nEverything held.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
