"""The status is a fold over the events."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_featx.events import (
    Begun,
    CancelAsked,
    Created,
    Event,
    Lost,
    Merged,
    Noted,
    Progress,
    Rejected,
    Started,
    Stopped,
    Submitted,
    Unreachable,
    Waiting,
)
from jupyter_featx.state import JobStatus, State, fold


def created(total: int = 10) -> Created:
    return Created(time=1, total=total)


def submitted(time: float = 2, native_id: str = "a", cores: int = 4) -> Submitted:
    return Submitted(time=time, native_id=native_id, cores=cores)


def started(time: float = 3, native_id: str = "a", attempt: int = 1, done: int = 0, failed: int = 0) -> Started:
    return Started(
        time=time,
        native_id=native_id,
        attempt=attempt,
        host="vm",
        ranks=1,
        workers=4,
        pending=10 - done,
        done=done,
        failed=failed,
    )


def progress(time: float, done: int, failed: int = 0, native_id: str = "a", rate: float = 2.0) -> Progress:
    return Progress(time=time, native_id=native_id, done=done, failed=failed, running=2, rate=rate)


def stopped(
    time: float, why: str = "complete", done: int = 10, failed: int = 0, native_id: str = "a", message: str = ""
) -> Stopped:
    return Stopped(time=time, native_id=native_id, why=why, message=message, done=done, failed=failed)


def test_a_job_goes_from_new_to_completed() -> None:
    story: list[Event] = [
        created(),
        submitted(),
        started(),
        progress(4, 5),
        stopped(5),
        Merged(time=6, rows=10, errors=0, seconds=1),
    ]
    states = [str(fold(story[: n + 1]).state) for n in range(len(story))]
    assert states == ["new", "queued", "running", "running", "completed", "completed"]


def test_an_id_that_a_scheduler_gives_again_after_a_crash_is_another_run() -> None:
    story = [created(3), submitted(1, "193"), Lost(time=2, native_id="193", reason="Slurm no longer knows job 193")]
    again = fold([*story, submitted(3, "193")])
    assert (again.state, len(again.attempts)) == (State.QUEUED, 2)
    running = fold([*story, submitted(3, "193"), started(4, "193")])
    assert (running.state, len(running.attempts)) == (State.RUNNING, 2)


def test_nothing_is_a_new_job() -> None:
    assert fold([], now=0) == JobStatus()


def test_the_status_says_what_there_is_to_say() -> None:
    status = fold([created(), submitted(), started(), progress(5, 4, 1, rate=2.5)], now=13)
    assert (status.total, status.done, status.failed, status.running, status.remaining) == (10, 4, 1, 2, 5)
    assert (status.items_per_second, status.eta_seconds, status.seconds) == (2.5, 2.0, 10)
    assert status.attempts[0].host == "vm"


def test_no_rate_gives_no_time_to_go() -> None:
    assert fold([created(), submitted(), started()]).eta_seconds is None
    assert fold([created(), submitted(), started(), progress(5, 4, 1, rate=5e-324)]).eta_seconds is None


@pytest.mark.parametrize("at", range(1, 6))
def test_a_clock_that_is_set_back_changes_no_state(at: int) -> None:
    story: list[Event] = [
        created(),
        submitted(),
        started(),
        progress(4, 5),
        Merged(time=5, rows=10, errors=0, seconds=1),
    ]
    story.append(stopped(6))
    back = [replace(event, time=event.time - 100) if n >= at else event for n, event in enumerate(story)]
    status = fold(back, now=9)
    assert (status.state, status.done, status.merged_rows) == (State.COMPLETED, 10, 10)
    assert status.seconds >= 0


def test_a_merge_that_misses_items_says_so_and_counts_what_there_is() -> None:
    merged = Merged(time=4, rows=7, errors=2, seconds=1, unreadable=1)
    status = fold([created(), submitted(), started(), merged, stopped(5, done=8, failed=2)])
    assert (status.state, status.done, status.failed, status.missing, status.remaining) == (State.COMPLETED, 7, 2, 1, 1)
    assert "1 item has no row" in status.reason
    assert "%featx retry" in status.reason
    again: list[Event] = [created(), submitted(), started(), merged, stopped(5), submitted(6, "b"), started(7, "b", 2)]
    assert "no row" not in fold(again).reason
    mended = fold([*again, Merged(time=8, rows=8, errors=2, seconds=1), stopped(9, done=8, failed=2, native_id="b")])
    assert (mended.missing, mended.reason, mended.done) == (0, "", 8)


@pytest.mark.parametrize("late", [2.5, 3.5, 4.5, 99])
def test_submitted_may_come_after_the_first_words_of_the_run(late: float) -> None:
    story: list[Event] = [created(), started(), progress(4, 5)]
    running = fold([*story, submitted(late, cores=7)])
    assert (running.state, len(running.attempts), running.attempts[0].cores) == (State.RUNNING, 1, 7)
    ended = fold([*story, stopped(5), submitted(late)])
    assert (ended.state, len(ended.attempts)) == (State.COMPLETED, 1)


@pytest.mark.parametrize(
    ("why", "state"),
    [
        ("complete", State.COMPLETED),
        ("cancelled", State.CANCELLED),
        ("guard", State.FAILED),
        ("walltime", State.FAILED),
        ("error", State.FAILED),
        ("a word of a newer version", State.FAILED),
    ],
)
def test_why_it_stopped_is_the_state(why: str, state: State) -> None:
    status = fold([created(), submitted(), started(), stopped(5, why, 3, 2, message="said so")])
    assert (status.state, status.reason, status.done, status.failed) == (state, "said so", 3, 2)
    assert status.state.final
    assert status.running == 0


def test_a_run_lost_after_its_last_word_is_no_news() -> None:
    status = fold([created(), submitted(), started(), stopped(5), Lost(time=6, native_id="a", reason="gone")])
    assert (status.state, status.reason) == (State.COMPLETED, "")


def test_a_lost_run_failed_with_the_reason_kept() -> None:
    lost = Lost(time=6, native_id="a", reason="host restarted")
    status = fold([created(), submitted(), started(), progress(5, 4), lost, replace_time(lost, 7)])
    assert (status.state, status.reason, status.done, status.running) == (State.FAILED, "host restarted", 4, 0)


def replace_time(lost: Lost, time: float) -> Lost:
    return Lost(time=time, native_id=lost.native_id, reason="another " + lost.reason)


def test_a_run_lost_after_a_cancel_was_cancelled() -> None:
    asked, lost = CancelAsked(time=5, native_id="a"), Lost(time=6, native_id="a", reason="gone")
    assert fold([created(), submitted(), started(), asked]).state is State.RUNNING
    assert fold([created(), submitted(), started(), asked, lost]).state is State.CANCELLED


def test_what_breaks_while_a_run_is_cancelled_is_no_failure() -> None:
    story: list[Event] = [created(), submitted(), started(), CancelAsked(time=5, native_id="a")]
    broken = fold([*story, stopped(6, "error", 3, message="the workers are gone")])
    assert (broken.state, broken.reason) == (State.CANCELLED, "cancelled")
    assert fold([*story, stopped(6)]).state is State.COMPLETED


def test_a_lost_run_that_nobody_knows_changes_nothing() -> None:
    assert fold([created(), Lost(time=6, native_id="z", reason="gone")]).state is State.NEW


def test_a_run_given_up_too_soon_still_counts_what_it_finishes() -> None:
    lost = Lost(time=4, native_id="a", reason="gone")
    status = fold([created(), submitted(), started(), lost, progress(5, 6)])
    assert (status.state, status.done, status.running) == (State.FAILED, 6, 0)


def test_a_refused_job_failed() -> None:
    status = fold([created(), Rejected(time=2, reason="queue full")])
    assert (status.state, status.reason) == (State.FAILED, "queue full")


def test_a_refused_retry_does_not_make_a_completed_job_a_failed_one() -> None:
    status = fold([created(), submitted(), started(), stopped(5), Rejected(time=6, reason="queue full")])
    assert (status.state, status.reason) == (State.COMPLETED, "")


def test_a_retry_is_a_second_attempt_and_the_job_is_where_it_is() -> None:
    first: list[Event] = [created(), submitted(), started(), stopped(5, done=8, failed=2)]
    again = [*first, submitted(6, "b")]
    assert fold(again).state is State.QUEUED
    running = fold([*again, started(7, "b", 2, done=8)], now=9)
    assert (running.state, running.done, running.failed, len(running.attempts)) == (State.RUNNING, 8, 0, 2)
    assert running.seconds == 2 + 2
    done = fold([*again, started(7, "b", 2, done=8), stopped(8, native_id="b")])
    assert (done.state, done.done, done.failed) == (State.COMPLETED, 10, 0)


def test_an_old_run_does_not_speak_for_the_new_one() -> None:
    first: list[Event] = [created(), submitted(), started(), Lost(time=5, native_id="a", reason="gone")]
    status = fold([*first, submitted(6, "b"), Lost(time=7, native_id="a", reason="still gone")])
    assert (status.state, status.reason) == (State.QUEUED, "")


@pytest.mark.parametrize("last_words", [[], [stopped(5, "cancelled", 4)]])
def test_a_requeued_run_is_a_new_attempt_under_the_same_id(last_words: list[Event]) -> None:
    first: list[Event] = [created(), submitted(), started(), progress(4, 4), *last_words]
    status = fold([*first, started(20, "a", 2, done=4)])
    assert (status.state, status.reason, status.done) == (State.RUNNING, "", 4)
    assert [a.state.final for a in status.attempts] == [True, False]
    assert [a.number for a in status.attempts] == [1, 2]
    assert fold([*first, started(20, "a", 2, done=4), stopped(30)]).state is State.COMPLETED


def test_what_was_merged_is_of_the_latest_attempt() -> None:
    first: list[Event] = [created(), submitted(), started(), Merged(time=4, rows=8, errors=2, seconds=1), stopped(5)]
    assert fold(first).merged_rows == 8
    assert fold([*first, submitted(6, "b"), started(7, "b", 2)]).merged_rows is None


def test_an_unknown_event_changes_nothing() -> None:
    assert fold([created(), Event(time=5)]).state is State.NEW


def test_a_state_is_its_word() -> None:
    assert [str(state) for state in State] == ["new", "queued", "running", "completed", "failed", "cancelled"]
    assert [state.value for state in State if state.final] == ["completed", "failed", "cancelled"]


# -- several runs that share a dataset, and runs that go on ------------------------------------------------------------


def shared(parts: int = 3) -> list[Event]:
    """A job of 9 items in three parts, each submitted."""
    return [
        created(9),
        *(Submitted(time=2, native_id=str(part), cores=4, part=part, parts=parts) for part in range(parts)),
    ]


def begun(part: int, done: int = 0, time: float = 3, native_id: str = "", attempt: int = 0) -> Started:
    plain = started(time, native_id or str(part), attempt or part + 1, done)
    return replace(plain, part=part, parts=3)


def test_a_job_runs_while_one_of_its_parts_does_and_counts_them_all() -> None:
    story = [*shared(), begun(0), progress(4, 2, native_id="0")]
    assert fold(story).state is State.RUNNING
    story += [begun(2), progress(5, 1, 1, native_id="2")]
    status = fold(story)
    assert (status.state, status.done, status.failed, status.running) == (State.RUNNING, 3, 1, 4)
    assert status.items_per_second == 4.0


def test_a_job_has_completed_when_all_its_parts_have() -> None:
    story = [*shared(), *(begun(part) for part in range(3))]
    for part in range(3):
        assert fold(story).state is State.RUNNING
        story.append(stopped(6 + part, done=3, native_id=str(part)))
    assert (fold(story).state, fold(story).done) == (State.COMPLETED, 9)


def test_a_part_that_failed_shows_when_the_others_have_ended() -> None:
    story = [*shared(), *(begun(part) for part in range(3)), stopped(5, "error", 1, native_id="1", message="no disk")]
    assert fold(story).state is State.RUNNING
    story += [stopped(6, done=3, native_id="0"), stopped(7, done=3, native_id="2")]
    assert (fold(story).state, fold(story).reason, fold(story).done) == (State.FAILED, "no disk", 7)
    story += [Submitted(time=8, native_id="9", cores=4, part=1, parts=3), begun(1, 1, 9, "9", 4)]
    assert (fold(story).state, fold(story).done) == (State.RUNNING, 7)
    assert fold([*story, stopped(10, done=3, native_id="9")]).state is State.COMPLETED


def test_a_run_that_continues_is_not_the_end_and_the_next_one_takes_its_place() -> None:
    story = [created(), submitted(), started(), stopped(5, "continues", 6, message="The walltime is over.")]
    status = fold(story)
    assert (status.state, status.reason, status.done) == (State.QUEUED, "The walltime is over.", 6)
    story.append(submitted(6, "b"))
    status = fold(story)
    assert (status.state, status.done) == (State.QUEUED, 6)
    assert [attempt.state for attempt in status.attempts] == [State.FAILED, State.QUEUED]
    status = fold([*story, started(7, "b", 2, 6), stopped(8, done=10, native_id="b")])
    assert (status.state, status.done, status.seconds) == (State.COMPLETED, 10, 3)


def test_what_a_scheduler_says_of_a_run_that_waits_is_shown_and_goes_when_it_runs() -> None:
    waits = Waiting(time=3, native_id="a", reason="Priority", words="others go first", expected_start=99.0)
    status = fold([created(), submitted(), waits])
    assert (status.state, status.reason) == (State.QUEUED, "Priority")
    assert (status.current[0].words, status.current[0].expected_start) == ("others go first", 99.0)
    status = fold([created(), submitted(), waits, Begun(time=4, native_id="a", words="starting")])
    assert (status.reason, status.current[0].words) == ("starting", "starting")
    status = fold([created(), submitted(), waits, started(5)])
    assert (status.state, status.current[0].words) == (State.RUNNING, "")
    again = fold([created(), submitted(), started(), progress(4, 5), waits])  # requeued: it waits once more
    assert (again.state, again.reason, again.done, again.running) == (State.QUEUED, "Priority", 5, 0)
    assert fold([created(), submitted(), started(), stopped(5), waits]).state is State.COMPLETED


def test_a_scheduler_that_does_not_answer_changes_no_state() -> None:
    silent = Unreachable(time=5, native_id="a", since=4.0, message="slurmctld does not answer")
    status = fold([created(), submitted(), started(), progress(4, 5), silent])
    assert (status.state, status.done, status.unknown_since) == (State.RUNNING, 5, 4.0)
    ended = fold([created(), submitted(), started(), silent, stopped(6)])
    assert (ended.state, ended.unknown_since) == (State.COMPLETED, None)


def test_notes_are_kept_once() -> None:
    note = Noted(time=4, native_id="a", message="numpy differs")
    assert fold([created(), submitted(), started(), note, note]).notes == ("numpy differs",)


def test_a_run_that_the_scheduler_says_was_cancelled_is_cancelled() -> None:
    lost = Lost(time=5, native_id="a", reason="CANCELLED by kim", state="CANCELLED")
    status = fold([created(), submitted(), started(), lost])
    assert (status.state, status.reason) == (State.CANCELLED, "CANCELLED by kim")


def test_a_job_has_not_completed_while_a_part_was_never_submitted() -> None:
    story = [created(9), Submitted(time=2, native_id="0", cores=4, part=0, parts=3), begun(0)]
    status = fold([*story, stopped(5, done=3, native_id="0")])
    assert (status.state, status.done) == (State.FAILED, 3)
    assert "2 of 3 parts" in status.reason
