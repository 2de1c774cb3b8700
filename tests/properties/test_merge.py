"""Whatever rows the ranks of several attempts left, the table is what a plain reading of them says."""

from __future__ import annotations

import csv
import json
import math
import tempfile
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

from bounded import bounded
from hypothesis import given
from hypothesis import strategies as st
from madetables import Rows, names

from jupyter_featx import table
from jupyter_featx.rows import RowEncoder

KEYS = ("a", "b", "A", "", "item", "énergie", 'q"\r\n,')
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(["", "nan", "1", "null", '"'])
NUMBERS = st.integers(-(2**70), 2**70) | st.integers(-9, 9) | st.floats() | st.sampled_from([2**53, 2**53 + 1, 0.1])
MOMENTS = st.datetimes() | st.dates() | st.datetimes().map(lambda moment: moment.replace(tzinfo=timezone.utc))
NESTED = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
).filter(lambda value: isinstance(value, (list, dict)))
# Most columns have one kind of value; what is then said of a column of several is said of few.
COLUMNS = [st.booleans(), st.integers(-9, 9), st.floats(), NUMBERS, TEXTS, MOMENTS, NESTED, st.none()]
VALUES = st.sampled_from(COLUMNS).flatmap(lambda kind: kind)
ROWS = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4)
GARBAGE = st.sampled_from(
    [b"garbage\n", b'{"i":1,"s":0.\n', b"\0\0\0\0\n", b'{"i":99,"s":0.1,"m":1.0,"w":0,"fd:a":1.5}\n', b"[1]\n", b"{}\n"]
)


@dataclass(frozen=True)
class Written:
    """One row: of an item that succeeded (`error` is None) or failed."""

    item: int
    features: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, Any] | None = None
    error: str | None = None


@dataclass(frozen=True)
class WrittenShard:
    """What one rank wrote in one attempt: its rows, lines that are none, and the beginning of a last line."""

    attempt: int
    rank: int
    rows: tuple[Written, ...]
    garbage: tuple[bytes, ...]
    torn: int


@st.composite
def jobs(draw: Any) -> tuple[int, list[WrittenShard]]:
    """Draw a dataset and what the ranks of up to three attempts wrote about it."""
    total = draw(st.integers(1, 6))
    one = st.builds(Written, st.integers(0, total - 1), ROWS, st.none() | ROWS, st.none() | st.none() | TEXTS)
    shards = []
    for attempt in range(1, draw(st.integers(1, 3)) + 1):
        for rank in range(draw(st.integers(1, 2))):
            rows = draw(st.lists(one, max_size=total, unique_by=lambda row: row.item))
            garbage = draw(st.lists(GARBAGE, max_size=1))
            shards.append(WrittenShard(attempt, rank, tuple(rows), tuple(garbage), draw(st.integers(0, 40))))
    return total, shards


def write(folder: Path, total: int, shards: list[WrittenShard]) -> Rows:
    made = Rows(folder, names(total))
    for shard in shards:
        torn = RowEncoder().encode(0, 0.1, 1.0, 0, {"a": 1.5, "never announced": 2})[0][: shard.torn]
        given = [(r.item, r.features if r.error is None else r.error, r.labels) for r in shard.rows]
        made.write(given, shard.attempt, shard.rank, tail=b"".join(shard.garbage) + torn)
    return made


# -- the oracle --------------------------------------------------------------------------------------------------------


def deciding(shards: list[WrittenShard]) -> list[tuple[WrittenShard, Written]]:
    """Return all the rows, those that count more first: of the latest attempt, then of the lowest rank."""
    ordered = sorted(shards, key=lambda shard: (-shard.attempt, shard.rank))
    return [(shard, row) for shard in ordered for row in shard.rows]


def good_rows(shards: list[WrittenShard]) -> dict[int, Written]:
    found: dict[int, Written] = {}
    for _, row in deciding(shards):
        if row.error is None:
            found.setdefault(row.item, row)
    return dict(sorted(found.items()))


def failures(shards: list[WrittenShard]) -> dict[int, tuple[str, int]]:
    good, found = good_rows(shards), dict[int, tuple[str, int]]()
    for shard, row in deciding(shards):
        if row.error is not None and row.item not in good:
            found.setdefault(row.item, (row.error or "no atom", shard.attempt))
    return dict(sorted(found.items()))


