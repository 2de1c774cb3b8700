"""Damage, drawn: to bytes as a disk or a hand does it, and to JSON as a foreign or hostile writer does it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

HOSTILE = (
    b"\0",
    b"\xff\xfe",
    b"\r",
    b"\n\n",
    b'"',
    b"'",
    b"\\",
    b"|",
    b"=",
    b"[" * 3000,
    b"{}",
    b"null",
    b"NaN",
    b"1e999",
    b"9" * 5000,
    b"-1",
    b"\\ud800",
    "é\u2028\x85\x1c".encode(),
    b"$(touch x)",
    b"%s%n",
    b"2026-13-45T99:99:99",
    b"\x1b[2J",
    b",",
    b" ",
)
VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    10**400,
    2**63,
    1.5,
    float("inf"),
    float("nan"),
    "",
    "x",
    "\ud800",
    "\0",
    "a\nb",
    "../../../etc/passwd",
    "~nobody-at-all/x",
    "9" * 5000,
    [],
    {},
    [[[[]]]],
    {"": {"": {}}},
    [None],
)
DAMAGES = ("flip", "cut", "drop", "double", "insert", "insert", "swap")


@st.composite
def mutated(draw: Callable[..., Any], seeds: Sequence[bytes]) -> bytes:
    """Draw one of the texts with up to four damages."""
    text = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 4))):
        damage, at = draw(st.sampled_from(DAMAGES)), draw(st.integers(0, max(0, len(text) - 1)))
        size = draw(st.integers(1, 30))
        if damage == "flip" and text:
            text = text[:at] + bytes([text[at] ^ (1 << size % 8)]) + text[at + 1 :]
        elif damage == "cut":
            text = text[:at]
        elif damage == "drop":
            text = text[:at] + text[at + size :]
        elif damage == "double":
            text = text[:at] + text[at : at + size] * 2 + text[at + size :]
        elif damage == "insert":
            text = text[:at] + draw(st.sampled_from(HOSTILE)) + text[at:]
        elif damage == "swap":
            text = text[at:] + text[:at]
    return text


@st.composite
def mutated_json(draw: Callable[..., Any], seeds: Sequence[Any]) -> bytes:
    """Draw one of the values with up to three of its parts replaced, left out or added, as JSON."""
    value = copy.deepcopy(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(value))
        if not places:
            break
        holder, key = draw(st.sampled_from(places))
        how = draw(st.sampled_from(["replace", "replace", "leave out", "add"]))
        if how == "replace":
            holder[key] = copy.deepcopy(draw(st.sampled_from(VALUES)))
        elif how == "leave out":
            del holder[key]
        elif isinstance(holder, dict):
            holder["more"] = copy.deepcopy(draw(st.sampled_from(VALUES)))
        else:
            holder.append(copy.deepcopy(draw(st.sampled_from(VALUES))))
    return json.dumps(value).encode()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield value, key
        yield from _places(inner)


def anything(seeds: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Return mostly damaged seeds, and some bytes and texts that have nothing to do with them."""
    return mutated(seeds) | mutated(seeds) | st.binary(max_size=200) | st.text(max_size=80).map(_encoded)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
