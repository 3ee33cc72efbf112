#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""chain_picture.py FACTS FILE
chain_picture.py --same-shape FILE FILE

Draws what chain_report.py wrote to FACTS as an SVG: the chain, how far each protection reaches, and
the gateway's log with talc beside the one without. --same-shape compares two such pictures and says
where they differ, but for what is new in every run: numbers, keys, digests and envelopes.
"""

import json
import re
import sys
from xml.etree import ElementTree

WIDTH = 1000
MARGIN = 24
LINE = 17  # from one line of text to the next
CHARACTER = 7.2  # width of one in a log, whatever the font
PANEL = 468
COLUMNS = 62  # of a panel
BODY_LINES = 2

STYLE = """
text { font-family: sans-serif; font-size: 13px; fill: #1f2328; }
.log { font-family: monospace; font-size: 12px; white-space: pre; }
.title { font-size: 18px; font-weight: bold; }
.head, .name { font-weight: bold; }
.small { font-size: 12px; fill: #57606a; }
.good { fill: #116329; }
.bad { fill: #a40e26; }
.plaintext { fill: #a40e26; font-weight: bold; }
.page { fill: #ffffff; stroke: #d0d7de; }
.box, .panel { fill: #f6f8fa; stroke: #8c959f; }
.leg { stroke: #57606a; stroke-width: 1.5; }
.good-bar { fill: #dafbe1; stroke: #116329; }
.bad-bar { fill: #ffebe9; stroke: #a40e26; }
.open-bar { fill: none; stroke: #a40e26; stroke-dasharray: 5 4; }
"""


class Drawing:
    """Grows downwards; `y` is where the next thing begins."""

    def __init__(self):
        self.svg = ElementTree.Element("svg", {"xmlns": "http://www.w3.org/2000/svg"})
        ElementTree.SubElement(self.svg, "style").text = STYLE
        self.page = self.add("rect", "page", x=0.5, y=0.5, width=WIDTH - 1, rx=8)
        self.y = MARGIN

    def add(self, tag, style, text=None, **attributes):
        element = ElementTree.SubElement(self.svg, tag, {"class": style})
        for name, value in attributes.items():
            element.set(name.replace("_", "-"), f"{value:g}" if isinstance(value, float) else str(value))
        element.text = text
        return element

    def text(self, style, x, y, text, **attributes):
        return self.add("text", style, text, x=x, y=y, **attributes)

    def log_line(self, style, x, y, text):
        """Fixed in width, so that no font runs out of its panel."""
        return self.text("log " + style, x, y, text, textLength=len(text) * CHARACTER,
                         lengthAdjust="spacingAndGlyphs", **{"xml:space": "preserve"})

    def write(self, path):
        self.svg.set("viewBox", f"0 0 {WIDTH} {self.y}")
        self.svg.set("width", str(WIDTH))
        self.svg.set("height", str(self.y))
        self.page.set("height", str(self.y - 1))
        ElementTree.indent(self.svg, " ")
        with open(path, "w", encoding="utf-8") as output:
            output.write(ElementTree.tostring(self.svg, encoding="unicode") + "\n")


# --- The chain ---


def centres(machines):
    step = (WIDTH - 2 * MARGIN) / len(machines)
    return [MARGIN + step * (i + 0.5) for i in range(len(machines))]


def draw_machines(drawing, machines):
    half = 68
    places = centres(machines)
    y = drawing.y
    for i, (machine, x) in enumerate(zip(machines, places)):
        drawing.add("rect", "box", x=x - half, y=y, width=2 * half, height=46, rx=5)
        drawing.text("name", x, y + 20, machine["name"], text_anchor="middle")
        drawing.text("small", x, y + 37, machine["work"], text_anchor="middle")
        if i + 1 < len(machines):
            drawing.add("line", "leg", x1=x + half, y1=y + 23, x2=places[i + 1] - half, y2=y + 23)
            middle = (x + places[i + 1]) / 2
            drawing.text("small", middle, y + 16, machine["leg"], text_anchor="middle")
    drawing.y += 46 + 14


def draw_bar(drawing, style, first, last, text):
    drawing.add("rect", style, x=first, y=drawing.y, width=last - first, height=24, rx=4)
    drawing.text("head " + style.replace("-bar", "").replace("open", "bad"), (first + last) / 2,
                 drawing.y + 17, text, text_anchor="middle")


def draw_reach(drawing, facts):
    places = centres(facts["machines"])
    protocol = facts["session"].split(",")[0]
    draw_bar(drawing, "good-bar", places[0], places[-1], f"talc: {protocol}, one session end to end")
    drawing.y += 32
    draw_bar(drawing, "bad-bar", places[0], places[1], facts["mirror"])
    draw_bar(drawing, "open-bar", places[1], places[-1], "from here on every machine reads it and can change it")
    drawing.y += 24 + 32


# --- The two logs ---


def body_lines(body):
    """At most BODY_LINES, the last one cut."""
    width = COLUMNS - 2
    lines = [body[i : i + width] for i in range(0, len(body), width)]
    if len(lines) > BODY_LINES:
        lines = lines[:BODY_LINES]
        lines[-1] = lines[-1][:-3] + "..."
    return lines


def log_lines(entries, body_style):
    for entry in entries:
        yield "", entry["title"]
        yield from ((body_style, "  " + line) for line in body_lines(entry["body"]))


def draw_panel(drawing, x, lines, height):
    drawing.add("rect", "panel", x=x, y=drawing.y, width=PANEL, height=height, rx=5)
    y = drawing.y + LINE + 2
    for style, text in lines:
        drawing.log_line(style, x + 10, y, text)
        y += LINE


def draw_logs(drawing, facts):
    places = (MARGIN, WIDTH - MARGIN - PANEL)
    drawing.text("head good", places[0], drawing.y, "talc-proxy's log, with talc")
    drawing.text("head bad", places[1], drawing.y, f"talc-proxy's log, with {facts['mirror']}")
    drawing.y += 12
    for request in facts["requests"]:
        drawing.y += LINE
        drawing.text("name", MARGIN, drawing.y, request["request"])
        drawing.text("small", MARGIN + 210, drawing.y, f"answered: {request['answer']}{request['note']}")
        drawing.y += 8
        panels = (list(log_lines(request["tunnel"], "good")),
                  list(log_lines(request["mirror"], "plaintext")))
        height = max(map(len, panels)) * LINE + 12
        for x, lines in zip(places, panels):
            draw_panel(drawing, x, lines, height)
        drawing.y += height + 6
    drawing.y += LINE


# --- The fragments ---


def draw_hops(drawing, facts):
    columns = (MARGIN, MARGIN + 330, MARGIN + 645)
    drawing.text("head", columns[0], drawing.y, "SHA-256 over all fragments, with talc")
    drawing.text("head", columns[1], drawing.y, "client to server")
    drawing.text("head", columns[2], drawing.y, "server to client")
    drawing.y += 4
    for hop in facts["hops"]:
        drawing.y += LINE
        drawing.text("", columns[0], drawing.y, f"{hop['name']}, {hop['place']}")
        for x, direction in zip(columns[1:], ("out", "in")):
            draw_sum(drawing, x, hop[direction])
    drawing.y += MARGIN


def draw_sum(drawing, x, total):
    if total is None:
        drawing.text("small", x, drawing.y, "nginx logs no bodies of responses")
        return
    verdict = ("good", "equal") if total["is_equal"] else ("bad", "UNEQUAL")
    drawing.log_line("", x, drawing.y, f"{total['count']:3} of them  {total['digest']}...")
    drawing.text(verdict[0], x + 255, drawing.y, verdict[1])


def draw(facts):
    drawing = Drawing()
    drawing.y += 10
    drawing.text("title", MARGIN, drawing.y, "The same two requests over the same machines")
    drawing.y += 20
    draw_machines(drawing, facts["machines"])
    draw_reach(drawing, facts)
    draw_logs(drawing, facts)
    draw_hops(drawing, facts)
    drawing.text("small", MARGIN, drawing.y, facts["footnote"])
    drawing.y += MARGIN
    return drawing


# --- Shapes ---


def shape(path):
    """Elements with what no run changes of them."""
    result = []
    for element in ElementTree.parse(path).iter():
        text = (element.text or "").strip()
        is_log = element.get("class", "").startswith("log")
        if "style" in element.tag or not is_log:
            attributes = dict(element.attrib)
        else:
            attributes = {key: element.get(key) for key in ("class", "x", "y")}
            if "good" in element.get("class"):
                text = "{}" if text.startswith('{"i":') else "rest"
            text = re.sub(r"[0-9a-f]{16}\.\.\.", "digest", text)
            text = re.sub(r"^\d+ of them", "some of them", text)
        result.append((element.tag.rpartition("}")[2], sorted(attributes.items()), text))
    return result


def compare(first_path, second_path):
    first, second = shape(first_path), shape(second_path)
    for one, other in zip(first, second):
        if one != other:
            print(f"{first_path} has {one}\n{second_path} has {other}", file=sys.stderr)
            return 1
    if len(first) != len(second):
        print(f"{first_path} has {len(first)} elements, {second_path} {len(second)}",
              file=sys.stderr)
        return 1
    return 0


def main(words):
    if len(words) == 3 and words[0] == "--same-shape":
        return compare(*words[1:])
    if len(words) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    with open(words[0], encoding="utf-8") as facts:
        draw(json.load(facts)).write(words[1])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
