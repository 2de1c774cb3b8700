"""Find the line of a key in a TOML text, for messages: the standard parser tells lines of syntax errors only.

The text is known to be right TOML. What stands in an inline table or an array has the line of the key that holds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from jupyter_featx.config.toml import parse_toml

_TOKEN = re.compile(
    r"""(?P<text>\"{3}(?:\\[\s\S]|[^\\])*?\"{3,5}(?!\")|'{3}[\s\S]*?'{3,5}(?!')|\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*')"""
    r"""|(?P<comment>\#[^\n]*)|(?P<newline>\n)|(?P<sign>[\[\]{}=.,])|(?P<bare>[^\s\[\]{}=.,\#\"']+)"""
)
Path = tuple[str, ...]


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def line_of(text: str, path: Sequence[str]) -> int:
    """Return the line, counted from 1, of this key, or of the nearest table above it that the text names."""
    known = key_lines(text)
    found = (known[tuple(path[:size])] for size in range(len(path), 0, -1) if tuple(path[:size]) in known)
    return next(found, 1)


def key_lines(text: str) -> Mapping[Path, int]:
    """Return key -> the line where it first stands; tables also by what is only named below them."""
    known: dict[Path, int] = {}
    table: Path = ()
    for statement in _statements(text):
        header = statement[0].text == "["
        path = _key(statement) if header else table + _key(statement)
        table = path if header else table
        for size in range(1, len(path) + 1):
            known.setdefault(path[:size], statement[0].line)
        if header or path not in known:
            known[path] = statement[0].line
    return known


def _statements(text: str) -> Iterator[list[_Token]]:
    """Yield the tokens of each header and each `key = value`, over as many lines as it goes."""
    statement: list[_Token] = []
    depth = 0
    for token in _tokens(text):
        depth += (token.text in ("[", "{")) - (token.text in ("]", "}"))
        if token.kind == "newline" and depth <= 0:
            if statement:
                yield statement
            statement, depth = [], 0
        elif token.kind not in ("newline", "comment"):
            statement.append(token)
    if statement:
        yield statement


def _tokens(text: str) -> Iterator[_Token]:
    line, seen = 1, 0
    for match in _TOKEN.finditer(text):
        line += text.count("\n", seen, match.start())
        seen = match.start()
        yield _Token(str(match.lastgroup), match[0], line)


def _key(statement: Sequence[_Token]) -> Path:
    """Return the parts of the key that a statement begins with, or that a header holds."""
    parts: list[str] = []
    for token in statement:
        if token.text == "=" or (token.text == "]" and parts):
            break
        if token.kind == "text":
            parts.append(_unquoted(token.text))
        elif token.kind == "bare":
            parts.append(token.text)
    return tuple(parts)


def _unquoted(text: str) -> str:
    return str(parse_toml(f"key = {text}")["key"])
