"""One row, what the template returned for one item, as one line of a shard.

    {"i":12,"s":0.000123,"m":34.5,"w":3,"fd:volume":9.5,"lt:phase":"alpha"}

`i` is the item's index in the dataset, `s` seconds, `m` peak memory in MB, `w` the worker; they come first,
and in this order. A cell's key is its side (f feature, l label), its kind (see values.py), a colon and the
user's key. A failed item has `"e":{...}` instead of cells.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jupyter_featx.values import FLOAT_EXACT, BadValue, Refused, cell, clean, with_article

__all__ = ["BadValue", "RowEncoder"]

SIMPLE = ((bool, "b"), (str, "t"), (int, "i"), (float, "d"))  # JSON writes these and their subclasses itself
PLANS = 1000  # shapes remembered; a template whose every row has its own shape must not fill the memory
MOST_COLUMNS = 20_000  # of one row; a table of more takes more memory than a machine has
ERROR_TEXT = 10_000  # characters kept of one message or traceback
_WIDE_HINT = 'put the values in one list: return {"values": list(row.values())}'
FUNCTIONS = {"f": "_process_input", "l": "_process_output"}

_write = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")).encode

Shape = tuple[tuple[str, ...], tuple[type, ...], tuple[str, ...], tuple[type, ...]]


class RowEncoder:
    """Turns rows into lines, and tells when a column appears for the first time."""

    def __init__(self) -> None:
        self._plans: dict[Shape, tuple[tuple[str, ...], tuple[int, ...]]] = {}
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
        row: dict[str, object] = {"i": index, "s": round(seconds, 6), "m": round(peak_mb, 1), "w": worker}
        try:
            shape = _shape(features, labels or {})
            keys, ints = self._plans[shape]
            values = [*features.values(), *labels.values()] if labels else list(features.values())
            for position in ints:
                if not -FLOAT_EXACT <= values[position] <= FLOAT_EXACT:
                    raise ValueError
            row.update(zip(keys, values, strict=True))
            return _write(row).encode() + b"\n", []
        except (KeyError, AttributeError, TypeError, ValueError):
            # A new shape, a large int, NaN, a stray byte, or a value that is not allowed.
            return self._encode_slowly(dict(list(row.items())[:4]), features, labels)

    def encode_error(
        self, index: int, seconds: float, peak_mb: float, worker: int, error: Mapping[str, object]
    ) -> bytes:
        """Return the line of a failed item."""
        parts = {key: _short(value) for key, value in error.items()}
        row = {"i": index, "s": round(seconds, 6), "m": round(peak_mb, 1), "w": worker, "e": parts}
        return _write(row).encode() + b"\n"

    @staticmethod
    def columns_line(columns: list[str]) -> bytes:
        """Return the line that announces new columns in the shard's companion file."""
        return _write({"columns": columns}).encode() + b"\n"

    def _encode_slowly(self, row: dict[str, object], features: Any, labels: Any) -> tuple[bytes, list[str]]:
        cells = _cells("f", features)
        if labels is not None:
            cells.update(_cells("l", labels))
        if len(cells) > MOST_COLUMNS:
            raise BadValue(f"the row has {len(cells):,} columns, more than {MOST_COLUMNS:,}; {_WIDE_HINT}")
        self._remember(features, labels or {})
        new = [key for key in cells if key not in self._seen]
        line = _write({**row, **cells}).encode() + b"\n"
        self._seen.update(new)
        return line, new

    def _remember(self, features: dict[str, Any], labels: dict[str, Any]) -> None:
        """Keep the plan of a shape whose values JSON writes as they are, once its columns are known."""
        keys = []
        values = [*features.values(), *labels.values()]
        names = [*(("f", name) for name in features), *(("l", name) for name in labels)]
        for (side, name), value in zip(names, values, strict=True):
            kind = next((kind for base, kind in SIMPLE if isinstance(value, base)), None)
            if kind is None or f"{side}{kind}:{name}" not in self._seen:
                return
            keys.append(f"{side}{kind}:{name}")
        if len(self._plans) >= PLANS:
            self._plans.clear()
        ints = tuple(position for position, value in enumerate(values) if isinstance(value, int))
        self._plans[_shape(features, labels)] = (tuple(keys), ints)


def _short(value: object) -> object:
    return clean(value[:ERROR_TEXT]) if isinstance(value, str) else value


def _shape(features: dict[str, Any], labels: dict[str, Any]) -> Shape:
    return (
        tuple(features),
        tuple(map(type, features.values())),
        tuple(labels),
        tuple(map(type, labels.values())),
    )


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
