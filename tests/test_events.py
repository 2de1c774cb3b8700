"""The lines that say what happened."""

from __future__ import annotations

import json
import multiprocessing
import resource
import signal
from pathlib import Path

import pytest

from jupyter_featx import events
from jupyter_featx.events import EventLog

EXAMPLES = [
    events.Created(time=1.5, total=3),
    events.Submitted(time=2, native_id="vm/1/2/x", cores=4),
    events.Rejected(time=3, reason="the queue is full\nreally: “full”"),
    events.Started(time=4, native_id="n", attempt=1, host="vm", ranks=1, workers=2, pending=3, done=0, failed=0),
    events.Progress(time=5, native_id="n", done=1, failed=1, running=1, rate=0.5),
    events.Stopped(time=6, native_id="n", why="complete", message="", done=2, failed=1),
    events.Merged(time=7, rows=2, errors=1, seconds=0.1),
    events.CancelAsked(time=8, native_id="n"),
    events.Lost(time=9, native_id="n", reason="host restarted"),
    events.Noted(time=10, native_id="n", message="numpy is 1.26 there and 2.1 here"),
]


def test_every_kind_read_back_is_equal(tmp_path: Path) -> None:
    assert {type(event) for event in EXAMPLES} == set(EventLog.KINDS.values())
    log = EventLog(tmp_path / "a.jsonl")
    for event in EXAMPLES:
        log.append(event)
    assert events.read(tmp_path) == EXAMPLES


def test_an_event_is_one_complete_line(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "a.jsonl")
    for event in EXAMPLES:
        log.append(event)
    text = (tmp_path / "a.jsonl").read_bytes()
    assert text.endswith(b"\n")
    assert [json.loads(line)["event"] for line in text.splitlines()][:2] == ["created", "submitted"]


def test_events_of_several_writers_come_oldest_first(tmp_path: Path) -> None:
    one, other = EventLog(tmp_path / "a.jsonl"), EventLog(tmp_path / "b.jsonl")
    for number, event in enumerate(EXAMPLES):
        (one if number % 2 else other).append(event)
    assert events.read(tmp_path) == EXAMPLES


def test_a_torn_last_line_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    EventLog(path).append(EXAMPLES[0])
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:-7])
    assert events.read(tmp_path) == EXAMPLES[:1]
    path.write_bytes(whole + whole[:-1])  # all but its end: nobody knows whether more was to come
    assert events.read(tmp_path) == EXAMPLES[:1]


@pytest.mark.parametrize(
    "line",
    [
        '{"event":"teleported","v":1,"time":1}',
        '{"event":"created","v":2,"time":1,"total":3,"more":true}',
        '{"event":"created","v":1,"time":1}',
        '{"v":1}',
        "[]",
        "null",
        "",
        "no json",
        "\udcff",
    ],
)
def test_what_a_newer_version_wrote_is_passed_over(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.jsonl"
    EventLog(path).append(EXAMPLES[0])
    with path.open("ab") as file:
        file.write(line.encode(errors="surrogateescape") + b"\n")
    EventLog(path).append(EXAMPLES[1])
    assert events.read(tmp_path) == EXAMPLES[:2]


def test_a_folder_that_is_gone_holds_no_events(tmp_path: Path) -> None:
    assert events.read(tmp_path / "none") == []


def _append_until_full(path: Path) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    log = EventLog(path)
    log.append(EXAMPLES[0])
    size = path.stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, resource.RLIM_INFINITY))
    with pytest.raises(OSError, match="space|large"):
        log.append(EXAMPLES[1])
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    log.append(EXAMPLES[2])


def test_a_full_disk_leaves_no_torn_line_before_the_next(tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=_append_until_full, args=(tmp_path / "a.jsonl",))
    process.start()
    process.join(20)
    assert process.exitcode == 0
    assert events.read(tmp_path) == [EXAMPLES[0], EXAMPLES[2]]


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    EventLog(tmp_path / "a.jsonl").append(EXAMPLES[0])
    assert (tmp_path / "a.jsonl").stat().st_mode & 0o777 == 0o600


def test_the_lines_of_a_file_are_in_order_whatever_the_clock_said(tmp_path: Path) -> None:
    moments = (10.0, 11.0, 5.0, 6.0, 12.0)
    story = [events.Progress(time=t, native_id="n", done=n, failed=0, running=1, rate=1) for n, t in enumerate(moments)]
    for event in story:
        EventLog(tmp_path / "attempt-0001.jsonl").append(event)
    other = events.CancelAsked(time=11.5, native_id="n")
    EventLog(tmp_path / "client.jsonl").append(other)
    assert events.read(tmp_path) == [*story[:4], other, story[4]]


def test_a_later_attempt_comes_after_an_earlier_one_whatever_the_clock_said(tmp_path: Path) -> None:
    first, second = events.Lost(time=100, native_id="a", reason=""), events.Lost(time=5, native_id="b", reason="")
    EventLog(tmp_path / "attempt-0001.jsonl").append(first)
    EventLog(tmp_path / "attempt-0002.jsonl").append(second)
    assert events.read(tmp_path) == [first, second]


@pytest.mark.parametrize(
    "damaged",
    [
        {"done": "3"},
        {"done": 1.5},
        {"done": 10**400},
        {"time": "late"},
        {"time": None},
        {"time": 1e300},
        {"time": -1.0},
        {"native_id": ["n"]},
        {"rate": float("nan")},
        {"rate": float("inf")},
        {"running": True},
    ],
    ids=str,
)
def test_a_value_that_no_writer_writes_damages_one_line_and_no_other(
    tmp_path: Path, damaged: dict[str, object]
) -> None:
    log = tmp_path / "a.jsonl"
    for event in (EXAMPLES[3], EXAMPLES[4]):
        EventLog(log).append(event)
    first, second = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(first + json.dumps(json.loads(second) | damaged).encode() + b"\n" + second)
    assert events.read(tmp_path) == [EXAMPLES[3], EXAMPLES[4]]


@pytest.mark.parametrize("garbage", [b"\r", b"\0\0\0", b"[" * 100_000, b'{"event":[],"v":1}', b"\xff"], ids=len)
def test_a_line_of_garbage_hides_no_later_line(tmp_path: Path, garbage: bytes) -> None:
    log = tmp_path / "a.jsonl"
    EventLog(log).append(EXAMPLES[3])
    log.write_bytes(garbage + b"\n" + log.read_bytes())
    assert events.read(tmp_path) == [EXAMPLES[3]]
