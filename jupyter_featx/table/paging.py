"""A page of a table, sorted and filtered by the engine where it lies: two million rows are never loaded to show ten.

The order of a sorted or filtered table, one number a row, is kept for the pages that follow.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import polars as pl

from jupyter_featx.errors import TableError
from jupyter_featx.table import Condition, DamagedTable, Page, PageColumn, PageQuery
from jupyter_featx.table.columns import from_metadata

MOST_COLUMNS = 200
TEXT = 10_000  # characters of one value
BINS, VALUES = 60, 20
_EXACT = 2**53  # a larger integer is no JavaScript number
_NUMBER = "\0row"  # no key of a row
_DAMAGE = (OSError, pl.exceptions.ComputeError, pl.exceptions.PanicException)
_COMPARE = {"eq": "__eq__", "ne": "__ne__", "lt": "__lt__", "le": "__le__", "gt": "__gt__", "ge": "__ge__"}
_NUMBERS = ("integer", "float")
_MOMENTS = ("datetime", "datetime-utc", "date")


def read_page(path: Path, query: PageQuery) -> Page:
    """Return some rows of the table. Raises TableError for an unknown column, DamagedTable."""
    with _damage(path):
        known = _known(path)
        chosen = _chosen(known, query.columns)
        asked = [query.sort] if query.sort else []
        _chosen(known, (*asked, *(condition.column for condition in query.conditions)))
        lazy = pl.scan_parquet(path)
        total = int(lazy.select(pl.len()).collect().item())
        names = [column.name for column in chosen]
        if not (query.sort or query.conditions):
            rows = lazy.select(names).slice(query.offset, query.limit).collect()
            return Page(chosen, tuple(known.values()), _plain(rows, chosen), total, total)
        order = _order(path, _version(path), query.sort, query.descending, query.conditions)
        wanted = order[query.offset : query.offset + query.limit]
        rows = _gathered(lazy, names, wanted)
        return Page(chosen, tuple(known.values()), _plain(rows, chosen), total, len(order))


def _known(path: Path) -> dict[str, PageColumn]:
    described = from_metadata(pl.read_parquet_metadata(path))
    columns = [PageColumn("item", "text", "item", "item")]
    columns += [PageColumn(column.name, column.type, column.side, column.key) for column in described]
    return {column.name: column for column in columns}


def _chosen(known: dict[str, PageColumn], names: tuple[str, ...] | None) -> tuple[PageColumn, ...]:
    if names is None:
        return tuple(known.values())[:MOST_COLUMNS]
    if missing := [name for name in names if name not in known]:
        raise TableError(f"No column '{missing[0]}' in the table. It has: {', '.join(list(known)[:20])}.")
    return tuple(known[name] for name in dict.fromkeys(names))


def _version(path: Path) -> tuple[int, int, int]:
    found = os.stat(path)
    return found.st_ino, found.st_size, found.st_mtime_ns


@lru_cache(maxsize=4)
def _order(
    path: Path, version: tuple[int, int, int], sort: str | None, descending: bool, conditions: tuple[Condition, ...]
) -> pl.Series:
    """Return the numbers of the rows that pass, in their order; only the columns in question are read."""
    known = _known(path)
    lazy = pl.scan_parquet(path).with_row_index(_NUMBER)
    for condition in conditions:
        lazy = lazy.filter(_passes(known[condition.column], condition))
    if sort:
        # A NaN sorts with what is missing, at the end either way.
        key = pl.col(sort).fill_nan(None) if known[sort].type == "float" else pl.col(sort)
        lazy = lazy.select(_NUMBER, key).sort(sort, descending=descending, nulls_last=True, maintain_order=True)
    return lazy.select(_NUMBER).collect(engine="streaming" if not sort else "auto")[_NUMBER]


def _passes(column: PageColumn, condition: Condition) -> pl.Expr:
    value, field = condition.value, pl.col(column.name)
    if condition.op in ("missing", "present"):
        absent = field.is_null() | field.is_nan() if column.type == "float" else field.is_null()
        return absent if condition.op == "missing" else ~absent
    if value is None:
        raise TableError(f"The condition on '{column.name}' has no value to compare with.")
    if condition.op == "contains":
        text = field.cast(pl.String).str.to_lowercase()
        return text.str.contains(str(value).lower(), literal=True)
    if column.type in _NUMBERS:
        return _compared(field, condition.op, _number(column, value))
    if column.type == "bool":
        return _compared(field, condition.op, str(value).lower() in ("true", "1"))
    text = field.cast(pl.String) if column.type in _MOMENTS else field
    return _compared(text, condition.op, str(value))


def _compared(field: pl.Expr, op: str, value: object) -> pl.Expr:
    found: pl.Expr = getattr(field, _COMPARE[op])(pl.lit(value))
    return found


def _number(column: PageColumn, value: str | float | bool) -> float | int:
    try:
        number = float(value)
    except ValueError as exc:
        raise TableError(f"'{column.name}' holds numbers, and {str(value)[:40]!r} is none.") from exc
    if column.type == "integer" and number.is_integer() and abs(number) < 2**63:
        return int(value) if isinstance(value, str) and value.strip().lstrip("+-").isdigit() else int(number)
    return number


def _gathered(lazy: pl.LazyFrame, names: list[str], wanted: pl.Series) -> pl.DataFrame:
    """Return the rows of these numbers, in their order."""
    if wanted.is_empty():
        return lazy.select(names).head(0).collect()
    inside = lazy.with_row_index(_NUMBER).filter(pl.col(_NUMBER).is_in(wanted.implode()))
    found = inside.select(_NUMBER, *names).collect(engine="streaming")
    ordered = wanted.to_frame(_NUMBER).join(found, on=_NUMBER, how="left", maintain_order="left")
    return ordered.select(names)


def _plain(rows: pl.DataFrame, columns: tuple[PageColumn, ...]) -> list[list[object]]:
    """Return the rows as lists of what JSON and JavaScript have."""
    made = [_values(rows[column.name], column.type) for column in columns]
    return [list(row) for row in zip(*made, strict=True)] if made else []


def _values(column: pl.Series, kind: str) -> list[object]:
    if kind == "float":
        return [None if v is None else v if math.isfinite(v) else str(v) for v in column.to_list()]
    if kind == "integer":
        return [v if v is None or abs(v) <= _EXACT else str(v) for v in column.to_list()]
    if kind == "bool":
        return list(column.to_list())
    if kind in _MOMENTS:
        return [None if v is None else v.isoformat() for v in column.to_list()]
    return [None if v is None else str(v)[:TEXT] for v in column.to_list()]


def distribution(path: Path, column: str) -> dict[str, object]:
    """Return the bins of a column of numbers, or the most frequent values of another. Raises as `read_page`."""
    with _damage(path):
        (found,) = _chosen(_known(path), (column,))
        lazy = pl.scan_parquet(path).select(pl.col(column).alias("v"))
        total = int(lazy.select(pl.len()).collect().item())
        if found.type in _NUMBERS:
            return {"column": column, "type": found.type, **_bins(lazy, total)}
        return {"column": column, "type": found.type, **_frequent(lazy, total)}


def _bins(lazy: pl.LazyFrame, total: int) -> dict[str, object]:
    finite = lazy.select(pl.col("v").cast(pl.Float64)).filter(pl.col("v").is_finite())
    facts = finite.select(
        pl.len().alias("n"),
        pl.col("v").min().alias("low"),
        pl.col("v").max().alias("high"),
        pl.col("v").mean().alias("mean"),
    )
    n, low, high, mean = facts.collect().row(0)
    edges: list[float] = []
    counts: list[int] = []
    if n:
        bins = 1 if low == high else BINS
        width = (high / bins - low / bins) or 1.0  # two huge ends of unlike sign differ by more than a float holds
        place = ((pl.col("v") / width - low / width).floor()).clip(0, bins - 1).cast(pl.Int64)
        filled = dict(finite.select(place).group_by("v").len().collect().iter_rows())
        counts = [int(filled.get(number, 0)) for number in range(bins)]
        edges = [low + width * number for number in range(bins)] + [high]
    mean = mean if mean is not None and math.isfinite(mean) else None
    return {
        "count": n,
        "missing": total - n,
        "edges": edges,
        "counts": counts,
        "values": [],
        "min": low,
        "max": high,
        "mean": mean,
    }


def _frequent(lazy: pl.LazyFrame, total: int) -> dict[str, object]:
    texts = lazy.select(pl.col("v").cast(pl.String)).drop_nulls()
    count, low, high = (
        texts.select(pl.len(), pl.col("v").min().alias("a"), pl.col("v").max().alias("z")).collect().row(0)
    )
    most = texts.group_by("v").len().sort("len", "v", descending=[True, False]).head(VALUES).collect()
    return {
        "count": count,
        "missing": total - count,
        "edges": [],
        "counts": [int(number) for number in most["len"]],
        "values": [str(value)[:200] for value in most["v"]],
        "min": None if low is None else low[:200],
        "max": None if high is None else high[:200],
        "mean": None,
    }


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as exc:
        raise DamagedTable(f"There is no table at {path}. '%featx result' makes one of the rows so far.") from exc
    except (KeyError, TypeError, ValueError, *_DAMAGE) as exc:
        raise DamagedTable(f"{path} is damaged ({exc}). Remove it, then '%featx result' makes it again.") from exc
