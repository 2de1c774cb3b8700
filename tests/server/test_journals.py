"""Reading on gives what reading all gives."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from madejobs import ELSEWHERE, make_job, progress, started

from jupyter_featx import events
from jupyter_featx.server.journals import Journals, fingerprint
from jupyter_featx.state import fold


def test_what_was_appended_is_seen_and_nothing_is_read_twice(home: Path, monkeypatch):
    job = make_job(home, state="running", total=100)
    journals = Journals()
    assert fold(journals.read(job.events)).done == 50
    for done in range(51, 60):
        progress(job, done)
    path = job.events / "attempt-0001.jsonl"
    begun, seen = path.stat().st_size, []
    monkeypatch.setattr("jupyter_featx.server.journals.parse", lambda lines: seen.extend(lines) or events.parse(lines))
    assert fold(journals.read(job.events)).done == 59
    assert len(seen) == 9
    assert sum(map(len, seen)) < begun
    assert journals.read(job.events) == journals.read(job.events)
    assert len(seen) == 9


def test_of_progress_only_the_last_word_is_held(home: Path):
    job = make_job(home, state="running", total=100)
    for done in range(51, 90):
        progress(job, done)
    found = Journals().read(job.events)
    assert sum(isinstance(event, events.Progress) for event in found) == 1


def test_a_torn_line_is_read_when_it_is_whole(home: Path):
    job = make_job(home, state="running", total=100)
    path, journals = job.events / "attempt-0001.jsonl", Journals()
    line = b'{"event":"progress","v":1,"time":9e9,"native_id":"%s","done":77,"failed":0,"running":1,"rate":1.0}\n'
    line %= ELSEWHERE.encode()
    with path.open("ab") as file:
        file.write(line[:30])
    assert fold(journals.read(job.events)).done == 50
    with path.open("ab") as file:
        file.write(line[30:])
    assert fold(journals.read(job.events)).done == 77


def test_a_file_that_was_replaced_or_cut_is_read_anew(home: Path):
    job = make_job(home, state="running", total=100)
    path, journals = job.events / "attempt-0001.jsonl", Journals()
    progress(job, 80)
    assert fold(journals.read(job.events)).done == 80
    first = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(first[:2]))
    assert fold(journals.read(job.events)).done == 50
    path.unlink()
    assert fold(journals.read(job.events)).state == "queued"
    assert journals.read(job.path / "nowhere") == []


def test_a_mark_changes_with_the_files(home: Path):
    job = make_job(home, state="running")
    before = fingerprint(job.events)
    assert before == fingerprint(job.events)
    progress(job, 3)
    assert before != fingerprint(job.events)
    assert fingerprint(job.path / "nowhere") == ()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_whatever_happened_the_status_is_that_of_all_events(seed: int, tmp_path_factory):
    draw, folder = random.Random(seed), tmp_path_factory.mktemp("events")
    journals, clock = Journals(), 1000.0
    events.EventLog(folder / "client-a.jsonl").append(events.Created(time=1000.0, total=50))
    for number in range(draw.randrange(1, 25)):
        clock += draw.choice((-3.0, 0.0, 0.5, 2.0))
        name = draw.choice(("client-a", "client-b", "attempt-0001", "attempt-0002", "script-x"))
        events.EventLog(folder / f"{name}.jsonl").append(_some(draw, clock, number))
        if draw.random() < 0.5:
            assert fold(journals.read(folder), now=0.0) == fold(events.read(folder), now=0.0)
    assert fold(journals.read(folder), now=0.0) == fold(events.read(folder), now=0.0)


def _some(draw: random.Random, when: float, number: int) -> events.Event:
    native_id = draw.choice(("1", "2"))
    kind = draw.choice(("submitted", "started", "progress", "progress", "progress", "stopped", "lost", "cancel"))
    if kind == "submitted":
        return events.Submitted(time=when, native_id=native_id, cores=2)
    if kind == "started":
        return events.Started(**{**vars(started(when, 50, attempt=draw.randrange(1, 3))), "native_id": native_id})
    if kind == "progress":
        return events.Progress(time=when, native_id=native_id, done=number, failed=0, running=1, rate=1.0)
    if kind == "stopped":
        why = draw.choice(("complete", "continues", "error"))
        return events.Stopped(time=when, native_id=native_id, why=why, message="", done=number, failed=0)
    if kind == "lost":
        return events.Lost(time=when, native_id=native_id, reason="gone")
    return events.CancelAsked(time=when, native_id=native_id)
