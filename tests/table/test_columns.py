"""A column holds every value exactly, under one type and a name that never clashes."""

from __future__ import annotations

import math
import random
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from madetables import Rows, merged, names

from jupyter_featx import table


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
