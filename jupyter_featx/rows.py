"""One row, what the template returned for one item, as one line of a shard.

    {"i":12,"s":0.000123,"m":34.5,"w":3,"fd:volume":9.5,"lt:phase":"alpha"}

`i` is the item's index in the dataset, `s` seconds, `m` peak memory in MB, `w` the worker; they come first,
and in this order. A cell's key is its side (f feature, l label), its kind (see values.py), a colon and the
user's key. A failed item has `"e":{...}` instead of cells.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring
from math import isfinite
from typing import Any, NamedTuple

from jupyter_featx.values import FLOAT_EXACT, BadValue, Refused, cell, clean, with_article

__all__ = ["BadValue", "RowEncoder"]

# How these and their subclasses are written, as JSON writes them.
SIMPLE: tuple[tuple[type, str, Callable[[Any], str]], ...] = (
    (bool, "b", {True: "true", False: "false"}.__getitem__),
    (str, "t", encode_basestring),
    (int, "i", int.__repr__),
    (float, "d", float.__repr__),
    (type(None), "0", lambda _: "true"),
)
AS_THEY_ARE = {int: "%d", float: "%r"}  # no subclass: theirs may print themselves otherwise
PLANS = 1000  # shapes remembered; a template whose every row has its own shape must not fill the memory
MOST_COLUMNS = 20_000  # of one row; a table of more takes more memory than a machine has
ERROR_TEXT = 10_000  # characters kept of one message or traceback
_WIDE_HINT = 'put the values in one list: return {"values": list(row.values())}'
FUNCTIONS = {"f": "_process_input", "l": "_process_output"}

_write = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")).encode

_HEAD = '{"i":%d,"s":%.6f,"m":%.1f,"w":%d'

Shape = tuple[
    tuple[Any, ...], ...
]  # keys and types of the values, of the features and where there are any of the labels


class Plan(NamedTuple):
    """How the rows of one shape are written: one text to fill in, which takes a third of what the encoder takes."""

    form: str
    writers: tuple[tuple[int, Callable[[Any], str]], ...]  # places of the values that are not filled in as they are
    ints: tuple[int, ...]  # places of the values that must be looked at: not every int and float is written as one
    floats: tuple[int, ...]

    def cells(self, values: list[Any]) -> str:
        """Return the end of the row's line, using up `values`. Raises ValueError for one that needs another kind."""
        for place in self.ints:
            if not -FLOAT_EXACT <= values[place] <= FLOAT_EXACT:
                raise ValueError
        for place in self.floats:
            if not isfinite(values[place]):
                raise ValueError
        for place, write in self.writers:
            values[place] = write(values[place])
        return self.form % tuple(values)


class RowEncoder:
    """Turns rows into lines, and tells when a column appears for the first time."""

    def __init__(self) -> None:
        self._plans: dict[Shape, Plan] = {}
        self._seen: set[str] = set()

    def encode(
        self,
        index: int,
        seconds: float,
        peak_mb: float,
        worker: int,
        features: dict[str, Any],
        labels: dict[str, Any] | None = None,
    ) -> tuple[bytes, list[str]]:
        """Return the line, and its columns that this encoder never wrote before. Raises BadValue."""
        head = _HEAD % (index, seconds, peak_mb, worker)
        try:
            plan = self._plans[_shape(features, labels)]
            values = [*features.values(), *labels.values()] if labels else list(features.values())
            return (head + plan.cells(values)).encode(), []
        except (KeyError, AttributeError, TypeError, ValueError):
            # A new shape, a large int, NaN, a stray byte, or a value that is not allowed.
            return self._encode_slowly(head, features, labels)

    def encode_error(
        self, index: int, seconds: float, peak_mb: float, worker: int, error: Mapping[str, object]
    ) -> bytes:
        """Return the line of a failed item."""
        parts = {key: _short(value) for key, value in error.items()}
        return (_HEAD % (index, seconds, peak_mb, worker) + _ended({"e": parts})).encode()

    @staticmethod
    def columns_line(columns: list[str]) -> bytes:
        """Return the line that announces new columns in the shard's companion file."""
        return _write({"columns": columns}).encode() + b"\n"

    def _encode_slowly(self, head: str, features: Any, labels: Any) -> tuple[bytes, list[str]]:
        cells = _cells("f", features)
        if labels is not None:
            cells.update(_cells("l", labels))
        if len(cells) > MOST_COLUMNS:
            raise BadValue(f"the row has {len(cells):,} columns, more than {MOST_COLUMNS:,}; {_WIDE_HINT}")
        self._remember(features, labels or {})
        new = [key for key in cells if key not in self._seen]
        line = (head + _ended(cells)).encode()
        self._seen.update(new)
        return line, new

    def _remember(self, features: dict[str, Any], labels: dict[str, Any]) -> None:
        """Keep the plan of a shape whose values JSON writes as they are, once its columns are known."""
        values = [*features.values(), *labels.values()]
        names = [*(("f", name) for name in features), *(("l", name) for name in labels)]
        form = ""
        writers, ints, floats = [], [], []
        for place, ((side, name), value) in enumerate(zip(names, values, strict=True)):
            kind, write = next(((kind, write) for base, kind, write in SIMPLE if isinstance(value, base)), ("", None))
            key = f"{side}{kind}:{name}"
            if write is None or key not in self._seen:
                return
            own = AS_THEY_ARE.get(type(value), "%s")
            form += f",{_write(key)}:".replace("%", "%%") + own
            if own == "%s":
                writers.append((place, write))
            ints += [place] if write is int.__repr__ else []
            floats += [place] if write is float.__repr__ else []
        if len(self._plans) >= PLANS:
            self._plans.clear()
        self._plans[_shape(features, labels)] = Plan(form + "}\n", tuple(writers), tuple(ints), tuple(floats))


def _ended(rest: dict[str, object]) -> str:
    """Return the end of a line: what stands behind the head."""
    return f",{_write(rest)[1:]}\n" if rest else "}\n"


def _short(value: object) -> object:
    return clean(value[:ERROR_TEXT]) if isinstance(value, str) else value


def _shape(features: dict[str, Any], labels: dict[str, Any] | None) -> Shape:
    own = (tuple(features), tuple(map(type, features.values())))
    return (*own, tuple(labels), tuple(map(type, labels.values()))) if labels else own


def _cells(side: str, row: Any) -> dict[str, object]:
    """Return the cells of one function's dict, each under its key in the shard."""
    function = FUNCTIONS[side]
    if row is None:
        raise BadValue(f"{function} returned None; did you forget `return`?")
    if not isinstance(row, dict):
        raise BadValue(f"{function} returned {with_article(type(row).__name__)}; return a dict, one key per column")
    cells = {}
    for name, value in row.items():
        if not isinstance(name, str):
            raise BadValue(f"{function} returned the key {name!r}, {with_article(type(name).__name__)}; use str(key)")
        try:
            kind, simple = cell(value)
        except Refused as exc:
            raise BadValue(f"{function} returned {clean(name)!r} as {exc}") from None
        cells[f"{side}{kind}:{clean(name)}"] = simple
    if len(cells) < len(row):
        raise BadValue(f"{function} returned two keys that are the same in UTF-8; rename one")
    return cells
