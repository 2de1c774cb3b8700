"""The manager, with real jobs on this machine: its promises."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest
from realjobs import calls, counting, make_items, python, running, until

from jupyter_featx import client
from jupyter_featx.client import Job
from jupyter_featx.errors import (
    JobStateError,
)
from jupyter_featx.manager import Manager
from jupyter_featx.state import State


def submit(template: str, data: Path, **options: object) -> Job:
    job = client.submit(template, str(data), **({"preflight": False} | options))
    assert isinstance(job, Job)
    return job


def worker_pids(job: Job) -> list[int]:
    return running(job.path)


def test_a_job_outlives_the_process_that_submitted_it(home: Path, tmp_path: Path) -> None:
    data, side = make_items(tmp_path / "data", 12), tmp_path / "calls"
    kernel = python(
        f"""
        import time
        import jupyter_featx as featx
        job = featx.submit({counting(side, seconds=0.1)!r}, {str(data)!r}, name="my job", preflight=False)
        print(job.id, flush=True)
        time.sleep(60)
        """
    )
    assert kernel.stdout is not None
    job_id = kernel.stdout.readline().strip()
    os.killpg(kernel.pid, signal.SIGKILL)
    kernel.wait()
    kernel.stdout.close()
    for key in (job_id, job_id[:-1], "my job", None):
        assert client.job(key).id == job_id
    job = client.job(job_id)
    assert job.wait(20).state is State.COMPLETED
    assert sorted(job.result()["number"]) == list(range(1, 13))
    assert set(calls(side).values()) == {1}


@pytest.mark.parametrize("cores", [2, "2x1"])
def test_cancel_ends_everything_and_keeps_every_finished_row(home: Path, tmp_path: Path, cores: object) -> None:
    data, side, block = make_items(tmp_path / "data", 10), tmp_path / "calls", tmp_path / "block"
    block.touch()
    stubborn = f"trap '' TERM INT HUP; setsid sleep 1000 & env -i setsid sleep 1000.{os.getpid()}7 & wait; wait"
    body = f"""
    if os.path.exists({str(block)!r}) and len(open({str(side)!r}).readlines()) > 4:
        subprocess.run(["bash", "-c", {stubborn!r}])
    """
    job = submit(counting(side, body), data, cores=cores)
    until(lambda: job.status().done >= 1 and len(running(f"1000.{os.getpid()}7")) >= 4)
    assert worker_pids(job)
    begun = time.monotonic()
    status = job.cancel()
    assert time.monotonic() - begun < 2
    assert worker_pids(job) == running(f"1000.{os.getpid()}7") == []
    assert status.state is State.CANCELLED
    finished = sorted(job.result()["number"])
    before = calls(side)
    assert 1 <= len(finished) == status.done == sum(before.values()) - 2
    block.unlink()
    job.retry()
    assert job.wait(20).state is State.COMPLETED
    assert sorted(job.result()["number"]) == list(range(1, 11))
    again = calls(side) - before
    assert not {f"n{number}.txt" for number in finished} & set(again)
    assert set(again.values()) == {1}


def test_a_restart_of_the_host_is_a_failure_that_can_be_retried(home: Path, tmp_path: Path) -> None:
    job = submit(counting(tmp_path / "calls", seconds=0.15), make_items(tmp_path / "data", 10))
    until(lambda: job.status().done >= 2)
    os.kill(int(job.status().attempts[0].native_id.split("/")[1]), signal.SIGKILL)
    until(lambda: not worker_pids(job))
    boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    for log in (job.path / "events").glob("*.jsonl"):
        log.write_text(
            "".join(line for line in log.read_text().splitlines(True) if '"lost"' not in line).replace(
                f"/{boot}", "/0000dead"
            )
        )
    status = job.status()
    assert (status.state, status.reason) == (State.FAILED, "host restarted")
    job.retry()
    assert job.wait(20).state is State.COMPLETED
    assert sorted(job.result()["number"]) == list(range(1, 11))


def test_a_killed_rank_is_a_failure_with_a_hint_and_no_row_comes_twice(home: Path, tmp_path: Path) -> None:
    data, side = make_items(tmp_path / "data", 12), tmp_path / "calls"
    job = submit(counting(side, seconds=0.15), data)
    until(lambda: job.status().done >= 2)
    os.kill(int(job.status().attempts[0].native_id.split("/")[1]), signal.SIGKILL)
    status = job.wait(5)
    assert status.state is State.FAILED
    assert "retry" in status.reason
    until(lambda: not worker_pids(job))
    job.retry()
    assert job.wait(20).state is State.COMPLETED
    assert sorted(job.result()["number"]) == list(range(1, 13))
    rows = [
        json.loads(line)["i"]
        for shard in (job.path / "shards").glob("a*-r*.jsonl")
        if ".meta." not in shard.name
        for line in shard.read_bytes().splitlines()
    ]
    assert sorted(rows) == list(range(12))


def test_a_retry_runs_only_the_failed_items_with_other_limits(home: Path, tmp_path: Path) -> None:
    data, side = make_items(tmp_path / "data", 8), tmp_path / "calls"
    job = submit(counting(side, "if number > 6: time.sleep(0.9)"), data, item_timeout=0.4)
    status = job.wait(20)
    assert (status.state, status.done, status.failed) == (State.COMPLETED, 6, 2)
    assert job.errors()["count"].sum() == 2
    before = calls(side)
    job.retry(item_timeout="5s", item_memory="1G")
    assert "--item-timeout 5 --item-memory 1024" in job.script()
    status = job.wait(20)
    assert (status.state, status.done, status.failed) == (State.COMPLETED, 8, 0)
    assert calls(side) - before == {"n7.txt": 1, "n8.txt": 1}
    assert len(job.result()) == 8
    assert job.errors().empty
    with pytest.raises(JobStateError, match="nothing to retry"):
        job.retry()


@pytest.mark.parametrize("damage", [b'"m"?', b'"m"\0'])
def test_a_retry_runs_exactly_the_items_whose_rows_were_damaged(home: Path, tmp_path: Path, damage: bytes) -> None:
    data, side = make_items(tmp_path / "data", 8), tmp_path / "calls"
    job = submit(counting(side, "assert number != 8"), data)
    assert job.wait(20).failed == 1
    (shard,) = (job.path / "shards").glob("a0001-r0000.jsonl")
    lines = shard.read_bytes().splitlines(keepends=True)
    broken = next(n for n, line in enumerate(lines) if line.startswith(b'{"i":2,'))
    lines[broken] = lines[broken].replace(b'"m":', damage)
    number = job.result()["number"][2]
    shard.write_bytes(b"".join(lines))
    (job.path / "table.parquet").unlink()
    assert number not in set(job.result()["number"])
    status = job.status()
    assert (status.state, status.done, status.failed, status.missing) == (State.COMPLETED, 6, 1, 1)
    before = calls(side)
    job.retry()
    status = job.wait(20)
    assert (status.state, status.done, status.failed, status.missing) == (State.COMPLETED, 7, 1, 0)
    assert calls(side) - before == {f"n{number}.txt": 1, "n8.txt": 1}
    assert len(job.result()) + len(job.errors(grouped=False)) == 8


def test_the_job_runs_the_module_as_it_was_when_submitted(home: Path, tmp_path: Path) -> None:
    data, work, side = make_items(tmp_path / "data", 8), tmp_path / "work", tmp_path / "calls"
    work.mkdir()
    (work / "mylib.py").write_text("def f(x):\n    return 'old'\n")
    (work / "features.py").write_text(
        "from mylib import f\n" + counting(side, seconds=0.1).replace("'square': number * number", "'f': f(number)")
    )
    job = client.submit(work / "features.py", data, preflight=False)
    (work / "mylib.py").write_text("def f(x):\n    return 'new'\n")
    assert isinstance(job, Job)
    assert job.wait(20).state is State.COMPLETED
    assert set(job.result()["f"]) == {"old"}


def test_everything_in_a_finished_job_is_for_its_owner_only(home: Path, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        job = submit(counting(tmp_path / "calls", "print(1)"), make_items(tmp_path / "data", 4))
        job.result()
        job.wait(20)
        job.result()
    finally:
        os.umask(before)
    for path in (job.path, *job.path.rglob("*")):
        mode = path.stat().st_mode
        allowed = (0o700,) if stat.S_ISDIR(mode) or path.name == "submit.sh" else (0o600,)
        assert stat.S_IMODE(mode) in allowed, path


@pytest.mark.parametrize("name", ["with space", 'it\'s "q"', "제올라이트", "$(touch x)"])
def test_a_home_of_any_name_works_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("FEATX_HOME", str(tmp_path / name / "featx"))
    job = submit(counting(tmp_path / "calls"), make_items(tmp_path / name / "data", 3))
    assert job.wait(20).state is State.COMPLETED
    assert list(job.result()["number"]) == [1, 2, 3]


def test_the_script_run_by_hand_resumes(home: Path, tmp_path: Path) -> None:
    data, side = make_items(tmp_path / "data", 8), tmp_path / "calls"
    job = submit(counting(side, seconds=0.15), data)
    until(lambda: job.status().done >= 1)
    job.cancel()
    before = calls(side)
    done = job.status().done
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    subprocess.run(["bash", job.path / "submit.sh"], check=True, cwd="/", env=environment, timeout=30)
    status = job.status()
    assert (status.state, status.done, len(status.attempts)) == (State.COMPLETED, 8, 2)
    assert sum((calls(side) - before).values()) == 8 - done
    assert len(job.result()) == 8


def test_no_token_of_the_notebook_server_reaches_the_functions(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN", "PMI_SIZE"):
        monkeypatch.setenv(variable, "7")
    template = "import os\ndef _process_input(path):\n    return {'names': sorted(os.environ)}\n"
    job = client.submit(template, str(make_items(tmp_path / "data", 3)))
    assert isinstance(job, Job)
    assert job.wait(20).state is State.COMPLETED
    names = set(job.result()["names"][0])
    assert "PATH" in names
    assert not names & {"JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN", "PMI_SIZE"}


def test_several_processes_submit_at_once(home: Path, tmp_path: Path) -> None:
    data = make_items(tmp_path / "data", 3)
    code = f"""
    import jupyter_featx as featx
    template, data = {counting(tmp_path / "calls")!r}, {str(data)!r}
    jobs = [featx.submit(template, data, name="same", preflight=False) for _ in range(2)]
    print(*(job.wait(30).state for job in jobs))
    """
    processes = [python(code) for _ in range(2)]
    assert [process.communicate(timeout=40)[0].split() for process in processes] == [["completed"] * 2] * 2
    assert len(client.jobs()) == 4
    assert set(calls(tmp_path / "calls").values()) == {4}


def test_two_managers_say_the_same(home: Path, tmp_path: Path) -> None:
    job = submit(counting(tmp_path / "calls"), make_items(tmp_path / "data", 3))
    job.wait(20)
    one, other = Manager().jobs(), Manager(home).jobs()
    assert [(s.job_id, s.state, s.done) for s in one] == [(s.job_id, s.state, s.done) for s in other]


def test_more_ranks_than_mpi_can_start_here_still_is_one_rank(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyter_featx.manager.find_launcher", lambda ranks: [])
    job = submit(counting(tmp_path / "calls"), make_items(tmp_path / "data", 5), cores="2x1")
    status = job.wait(20)
    assert (status.state, status.attempts[0].ranks, status.attempts[0].workers) == (State.COMPLETED, 1, 2)
