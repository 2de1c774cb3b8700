"""The status of a job, drawn."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from outline import HOSTILE, Outline

from jupyter_featx.cards.job import status_html, status_line, status_text, unfinished_note
from jupyter_featx.state import Attempt, JobStatus, State


def status(state: State = State.RUNNING, **changes: object) -> JobStatus:
    attempt = Attempt("n/1", state, 1000.0, 500, started=1010.0, host="node7", ended=4910.0 if state.final else None)
    values = {"total": 384_000, "done": 310_000, "failed": 2, "attempts": (attempt,), "now": 4910.0}
    if state is State.RUNNING:
        values |= {"running": 500, "items_per_second": 123.4}
    return JobStatus("zeolites-3f9a", "zeolites", state, **(values | changes))


@pytest.mark.parametrize("draw", [status_text, lambda s: Outline(status_html(s)).text])
def test_it_says_where_the_job_is(draw):
    text = draw(status())
    for said in (
        "running",
        "zeolites-3f9a",
        "310,000 of 384,000 done, 2 failed, 500 running",
        "123 items/s",
        "10 m 00 s left",
        "1 h 05 m on 500 cores of node7",
        "%featx errors zeolites-3f9a",
        "%featx cancel zeolites-3f9a",
    ):
        assert said in text


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("counts", [(0, 0, 0), (10, 0, 0), (10, 10, 0), (10, 0, 10), (10, 9, 1), (10, 99, 99)])
def test_every_state_can_be_drawn(state, counts):
    total, done, failed = counts
    drawn = status(state, total=total, done=done, failed=failed)
    assert str(state) in Outline(status_html(drawn)).text
    assert 1 <= len(status_text(drawn).splitlines()) <= 4
    widths = [float(width) for width in re.findall(r"float:left;height:100%;width:([\d.]+)%", status_html(drawn))]
    assert sum(widths) <= 101


def test_an_empty_status_can_be_drawn():
    Outline(status_html(JobStatus()))
    assert "new" in status_text(JobStatus())


@pytest.mark.parametrize(
    ("state", "failed", "verbs"),
    [
        (State.QUEUED, 0, ["wait", "cancel"]),
        (State.RUNNING, 3, ["errors", "wait", "cancel"]),
        (State.COMPLETED, 0, ["result"]),
        (State.COMPLETED, 3, ["errors", "retry", "result"]),
        (State.FAILED, 0, ["log", "retry"]),
        (State.CANCELLED, 0, ["retry"]),
    ],
)
def test_it_says_what_to_type_next(state, failed, verbs):
    drawn = status(state, failed=failed)
    assert re.findall(r"featx (\w+) zeolites-3f9a", status_text(drawn, "featx")) == verbs
    assert re.findall(r"%featx (\w+) zeolites-3f9a", Outline(status_html(drawn)).text) == verbs


def test_a_reason_is_shown_as_the_scheduler_said_it():
    drawn = status(State.FAILED, reason="host restarted")
    assert "host restarted" in status_text(drawn)
    assert "host restarted" in Outline(status_html(drawn)).text


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_harmless_and_short(text):
    attempt = Attempt("n", State.FAILED, 0.0, 2, started=0.0, host=text, ended=9.0)
    drawn = JobStatus(text, text, State.FAILED, text, 10, 5, 1, attempts=(attempt,), now=9.0)
    html = status_html(drawn)
    assert len(html) < 12_000
    outline = Outline(html)
    assert outline.tags <= {"div", "span", "bdi", "code"}
    assert outline.attributes <= {
        "style",
        "role",
        "aria-label",
        "aria-valuemin",
        "aria-valuemax",
        "aria-valuenow",
    }
    for plain in (*status_text(drawn).splitlines(), status_line(drawn)):
        assert plain.isprintable()
        assert len(plain) < 600
    html.encode()


def test_a_theme_may_choose_the_colours():
    html = status_html(status())
    assert re.search(r"var\(--jp-layout-color1, .*#ffffff\)", html)
    colours = re.sub(r"var\([^()]*(\([^()]*\)[^()]*)*\)", "", html)
    assert not re.search(r"#[0-9a-f]{3,6}\b", colours)


def test_a_failure_in_a_million_is_seen():
    drawn = status(State.COMPLETED, total=1_000_000, done=999_999, failed=1)
    assert "▒" in status_text(drawn)
    assert "var(--jp-error-color1" in status_html(drawn)


def test_drawing_needs_no_ipython_and_no_state():
    code = (
        "import sys, jupyter_featx.cards.job, jupyter_featx.cards.preflight; "
        "assert not {'IPython', 'pandas', 'jupyter_featx.state'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_table_that_misses_items_is_said_with_what_to_type():
    drawn = status(State.COMPLETED, total=10, done=9, failed=0, missing=1, reason="1 item has no row any more")
    assert re.findall(r"featx (\w+) zeolites-3f9a", status_text(drawn, "featx")) == ["retry", "result"]
    assert "no row any more" in unfinished_note(drawn)
    assert unfinished_note(status(State.COMPLETED, done=384_000, failed=0)) == ""


@pytest.mark.parametrize("draw", [status_text, lambda s: Outline(status_html(s)).text])
def test_it_says_why_a_job_waits_and_since_when_nothing_is_known(draw):
    waiting = Attempt("7", State.QUEUED, 1000.0, 8, reason="Priority", words="others go first", expected_start=90_000.0)
    queued = status(State.QUEUED, attempts=(waiting,), reason="Priority")
    assert "Priority: others go first; it is expected to start at" in draw(queued)
    silent = Attempt("7", State.RUNNING, 1000.0, 8, started=1.0, reason="no answer", unknown_since=2000.0)
    assert "unknown since" in draw(status(attempts=(silent,), reason="no answer"))


@pytest.mark.parametrize("draw", [status_text, lambda s: Outline(status_html(s)).text])
def test_it_shows_runs_that_share_a_dataset_as_one_job(draw):
    runs = [Attempt(str(part), State.QUEUED, 1000.0, 8, part=part, parts=3) for part in range(3)]
    assert "3 runs of 8 cores, 0 begun" in draw(status(State.QUEUED, attempts=tuple(runs)))


@pytest.mark.parametrize("draw", [status_text, lambda s: Outline(status_html(s)).text])
def test_it_shows_the_latest_notes_and_nothing_hostile_in_them(draw):
    text = draw(status(notes=("old", "one", "two", f"numpy differs {HOSTILE}")))
    assert "numpy differs" in text
    assert "old" not in text
