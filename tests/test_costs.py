"""What runs cost: the scheduler's accounting before the job's own events."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from realjobs import make_spec

from jupyter_featx.costs import run_costs
from jupyter_featx.errors import SchedulerError
from jupyter_featx.manager import Manager
from jupyter_featx.schedulers.memory import MemoryScheduler
from jupyter_featx.spec import ResourceSpec
from jupyter_featx.state import Attempt, JobStatus, State

RUNS = (
    Attempt("7", State.FAILED, 0.0, 8, started=100.0, ended=1900.0, workers=8, number=1),
    Attempt("8", State.QUEUED, 2000.0, 8),
)
STATUS = JobStatus("iris-3f9a", "iris", State.QUEUED, attempts=RUNS, now=3000.0)
SPEC = make_spec(scheduler="memory", resources=ResourceSpec(cores=8, threads=2))


@dataclass(frozen=True)
class Accounted:
    native_id: str
    core_hours: float = 9.0
    peak_memory_mb: float | None = 512.0
    cpu_efficiency: float | None = 0.75


class Accounting(MemoryScheduler):
    """A scheduler that knows what the first run cost."""

    asked = 0

    def usage(self, native_ids: Collection[str]) -> list[Accounted]:
        self.asked += 1
        return [Accounted("7")]


class Broken(MemoryScheduler):
    def usage(self, native_ids: Collection[str]) -> list[Accounted]:
        raise SchedulerError("slurmdbd is away")


def test_without_accounting_the_events_say_how_long_the_cores_were_held(tmp_path: Path) -> None:
    for scheduler in (MemoryScheduler(), Broken()):
        first, second = run_costs(Manager(tmp_path, {"memory": scheduler}), SPEC, STATUS)
        assert (first.seconds, first.core_hours, first.peak_memory_mb) == (1800.0, 8.0, None)
        assert (second.seconds, second.core_hours, second.accounting) == (0.0, 0.0, False)


def test_the_accounting_is_asked_once_and_believed_where_it_knows(tmp_path: Path) -> None:
    scheduler = Accounting()
    first, second = run_costs(Manager(tmp_path, {"memory": scheduler}), SPEC, STATUS)
    assert (first.core_hours, first.peak_memory_mb, first.cpu_efficiency, first.accounting) == (9.0, 512.0, 0.75, True)
    assert not second.accounting
    assert scheduler.asked == 1
