"""What a browser would make of a card, and texts that would like to break it."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"br", "img", "hr", "input"}


class Outline(HTMLParser):
    """What a browser would see: tags, attributes, and text; and that every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><b onclick="x">',
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J",
    "a\rb\nc\0d\x85e\u2028f",
    "\u202egnp.exe\u2066\u200f",
    "\ud800 lone",
    "x" * 1_000_000,
    "<" * 1_000_000,
]
