"""Whatever writers a job has and whenever its events are read, they tell one story."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bounded import bounded
from hypothesis import given
from hypothesis import strategies as st

from jupyter_featx import events
from jupyter_featx.events import Event, EventLog
from jupyter_featx.server.journals import Journals
from jupyter_featx.state import JobStatus, State, fold

TOTAL = 20


@dataclass
class Story:
    """What happened, in order: (file, event). Each file has one writer; times grow by what is drawn."""

    draw: Callable[..., Any]
    lines: list[tuple[str, Event]] = field(default_factory=list)
    now: float = 1000.0
    runs: int = 0

    def say(self, file: str, kind: type[Event], **facts: Any) -> None:
        self.now += self.draw(st.sampled_from([0.001, 1.0, 40.0]))
        self.lines.append((file, kind(time=self.now, **facts)))

    def attempt(self, client: str, done: int, failed: int, *, submit: bool = True) -> tuple[int, int, str]:
        """Tell one run, from where the one before it was; return the counts, and how it ended."""
        self.runs += 1
        native_id = f"vm/{self.runs}/2/3"
        log = f"attempt-{self.runs:04}"
        if submit:
            self.say(client, events.Submitted, native_id=native_id, cores=2)
        if self.draw(st.integers(0, 9)) == 0:
            self.say("client-c", events.Lost, native_id=native_id, reason="its process ended without a word")
            return done, failed, "lost"
        counts = {"pending": TOTAL - done - failed, "done": done, "failed": failed}
        self.say(log, events.Started, native_id=native_id, attempt=self.runs, host="vm", ranks=1, workers=2, **counts)
        for _ in range(self.draw(st.integers(0, 3))):
            more = self.draw(st.integers(0, TOTAL - done - failed))
            bad = self.draw(st.integers(0, more))
            done, failed = done + more - bad, failed + bad
            self.say(log, events.Progress, native_id=native_id, done=done, failed=failed, running=1, rate=2.0)
            if self.draw(st.integers(0, 5)) == 0:
                self.say(log, events.Noted, native_id=native_id, message=self.draw(st.sampled_from(["a", "b"])))
        end = self.draw(st.sampled_from(["complete", "walltime", "continues", "cancelled", "error", "lost"]))
        if end == "complete":
            done = TOTAL - failed
        if end == "cancelled":
            self.say("client-b", events.CancelAsked, native_id=native_id)
        if end == "lost":
            self.say("client-c", events.Lost, native_id=native_id, reason="host restarted")
        else:
            writer = log if self.draw(st.booleans()) else f"script-{self.runs}"
            self.say(writer, events.Stopped, native_id=native_id, why=end, message="", done=done, failed=failed)
        return done, failed, end


@st.composite
def stories(draw: Callable[..., Any]) -> list[tuple[str, Event]]:
    """Draw what the writers of one job said: clients, attempts and their scripts, one run after another."""
    story = Story(draw)
    story.say("client-a", events.Created, total=TOTAL)
    done = failed = 0
    end = ""
    for _ in range(draw(st.integers(0, 4))):
        client = draw(st.sampled_from(["client-a", "client-b"]))
        if end == "continues":
            client = f"script-{story.runs}"
        if end == "complete" and not failed:
            break
        if end == "complete":  # a retry runs the failed items again
            failed = 0
        done, failed, end = story.attempt(client, done, failed)
        if end == "complete":
            story.say(f"attempt-{story.runs:04}", events.Merged, rows=done, errors=failed, seconds=0.1)
    return story.lines


def write(folder: Path, lines: list[tuple[str, Event]]) -> None:
    for file, event in lines:
        EventLog(folder / f"{file}.jsonl").append(event)


def told(found: list[Event]) -> JobStatus:
    return fold(found, now=5000.0)


@bounded(60)
@given(stories(), st.permutations(["client-a", "client-b", "client-c", "zz-client"]))
def test_the_status_does_not_depend_on_who_wrote_where(lines: list[tuple[str, Event]], names: list[str]) -> None:
    renamed = dict(zip(["client-a", "client-b", "client-c"], names, strict=False))
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        write(Path(one), lines)
        write(Path(other), [(renamed.get(file, file), event) for file, event in lines])
        found = events.read(Path(one))
        assert found == [event for _, event in lines]
        assert told(found) == told(events.read(Path(other)))


@bounded(60)
@given(stories(), st.data())
def test_who_reads_on_sees_what_one_sees_who_reads_all(lines: list[tuple[str, Event]], data: st.DataObject) -> None:
    journals = Journals()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, event in lines:
            path = folder / f"{file}.jsonl"
            before = path.stat().st_size if path.exists() else 0
            EventLog(path).append(event)
            text = path.read_bytes()
            cut = data.draw(st.integers(before, len(text)))
            path.write_bytes(text[:cut])  # a look while a line is half there, as over NFS
            torn = told(journals.read(folder))
            assert torn == told(events.read(folder))
            with path.open("ab") as rest:
                rest.write(text[cut:])
        assert told(journals.read(folder)) == told(events.read(folder)) == told([event for _, event in lines])


@bounded(80)
@given(stories())
def test_what_was_once_said_is_not_contradicted(lines: list[tuple[str, Event]]) -> None:
    story = [event for _, event in lines]
    last = told([])
    for size in range(1, len(story) + 1):
        now, event = told(story[:size]), story[size - 1]
        assert now.total == TOTAL
        assert 0 <= now.done + now.failed <= TOTAL
        assert now.notes[: len(last.notes)] == last.notes
        assert len(now.attempts) >= len(last.attempts)
        if last.state.final and last.state is not State.NEW and not isinstance(event, events.Submitted):
            assert (now.state, now.done, now.failed) == (last.state, last.done, last.failed)
        if not isinstance(event, events.Started):
            assert now.done >= last.done
        if now.state is State.COMPLETED:
            assert now.done + now.failed == TOTAL
            assert not now.running
        last = now


@bounded(40)
@given(stories(), st.data())
def test_any_part_of_what_was_written_can_be_told(lines: list[tuple[str, Event]], data: st.DataObject) -> None:
    """Files come late over NFS, one later than another: whatever is there by then makes a status and its words."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, lines)
        for path in folder.iterdir():
            text = path.read_bytes()
            path.write_bytes(text[: data.draw(st.integers(0, len(text)))])
        status = told(events.read(folder))
        assert status.total in (0, TOTAL)
        assert str(status)
        assert status._repr_html_()