def kind_of(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "small" if abs(value) <= 2**53 else "int64" if -(2**63) <= value < 2**63 else "huge"
    if isinstance(value, datetime):
        return "utc" if value.tzinfo else "naive"
    if isinstance(value, float):
        return "float" if math.isfinite(value) else "special"
    return {str: "text", date: "date"}.get(type(value), "nested")


def column_type(kinds: set[str]) -> str:
    """Return under which type values of these kinds share a column, each without loss."""
    kinds = kinds - {"nothing"}
    for name, allowed in {
        "empty": set(),
        "bool": {"bool"},
        "int": {"small", "int64", "huge"},
        "float": {"small", "float", "special"},
        "naive": {"naive"},
        "utc": {"utc"},
        "date": {"date"},
    }.items():
        if kinds <= allowed:
            return name
    if "nested" in kinds or not kinds & {"text", "naive", "utc", "date"}:
        return "json"
    return "text"


def shared(value: Any, kind: str) -> Any:
    """Return what a value is in a column of this type, as it is read back."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "NaN" if kind == "text" and value is not None else None
    moment = isinstance(value, (date, datetime))
    if kind == "text" and not isinstance(value, str):
        return Number(value) if not moment else iso(value)
    if kind == "json" and moment:
        return iso(value)
    return float(value) if kind == "float" else value


def iso(value: Any) -> str:
    return str(value.isoformat(timespec="microseconds") if isinstance(value, datetime) else value.isoformat())


@dataclass(frozen=True)
class Number:
    """A number or truth as text, however many digits the engine writes."""

    value: Any

    def __eq__(self, text: object) -> bool:
        if not isinstance(text, str):
            return False
        if isinstance(self.value, bool):
            return text == str(self.value).lower()
        return (int(text) if isinstance(self.value, int) else float(text)) == self.value

    __hash__ = None  # type: ignore[assignment]


def expected_columns(shards: list[WrittenShard]) -> dict[str, tuple[str, str, str]]:
    """Return name -> (side, key, type): features first, each where the lowest item that has it has it."""
    places: dict[tuple[str, str, str], tuple[int, int]] = {}
    for _, row in deciding(shards):
        cells = [(side, key, kind_of(v)) for side, d in sides(row) for key, v in d.items()] if row.error is None else []
        for position, cell in enumerate(cells):
            if cell not in places or row.item < places[cell][0]:
                places[cell] = (row.item, position)
    columns: dict[tuple[str, str], set[str]] = {}
    for side, key, kind in sorted(places, key=lambda cell: (cell[0], places[cell], LETTERS[cell[2]], cell[1])):
        columns.setdefault((side, key), set()).add(kind)
    clash = {key for side, key in columns if ("input" if side == "output" else "output", key) in columns} | {"item"}
    return {
        f"{side}.{key}" if key in clash else key: (side, key, column_type(kinds))
        for (side, key), kinds in columns.items()
    }


# Of rows of one item, from two attempts, that differ: only there it decides which of two columns comes first.
LETTERS = {
    "nothing": "0",
    "int64": "I",
    "date": "D",
    "naive": "T",
    "utc": "U",
    "bool": "b",
    "float": "d",
    "small": "i",
    "nested": "j",
    "huge": "n",
    "text": "t",
    "special": "z",
}


def sides(row: Written) -> list[tuple[str, dict[str, Any]]]:
    return [("input", row.features), ("output", row.labels or {})]


def plain(value: Any) -> Any:
    """Return None for what is missing in the words of pandas; NaN inside nested values is as good as None here."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, Number):
        return value
    if value is None or type(value).__name__ in ("NAType", "NaTType") or value != value:
        return None
    if type(value).__name__ == "Timestamp":
        return value.to_pydatetime()
    return value.item() if type(value).__module__ == "numpy" else value


@bounded(60)
@given(jobs(), st.sampled_from([1, 1000]))
def test_the_table_is_what_a_plain_reading_says(job: tuple[int, list[WrittenShard]], memory_mb: int) -> None:
    total, shards = job
    with tempfile.TemporaryDirectory() as folder:
        made = write(Path(folder), total, shards)
        info = made.merge(memory_mb=memory_mb, threads=1)
        good, failed, columns = good_rows(shards), failures(shards), expected_columns(shards)
        assert (info.rows, info.errors) == (len(good), len(failed))
        assert info.unreadable == sum(len(shard.garbage) for shard in shards)
        assert info.columns == ("item", *columns)
        frame = made.frame()
        assert list(frame["item"]) == [f"/data/item-{item}" for item in good]
        for name, (side, key, kind) in columns.items():
            wanted = [shared(dict(sides(row))[side].get(key), kind) for row in good.values()]
            assert [plain(w) for w in wanted] == [plain(value) for value in frame[name]], (name, kind)
        header, *lines = made.cells()
        assert tuple(header) == info.columns
        assert [line[0] for line in lines] == list(frame["item"])
        with (made.out / table.ERRORS).open(newline="", encoding="utf-8") as file:
            errors = list(csv.DictReader(file))
        assert [(e["item"], e["message"], int(e["attempt"])) for e in errors] == [
            (f"/data/item-{item}", message, attempt) for item, (message, attempt) in failed.items()
        ]


@bounded(20)
@given(jobs(), st.integers(0, 2**32))
def test_the_same_rows_give_the_same_bytes_whoever_wrote_them(job: tuple[int, list[WrittenShard]], seed: int) -> None:
    total, shards = job
    good = good_rows(shards)
    with tempfile.TemporaryDirectory() as folder:
        one = write(Path(folder, "one"), total, [WrittenShard(1, 0, tuple(good.values()), (), 0)])
        dealt = [[row for row in good.values() if hash((row.item, seed)) % 3 == rank] for rank in range(3)]
        parts = [WrittenShard(1, rank, tuple(rows[::-1]), (), 0) for rank, rows in enumerate(dealt)]
        other = write(Path(folder, "other"), total, parts)
        for made in (one, other):
            made.merge(threads=1)
        assert one.bytes() == other.bytes()
        assert json.dumps(list(one.info.columns)) == json.dumps(list(other.info.columns))
