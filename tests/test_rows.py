"""A row keeps every value exactly, or says which one it cannot keep."""

from __future__ import annotations

import enum
import json
import subprocess
import sys
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jupyter_featx.rows import BadValue, RowEncoder


def encoded(features: Any, labels: Any = None) -> dict[str, Any]:
    """Return the cells of the line, which must be the same whether the shape is new or known."""
    encoder = RowEncoder()
    lines = [encoder.encode(12, 0.0001234, 34.56, 3, features, labels)[0] for _ in range(3)]
    assert len(set(lines)) == 1
    assert lines[0].endswith(b"}\n")
    assert lines[0].count(b"\n") == 1
    row: dict[str, Any] = json.loads(lines[0], parse_constant=lambda name: pytest.fail(name))
    assert list(row)[:4] == ["i", "s", "m", "w"]
    return dict(list(row.items())[4:])


def test_a_line_begins_with_the_item_and_keeps_the_order_of_the_keys() -> None:
    line, new = RowEncoder().encode(12, 0.0001234, 34.56, 3, {"b": 1.5, "a": 2}, {"z": "x"})
    assert line == b'{"i":12,"s":0.000123,"m":34.6,"w":3,"fd:b":1.5,"fi:a":2,"lt:z":"x"}\n'
    assert new == ["fd:b", "fi:a", "lt:z"]


def test_a_column_is_announced_once_for_each_kind() -> None:
    encoder = RowEncoder()
    announced = [encoder.encode(0, 0, 0, 0, {"x": value}, None)[1] for value in (1, 2, 2.5, 1, None, "a")]
    assert announced == [["fi:x"], [], ["fd:x"], [], ["f0:x"], ["ft:x"]]
    assert RowEncoder.columns_line(["fd:é"]) == '{"columns":["fd:é"]}\n'.encode()


@pytest.mark.parametrize(
    ("value", "kind", "stored"),
    [
        (True, "b", True),
        (np.bool_(False), "b", False),
        (2**53, "i", 2**53),
        (2**53 + 1, "I", 2**53 + 1),
        (-(2**63), "I", -(2**63)),
        (2**63, "n", str(2**63)),
        (np.uint64(2**64 - 1), "n", str(2**64 - 1)),
        (np.int8(-3), "i", -3),
        (0.1, "d", 0.1),
        (5e-324, "d", 5e-324),
        (np.float64(0.1), "d", 0.1),
        (np.float32(0.1), "d", float(np.float32(0.1))),
        (np.longdouble(0.5), "d", 0.5),
        (float("nan"), "z", "NaN"),
        (np.float64("-inf"), "z", "-Infinity"),
        (np.array(7), "i", 7),
        (None, "0", True),
        (pd.NaT, "0", True),
        (pd.NA, "0", True),
        (np.datetime64("NaT"), "0", True),
        ('a"\n\r\x00\u2028é', "t", 'a"\n\r\x00\u2028é'),
        (np.str_("x"), "t", "x"),
        ("file\udcff", "t", "file\\udcff"),
        (enum.IntEnum("Phase", "A B").B, "i", 2),  # type: ignore[attr-defined]
        (date(2020, 1, 2), "D", "2020-01-02"),
        (datetime(1, 1, 1), "T", "0001-01-01T00:00:00.000000"),
        (pd.Timestamp("2020-01-02 03:04:05.000006"), "T", "2020-01-02T03:04:05.000006"),
        (pd.Timestamp("2020-01-02 03:04:05.000000006"), "t", "2020-01-02T03:04:05.000000006"),
        (np.datetime64("2020-01-02T03:04:05", "ns"), "T", "2020-01-02T03:04:05.000000"),
        (
            datetime(2020, 1, 2, 3, tzinfo=timezone(timedelta(hours=9))),
            "U",
            "2020-01-01T18:00:00.000000+00:00",
        ),
        ([1, (2.5, None)], "j", "[1,[2.5,null]]"),
        ({"a": {"b": 2**80}, 1: "x"}, "j", '{"a":{"b":1208925819614629174706176},"1":"x"}'),
        ([float("nan"), float("inf")], "j", "[NaN,Infinity]"),
        (np.array([[1, 2], [3, 4]]), "j", "[[1,2],[3,4]]"),
        ([np.arange(2), np.float32(0.5), pd.NaT, date(2020, 1, 2)], "j", '[[0,1],0.5,null,"2020-01-02"]'),
        (["\udcff"], "j", '["\\\\udcff"]'),
    ],
    ids=repr,
)
def test_a_value_is_kept_exactly(value: Any, kind: str, stored: Any) -> None:
    assert encoded({"x": value, "y": 1}) == {f"f{kind}:x": stored, "fi:y": 1}


@pytest.mark.parametrize("key", ["", "item", "a:b", 'q"\n', "한글", "e", "i"])
def test_any_text_is_a_key(key: str) -> None:
    assert encoded({key: 1.5}, {key: 2.5}) == {f"fd:{key}": 1.5, f"ld:{key}": 2.5}


