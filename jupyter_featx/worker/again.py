"""What the script asks when its ranks have ended: does this part of the job go on in another run, or is this the end?

    python -m jupyter_featx.worker.again JOB --part K --status N --reason TEXT     prints `again` or `end`
    python -m jupyter_featx.worker.again JOB --part K --submitted ID               the next run is in the queue
    python -m jupyter_featx.worker.again JOB --part K --failed TEXT                it could not be submitted

Where rank 0 said its last word, that decides. Where it did not (it was killed, or never began), this says it, in the
script's own file of events. A job folder that cannot be written is the end: the reason is then on standard error.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from jupyter_featx import events
from jupyter_featx.cards.wording import one_line
from jupyter_featx.errors import FeatxError
from jupyter_featx.events import Event
from jupyter_featx.jobdir import JobDir
from jupyter_featx.lastwords import known_cause, last_lines
from jupyter_featx.shards import FAILED, MISSING, OK, finished, wrote
from jupyter_featx.spec import JobSpec
from jupyter_featx.worker.herald import native_id
from jupyter_featx.worker.output import complain
from jupyter_featx.worker.parts import members
from jupyter_featx.worker.verdict import Run, chain, ending, objection, was_cancelled

_SLACK_SECONDS = 5.0  # between two machines' clocks
_REASON = 400  # characters


@dataclass(frozen=True)
class Ended:
    """A run whose ranks have ended; `status` is what the launcher gave back."""

    job: JobDir
    spec: JobSpec
    found: Sequence[Event]
    part: int
    native_id: str
    began: float = 0.0  # when the run began, where that is known: one of the same id before it is another
    status: int = 0
    reason: str = ""

    @cached_property
    def earlier(self) -> tuple[Run, ...]:
        """The runs that this one went on from."""
        runs = chain(self.found, self.part)
        return runs[:-1] if runs and self._is_own(runs[-1]) else () if runs and runs[-1].over else runs

    @cached_property
    def own(self) -> Run:
        runs = chain(self.found, self.part)
        return runs[-1] if runs and self._is_own(runs[-1]) else Run(self.native_id, 0)

    def _is_own(self, run: Run) -> bool:
        return run.native_id == self.native_id and run.began >= self.began - _SLACK_SECONDS

    @cached_property
    def cancelled(self) -> bool:
        """Whether somebody ended it on purpose: here, or by the scheduler's own command."""
        return self.reason.startswith("CANCELLED") or was_cancelled(self.found, self.native_id)

    @cached_property
    def counts(self) -> tuple[int, int, int]:
        """How many items of the part are done, failed and missing, by the rows on disk."""
        first = next((run.attempt for run in (*self.earlier, self.own) if run.attempt), 0)
        status = finished(self.job.shards, self.spec.total, retry_before=first)
        own = members(self.spec.job_id, self.spec.total, self.part, self.spec.resources.jobs)
        mine = bytes(map(status.__getitem__, own))
        return mine.count(OK), mine.count(FAILED), mine.count(MISSING)

    def last_word(self) -> tuple[str, str]:
        """Return what rank 0 should have said: (why, message)."""
        if self.cancelled:
            return "cancelled", "cancelled"
        if not self.counts[2]:
            return "complete", ""
        runs = (*self.earlier, self.own)
        against = objection(runs, self.spec.resources.max_attempts, lambda number: wrote(self.job.shards, number))
        return ending("fault", self._what_happened(), against)

    def _what_happened(self) -> str:
        reason = self.reason.strip().rstrip(".") or "The ranks ended without a word"
        cause = "" if self.own.attempt else known_cause(self.job, self.native_id)
        said = f"{cause} {one_line(reason, _REASON)} ({_how(self.status)}).".lstrip()
        lines = last_lines(self.job, self.native_id)
        return f"{said} The log ends: {' | '.join(lines)}." if lines else said


def main(arguments: list[str] | None = None) -> int:
    """Answer the script; return 0 also where the answer is `end`."""
    options = _parser().parse_args(arguments)
    asked = options.submitted is None and options.failed is None
    try:
        ended = _ended(options)
        if options.submitted is not None:
            _say_submitted(ended, options.submitted)
            if ended.cancelled:  # while it was being submitted, after the run before it had ended
                _say(ended, events.CancelAsked(native_id=options.submitted))
                print("cancel", flush=True)
        elif options.failed is not None:
            _say_stopped(
                ended, "error", f"{one_line(options.failed, _REASON).rstrip('.')}. Type '%featx retry' to go on."
            )
        else:
            print(answer(ended), flush=True)
    except (FeatxError, OSError) as exc:
        complain(f"{exc}. {options.reason}".strip())
        if asked:
            print("end", flush=True)
        return 0 if asked else 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m jupyter_featx.worker.again", description="After a run.")
    parser.add_argument("job", type=Path, help="the job folder")
    parser.add_argument("--part", type=int, default=0, help="which of the job's parts, counted from 0")
    parser.add_argument("--status", type=int, default=0, help="what the launcher of the ranks gave back")
    parser.add_argument("--reason", default="", help="what the script knows; CANCELLED… where the scheduler says so")
    parser.add_argument("--submitted", metavar="ID", help="the next run, which was submitted")
    parser.add_argument("--failed", metavar="TEXT", help="why the next run could not be submitted")
    return parser


def _ended(options: argparse.Namespace) -> Ended:
    job = JobDir(options.job)
    began = 0.0
    with suppress(ValueError):
        began = float(os.environ.get("SLURM_JOB_START_TIME", ""))
    found = events.read(job.events)
    return Ended(job, job.spec(), found, options.part, native_id(), began, options.status, options.reason)


def answer(ended: Ended) -> str:
    """Return `again` or `end`, and write down what rank 0 did not say. Raises OSError where that fails."""
    if ended.own.why == "continues" and not ended.cancelled:
        return "again"
    if ended.own.why not in ("", "continues"):
        return "end"
    if not any(isinstance(e, (events.Submitted, events.Started)) and _is(e, ended.native_id) for e in ended.found):
        _say_submitted(ended, ended.native_id)  # started by hand: nobody has told of it yet
    why, message = ended.last_word()
    _say_stopped(ended, why, message)
    return "again" if why == "continues" else "end"


def _is(event: events.Submitted | events.Started, native_id: str) -> bool:
    return event.native_id == native_id


def _say_submitted(ended: Ended, new: str) -> None:
    resources = ended.spec.resources
    _say(ended, events.Submitted(native_id=new, cores=resources.cores, part=ended.part, parts=resources.jobs))


def _say_stopped(ended: Ended, why: str, message: str) -> None:
    with suppress(OSError):
        ended.job.reserve(ended.own.attempt).unlink(missing_ok=True)  # room for a last word that rank 0 did not need
    done, failed, _ = ended.counts
    _say(ended, events.Stopped(native_id=ended.native_id, why=why, message=message, done=done, failed=failed))


def _say(ended: Ended, event: Event) -> None:
    ended.job.script_events(ended.native_id).append(events.after_known(event, ended.job.events))


def _how(status: int) -> str:
    if status <= 128:
        return f"status {status}"
    try:
        return f"killed by {signal.Signals(status - 128).name}"
    except ValueError:
        return f"status {status}"


if __name__ == "__main__":
    sys.exit(main())
