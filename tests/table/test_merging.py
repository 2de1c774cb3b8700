"""The table holds every value exactly, in the dataset's order, whoever computed it."""

from __future__ import annotations

import csv
import json
import math
import random
import subprocess
import sys
from collections.abc import Iterable
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from jupyter_featx import table
from jupyter_featx.errors import FeatxError, TableError
from jupyter_featx.items import write_items
from jupyter_featx.rows import RowEncoder
from jupyter_featx.table import merging, rowframes

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


def column(folder: Path, *values: Any) -> list[Any]:
    """Return what these values of one column are when they are read back."""
    return list(merged(folder, *({"x": value} for value in values)).frame()["x"])


@pytest.mark.parametrize(
    "values",
    [
        (1, -(2**63), 2**63 - 1),
        (1, 2**64, -(2**70)),
        (0.1, 1e300, 5e-324, float("inf"), float("-inf")),
        (True, False),
        ("a", "", 'q"\r\n,', "nul\x00", "한글", "x" * 1_000_000),
        (datetime(2020, 1, 2, 3, 4, 5, 6), datetime(1970, 1, 1)),
        (datetime(2020, 1, 2, tzinfo=timezone.utc),),
        (date(1, 1, 1), date(9999, 12, 31)),
        ([[0, 1.5], [2, None]], {"a": {"b": 2**80}}, "text", 1, 2.5, True),
        (True, 2, 2.5, 2**60),
        (2**53 + 1, 0.1),
    ],
    ids=lambda values: str(values)[:60],
)
def test_values_come_back_as_they_were(tmp_path: Path, values: tuple[Any, ...]) -> None:
    back = column(tmp_path, *values)
    assert back == list(values)
    assert [isinstance(value, str) for value in back] == [isinstance(value, str) for value in values]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (("a", 1, 2.5, True, 2**70), ["a", "1", "2.5", "true", str(2**70)]),
        (
            (datetime(2020, 1, 2), date(2020, 1, 2), datetime(2020, 1, 2, tzinfo=timezone.utc)),
            ["2020-01-02T00:00:00.000000", "2020-01-02", "2020-01-02T00:00:00.000000+00:00"],
        ),
        (("a", float("nan"), [1]), ["a", None, [1]]),
    ],
)
def test_values_that_share_no_type_become_text_or_json(
    tmp_path: Path, values: tuple[Any, ...], texts: list[Any]
) -> None:
    back = column(tmp_path, *values)
    assert [None if value != value else value for value in back] == texts


def test_ints_among_floats_become_floats_while_that_is_exact(tmp_path: Path) -> None:
    rows = merged(tmp_path, {"x": 2**53}, {"x": 0.5}, {"x": float("nan")})
    assert rows.frame()["x"].dtype == float
    assert list(rows.frame()["x"][:2]) == [2.0**53, 0.5]


def test_missing_values_have_the_types_of_pandas(tmp_path: Path) -> None:
    full = {"i": 2**60 + 1, "b": True, "f": 0.5, "s": "a", "t": datetime(2020, 1, 1), "j": [1], "n": 2**70}
    frame = merged(tmp_path, full, {}, dict.fromkeys(full)).frame()
    assert frame["i"].dtype == "Int64"
    assert frame["i"][0] == 2**60 + 1
    assert frame["b"].dtype == "boolean"
    assert frame["t"].dtype == "datetime64[us]"
    assert bool(frame.drop(columns="item")[1:].isna().all(axis=None))


def test_the_csv_is_rfc_4180_and_tells_empty_from_missing_and_nan(tmp_path: Path) -> None:
    rows = merged(
        tmp_path,
        {"f": 0.1, "s": 'a"b\n', "j": [1, {"k": float("nan")}]},
        {"f": float("nan"), "s": "", "j": None},
        {"f": float("-inf"), "s": None, "j": []},
    )
    assert (rows.out / "table.csv").read_bytes() == (
        b"item,f,s,j\r\n"
        b'/data/item-0,0.1,"a""b\n","[1,{""k"":NaN}]"\r\n'
        b'/data/item-1,NaN,"",\r\n'
        b"/data/item-2,-inf,,[]\r\n"
    )
    assert list(pd.read_csv(rows.out / "table.csv")["f"][[0, 2]]) == [0.1, -math.inf]


