"""Runs that end before the job does: by the walltime, a signal, a rank that dies; and jobs of several parts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from engine import Run, descendants, make_job, read, run

from jupyter_featx import events
from jupyter_featx.jobdir import JobDir
from jupyter_featx.state import State
from jupyter_featx.worker.parts import members

MPIEXEC = str(Path(sys.executable).parent / "mpiexec")
FOUR = (MPIEXEC, "-n", "4")
GOING_ON = {"FEATX_CONTINUES": "1"}
SLEEPS = "import time\ndef _process_input(p):\n    time.sleep({0})\n    return {{'n': 1}}\n"


def ends_in(seconds: float) -> dict[str, str]:
    return GOING_ON | {"FEATX_ENDS_AT": str(time.time() + seconds)}


def last(job: JobDir) -> events.Stopped:
    return [event for event in events.read(job.events) if isinstance(event, events.Stopped)][-1]


def once(ended: Run) -> list[int]:
    assert all(len(rows) == 1 for rows in ended.rows.values())
    return sorted(ended.rows)


# -- walltime ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("launcher", [(), FOUR], ids=["one rank", "four ranks"])
def test_a_job_goes_on_from_walltime_to_walltime_until_it_is_complete(
    tmp_path: Path, launcher: tuple[str, ...]
) -> None:
    job = make_job(tmp_path, SLEEPS.format(0.3), 150, cores=4)
    words = []
    for _ in range(12):
        run(job, launcher=launcher, environment=ends_in(8))
        words.append(last(job).why)
        if words[-1] != "continues":
            break
    assert words == ["continues"] * (len(words) - 1) + ["complete"]
    assert len(words) > 1
    ended = read(job)
    assert once(ended) == list(range(150))
    assert (ended.status.done, ended.status.state) == (150, State.COMPLETED)


def test_items_that_would_not_finish_are_not_begun(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    template = f"""
    import os, time
    def _process_input(path):
        with open({str(begun)!r}, "a") as file:
            file.write(path + "\\n")
        time.sleep(1)
        return {{"n": 1}}
    """
    job = make_job(tmp_path, template, 100)
    ended = run(job, environment=ends_in(9.5))
    # Of items of a second none is begun in the last one, so that none is cut; nor does the run wait for its end.
    assert len(begun.read_text().split()) == len(ended.rows) > 2
    assert (
        last(job).message
        == f"The walltime is over with {100 - len(ended.rows)} items left. The job goes on in a new run."
    )
    assert ended.status.state is State.QUEUED


def test_items_longer_than_the_walltime_end_the_job_after_two_runs(tmp_path: Path) -> None:
    job = make_job(tmp_path, SLEEPS.format(60), 4)
    run(job, environment=ends_in(2))
    assert last(job).why == "continues"
    ended = run(job, environment=ends_in(2))
    assert last(job).why == "walltime"
    assert ended.status.state is State.FAILED
    assert "finished nothing. Type '%featx retry' to go on, with a longer --walltime" in ended.status.reason
    assert run(job, environment=ends_in(2)).status.state is State.QUEUED  # asked anew, it has two runs again


def test_a_run_comes_after_one_whose_clock_was_a_day_ahead(tmp_path: Path) -> None:
    job = make_job(tmp_path, SLEEPS.format(0), 5)
    log, ahead = job.event_log("script-8"), time.time() + 86400
    log.append(events.Submitted(time=ahead, native_id="8", cores=2))
    log.append(events.Stopped(time=ahead, native_id="8", why="continues", message="", done=0, failed=0))
    log.append(events.Submitted(time=ahead, native_id="9", cores=2))
    ended = run(job, environment=GOING_ON | {"FEATX_NATIVE_ID": "9"})
    assert ended.status.state is State.COMPLETED
    assert [attempt.native_id for attempt in ended.status.attempts] == ["8", "9"]
    assert events.read(job.events)[-1] == last(job)


def test_max_attempts_bound_the_runs(tmp_path: Path) -> None:
    job = make_job(tmp_path, SLEEPS.format(0.1), 500, resources={"max_attempts": 2})
    assert run(job, environment=ends_in(3)).status.state is State.QUEUED
    ended = run(job, environment=ends_in(3))
    assert ended.status.state is State.FAILED
    assert "max_attempts=2 are over. Type '%featx retry'" in ended.status.reason


def test_a_signal_before_the_end_lets_items_finish_and_the_job_go_on(tmp_path: Path) -> None:
    job = make_job(tmp_path, SLEEPS.format(1.5), 100)
    process = begin(job, environment=GOING_ON)
    until(lambda: len(read(job).rows) >= 2)
    members_ = [process.pid, *descendants(process.pid)]
    for pid in members_:  # Slurm sends it to every process of the run
        os.kill(pid, signal.SIGUSR1)
    process.wait(30)
    ended = read(job)
    assert last(job).why == "continues"
    assert last(job).message.startswith("The scheduler announced the run's end with ")
    assert ended.failed == []
    assert 2 <= len(ended.rows) == ended.status.done < 10


# -- signals and deaths ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("asked", [False, True])
def test_a_run_that_the_scheduler_ends_goes_on_and_one_that_a_user_cancels_does_not(
    tmp_path: Path, number: int, asked: bool
) -> None:
    job = make_job(tmp_path, SLEEPS.format(0.05), 2000)
    process = begin(job, environment=GOING_ON | {"FEATX_NATIVE_ID": "71"})
    until(lambda: len(read(job).rows) > 5)
    if asked:
        job.event_log("client-2").append(events.CancelAsked(native_id="71"))
    process.send_signal(number)
    process.wait(20)
    ended = read(job)
    assert last(job).why == ("cancelled" if asked else "continues")
    assert ended.status.state is (State.CANCELLED if asked else State.QUEUED)
    assert ended.status.done == len(ended.rows)


def test_items_are_not_blamed_for_a_signal_that_ends_every_process_of_the_run(tmp_path: Path) -> None:
    job = make_job(tmp_path, SLEEPS.format(0.5), 2000, cores=4)
    command = [*FOUR, sys.executable, "-m", "mpi4py", "-m", "jupyter_featx.worker", str(job.path), "--no-table"]
    process = start(job, command, GOING_ON)
    until(lambda: len(read(job).rows) > 5)
    (last_rank,) = [pid for pid in descendants(process.pid) if rank_of(pid) == "3"][:1]
    for _ in range(20):  # Slurm ends a step, and then its job: a fresh worker gets the next signal; one node is first
        end([last_rank, *descendants(last_rank)])
        time.sleep(0.05)
    end([process.pid, *descendants(process.pid)])
    process.wait(30)
    ended = read(job)
    assert ended.failed == []
    assert last(job).why == "continues"


def end(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def test_a_killed_nursery_costs_a_run_and_not_the_job(tmp_path: Path) -> None:
    template = f"""
    import os, signal
    def _process_input(path):
        if path.endswith("/55") and not os.path.exists({str(tmp_path / "killed")!r}):
            open({str(tmp_path / "killed")!r}, "w").close()
            os.kill(os.getppid(), signal.SIGKILL)
        return {{"n": 1}}
    """
    job = make_job(tmp_path, template, 80, cores=4)
    run(job, launcher=FOUR, environment=GOING_ON)
    assert last(job).why == "continues"
    assert "on node" in last(job).message
    ended = run(job, launcher=FOUR, environment=GOING_ON)
    assert ended.status.state is State.COMPLETED
    assert once(ended) == list(range(80))


def test_a_template_that_cannot_be_imported_does_not_go_on(tmp_path: Path) -> None:
    ended = run(make_job(tmp_path, "1 / 0\n", 8, cores=4), launcher=FOUR, environment=GOING_ON)
    assert ended.status.state is State.FAILED
    assert "ZeroDivisionError" in ended.status.reason


def test_a_rank_that_falls_silent_is_named_and_ends_the_run(tmp_path: Path) -> None:
    job = make_job(tmp_path, SLEEPS.format(0.05), 5000, cores=4)
    code = (
        "import sys, runpy; import jupyter_featx.worker.pulse as pulse; pulse.SILENT_SECONDS = 4.0;"
        "sys.argv = ['x', sys.argv[1], '--no-table']; runpy.run_module('jupyter_featx.worker', run_name='__main__')"
    )
    command = [*FOUR, sys.executable, "-c", code, str(job.path)]
    process = start(job, command, GOING_ON)
    try:
        until(lambda: len(read(job).rows) > 20)
        ranks = [pid for pid in descendants(process.pid) if rank_of(pid) == "2"]
        os.kill(ranks[0], signal.SIGSTOP)
        until(lambda: process.poll() is not None, 60)
    finally:
        kill_all(process)
    said = last(job)
    assert said.why == "continues"
    assert said.message.startswith("Rank 2 on node ")
    assert "has not been heard of for 4 s. The job goes on" in said.message


def test_a_full_disk_on_one_rank_of_several_ends_the_run_with_what_to_do(tmp_path: Path) -> None:
    job = make_job(tmp_path, "def _process_input(p):\n    return {'x': 'y' * 100_000}\n", 200, cores=4)
    code = """if True:
        import os, resource, runpy, signal, sys
        import jupyter_featx.worker.world as world
        join = world.join
        def joined():  # MPI itself needs larger files
            own = join()
            if own.rank == 2:
                resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
            return own
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        world.join = joined
        sys.argv = ["x", sys.argv[1], "--no-table"]
        runpy.run_module("jupyter_featx.worker", run_name="__main__")
    """
    process = start(job, [*FOUR, sys.executable, "-c", code, str(job.path)], GOING_ON)
    process.wait(60)
    ended = read(job)
    assert last(job).why == "error"
    assert ended.status.state is State.FAILED
    assert "Make room" in ended.status.reason
    assert 0 < len(ended.rows) == ended.status.done < 200
    assert once(run(job, launcher=FOUR)) == list(range(200))


# -- parts -------------------------------------------------------------------------------------------------------------


def test_parts_run_each_their_own_items_and_the_last_makes_the_table(tmp_path: Path) -> None:
    template = "def _process_input(p):\n    return {'n': 1} if not p.endswith('7') else 1 / 0\n"
    job = make_job(tmp_path, template, 100, resources={"jobs": 3})
    for part in range(3):
        environment = {"FEATX_NATIVE_ID": f"{part}"}
        job.event_log("client").append(events.Submitted(native_id=f"{part}", cores=2, part=part, parts=3))
        assert not (job.path / "table.parquet").exists()
        run(job, "--part", str(part), environment=environment, table=True)
        own = list(members(job.spec().job_id, 100, part, 3))
        started, stopped = of_attempt(job, part + 1)
        assert (started.part, started.parts, started.pending, started.done) == (part, 3, len(own), 0)
        assert stopped.done + stopped.failed == len(own)
    ended = read(job)
    assert once(ended) == list(range(100))
    status = ended.status
    assert (status.state, status.done, status.failed, status.merged_rows) == (State.COMPLETED, 90, 10, 90)
    assert (job.path / "table.parquet").exists()


def test_parts_that_run_at_once_do_no_item_twice(tmp_path: Path) -> None:
    job = make_job(tmp_path, SLEEPS.format(0.01), 300, resources={"jobs": 3})
    for part in range(3):
        job.event_log("client").append(events.Submitted(native_id=f"{part}", cores=2, part=part, parts=3))
    runs = [begin(job, "--part", str(part), environment={"FEATX_NATIVE_ID": str(part)}) for part in range(3)]
    for process in runs:
        process.wait(60)
    ended = read(job)
    assert once(ended) == list(range(300))
    assert ended.status.state is State.COMPLETED


def test_a_part_that_is_not_there_is_refused(tmp_path: Path) -> None:
    ended = run(make_job(tmp_path, SLEEPS.format(0), 5), "--part", "1")
    assert ended.code == 1
    assert "--part 1: the job has 1 parts, counted from 0" in ended.log()


# -- retry -------------------------------------------------------------------------------------------------------------


def test_a_retry_that_continues_does_not_retry_its_own_failures(tmp_path: Path) -> None:
    template = (
        "import time\ndef _process_input(p):\n    time.sleep(0.1)\n    return {'n': 1} if p < '/data/8' else 1 / 0\n"
    )
    job = make_job(tmp_path, template, 80)
    first = run(job)
    assert len(first.failed) == 2
    job.shard(1, 0).write_bytes(b"".join(line.encode() + b"\n" for line in bad(range(80))))
    words = []
    for _ in range(20):  # eighty items are four seconds of work for two workers: no machine does them in three
        run(job, "--retry-failed", "2", environment=ends_in(3))
        words.append(last(job).why)
        if words[-1] != "continues":
            break
    assert words[-1] == "complete"
    assert len(words) > 1
    ended = read(job)
    assert {len(rows) for rows in ended.rows.values()} == {2}  # the error before the retry, and the retry's own row
    assert (ended.status.done, ended.status.failed) == (78, 2)


def bad(items: Any) -> list[str]:
    return [json.dumps({"i": n, "s": 0.1, "m": 1.0, "w": 0, "e": {}}, separators=(",", ":")) for n in items]


# -- what Slurm gave ---------------------------------------------------------------------------------------------------


def test_ranks_take_what_slurm_gave_to_their_nodes(tmp_path: Path) -> None:
    cores = len(os.sched_getaffinity(0))
    given = {"SLURM_JOB_ID": "7", "SLURM_JOB_CPUS_PER_NODE": "1", "SLURM_JOB_NODELIST": "n1", "SLURMD_NODENAME": "n1"}
    assert run(make_job(tmp_path, SLEEPS.format(0), 5, cores=9), environment=given).status.attempts[0].workers == 1
    job = make_job(tmp_path, SLEEPS.format(0), 5, cores=9)
    ended = run(job, environment=given | {"SLURM_JOB_CPUS_PER_NODE": "1000"})
    assert ended.status.attempts[0].workers <= cores
    assert "Node n1 gives 1000 CPUs to the job, but only" in ended.status.notes[0]


# -- ways --------------------------------------------------------------------------------------------------------------


def of_attempt(job: JobDir, number: int) -> tuple[events.Started, events.Stopped]:
    lines = (job.events / f"attempt-{number:04}.jsonl").read_bytes().splitlines(keepends=True)
    found = list(events.parse(lines))
    (started,) = (event for event in found if isinstance(event, events.Started))
    (stopped,) = (event for event in found if isinstance(event, events.Stopped))
    return started, stopped


def begin(job: JobDir, *options: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "jupyter_featx.worker", str(job.path), "--no-table", *options]
    return start(job, command, environment)


def start(job: JobDir, command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with job.job_log.open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=os.environ | environment)


def rank_of(pid: int) -> str:
    """Return the MPI rank that a process is, by its environment and command line; "" for none."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    found = [entry[9:].decode() for entry in variables if entry.startswith(b"PMI_RANK=")]
    return found[0] if found and {b"-c", b"mpi4py"} & set(words) else ""


def kill_all(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        for pid in (*descendants(process.pid), process.pid):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def until(true: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)
