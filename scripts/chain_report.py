#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""chain_report.py FOLDER [--reverse] [--protocol NAME] [--facts FILE] [--keep]

Tells what came of scripts/demo.sh --chain, whose logs lie in FOLDER: the SHA-256 of every fragment
at every hop, and the gateway's log of talc beside that of the mirror. Checks both. Writes each hop's
list to FOLDER/digests, and what chain_picture.py draws to FILE. Exits non-zero if a check failed.
"""

import argparse
import hashlib
import json
import os
import sys
import textwrap
from collections import namedtuple

import chain_hops
import demo_report

DIGITS = 8  # of a digest, where it is shown
FIRST = 2  # digests shown of each hop
COLUMN = 37  # characters of each log, of two side by side
TEMPERATURE = '{"temperature":21.5,"unit":"Cel"}'

# What the logs name the same request: as room_client prints it, and its method and path.
REQUESTS = [("GET sensors/temperature", "GET", "/sensors/temperature"),
            ("PUT actuators/light off", "PUT", "/actuators/light")]

# What is not the same for both.
FOOTNOTES = {"dtls": "With dtls there is one more machine behind nginx: a second talc-proxy, back to "
                     "CoAP, as room_sensor answers plain requests over CoAP only.",
             "https": "The requests over https go to a second room_sensor, which speaks plain CoAP."}

# name: of the machine; leg: what it speaks to the next one.
Machine = namedtuple("Machine", "name work leg")
FORWARD = [Machine("room_client", "application", "CoAP"),
           Machine("coap-server", "forward proxy", "CoAP"),
           Machine("talc-proxy", "CoAP to HTTP", "HTTPS"),
           Machine("nginx", "reverse proxy", "HTTP"),
           Machine("room_sensor", "application", "")]
REVERSE = [Machine("room_client", "application", "HTTPS"),
           Machine("nginx", "reverse proxy", "HTTP"),
           Machine("talc-proxy", "HTTP to CoAP", "CoAP"),
           Machine("room_sensor", "application", "")]


class Run:
    """What lies in the folder."""

    def __init__(self, folder, is_reverse):
        self.folder, self.is_reverse = folder, is_reverse
        self.machines = REVERSE if is_reverse else FORWARD
        self.mirror = "https" if is_reverse else "dtls"
        self.client = demo_report.Client(self.path("client.log"))
        self.gateway, self.gateway_mirror = self.parts(
            "gateway.jsonl", chain_hops.read_gateway_log(self.path("gateway.jsonl")))
        self.nginx, self.nginx_mirror = self.parts("nginx.jsonl", self.lines("nginx.jsonl"))
        self.coap_server = None
        self.hops = self.read_hops()

    def path(self, name):
        return os.path.join(self.folder, name)

    def lines(self, name):
        with open(self.path(name), encoding="utf-8") as text:
            return text.read().splitlines()

    def parts(self, name, lines):
        """Before and after the mirror's beginning."""
        mark = int(self.lines(name + ".mark")[0])
        return lines[:mark], lines[mark:]

    def read_hops(self):
        first = chain_hops.journal_hop("room_client", self.path("journal"), True)
        near, far = chain_hops.gateway_hops("talc-proxy", self.gateway)
        nginx = chain_hops.nginx_hop("nginx", self.nginx)
        last = chain_hops.journal_hop("room_sensor", self.path("server.journal"), False)
        if self.is_reverse:
            return [first, nginx, near, far, last]
        self.coap_server = chain_hops.CoapServerLog("coap-server", self.path("proxy.log"))
        return [first, self.coap_server.near, self.coap_server.far, near, far, nginx, last]

    def write_digests(self):
        os.makedirs(self.path("digests"), exist_ok=True)
        for i, hop in enumerate(self.hops, 1):
            hop.write(self.path(f"digests/{i}-{hop.name}.txt"))

    def coap_payload_sizes(self):
        sizes = [one.size for one in self.gateway if one.protocol == "coap"]
        return sizes + (self.coap_server.payload_sizes if self.coap_server else [])


# --- Fragments at each hop ---


def summary(fragments):
    """One digest for all: of theirs, in their order."""
    return hashlib.sha256("".join(one.digest for one in fragments).encode()).hexdigest()


def is_equal(hop, first, out):
    return hop.fragments(out) == first.fragments(out)


def print_hops(page, run, is_kept):
    page.heading("SHA-256 of every fragment of a record, at every hop")
    for out, title in ((True, "client to server"), (False, "server to client")):
        print(f"\n  {title:35} number  first two and last")
        for hop in run.hops:
            print_hop(page, hop, run.hops[0], out)
    lists = f"in {run.path('digests')}" if is_kept else "with --keep"
    print(f"\n  Whole lists: {lists}")