def test_floats_in_the_csv_read_back_exactly(tmp_path: Path) -> None:
    values = [random.uniform(-1, 1) * 10.0 ** random.randint(-320, 308) for _ in range(3000)]
    rows = merged(tmp_path, *({"x": value} for value in values))
    assert [float(cells[1]) for cells in rows.cells()[1:]] == values


def test_item_comes_first_then_features_then_labels(tmp_path: Path) -> None:
    rows = Rows(tmp_path, names(2)).write([(1, {"b": 1, "a": 2}, {"z": 1, "y": 2}), (0, {"b": 1}, {"z": 1})])
    assert rows.merge().columns == ("item", "b", "a", "z", "y")


def test_columns_stand_as_in_the_first_item_that_has_them(tmp_path: Path) -> None:
    rows = Rows(tmp_path, names(4))
    rows.write([(3, {"late": 1, "b": None}, None), (2, {"x": 1.5, "c": 1, "a": 1}, None)], rank=0)
    rows.write([(1, {"c": 1, "a": 1.5}, None), (0, {"a": 1, "b": 2}, None)], rank=1)
    assert rows.merge().columns == ("item", "a", "b", "c", "x", "late")


def test_a_key_of_both_functions_becomes_two_columns(tmp_path: Path) -> None:
    rows = Rows(tmp_path, names(2))
    rows.write([(0, {"volume": 1.5, "a": 1}, {"phase": "x"}), (1, {"a": 2}, {"volume": 2.5, "phase": "y"})])
    assert rows.merge().columns == ("item", "input.volume", "a", "phase", "output.volume")
    assert list(table.features(rows.parquet).columns) == ["volume", "a"]
    assert list(table.labels(rows.parquet).columns) == ["phase", "volume"]
    assert list(table.labels(rows.parquet).index) == ["/data/item-0", "/data/item-1"]
    assert list(table.labels(rows.parquet)["phase"]) == ["x", "y"]


@pytest.mark.parametrize(
    ("features", "labels", "columns"),
    [
        ({"item": 1}, {}, ("item", "input.item")),
        ({"item": 1}, {"item": 2}, ("item", "input.item", "output.item")),
        ({"input.a": 1, "a": 2}, {"a": 3}, ("item", "input.input.a", "input.a", "output.a")),
        ({"A": 1, "a": 2, "": 3, 'q"\n,': 4}, {}, ("item", "A", "a", "", 'q"\n,')),
    ],
)
def test_names_never_clash(tmp_path: Path, features: Any, labels: Any, columns: tuple[str, ...]) -> None:
    rows = Rows(tmp_path, names(1)).write([(0, features, labels)])
    assert rows.merge().columns == columns
    assert tuple(rows.cells()[0]) == columns
    assert tuple(rows.frame().columns) == columns
    assert table.features(rows.parquet).iloc[0].to_dict() == features


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


def test_a_few_columns_and_rows_can_be_read_alone(tmp_path: Path) -> None:
    rows = merged(tmp_path, *({"x": i, "y": [i]} for i in range(10)))
    assert list(rows.frame(columns=["y"], limit=2)["y"]) == [[0], [1]]
    assert list(rows.frame(offset=-2)["x"]) == [8, 9]
    with pytest.raises(TableError, match="It has: item, x, y"):
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


def test_timings_say_where_each_item_ran(tmp_path: Path) -> None:
    rows = Rows(tmp_path, names(4)).write([(2, {"x": 1}, None), (0, "", None)])
    rows.write([(0, {"x": 1}, None), (3, "", None)], attempt=2, rank=1)
    found = table.timings(tmp_path / "shards", tmp_path / "items.txt", tmp_path / "items.idx")
    assert list(found["item"]) == ["/data/item-0", "/data/item-2", "/data/item-3"]
    assert list(found["status"]) == ["ok", "ok", "exception"]
    assert list(found["host"]) == ["node1", "node0", "node1"]
    assert list(found["attempt"]) == [2, 1, 2]


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


def test_a_damaged_table_is_said_to_be_one(tmp_path: Path) -> None:
    rows = merged(tmp_path, *({"x": i / 7} for i in range(1000)))
    content = bytearray(rows.parquet.read_bytes())
    content[4:200] = bytes(196)
    rows.parquet.write_bytes(content)
    with pytest.raises(table.DamagedTable, match="damaged"):
        rows.frame()
