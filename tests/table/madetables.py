"""Tables made for a test, of rows written as ranks would."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from jupyter_featx import table
from jupyter_featx.items import write_items
from jupyter_featx.rows import RowEncoder

ERROR = {
    "kind": "exception",
    "type": "ValueError",
    "message": "no atom",
    "function": "_process_input",
    "line": 12,
    "cell": "cell [3], line 4",
    "traceback": "a\nb",
}


Row = tuple[int, Any, Any]


class Rows:
    """A dataset's rows on disk, written as ranks would."""

    def __init__(self, folder: Path, names: Iterable[bytes]) -> None:
        self.folder = folder
        (folder / "shards").mkdir(parents=True)
        write_items(names, folder / "items.txt", folder / "items.idx")

    def write(self, rows: Iterable[Row], attempt: int = 1, rank: int = 0, tail: bytes = b"") -> Rows:
        encoder = RowEncoder()
        stem = self.folder / "shards" / f"a{attempt:04}-r{rank:04}"
        with open(f"{stem}.jsonl", "ab") as shard, open(f"{stem}.meta.jsonl", "ab") as meta:
            meta.write(b'{"host":"node%d","rank":%d,"attempt":%d}\n' % (rank, rank, attempt))
            for i, features, labels in rows:
                if isinstance(features, dict):
                    line, new = encoder.encode(i, random.random(), 30.0, rank, features, labels)
                    if new:
                        meta.write(encoder.columns_line(new))
                else:
                    line = encoder.encode_error(i, 0.5, 30.0, rank, {**ERROR, "message": features or "no atom"})
                shard.write(line)
            shard.write(tail)
        return self

    def merge(self, **options: Any) -> table.TableInfo:
        self.info = table.merge(
            self.folder / "shards", self.folder / "items.txt", self.folder / "items.idx", self.out, **options
        )
        return self.info

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def parquet(self) -> Path:
        return self.out / "table.parquet"

    def frame(self, **options: Any) -> pd.DataFrame:
        return table.read_table(self.parquet, **options)

    def cells(self) -> list[list[str]]:
        with (self.out / "table.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.reader(file))

    def bytes(self) -> list[bytes]:
        return [(self.out / name).read_bytes() for name in (table.PARQUET, table.CSV, table.ERRORS)]


def names(count: int) -> list[bytes]:
    return [b"/data/item-%d" % i for i in range(count)]


def merged(folder: Path, *rows: dict[str, Any], **options: Any) -> Rows:
    """Merge one row for each dict, computed in reverse order."""
    made = Rows(folder, names(len(rows))).write(reversed([(i, row, None) for i, row in enumerate(rows)]))
    made.merge(**options)
    return made
