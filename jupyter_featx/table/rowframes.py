"""Shards as frames of the table engine: a block of lines at a time, on every core, nothing skipped unsaid."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import polars as pl

from jupyter_featx.errors import TableError
from jupyter_featx.shards import ERROR_MARK, HEAD, Shard, ShardMeta, is_row, whole_lines
from jupyter_featx.table.columns import Place

BLOCK = 8 << 20  # bytes parsed at a time by one core: small enough for its cache, large enough to pay
CELLS = 1 << 23  # of a frame, most of them empty when there are thousands of columns
ERROR = {
    "kind": pl.String(),
    "type": pl.String(),
    "message": pl.String(),
    "line": pl.Int64(),
    "cell": pl.String(),
    "function": pl.String(),
    "traceback": pl.String(),
}
ERROR_ROW = {"i": pl.Int64(), "s": pl.Float64(), "e": pl.Struct(ERROR)}

Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Block:
    """Some rows of one shard, the good ones and the errors apart.

    `firsts` tells in which item each key of the shards first appears, `text_bytes` how much text each good row holds.
    """

    rows: pl.DataFrame
    errors: pl.DataFrame
    unreadable: int
    good: bytes
    firsts: dict[str, int]
    text_bytes: pl.Series

    def improve(self, places: dict[str, Place]) -> None:
        """Note the keys of the shards that appear here in an earlier item than so far."""
        better = {raw: item for raw, item in self.firsts.items() if raw not in places or item < places[raw][0]}
        for item in set(better.values()):
            order = {raw: position for position, raw in enumerate(self._keys(item))}
            places.update({raw: (item, order.get(raw, 0)) for raw in better if better[raw] == item})

    def _keys(self, item: int) -> list[str]:
        start = b'{"i":%d,' % item
        at = 0 if self.good.startswith(start) else self.good.find(b"\n" + start) + 1
        line = self.good[at : self.good.find(b"\n", at)]
        return list(json.loads(line)) if is_row(line) else []  # a damaged one, before the item's own


def read_blocks(
    metas: dict[Shard, ShardMeta], schema: dict[str, pl.DataType], total: int, threads: int
) -> Iterator[Block]:
    """Yield every row of the shards, in the order of the shards and of their lines."""
    most = max(1, CELLS // len(schema))
    tasks = ((block, shard, meta.host) for shard, meta in metas.items() for block in _blocks(shard, most))
    yield from map_ahead(lambda task: _block(*task, schema, total), tasks, threads)


def _blocks(shard: Shard, most_lines: int) -> Iterator[bytes]:
    """Yield the lines in blocks of BLOCK bytes, smaller where short lines would become a wide frame of nothing."""
    for block in whole_lines(shard.path, BLOCK):
        if block.count(b"\n") <= most_lines:
            yield block
            continue
        lines = block.split(b"\n")[:-1]
        for start in range(0, len(lines), most_lines):
            yield b"\n".join([*lines[start : start + most_lines], b""])


def map_ahead(make: Callable[[Given], Made], given: Iterable[Given], threads: int) -> Iterator[Made]:
    """Yield what is made of each, in order, a few made ahead in threads (the engine leaves Python free)."""
    waiting: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for one in given:
            waiting.append(pool.submit(make, one))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _block(lines: bytes, shard: Shard, host: str, schema: dict[str, pl.DataType], total: int) -> Block:
    good, failed = lines, b""
    rows, bad_rows = parse(good, schema, total, shard)
    if not _is_homogeneous(rows) and ERROR_MARK in lines:
        good, failed = _parted(lines)
        rows, bad_rows = parse(good, schema, total, shard)
    errors, bad_errors = parse(failed, ERROR_ROW, total, shard)
    errors = errors.unnest("e").with_columns(host=pl.lit(host), attempt=pl.lit(shard.attempt))
    return Block(rows, errors, bad_rows + bad_errors, good, _first_items(rows), _text_bytes(rows))


def _first_items(rows: pl.DataFrame) -> dict[str, int]:
    items, height = rows["i"], rows.height
    lowest = items.min()
    firsts = {}
    for column in rows.drop("i"):
        missing = column.null_count()
        if missing < height:
            firsts[column.name] = items.filter(column.is_not_null()).min() if missing else lowest
    return firsts  # type: ignore[return-value]


def _text_bytes(rows: pl.DataFrame) -> pl.Series:
    lengths = [pl.col(raw).str.len_bytes() for raw, dtype in rows.schema.items() if dtype == pl.String]
    if not lengths:
        return pl.zeros(rows.height, pl.UInt64, eager=True)
    return rows.select(pl.sum_horizontal(lengths).cast(pl.UInt64)).to_series()


def _is_homogeneous(rows: pl.DataFrame) -> bool:
    """Tell whether some column is in every row, so that none is an error; cheaper than a search."""
    return any(not column.null_count() for column in rows.iter_columns() if column.name != "i")


def _parted(lines: bytes) -> tuple[bytes, bytes]:
    good: list[bytes] = []
    failed: list[bytes] = []
    for line in lines.split(b"\n"):
        (failed if line.find(ERROR_MARK, 0, HEAD) > 0 else good).append(line)
    return b"\n".join(good), b"\n".join([*failed, b""])


def parse(lines: bytes, schema: dict[str, pl.DataType], total: int, shard: Shard) -> tuple[pl.DataFrame, int]:
    """Return the lines as a frame, and how many of them are no rows of this dataset."""
    if not lines.strip(b"\n"):
        return pl.DataFrame(schema=schema), 0
    bad = 0
    try:
        frame = _frame(lines, schema)
    except pl.exceptions.PolarsError:  # somebody, or the disk, changed a line: find the others
        every = [line for line in lines.split(b"\n") if line]
        kept = [line for line in every if is_row(line)]
        bad = len(every) - len(kept)
        try:
            frame = _frame(b"\n".join([*kept, b""]), schema) if kept else pl.DataFrame(schema=schema)
        except pl.exceptions.PolarsError as exc:
            raise TableError(
                f"A row in {shard.path} is not as it was written ({exc}). Remove that file, then run "
                "'%featx retry' to compute its items again."
            ) from exc
    items = frame["i"]
    if frame.height and (items.null_count() or items.min() < 0 or items.max() >= total):  # type: ignore[operator]
        frame = frame.filter(pl.col("i").is_between(0, total - 1))
    return frame, bad + len(items) - frame.height


def _frame(lines: bytes, schema: dict[str, pl.DataType]) -> pl.DataFrame:
    return pl.scan_ndjson(lines, schema=schema).collect()
