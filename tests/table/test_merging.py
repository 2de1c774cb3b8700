"""The table holds every row once, in the dataset's order, whoever computed it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from madetables import Row, Rows, merged, names

from jupyter_featx import table
from jupyter_featx.errors import TableError
from jupyter_featx.table import merging, rowframes


def mixed_row(i: int) -> Row:
    """Return a row whose columns and types depend on the item."""
    if i % 17 == 0:
        return i, f"no atom 'C{i}' in /scratch/{i}.cif", None
    row: dict[str, Any] = {"x": i / 7, "n": i if i % 3 else i * 0.5, "s": f"text {i}" * (i % 50)}
    if i % 5 == 0:
        row = {"first": None, **row, "s": [i, float("nan")]}
    if i > 300:
        row[f"k{i % 7}"] = 2**60 * i
    return i, row, {"y": float("nan") if i % 4 else 1.5}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("ranks", [1, 7])
@pytest.mark.parametrize("memory_mb", [1, 1000])
def test_the_bytes_do_not_depend_on_who_computed_what(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, ranks: int, memory_mb: int
) -> None:
    plain = Rows(tmp_path / "plain", names(2000)).write(mixed_row(i) for i in range(2000))
    plain.merge()
    monkeypatch.setattr(merging, "BUCKET", 30_000)
    monkeypatch.setattr("jupyter_featx.table.rowframes.BLOCK", 20_000)
    rows = [mixed_row(i) for i in (*range(2000), *range(0, 2000, 3))]
    random.Random(seed).shuffle(rows)
    other = Rows(tmp_path / "other", names(2000))
    for rank in range(ranks):
        other.write(rows[rank::ranks], rank=rank)
    info = other.merge(memory_mb=memory_mb, threads=3)
    assert (info.rows, info.errors, info.unreadable) == (1882, 118, 0)
    parquet, text, errors = other.bytes()
    assert [parquet, text] == plain.bytes()[:2]
    hosts = ",node[0-9]+,1\r\n"
    assert (
        pd.Series([errors.decode()]).str.replace(hosts, "", regex=True)[0]
        == (pd.Series([plain.bytes()[2].decode()]).str.replace(hosts, "", regex=True)[0])
    )


def test_what_does_not_fit_in_memory_is_spilled_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spilled: list[Path] = []
    monkeypatch.setattr(merging, "BUCKET", 100_000)
    monkeypatch.setattr(merging, "TemporaryDirectory", lambda **options: Watched(options["dir"] / "scratch", spilled))
    rows = merged(tmp_path, *({"x": i / 7, "s": "text" * 20} for i in range(20_000)), memory_mb=1)
    assert len(spilled) > 20
    assert list(rows.frame()["x"]) == [i / 7 for i in range(20_000)]


class Watched:
    """A scratch folder that tells what was in it when it was first read from."""

    def __init__(self, folder: Path, seen: list[Path]) -> None:
        self._folder, self._seen = folder, seen

    def __enter__(self) -> str:
        self._folder.mkdir()
        unlink = Path.unlink

        def watched(path: Path, missing_ok: bool = False) -> None:
            self._seen.append(path)
            unlink(path, missing_ok)

        self._patch = pytest.MonkeyPatch()
        self._patch.setattr(Path, "unlink", watched)
        return str(self._folder)

    def __exit__(self, *exc_info: object) -> None:
        self._patch.undo()


def test_the_latest_attempt_decides_and_a_good_row_outweighs_an_error(tmp_path: Path) -> None:
    rows = Rows(tmp_path, names(4))
    rows.write([(0, {"x": 1}, None), (1, "first", None), (2, {"x": 1}, None), (3, "first", None)], attempt=1)
    rows.write([(0, {"x": 2}, None), (0, {"x": 3}, None), (1, {"x": 2}, None)], attempt=2)
    rows.write([(2, "late", None), (3, "late", None)], attempt=2, rank=1)
    assert rows.merge() == table.TableInfo(3, 1, ("item", "x"))
    assert list(rows.frame()["x"]) == [2, 2, 1]
    errors = table.read_errors(rows.out / table.ERRORS)
    assert list(errors["message"]) == ["late"]
    assert list(errors["attempt"]) == [2]
    assert list(errors["host"]) == ["node1"]


def test_a_torn_last_line_is_no_row_and_a_broken_one_is_counted(tmp_path: Path) -> None:
    rows = Rows(tmp_path, names(9))
    rows.write([(0, {"x": 1.5}, None), (7, "", None)], tail=b'{"i":1,"s":0.1,"m":1.0,"w":0,"fd:x":1garbage\n')
    rows.write([(2, {"x": 2.5}, None), (99, {"x": 1.5}, None)], rank=0, tail=b'{"i":3,"s":0.1,"m":1')
    assert rows.merge() == table.TableInfo(2, 1, ("item", "x"), unreadable=2)
    assert list(rows.frame()["x"]) == [1.5, 2.5]


def test_a_shard_without_any_row_is_an_empty_one(tmp_path: Path) -> None:
    rows = Rows(tmp_path, names(2)).write([], tail=b'{"i":0,"s":0.\n').write([], rank=1, tail=b'"i":0,"s":0.1}\n')
    rows.write([(1, {"x": 1.5}, None)], rank=2)
    assert rows.merge() == table.TableInfo(1, 0, ("item", "x"), unreadable=2)


def test_a_damaged_line_before_the_row_of_its_item_is_passed_over(tmp_path: Path) -> None:
    rows = Rows(tmp_path, names(2)).write([], tail=b'{"i":0,"s":0.1,"m":1.0,"w":0,"fd:x":1garbage\n')
    rows.write([(0, {"x": 1.5}, None), (1, {"y": 2, "x": 2.5}, None)])
    assert rows.merge() == table.TableInfo(2, 0, ("item", "x", "y"), unreadable=1)


@pytest.mark.parametrize("column", ["qd:x", "fx:x", "fd:\\ud800"])
def test_a_column_that_no_rank_wrote_is_said_with_its_file(tmp_path: Path, column: str) -> None:
    row = b'{"i":0,"s":0.1,"m":1.0,"w":0,"%s":1.5}\n' % column.encode()
    rows = Rows(tmp_path, names(2)).write([(1, {"x": 1.5}, None)], tail=row)
    with pytest.raises(TableError, match=r"a0001-r0000.jsonl has a column .*retry"):
        rows.merge()


@pytest.mark.parametrize("count", [0, 3])
@pytest.mark.parametrize("failed", [False, True])
def test_a_dataset_without_good_rows_makes_empty_files(tmp_path: Path, count: int, failed: bool) -> None:
    rows = Rows(tmp_path, names(count)).write([(i, "", None) for i in range(count)] if failed else [])
    assert rows.merge() == table.TableInfo(0, count if failed else 0, ("item",))
    assert rows.cells() == [["item"]]
    assert rows.frame().shape == (0, 1)
    assert table.features(rows.parquet).shape == (0, 0)
    errors = table.read_errors(rows.out / table.ERRORS)
    assert len(errors) == len(table.group_errors(errors).index) * 3 == (count if failed else 0)


def test_rows_without_any_key_are_rows(tmp_path: Path) -> None:
    assert merged(tmp_path, {}, {}).info == table.TableInfo(2, 0, ("item",))


def test_thousands_of_columns_and_wide_texts_are_in_small_row_groups(tmp_path: Path) -> None:
    wide = merged(tmp_path / "wide", *({f"x{k}": i + k for k in range(3000)} for i in range(20)))
    assert wide.frame().shape == (20, 3001)
    assert list(wide.frame()["x2999"]) == list(range(2999, 3019))
    long = merged(tmp_path / "long", *({"s": chr(97 + i % 26) * 1_000_000} for i in range(80)))
    assert [len(text) for text in long.frame()["s"]] == [1_000_000] * 80


def test_the_items_are_named_as_everywhere_else(tmp_path: Path) -> None:
    odd = [b"/data/a b", b"/data/\xff", b"/data/new\nline", b"/data/back\\slash", "/data/한글".encode()]
    rows = Rows(tmp_path, odd).write((i, {"x": i}, None) for i in range(5))
    rows.merge()
    assert list(rows.frame()["item"]) == [
        "/data/a b",
        "/data/\\xff",
        "/data/new\nline",
        "/data/back\\slash",
        "/data/한글",
    ]


def test_a_failed_merge_leaves_the_last_table_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = merged(tmp_path, {"x": 1}, {"x": 2})
    before = rows.bytes()

    def full(*_: object, header: bool = False) -> None:
        raise OSError(28, "No space left on device")

    rows.write([(0, {"x": 5}, None)], attempt=2)
    monkeypatch.setattr(merging, "_append_csv", full)
    with pytest.raises(TableError, match="No space left"):
        rows.merge()
    assert rows.bytes() == before
    assert sorted(path.name for path in rows.out.iterdir()) == ["errors.csv", "table.csv", "table.parquet"]


def test_a_disk_that_fills_in_the_middle_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Rows(tmp_path, names(2)).write([(0, {"x": 1}, None)])
    append = merging._append_csv

    def full(frame: Any, csv: Any, *, header: bool = False) -> None:
        if not header:
            raise OSError(28, "No space left on device")
        append(frame, csv, header=header)

    monkeypatch.setattr(merging, "_append_csv", full)
    with pytest.raises(TableError, match="No space left"):
        rows.merge()


def test_the_merge_runs_in_its_own_process(tmp_path: Path) -> None:
    Rows(tmp_path, names(2)).write([(0, {"x": 1}, None), (1, "", None)])
    files = [tmp_path / name for name in ("shards", "items.txt", "items.idx", "out")]
    command = [sys.executable, "-m", "jupyter_featx.table", *map(str, files)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == {"rows": 1, "errors": 1, "columns": ["item", "x"], "unreadable": 0}
    (tmp_path / "items.idx").unlink()
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "Traceback" not in run.stderr


def test_no_engine_is_loaded_before_there_is_work() -> None:
    code = "import sys, jupyter_featx.table; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert not {"numpy", "pandas", "polars"} & set(loaded.split())


def test_more_columns_than_a_table_can_have_are_refused_at_once(tmp_path: Path) -> None:
    rows = Rows(tmp_path, names(3)).write((i, {f"k{i}-{n}": n for n in range(20_000)}, None) for i in range(3))
    with pytest.raises(TableError, match=r"60,00. different columns.*one dict, or list"):
        rows.merge()


def test_short_rows_beside_a_wide_one_are_read_and_written_in_small_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyter_featx.table.rowframes.CELLS", 10_000)
    monkeypatch.setattr(merging, "BUCKET_CELLS", 10_000)
    heights = []
    parse = rowframes.parse
    monkeypatch.setattr(rowframes, "parse", lambda *given: heights.append(given[0].count(b"\n")) or parse(*given))
    rows = merged(tmp_path, {f"k{n}": n for n in range(1000)}, *({"a": i} for i in range(1, 300)))
    assert max(heights) <= 10
    assert rows.frame().shape == (300, 1002)
    assert list(rows.frame()["a"][1:]) == list(range(1, 300))


def test_a_merge_makes_no_folder_for_a_job_that_was_deleted(tmp_path: Path) -> None:
    rows = Rows(tmp_path, names(1)).write([(0, {"x": 1}, None)])
    with pytest.raises(TableError):
        table.merge(tmp_path / "shards", tmp_path / "items.txt", tmp_path / "items.idx", tmp_path / "gone" / "partial")
    assert not (rows.folder / "gone").exists()