def print_hop(page, hop, first, out):
    name = f"  {hop.name + ', ' + hop.place:35}"
    if not hop.logs[out]:
        print(page.paint(2, f"{name}      -  nginx logs no responses"))
        return
    fragments = hop.fragments(out)
    shown = fragments[:FIRST] + fragments[-1:]
    digests = " ".join(one.digest[:DIGITS] or "missing " for one in shown)
    verdict = page.paint(32, "equal") if is_equal(hop, first, out) else page.paint(31, "UNEQUAL")
    print(f"{name} {len(fragments):6}  {digests}  {'' if hop is first else verdict}".rstrip())


# --- The gateway's log, twice ---

# What stands in a log for one message: a title, and the body as it is.
Entry = namedtuple("Entry", "title body")


def entry_of(passed):
    if passed.kind == "request-in":
        return Entry(f"-> {passed.word} {passed.path}", passed.body)
    return Entry(f"<- {passed.word}", passed.body)


def entries_of(passed, exchanges):
    return [entry_of(one) for one in passed
            if one.exchange in exchanges and one.kind in ("request-in", "response-out")]


def tunnel_entries(run, step):
    """The messages that carried a request of room_client."""
    numbers, exchanges = {}, set()
    for one in run.gateway:
        if one.kind == "request-in" and one.body:
            number = json.loads(one.body).get("i")
            numbers.setdefault(number, one.exchange)
    first = min(numbers, default=0)
    for number, exchange in numbers.items():
        if number - first in step.bodies:
            exchanges.add(exchange)
    return entries_of(run.gateway, exchanges)


def mirror_entries(run, method, path):
    exchanges = {one.exchange for one in run.gateway_mirror
                 if one.kind == "request-in" and one.word == method and one.path.endswith(path)}
    return entries_of(run.gateway_mirror, exchanges)


def both_logs(run):
    """For each of REQUESTS its name, a note, its answer, and entries of both."""
    steps = {step.request: step for step in reversed(run.client.steps)}
    for name, method, path in REQUESTS:
        step = steps[name]
        answer = f"{step.code} {step.payload}".rstrip()
        note = ", and before it talc's handshake" if step is run.client.steps[0] else ""
        yield name, note, answer, tunnel_entries(run, step), mirror_entries(run, method, path)


def log_lines(entries):
    for title, body in entries:
        yield title
        pieces = textwrap.wrap(body, COLUMN - 3, break_on_hyphens=False) if body else []
        if len(pieces) > 2:
            pieces = [pieces[0], pieces[1][: COLUMN - 6] + "..."]
        yield from ("   " + piece for piece in pieces)


def print_logs(page, run):
    page.heading("The gateway's log: with talc, and without it over the same machines")
    where = f"ends at {run.machines[1].name}"
    tunnel = f"{run.client.protocol} inside, end to end"
    bar = page.paint(2, "|")
    for name, note, answer, ours, theirs in both_logs(run):
        print(f"\n  {name}{note}\n  {answer}\n")
        print(f"  {page.paint(1, tunnel.ljust(COLUMN))} {bar} {page.paint(1, run.mirror + ', ' + where)}")
        left, right = list(log_lines(ours)), list(log_lines(theirs))
        for i in range(max(len(left), len(right))):
            one = left[i] if i < len(left) else ""
            two = right[i] if i < len(right) else ""
            print(f"  {page.paint(32, one.ljust(COLUMN))} {bar} {page.paint(31, two)}".rstrip())
    print("\n" + textwrap.fill(FOOTNOTES[run.mirror], 78, initial_indent="  ",
                               subsequent_indent="  "))


# --- Checks: each yields whether it held, and what to print ---


def check_hops(run):
    for out, title in ((True, "client to server"), (False, "server to client")):
        first = run.hops[0]
        count = len(first.fragments(out))
        others = [hop for hop in run.hops[1:] if hop.logs[out]]
        equal = [hop for hop in others if is_equal(hop, first, out)]
        good = len(equal) == len(others) and count > 0
        yield good, f"{title}: {count} fragments, the same at {len(equal)} of {len(others)} places"
    strange = [body for hop in run.hops for body in hop.strange]
    yield not strange, "no hop saw anything but envelopes"


def check_inspected(run):
    names = ("journal", "gateway-in", "gateway-out", "server")
    wanted = {(direction, *one) for out, direction in ((True, "client"), (False, "server"))
              for one in run.hops[0].fragments(out)}
    equal = 0
    for name in names:
        got = set()
        for line in run.lines(f"{name}.inspected"):
            session, sender, offset, _, length, digest = line.split()
            got.add((sender, session, int(offset), int(length), digest))
        equal += got == wanted
    yield equal == len(names), f"talc inspect reads the same out of {equal} of {len(names)} logs"


