"""Rows in dataset order with little memory: put into buckets by item, on disk when there are many."""

from __future__ import annotations

from pathlib import Path

import polars as pl

SLICE = 4096  # bytes of a column in a bucket that are worth the object which holds them


class Buckets:
    """Takes frames with an `i` column, deciding rows first; gives back sorted buckets, one row an item."""

    def __init__(self, schema: dict[str, pl.DataType], edges: list[int], folder: Path, limit_bytes: int) -> None:
        self.empty = pl.DataFrame(schema=schema)
        self._edges = pl.Series(edges, dtype=pl.Int64)
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._run_bytes = min(limit_bytes, SLICE * len(schema) * len(edges))
        self._waiting: list[pl.DataFrame] = []
        self._waiting_bytes = self._held_bytes = 0
        self._held: list[list[pl.DataFrame]] = [[] for _ in edges[1:]]
        self._spilled: list[list[Path]] = [[] for _ in edges[1:]]

    def __len__(self) -> int:
        return len(self._held)

    def add(self, frame: pl.DataFrame) -> None:
        if frame.height:
            self._waiting.append(frame)
            self._waiting_bytes += int(frame.estimated_size())
        if self._waiting_bytes > self._run_bytes:
            self._cut()

    def take(self, number: int) -> pl.DataFrame:
        """Return a bucket and forget it; of several rows for one item the first that was added stays."""
        self._cut()
        frames = [pl.read_ipc(path) for path in self._spilled[number]] + self._held[number]
        self._held[number] = []
        for path in self._spilled[number]:
            path.unlink()
        return _in_order(pl.concat([self.empty, *frames]))

    def _cut(self) -> None:
        """Sort what waits and cut it at the edges: slices of one frame, so they cost nothing."""
        if not self._waiting:
            return
        run = _in_order(pl.concat(self._waiting))
        cuts = run["i"].search_sorted(self._edges).to_list()
        for held, start, stop in zip(self._held, cuts[:-1], cuts[1:], strict=True):
            if start < stop:
                held.append(run[start:stop])
        self._held_bytes += self._waiting_bytes
        self._waiting, self._waiting_bytes = [], 0
        if self._held_bytes > self._limit_bytes:
            self._spill()

    def _spill(self) -> None:
        self._folder.mkdir(exist_ok=True)
        for number, frames in enumerate(self._held):
            if frames:
                path = self._folder / f"{number}-{len(self._spilled[number])}.arrow"
                pl.concat(frames).write_ipc(path, compression="lz4")
                self._spilled[number].append(path)
        self._held = [[] for _ in self._held]
        self._held_bytes = 0


def _in_order(frame: pl.DataFrame) -> pl.DataFrame:
    """Sort by item; of several rows for one item the first stays."""
    ordered = frame.sort("i")
    if not _again(ordered).any():
        return ordered
    ordered = frame.sort("i", maintain_order=True)  # five times slower, so only when it makes a difference
    return ordered.filter(~_again(ordered))


def _again(ordered: pl.DataFrame) -> pl.Series:
    return (ordered["i"] == ordered["i"].shift(1)).fill_null(False)
