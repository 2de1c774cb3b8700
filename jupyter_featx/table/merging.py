"""Merges the rows of all ranks and attempts into table.parquet, table.csv and errors.csv, in dataset order.

The same rows give the same bytes, however many ranks wrote them. A first pass parses the shards once, drops
the rows into buckets by item, and learns which columns there are, of which types, in which order. A second
takes the buckets in order and writes both files as it goes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import polars as pl
from polars.io.plugins import register_io_source

from jupyter_featx.errors import TableError
from jupyter_featx.shards import Shard, ShardMeta, list_shards, read_meta
from jupyter_featx.table import CSV, ERRORS, PARQUET, TableInfo
from jupyter_featx.table.buckets import Buckets
from jupyter_featx.table.columns import SIDES, Place, expression, has_moments, plan_columns, stored_schema, to_metadata
from jupyter_featx.table.errortable import COLUMNS as ERROR_COLUMNS
from jupyter_featx.table.itemnames import ItemNames
from jupyter_featx.table.rowframes import ERROR, map_ahead, read_blocks
from jupyter_featx.values import KINDS, clean

HELD_SHARE = 0.3  # of the memory may hold parsed rows; parsing and writing take the rest
BUCKET = 64 << 20  # bytes of shard text that one bucket should get
BUCKET_CELLS = 1 << 24
MOST_COLUMNS = 50_000
GROUP_ROWS, GROUP_CELLS, GROUP_BYTES = 1 << 17, 1 << 22, 64 << 20  # at most so much in a row group


@dataclass(frozen=True)
class Limits:
    """What the merge may use."""

    memory_mb: int
    threads: int

    @property
    def held_bytes(self) -> int:
        return int(self.memory_mb * (1 << 20) * HELD_SHARE)


def merge(shards: Path, items: Path, index: Path, out: Path, limits: Limits) -> TableInfo:
    """Write the three files into `out`."""
    try:
        out.mkdir(exist_ok=True)
        with ItemNames(items, index) as names, TemporaryDirectory(prefix=".merge-", dir=out) as scratch:
            sorter = _Sorter(list_shards(shards), len(names), Path(scratch), limits)
            return _Writer(sorter, names, out).write()
    except (OSError, pl.exceptions.PolarsError) as exc:
        raise TableError(
            f"Cannot merge the rows of {shards} into {out}: {exc}. The rows are safe; "
            "see that there is space left, then run '%featx result' again."
        ) from exc


class _Sorter:
    """The first pass: every row in its bucket, and what is to be known before the first line is written."""

    def __init__(self, shards: list[Shard], total: int, scratch: Path, limits: Limits) -> None:
        self.unreadable = 0
        self.places: dict[str, Place] = {}
        self.content = pl.zeros(total, pl.UInt64, eager=True)  # bytes of text in each good row, plus one
        metas = {shard: read_meta(shard) for shard in shards}
        row_schema = {
            "i": pl.Int64(),
            **stored_schema(raw for meta in metas.values() for raw in meta.columns),
        }
        _refuse_foreign(metas)
        _refuse_too_wide(row_schema)
        self.edges = _edges(sum(shard.path.stat().st_size for shard in shards), total, len(row_schema))
        error_schema = {
            "i": pl.Int64(),
            "s": pl.Float64(),
            **ERROR,
            "host": pl.String(),
            "attempt": pl.Int32(),
        }
        self.rows = Buckets(row_schema, self.edges, scratch / "rows", limits.held_bytes)
        self.errors = Buckets(error_schema, self.edges, scratch / "errors", limits.held_bytes // 4)
        for block in read_blocks(metas, row_schema, total, limits.threads):
            block.improve(self.places)
            self.content.scatter(block.rows["i"], block.text_bytes + 1)
            self.rows.add(block.rows)
            self.errors.add(block.errors)
            self.unreadable += block.unreadable

    def group_rows(self, width: int) -> int:
        """Return the rows of a Parquet row group, few when they are wide; it depends on the values only."""
        rows = max(1, int((self.content > 0).sum()))
        mean_bytes = max(1, int(self.content.sum()) // rows)
        most = min(GROUP_ROWS, GROUP_CELLS // width, GROUP_BYTES // mean_bytes)
        return 1 << max(0, most.bit_length() - 1)


class _Writer:
    """The second pass: bucket after bucket into the three files, each written aside and then renamed."""

    def __init__(self, sorter: _Sorter, names: ItemNames, out: Path) -> None:
        self._sorter = sorter
        self._names = names
        self._out = out
        self._columns = plan_columns(sorter.places)
        self._count = self._failed = 0

    def write(self) -> TableInfo:
        asides = {name: self._out / f".{name}.{os.getpid()}.tmp" for name in (PARQUET, CSV, ERRORS)}
        try:
            with asides[CSV].open("wb") as csv:
                self._write_table(csv, asides[PARQUET])
            with asides[ERRORS].open("wb") as csv:
                self._write_errors(csv)
            for name, aside in asides.items():
                os.replace(aside, self._out / name)
        finally:
            for aside in asides.values():
                aside.unlink(missing_ok=True)
        names = ("item", *(column.name for column in self._columns))
        return TableInfo(self._count, self._failed, names, self._sorter.unreadable)

    def _write_table(self, csv: IO[bytes], parquet: Path) -> None:
        empty = self._typed(self._sorter.rows.empty, pl.Series("item", [], pl.String))
        _append_csv(empty, csv, header=True)

        def source(*_: object) -> Iterator[pl.DataFrame]:
            return self._pieces(csv)

        register_io_source(source, schema=empty.schema, is_pure=True).sink_parquet(
            parquet,
            compression="zstd",
            row_group_size=self._sorter.group_rows(empty.width),
            metadata=to_metadata(self._columns),
        )

    def _pieces(self, csv: IO[bytes]) -> Iterator[pl.DataFrame]:
        """Yield the table bucket by bucket; the engine encodes one as Parquet while the next becomes CSV."""
        moments = has_moments(self._columns)
        for rows, items in map_ahead(self._taken, range(len(self._sorter.rows)), threads=1):
            if rows.height:
                piece = self._typed(rows, items)
                _append_csv(self._typed(rows, items, as_csv=True) if moments else piece, csv)
                self._count += piece.height
                yield piece

    def _taken(self, number: int) -> tuple[pl.DataFrame, pl.Series]:
        rows = self._sorter.rows.take(number)
        return rows, self._items(number, rows)

    def _typed(self, rows: pl.DataFrame, items: pl.Series, *, as_csv: bool = False) -> pl.DataFrame:
        return rows.select(items, *(expression(column, as_csv=as_csv) for column in self._columns))

    def _items(self, number: int, rows: pl.DataFrame) -> pl.Series:
        if not rows.height:
            return pl.Series("item", [], pl.String)
        start, stop = self._sorter.edges[number : number + 2]
        names = self._names.between(start, stop)
        return names if len(names) == rows.height else names.gather(rows["i"] - start)

    def _write_errors(self, csv: IO[bytes]) -> None:
        csv.write((",".join(ERROR_COLUMNS) + "\r\n").encode())
        for number in range(len(self._sorter.errors)):
            errors = self._sorter.errors.take(number)
            errors = errors.filter(self._sorter.content.gather(errors["i"]) == 0)
            if errors.height:
                errors = errors.with_columns(self._items(number, errors), seconds="s")
                _append_csv(errors.select(ERROR_COLUMNS), csv)
                self._failed += errors.height


def _append_csv(frame: pl.DataFrame, csv: IO[bytes], *, header: bool = False) -> None:
    frame.write_csv(csv, include_header=header, line_terminator="\r\n")  # as RFC 4180 has it


def _refuse_foreign(metas: dict[Shard, ShardMeta]) -> None:
    for shard, meta in metas.items():
        for raw in meta.columns:
            if raw[0] not in SIDES or raw[1] not in KINDS or clean(raw) != raw:
                raise TableError(
                    f"{shard.path} has a column {clean(raw)[:60]!r}, which no rank wrote. Remove that file and its "
                    "'.meta.jsonl', then type '%featx retry' to compute its items again."
                )


def _refuse_too_wide(row_schema: dict[str, pl.DataType]) -> None:
    columns = {(raw[0], raw[3:]) for raw in row_schema if raw != "i"}
    if len(columns) > MOST_COLUMNS:
        raise TableError(
            f"The rows have {len(columns):,} different columns together; a table has at most {MOST_COLUMNS:,}. "
            "Return the same few keys for every item, and put the others in one dict, or list, under one key."
        )


def _edges(text_bytes: int, total: int, width: int) -> list[int]:
    """Cut the dataset into buckets of about BUCKET bytes each, and of no more than BUCKET_CELLS."""
    count = max(1, min(1024, total, max(-(-text_bytes // BUCKET), -(-total * width // BUCKET_CELLS))))
    return [total * number // count for number in range(count + 1)]