def check_sizes(run):
    sizes = run.coap_payload_sizes()
    good = 0 < max(sizes, default=0) <= demo_report.BODY_SIZE_MAX
    yield good, f"largest of {len(sizes)} CoAP payloads: {max(sizes, default=0)} bytes, below 1024"


class Machines:
    """Everything that the machines between the ends logged while talc ran, for check_plaintext()."""

    name = "the chain"

    def __init__(self, run):
        self.lines = [f"{one.kind} {one.word} {one.uri} {one.format} {one.body}"
                      for one in run.gateway]
        for line in run.nginx:
            self.lines.append(" ".join(map(str, json.loads(line).values())))
        if run.coap_server:
            self.lines += run.coap_server.lines
        content = [fragment for hop in run.hops[1:-1] for fragment in hop.contents()]
        self.seen = [demo_report.Seen(0, True, "", "", content)]

    def text(self):
        return "\n".join(self.lines)


def check_mirror(run):
    answers = [run.lines("mirror-get.answer")]
    if run.is_reverse:
        answers.append(run.lines("mapped.answer"))
    good = all(TEMPERATURE in answer for answer in answers)
    yield good, f"{run.mirror}: the client got the same temperature"
    bodies = [(one.word, one.body) for one in run.gateway_mirror]
    good = any(TEMPERATURE in body for _, body in bodies) and ("PUT", "off") in bodies
    yield good, f"{run.mirror}: both are in the gateway's log, for everybody there to read"
    good = any('"off"' in line for line in run.nginx_mirror)
    yield good, f"{run.mirror}: what was written is in nginx's log"


def print_checks(page, run, protocol):
    page.heading("Checked")
    failed = 0
    client = run.client
    for checks in (demo_report.check_answers(client), demo_report.check_light(client),
                   demo_report.check_index(client),
                   demo_report.check_firmware(run.path("firmware")),
                   demo_report.check_session(client, protocol), check_hops(run),
                   check_inspected(run), check_sizes(run),
                   demo_report.check_plaintext(client, Machines(run)), check_mirror(run)):
        for good, text in checks:
            print(f"  {page.paint(32, 'ok    ') if good else page.paint(31, 'FAILED')} {text}")
            failed += not good
    print(f"\n{failed} checks failed" if failed else "\nEverything held.")
    return failed


# --- What the picture shows ---


def facts(run):
    hops = [{"name": hop.name,
             "place": hop.place,
             "out": facts_of_hop(hop, run.hops[0], True),
             "in": facts_of_hop(hop, run.hops[0], False)} for hop in run.hops]
    requests = [{"request": name, "answer": answer,
                 "note": note,
                 "tunnel": [one._asdict() for one in ours],
                 "mirror": [one._asdict() for one in theirs]}
                for name, note, answer, ours, theirs in both_logs(run)]
    return {"machines": [machine._asdict() for machine in run.machines], "mirror": run.mirror,
            "footnote": FOOTNOTES[run.mirror], "session": f"{run.client.protocol}, {run.client.suite}", "hops": hops,
            "requests": requests}


def facts_of_hop(hop, first, out):
    if not hop.logs[out]:
        return None
    fragments = hop.fragments(out)
    return {"count": len(fragments), "digest": summary(fragments)[:2 * DIGITS],
            "is_equal": is_equal(hop, first, out)}


def print_chain(page, run):
    page.heading("The chain")
    words = "".join(f"{machine.name} --{machine.leg}--> " if machine.leg else machine.name
                    for machine in run.machines)
    print(f"  {words}")
    print(f"  one session from end to end: {run.client.protocol}, {run.client.suite}, "
          f"server {run.client.server}\n")
    for step in run.client.steps:
        line = f"{step.request} -> {step.code} {step.payload}".rstrip()
        print("  " + (line if len(line) <= 76 else line[:73] + "..."))


def main():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("folder")
    parser.add_argument("--reverse", action="store_true")
    parser.add_argument("--protocol", default="TLSv1.3")
    parser.add_argument("--facts")
    parser.add_argument("--keep", action="store_true")
    words = parser.parse_args()
    run = Run(words.folder, words.reverse)
    run.write_digests()
    page = demo_report.Page()
    print_chain(page, run)
    print_hops(page, run, words.keep)
    print_logs(page, run)
    if words.facts:
        with open(words.facts, "w", encoding="utf-8") as output:
            json.dump(facts(run), output, indent=1)
    return 1 if print_checks(page, run, words.protocol) else 0


if __name__ == "__main__":
    sys.exit(main())
