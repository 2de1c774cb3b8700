"""Measures what a job costs beyond Slurm itself, on the four-node cluster that the tests run on this machine.

    python -m benchmarks.bench_slurm [ROUNDS [ITEMS [SECONDS]]]

*First row*: from the moment that sbatch took the job until its first row is in the shard, less the same for a bare
script that starts one rank of mpi4py on each of the same nodes and prints a word; by turns, medians. *RPCs*: what the
controller counted of the user (`sdiag`) while a job ran and `featx wait` followed it.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.figures import Figure, show
from benchmarks.fresh import ROOT

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "cluster")]  # the cluster is the tests' own

from scientist import Scientist, Submitted
from testbed import Testbed

from jupyter_featx import events

ROUNDS, ITEMS, SECONDS = 5, 10_000, 100.0
ROW_GOAL_SECONDS, RPC_GOAL = 1.0, 1.0
_PATIENCE = 600.0
_TEMPLATE = "import time\ndef _process_input(path):\n    time.sleep({seconds})\n    return {{'n': 1}}\n"
_BARE = """\
#!/bin/bash
#SBATCH --nodes=4 --ntasks={cores} --output={out} --open-mode=append
{setup}
unset SLURM_NTASKS SLURM_NPROCS SLURM_NTASKS_PER_NODE SLURM_DISTRIBUTION
srun --mpi=pmix --nodes=4 --ntasks=4 --ntasks-per-node=1 --cpu-bind=none {python} -c '
from mpi4py import MPI
import time
print("spoke", time.time(), flush=True)'
"""


def figures(rounds: int = ROUNDS, items: int = ITEMS, seconds: float = SECONDS) -> Iterator[Figure]:
    """Yield the time to the first row for 4 and for 16 cores, and the RPCs of a long job."""
    subprocess.run([ROOT / ".ci" / "testbed", "start"], check=True, stdout=subprocess.DEVNULL)
    scientist = Scientist(Testbed(), "bench", config="")
    try:
        for cores in ("4x1", "4x4"):
            pairs = [(_first_row(scientist, cores), _bare(scientist, cores)) for _ in range(rounds)]
            beyond = [ours - bare for ours, bare in pairs]
            name = f"first row on {cores} cores beyond a bare srun ({min(beyond):.2g} to {max(beyond):.2g})"
            yield Figure.of(name, statistics.median(beyond), "s", ROW_GOAL_SECONDS)
            yield Figure.of("    sbatch to the first row", statistics.median(ours for ours, _ in pairs), "s")
        count, took = _rpcs(scientist, items, seconds)
        name = f"RPCs to the controller in 10 s, a job of {items:,} items ({took:.0f} s)"
        yield Figure.of(name, count * 10 / took, "", RPC_GOAL)
    finally:
        scientist.leave()


def _first_row(scientist: Scientist, cores: str) -> float:
    job = _submit(scientist, cores, 200, 0.05)
    _wait(lambda: _shards(job))
    row = min(path.stat().st_mtime for path in _shards(job))
    job.until_merged()
    return row - _submitted(job)


def _shards(job: Submitted) -> list[Path]:
    shards = (job.path / "shards").glob("a*-r????.jsonl")
    return [path for path in shards if path.stat().st_size]


def _submit(scientist: Scientist, cores: str, items: int, seconds: float) -> Submitted:
    return scientist.submit(_TEMPLATE.format(seconds=seconds), scientist.numbers(items), "--cores", cores)


def _submitted(job: Submitted) -> float:
    return next(event.time for event in job.events() if isinstance(event, events.Submitted))


def _bare(scientist: Scientist, cores: str) -> float:
    ranks, each = map(int, cores.split("x"))
    out = scientist.folder / f"bare-{time.monotonic_ns()}.txt"
    setup = 'export OMPI_MCA_btl="${OMPI_MCA_btl:-self,tcp}"'  # four nodes on one machine: no shared memory
    text = _BARE.format(cores=ranks * each, out=out, setup=setup, python=scientist.python)
    script = scientist.write("bare.sh", text)
    scientist.run("sbatch", script)
    submitted = time.time()
    _wait(lambda: out.exists() and "spoke" in out.read_text())
    spoke = min(float(found) for found in re.findall(r"spoke ([\d.]+)", out.read_text()))
    _wait(lambda: out.read_text().count("spoke") == ranks)
    return spoke - submitted


def _rpcs(scientist: Scientist, items: int, seconds: float) -> tuple[int, float]:
    """Return how often the user's processes asked the controller while a job ran, and how long that was."""
    job = _submit(scientist, "4x4", items, seconds * 8 / items)
    job.until_started(1)
    before, begun = _asked(scientist), time.monotonic()
    scientist.featx("wait", job.job_id)
    return _asked(scientist) - before, time.monotonic() - begun


def _asked(scientist: Scientist) -> int:
    """Return the RPCs that the controller counted of the user."""
    lines = scientist.testbed.slurm("sdiag").splitlines()
    found = [re.search(r"count:(\d+)", line) for line in lines if re.match(rf"\s*{scientist.user}\s*\(", line)]
    return sum(int(match[1]) for match in found if match)


def _wait(fact: Callable[[], object]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not fact():
        if time.monotonic() > deadline:
            raise TimeoutError("the cluster did not do it in ten minutes")
        time.sleep(0.005)


def main() -> None:
    """Print the table."""
    rounds, items, seconds = (*map(float, sys.argv[1:]), *(ROUNDS, ITEMS, SECONDS)[len(sys.argv) - 1 :])
    show(figures(int(rounds), int(items), seconds))


if __name__ == "__main__":
    main()
