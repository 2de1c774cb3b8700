"""Whether a part of a job goes on in another run when one has ended: one rule, for rank 0 and for the script.

It speaks only of runs that were ended from outside or broke: by their walltime, a signal, a node that went. What a
person ended, or what cannot work, never goes on by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from jupyter_featx import events
from jupyter_featx.events import Event


@dataclass(frozen=True)
class Run:
    """One run of a part. `attempt` is 0 where rank 0 never began, `why` is its last word, or "" for none."""

    native_id: str
    attempt: int
    why: str = ""
    began: float = 0.0

    @property
    def over(self) -> bool:
        """Whether it ended for good: what comes after it, somebody asked for anew."""
        return self.why not in ("", "continues")


def chain(found: Iterable[Event], part: int) -> tuple[Run, ...]:
    """Return the runs of a part, oldest first, each of which went on with what the one before it left.

    A run that the scheduler requeued is another run under the same id.
    """
    runs: list[Run] = []
    parts: dict[str, int] = {}

    def add(run: Run) -> None:
        if runs and runs[-1].over:
            runs.clear()
        runs.append(run)

    for event in found:
        if isinstance(event, (events.Submitted, events.Started)):
            parts[event.native_id] = event.part
        if parts.get(getattr(event, "native_id", "")) != part:
            continue
        if isinstance(event, events.Started):
            add(Run(event.native_id, event.attempt, began=event.time))
        elif isinstance(event, (events.Stopped, events.Lost)):
            why = event.why if isinstance(event, events.Stopped) else "lost"
            again = bool(runs) and runs[-1].why == why == "continues"  # requeued, and rank 0 did not begin this time
            if not runs or runs[-1].native_id != event.native_id or again:
                add(Run(event.native_id, 0, why, event.time))
            elif why != "lost" or not runs[-1].why:  # a scheduler's "gone" is no news of a run that said its last
                runs[-1] = replace(runs[-1], why=why)
    return tuple(runs)


def objection(runs: Sequence[Run], max_attempts: int, wrote: Callable[[int], bool]) -> str:
    """Return why the part does not go on after the last of these runs; "" when it does.

    `wrote(attempt)` tells whether an attempt finished any item.
    """
    if len(runs) == 1 and not runs[0].attempt:
        return "no rank began to work"
    if len(runs) >= max_attempts:
        return "it was the last of max_attempts=1 run" if max_attempts == 1 else f"max_attempts={max_attempts} are over"
    if len(runs) >= 2 and not any(run.attempt and wrote(run.attempt) for run in runs[-2:]):
        return "this run and the one before it finished nothing"
    return ""


def was_cancelled(found: Iterable[Event], native_id: str) -> bool:
    """Tell whether a user asked for the end of this run."""
    return any(isinstance(event, events.CancelAsked) and event.native_id == native_id for event in found)


def ending(why: str, message: str, against: str | None) -> tuple[str, str]:
    """Return the last word of a run that was ended from outside, and the reason for the user.

    `why` is walltime, interrupted or fault; `against` is the objection, "" for none, None where nothing continues runs.
    """
    if against == "":
        return "continues", f"{message} The job goes on in a new run."
    if against is None and why == "interrupted":
        return "cancelled", "cancelled"
    if against:
        message = f"{message} It does not go on by itself: {against}."
    longer = ", with a longer --walltime where one item takes longer than this one" if why == "walltime" else ""
    hint = f"Type '%featx retry' to go on{longer if against else ''}."
    return "walltime" if why == "walltime" else "error", f"{message} {hint}"