def nested_in_itself() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def nested_deeply() -> list[Any]:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (None, "_process_input returned None; did you forget `return`?"),
        ([1], "_process_input returned a list; return a dict"),
        ({1: 2}, "the key 1, an int; use str(key)"),
        ({"x": b"raw"}, "'x' as a bytes; return value.hex() or value.decode()"),
        ({"x": {1}}, "'x' as a set; return sorted(value)"),
        ({"x": 1j}, "'x' as a complex; return [value.real, value.imag]"),
        ({"x": np.complex64(1)}, "'x' as a complex64"),
        ({"x": Path("/a")}, "return str(value)"),
        ({"x": object()}, "'x' as an object; return a number, a text, a list or a dict"),
        ({"x": enum.Enum("Phase", "A").A}, "return value.name or value.value"),  # type: ignore[attr-defined]
        ({"x": pd.Series([1])}, "value.tolist()"),
        ({"x": timedelta(1)}, "value.total_seconds()"),
        ({"x": np.timedelta64(1, "s")}, 'value / numpy.timedelta64(1, "s")'),
        ({"x": [1, {2}]}, "'x' as nested, and inside it there is a set"),
        ({"x": {(1, 2): 3}}, "use str(key)"),
        ({"x": {1: "a", "1": "b"}}, "'x' as nested, and inside a dict two keys are both '1' as text; rename one"),
        ({"x": [{"y": {None: 1, "null": 2}}]}, "two keys are both 'null'"),
        ({"x": np.array([{True: 1, "true": 2}], dtype=object)}, "two keys are both 'true'"),
        ({"x": {"\udcff": 1, "\\udcff": 2}}, "two keys are both"),
        (
            {f"k{n}": n for n in range(20_001)},
            "20,001 columns, more than 20,000; put the values in one list",
        ),
        ({"x": nested_in_itself()}, "nested inside itself"),
        ({"x": nested_deeply()}, "nested too deeply"),
        ({"x": 10**5000}, "hex(value)"),
        ({"\udcff": 1, "\\udcff": 2}, "two keys that are the same in UTF-8"),
    ],
)
def test_a_bad_value_names_the_key_and_what_to_return(features: Any, message: str) -> None:
    with pytest.raises(BadValue) as raised:
        RowEncoder().encode(0, 0, 0, 0, features, None)
    assert message in str(raised.value)


def test_labels_are_named_by_their_function() -> None:
    with pytest.raises(BadValue, match="_process_output returned 'x' as a set"):
        RowEncoder().encode(0, 0, 0, 0, {}, {"x": {1}})


def test_a_bad_value_leaves_the_encoder_as_it_was() -> None:
    encoder = RowEncoder()
    with pytest.raises(BadValue):
        encoder.encode(0, 0, 0, 0, {"x": 1, "y": b""}, None)
    assert encoder.encode(0, 0, 0, 0, {"x": 1}, None)[1] == ["fi:x"]


def test_an_error_is_one_short_line() -> None:
    error = {"kind": "exception", "message": "a\nb\udcff" + "x" * 100_000, "line": 3}
    line = RowEncoder().encode_error(5, 0.5, 1.0, 0, error)
    assert line.startswith(b'{"i":5,"s":0.500000,"m":1.0,"w":0,"e":{"kind":"exception","message":"a\\nb\\\\udcff')
    assert len(line) < 11_000


def test_many_shapes_do_not_fill_the_memory() -> None:
    encoder = RowEncoder()
    for number in range(3000):
        for _ in range(2):
            encoder.encode(0, 0, 0, 0, {f"k{number}": 1}, None)
    assert len(encoder._plans) <= 1000


def test_a_worker_that_encodes_rows_loads_nothing_heavy() -> None:
    code = "import sys, jupyter_featx.rows, jupyter_featx.shards; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert not {"numpy", "pandas", "polars", "IPython"} & set(loaded.split())


def test_names_and_texts_that_look_like_a_form_are_kept() -> None:
    row = {"100 %d": 1.5, "%s": "50 %", 'a"b': None, "yes": False, "n": 10**15, "é\n": "\x7f\u2028"}
    cells = encoded(row, {"%": float(7)})
    assert list(cells.items()) == [
        ("fd:100 %d", 1.5),
        ("ft:%s", "50 %"),
        ('f0:a"b', True),
        ("fb:yes", False),
        ("fi:n", 10**15),
        ("ft:é\n", "\x7f\u2028"),
        ("ld:%", 7.0),
    ]


def test_a_value_of_another_kind_in_a_known_shape_is_not_written_as_the_first() -> None:
    encoder = RowEncoder()
    values = [1.5, 2.5, 3.5, float("nan"), float("inf"), 1e300]
    rows = [json.loads(encoder.encode(0, 0, 0, 0, {"x": value, "n": 1})[0]) for value in values]
    assert [row.get("fd:x", row.get("fz:x")) for row in rows] == [1.5, 2.5, 3.5, "NaN", "Infinity", 1e300]
    ints = [json.loads(encoder.encode(0, 0, 0, 0, {"n": value})[0]) for value in (1, 2, 3, 2**53 + 1, -(2**53))]
    assert [list(row)[4] for row in ints] == ["fi:n", "fi:n", "fi:n", "fI:n", "fi:n"]
