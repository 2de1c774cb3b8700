"""A table is read back, whole or in part, and what is none is said so."""

from __future__ import annotations

from pathlib import Path

import pytest
from madetables import Rows, merged, names

from jupyter_featx import table
from jupyter_featx.errors import FeatxError, TableError


def test_a_few_columns_and_rows_can_be_read_alone(tmp_path: Path) -> None:
    rows = merged(tmp_path, *({"x": i, "y": [i]} for i in range(10)))
    assert list(rows.frame(columns=["y"], limit=2)["y"]) == [[0], [1]]
    assert list(rows.frame(offset=-2)["x"]) == [8, 9]
    with pytest.raises(TableError, match=r"^No column 'z' in the table. It has: item, x, y\.$"):
        rows.frame(columns=["z"])
    with pytest.raises(TableError, match="twice: x, x"):
        rows.frame(columns=["x", "x"])


def test_what_is_no_table_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no table at"):
        table.read_table(tmp_path / "table.parquet")
    (tmp_path / "table.parquet").write_bytes(b"x")
    with pytest.raises(TableError, match="not a table of ours"):
        table.read_table(tmp_path / "table.parquet")
    with pytest.raises(FeatxError):
        table.merge(tmp_path / "none", tmp_path / "items.txt", tmp_path / "items.idx", tmp_path)


def test_timings_say_where_each_item_ran(tmp_path: Path) -> None:
    rows = Rows(tmp_path, names(4)).write([(2, {"x": 1}, None), (0, "", None)])
    rows.write([(0, {"x": 1}, None), (3, "", None)], attempt=2, rank=1)
    found = table.timings(tmp_path / "shards", tmp_path / "items.txt", tmp_path / "items.idx")
    assert list(found["item"]) == ["/data/item-0", "/data/item-2", "/data/item-3"]
    assert list(found["status"]) == ["ok", "ok", "exception"]
    assert list(found["host"]) == ["node1", "node0", "node1"]
    assert list(found["attempt"]) == [2, 1, 2]


def test_a_damaged_table_is_said_to_be_one(tmp_path: Path) -> None:
    rows = merged(tmp_path, *({"x": i / 7} for i in range(1000)))
    content = bytearray(rows.parquet.read_bytes())
    content[4:200] = bytes(196)
    rows.parquet.write_bytes(content)
    with pytest.raises(table.DamagedTable, match="damaged"):
        rows.frame()
