"""The table's columns: their names, their order, and one type for values of several kinds, none dropped.

    bool, integer, float, text, datetime, datetime-utc, date, empty    as they are
    bigint    ints beyond int64, as decimal text         json    nested or mixed values, as JSON text

Ints and floats share a float column while every int is exact in it. A text among scalars makes the column
text, and so do dates among others; a nested value, or bools among numbers, make it JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import polars as pl

Place = tuple[int, int]  # an item, and a position in its row

SIDES = {"f": "input", "l": "output"}
STORED = {"b": pl.Boolean(), "0": pl.Boolean(), "i": pl.Int64(), "I": pl.Int64(), "d": pl.Float64()}
DATETIME = "%Y-%m-%dT%H:%M:%S%.6f"
METADATA = "jupyter_featx"  # the key in the Parquet file under which the columns are described


@dataclass(frozen=True)
class Column:
    """One column: its name in the table, its function and key, its type, and the kinds of its values."""

    name: str
    side: str
    key: str
    type: str
    kinds: str


def stored_schema(raw_keys: Iterable[str]) -> dict[str, pl.DataType]:
    """Return the type under which the engine reads each key of the shards."""
    return {raw: STORED.get(raw[1], pl.String()) for raw in raw_keys}


def plan_columns(places: dict[str, Place]) -> list[Column]:
    """Return the columns of the rows, given where each key of the shards first appears.

    Features, then labels; each as in the dict of the first item that has it, earlier items first.
    """
    kinds: dict[tuple[str, str], list[str]] = {}
    for raw in sorted(places, key=lambda raw: (raw[0], places[raw], raw)):
        kinds.setdefault((raw[0], raw[3:]), []).append(raw[1])
    names = _names(list(kinds))
    return [
        Column(names[side, key], SIDES[side], key, _type(set(found)), "".join(sorted(found)))
        for (side, key), found in kinds.items()
    ]


def _names(keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Name each key plainly; where a name is taken (`item` always is) input.KEY and output.KEY."""
    names = {(side, key): key for side, key in keys}
    while True:
        taken = {"item": 1}
        for name in names.values():
            taken[name] = taken.get(name, 0) + 1
        clashing = [(side, key) for (side, key), name in names.items() if name == key and taken[name] > 1]
        if not clashing:
            return names
        names.update({(side, key): f"{SIDES[side]}.{key}" for side, key in clashing})


def _type(kinds: set[str]) -> str:
    kinds = kinds - {"0"}
    if not kinds:
        return "empty"
    if "j" in kinds:
        return "json"
    for name, allowed in (
        ("bool", "b"),
        ("integer", "iI"),
        ("bigint", "iIn"),
        ("float", "idz"),
        ("datetime", "T"),
        ("datetime-utc", "U"),
        ("date", "D"),
    ):
        if kinds <= set(allowed):
            return name
    return "text" if kinds & set("tTUD") else "json"


def expression(column: Column, *, as_csv: bool = False) -> pl.Expr:
    """Return what makes the column from the keys of the shards; a CSV keeps moments as ISO text."""
    raws = {kind: pl.col(f"{_side(column)}{kind}:{column.key}") for kind in column.kinds if kind != "0"}
    if column.type == "empty":
        made = pl.lit(None, pl.String)
    elif column.type == "json":
        made = pl.coalesce(_json_text(kind, raw) for kind, raw in raws.items())
    elif column.type in ("text", "bigint"):
        made = pl.coalesce(raw.cast(pl.String) for raw in raws.values())
    elif column.type == "float":
        made = pl.coalesce(raw.cast(pl.Float64) for raw in raws.values())
    elif column.type in _MOMENTS and not as_csv:
        (raw,) = raws.values()
        dtype, form = _MOMENTS[column.type]
        made = raw.str.strptime(dtype, form)
    else:
        made = pl.coalesce(raws.values())
    return made.alias(column.name)


def has_moments(columns: Iterable[Column]) -> bool:
    return any(column.type in _MOMENTS for column in columns)


def to_metadata(columns: Iterable[Column]) -> dict[str, str]:
    """Return the description of the columns that is kept in the Parquet file."""
    described = [asdict(column) for column in columns]
    return {METADATA: json.dumps({"version": 1, "columns": described}, ensure_ascii=False)}


def from_metadata(metadata: dict[str, str]) -> list[Column]:
    """Return the columns as `to_metadata` described them."""
    return [Column(**described) for described in json.loads(metadata[METADATA])["columns"]]


_MOMENTS: dict[str, tuple[pl.Datetime | pl.Date, str]] = {
    "datetime": (pl.Datetime("us"), DATETIME),
    "datetime-utc": (pl.Datetime("us", "UTC"), f"{DATETIME}%:z"),
    "date": (pl.Date(), "%Y-%m-%d"),
}


def _side(column: Column) -> str:
    return next(letter for letter, side in SIDES.items() if side == column.side)


def _json_text(kind: str, raw: pl.Expr) -> pl.Expr:
    if kind in "tTUD":
        return raw.map_batches(_quoted, return_dtype=pl.String)
    return raw.cast(pl.String)


def _quoted(texts: pl.Series) -> pl.Series:
    quoted = [None if text is None else json.dumps(text, ensure_ascii=False) for text in texts]
    return pl.Series(texts.name, quoted, dtype=pl.String)
