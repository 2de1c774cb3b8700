"""The table read back as pandas frames, with the values that the template returned."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl

from jupyter_featx.errors import TableError
from jupyter_featx.shards import list_shards, read_meta, whole_lines
from jupyter_featx.table import DamagedTable
from jupyter_featx.table.columns import Column, from_metadata
from jupyter_featx.table.itemnames import ItemNames
from jupyter_featx.table.rowframes import parse

_DAMAGE = (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException)
TIMING = {
    "i": pl.Int64(),
    "s": pl.Float64(),
    "m": pl.Float64(),
    "w": pl.Int64(),
    "e": pl.Struct({"kind": pl.String()}),
}
TIMING_COLUMNS = ["item", "status", "seconds", "peak_memory_mb", "host", "rank", "worker", "attempt"]


def read_table(
    path: Path, columns: Sequence[str] | None = None, limit: int | None = None, offset: int = 0
) -> pd.DataFrame:
    """Return the table, or some columns and rows of it; a negative offset counts from the end.

    A missing value is what pandas has for the column's type: <NA> among ints and bools, NaN, NaT, or None.
    """
    kinds = {column.name: column.type for column in _columns(path)}
    try:
        lazy = pl.scan_parquet(path).slice(offset, limit)
        table = (lazy if columns is None else lazy.select(columns)).collect()
    except pl.exceptions.ColumnNotFoundError as exc:
        known = ["item", *kinds]
        asked = [columns] if isinstance(columns, str) else columns or []
        unknown = next((name for name in asked if name not in known), "")
        raise TableError(f"No column {unknown!r} in the table. It has: {', '.join(known)}.") from exc
    except pl.exceptions.DuplicateError as exc:
        raise TableError(f"A column is asked for twice: {', '.join(columns or [])}.") from exc
    except _DAMAGE as exc:
        raise DamagedTable(f"{path} is damaged ({exc}). Remove it, then '%featx result' makes it again.") from exc
    return pd.DataFrame({column.name: _series(column, kinds.get(column.name, "text")) for column in table})


def side(path: Path, name: str) -> pd.DataFrame:
    """Return the columns of one function ("input", "output") under its own keys; the items are the index."""
    chosen = {column.name: column.key for column in _columns(path) if column.side == name}
    table = read_table(path, ["item", *chosen])
    index = pd.Index(table.pop("item"), name="item")
    return table.set_axis(index).set_axis(list(chosen.values()), axis="columns")


def timings(shards: Path, items: Path, index: Path) -> pd.DataFrame:
    """Return where each computed item ran, for how long, and with how much memory; in dataset order."""
    frames = [pl.DataFrame(schema=TIMING | {"host": pl.String, "rank": pl.Int64, "attempt": pl.Int64})]
    with ItemNames(items, index) as names:
        for shard in list_shards(shards):
            host = read_meta(shard).host
            for block in whole_lines(shard.path, 8 << 20):
                frame, _ = parse(block, TIMING, len(names), shard)
                where = {"host": pl.lit(host), "rank": pl.lit(shard.rank, pl.Int64)}
                frames.append(frame.with_columns(**where, attempt=pl.lit(shard.attempt, pl.Int64)))
        rows = pl.concat(frames).with_columns(status=pl.col("e").struct.field("kind").fill_null("ok"))
        rows = rows.sort("i", pl.col("status") != "ok", maintain_order=True).unique("i", keep="first")
        rows = rows.sort("i")
        every = names.between(0, len(names))
    rows = rows.rename({"s": "seconds", "m": "peak_memory_mb", "w": "worker"})
    table = rows.with_columns(every.gather(rows["i"]))
    return pd.DataFrame({name: _series(table[name], "other") for name in TIMING_COLUMNS})


def _columns(path: Path) -> list[Column]:
    try:
        return from_metadata(pl.read_parquet_metadata(path))
    except FileNotFoundError as exc:
        raise DamagedTable(f"There is no table at {path}. '%featx result' makes one of the rows so far.") from exc
    except (KeyError, TypeError, ValueError, *_DAMAGE) as exc:
        raise DamagedTable(
            f"{path} is not a table of ours ({exc}). Remove it, then '%featx result' makes one."
        ) from exc


def _series(column: pl.Series, kind: str) -> Any:
    if kind == "json":
        return pd.Series([_loaded(text) for text in column], dtype=object)
    if kind == "bigint":
        return pd.Series([None if text is None else int(text) for text in column], dtype=object)
    if kind == "date":
        return pd.Series(column.to_list(), dtype=object)
    if column.dtype in (pl.Int64, pl.Boolean) and column.null_count():
        missing = column.is_null().to_numpy()
        array = pd.arrays.BooleanArray if column.dtype == pl.Boolean else pd.arrays.IntegerArray
        return pd.Series(array(column.fill_null(0 if column.dtype == pl.Int64 else False).to_numpy(), missing))
    if kind == "datetime-utc":
        return pd.Series(column.dt.replace_time_zone(None).to_numpy()).dt.tz_localize("UTC")
    if column.dtype == pl.String:
        return pd.Series(column.to_list(), dtype=None if column.null_count() < len(column) else object)
    return pd.Series(column.to_numpy())


def _loaded(text: str | None) -> object:
    if text is None:
        return None
    try:
        return json.loads(text)
    except RecursionError:  # nested so deeply that only a flatter stack than ours could read it
        return text
