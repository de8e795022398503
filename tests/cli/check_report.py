#!/usr/bin/env python3
"""Reads a report as a browser would, offline, and says what is wrong with it.

    check_report.py FOLDER [SECTION ...]

Exit code 0 and one line when the page and its pictures are well-formed, nothing is loaded from elsewhere, every file
that report.json lists is there, and the page has the named sections.
"""
import base64
import html.parser
import json
import pathlib
import re
import sys
import xml.etree.ElementTree

VOID = {"meta", "br", "img", "link", "hr", "input"}
LOADS = {"src", "href", "srcset", "data", "action", "poster", "xlink:href"}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.trouble, self.sections, self.loads, self.links = [], [], [], [], []
        self.images = 0

    def look(self, tag, attributes):
        names = dict(attributes)
        if tag == "section":
            self.sections.append(names.get("id"))
        if tag == "link" or (tag == "script" and "src" in names):
            self.trouble.append(f"<{tag}> loads something")
        for name, value in attributes:
            if name in LOADS:
                self.loads.append(value)
            if name == "href" and not value.startswith("#"):
                self.links.append(value)
            if name.startswith("on"):
                self.trouble.append(f"<{tag} {name}> runs a script")
        if tag == "img":
            self.images += 1
            if not names.get("alt"):
                self.trouble.append("a picture without words")

    def handle_starttag(self, tag, attributes):
        self.look(tag, attributes)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.look(tag, attributes)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.trouble.append(f"stray </{tag}> at {self.getpos()}")


def main():
    folder = pathlib.Path(sys.argv[1])
    text = (folder / "index.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    page.close()
    trouble = page.trouble + [f"<{tag}> is not closed" for tag in page.open]
    trouble += [f"section {name} is missing" for name in sys.argv[2:] if name not in page.sections]
    if len(set(page.sections)) != len(page.sections):
        trouble.append("two sections have the same id")
    listed = json.loads((folder / "report.json").read_text())["files"]
    there = sorted(path.name for path in folder.iterdir() if path.name != "report.json")
    if sorted(listed) != there:
        trouble.append(f"report.json lists {sorted(listed)}, the folder has {there}")
    for address in page.loads:
        inside = address.startswith("#") or address in listed
        if address.startswith("data:image/jpeg;base64,"):
            inside = base64.b64decode(address.split(",", 1)[1], validate=True)[:2] == b"\xff\xd8"
        if not inside:
            trouble.append(f"the page refers to {address[:60]}")
    trouble += [f"the page says {found}" for found in re.findall(r"https?://\S+|@import|url\(", text)]
    for name in listed:
        if name.endswith(".svg"):
            if name not in page.links:
                trouble.append(f"the page does not show {name}")
            root = xml.etree.ElementTree.parse(folder / name).getroot()
            if root.tag != "{http://www.w3.org/2000/svg}svg":
                trouble.append(f"{name} is no picture")
    # The same page as strict XML: what users wrote is escaped everywhere.
    body = re.sub(r"<(style|script)>.*?</\1>", "", text.replace("<!DOCTYPE html>", ""), flags=re.DOTALL)
    xml.etree.ElementTree.fromstring(body)
    if trouble:
        sys.exit("\n".join(trouble))
    print(f"{len(page.sections)} sections, {len(listed)} files, {page.images} photos")


main()
