"""One attempt of a job, as one rank and as several under MPI: the same rows, no item twice, none forgotten."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from engine import descendants, go, make_job, read, run

from jupyter_featx import table

MPIEXEC = str(Path(sys.executable).parent / "mpiexec")
WORLDS = {"one rank": (), "mpirun of one": (MPIEXEC, "-n", "1"), "mpirun of four": (MPIEXEC, "-n", "4")}

MIXED = """
import os, random, time
def _process_input(path):
    n = int(os.path.basename(path))
    time.sleep(random.random() / 500)
    if n % 50 == 7:
        raise ValueError(f"item {n}")
    return {"n": n, "x": random.random(), **({"odd": [n]} if n % 2 else {})}
def _process_output(path):
    return {"y": len(path), "n": 0}
"""


def digests(job, out):
    out.mkdir()
    table.merge(job.shards, job.items, job.index, out)
    return [hashlib.sha256((out / name).read_bytes()).hexdigest() for name in (table.PARQUET, table.CSV)]


def test_the_table_is_the_same_bytes_whoever_made_it(tmp_path):
    seen = []
    for number, launcher in enumerate(WORLDS.values()):
        ended = run(make_job(tmp_path, MIXED, 600, cores=4), launcher=launcher)
        assert ended.status.state == "completed"
        assert (ended.status.done, ended.status.failed) == (588, 12)
        assert sorted(ended.rows) == list(range(600))
        assert all(len(rows) == 1 for rows in ended.rows.values())
        seen.append(digests(ended.job, tmp_path / f"out{number}"))
    assert seen[0] == seen[1] == seen[2]


@pytest.mark.parametrize("dear", ["n < 400", "n >= 400"])
def test_where_the_order_of_the_dataset_goes_with_the_cost_the_cheap_items_are_the_last(tmp_path, dear):
    template = f"""
    import time
    def _process_input(path):
        n = int(path.split("/")[-1])
        time.sleep(0.02 if {dear} else 0.001)
        return {{"n": n}}
    """
    ended = go(tmp_path, template, 800)
    assert sorted(ended.rows) == list(range(800))
    assert not any(eval(dear, {"n": n}) for n in list(ended.rows)[-40:])


def test_every_rank_takes_its_part(tmp_path):
    template = "import time\ndef _process_input(p):\n    time.sleep(0.01)\n    return {'n': 1}\n"
    ended = run(make_job(tmp_path, template, 400, cores=4), launcher=WORLDS["mpirun of four"])
    shards = [path for path in ended.job.shards.iterdir() if ".meta." not in path.name]
    assert len(shards) == 4
    assert min(path.read_bytes().count(b"\n") for path in shards) > 20
    (attempt,) = ended.status.attempts
    assert (attempt.ranks, attempt.workers) == (4, 4)


def test_items_behind_a_slow_one_go_to_idle_workers(tmp_path):
    # A chunk of many quick items has one slow one: those behind it must not wait, on this rank or another.
    template = """
    import os, time
    def _process_input(path):
        time.sleep(3 if path.endswith("/500") else 0.002)
        return {"n": 1}
    """
    for launcher in (WORLDS["one rank"], WORLDS["mpirun of four"]):
        ended = run(make_job(tmp_path, template, 1000, cores=4), launcher=launcher)
        assert len(ended.rows) == 1000
        assert all(len(rows) == 1 for rows in ended.rows.values())
        assert ended.seconds < 15


def test_uneven_cores_are_all_used(tmp_path):
    template = "import time\ndef _process_input(p):\n    time.sleep(0.02)\n    return {'n': 1}\n"
    ended = run(make_job(tmp_path, template, 100, cores=5), launcher=(MPIEXEC, "-n", "3"))
    assert ended.status.attempts[0].workers == 5


def test_hundreds_of_workers_run_on_one_node(tmp_path):
    template = "import time\ndef _process_input(p):\n    time.sleep(0.3)\n    return {'n': 1}\n"
    ended = run(make_job(tmp_path, template, 400, cores=250))
    assert ended.status.done == 400
    assert len({rows[0]["w"] for rows in ended.rows.values()}) > 150


def test_too_many_workers_for_the_machine_are_one_clear_error(tmp_path):
    job = make_job(tmp_path, "def _process_input(p):\n    return {'n': 1}\n", 5, cores=100_000)
    ended = run(job)
    assert ended.status.state == "failed"
    assert "Ask for fewer cores" in ended.status.reason


def test_a_crash_under_mpi_costs_one_item(tmp_path):
    template = "import os\ndef _process_input(p):\n    return os.abort() if p.endswith('7') else {'n': 1}\n"
    ended = run(make_job(tmp_path, template, 80, cores=4), launcher=WORLDS["mpirun of four"])
    assert ended.failed == [7, 17, 27, 37, 47, 57, 67, 77]
    assert ended.status.state == "completed"


def test_a_broken_template_ends_every_rank(tmp_path):
    ended = run(make_job(tmp_path, "1 / 0\n", 80, cores=4), launcher=WORLDS["mpirun of four"], timeout=30)
    assert "ZeroDivisionError" in ended.status.reason
    assert ended.status.state == "failed"


def test_the_next_attempt_takes_only_what_is_missing(tmp_path):
    calls = tmp_path / "calls"
    template = f"""
    import os, time
    def _process_input(path):
        with open({str(calls)!r}, "a") as file:
            file.write(os.path.basename(path) + "\\n")
        time.sleep(0.01)
        return {{"n": 1}}
    """
    job = make_job(tmp_path, template, 300)
    command = [sys.executable, "-m", "jupyter_featx.worker", str(job.path), "--no-table"]
    with job.job_log.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        until(lambda: len(read(job).rows) > 50)
        process.kill()
        process.wait()
    before = read(job)
    ended = run(job)
    assert ended.status.state == "completed"
    assert sorted(ended.rows) == list(range(300))
    assert all(len(rows) == 1 for rows in ended.rows.values())
    # What was being computed at the kill is computed again, and no more than that.
    assert len(calls.read_text().split()) <= 300 + 2 + 20
    assert len(before.rows) > 50


def test_nothing_survives_a_killed_rank(tmp_path):
    job = make_job(tmp_path, "import time\ndef _process_input(p):\n    time.sleep(100)\n", 10)
    process = subprocess.Popen([sys.executable, "-m", "jupyter_featx.worker", str(job.path), "--no-table"])
    until(lambda: tree(process.pid) >= 3)
    members = descendants(process.pid)
    process.kill()
    process.wait()
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in members))


def test_a_signal_stops_the_attempt_and_keeps_every_row(tmp_path):
    template = "import time\ndef _process_input(p):\n    time.sleep(0.02)\n    return {'n': 1}\n"
    job = make_job(tmp_path, template, 1000)
    process = subprocess.Popen([sys.executable, "-m", "jupyter_featx.worker", str(job.path), "--no-table"])
    until(lambda: len(read(job).rows) > 20)
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(10)
    assert time.monotonic() - begun < 2
    ended = read(job)
    assert ended.status.state == "cancelled"
    assert ended.status.done == len(ended.rows) > 20


def test_the_first_fifty_that_all_fail_stop_the_job(tmp_path):
    ended = go(
        tmp_path, "import time\ndef _process_input(p):\n    time.sleep(.002)\n    raise ValueError('no')\n", 5000
    )
    assert ended.status.state == "failed"
    assert "first" in ended.status.reason
    assert "ValueError: no" in ended.status.reason
    assert 50 <= ended.status.failed < 2000


def test_one_success_among_the_first_lets_the_job_go_on(tmp_path):
    template = "def _process_input(p):\n    return {'n': 1} if p.endswith('0') else 1 / 0\n"
    ended = go(tmp_path, template, 400)
    assert ended.status.state == "completed"
    assert ended.status.failed == 360


def test_more_failures_than_allowed_stop_the_job(tmp_path):
    template = (
        "import time\ndef _process_input(p):\n    time.sleep(.002)\n    return {'n': 1} if int(p[6:]) % 2 else 1 / 0\n"
    )
    ended = go(tmp_path, template, 5000, max_failures=20)
    assert ended.status.state == "failed"
    assert "max_failures=20" in ended.status.reason


def test_failed_items_are_tried_again_only_when_asked(tmp_path):
    template = f"""
    import os
    def _process_input(path):
        if path.endswith("3") and not os.path.exists({str(tmp_path / "mended")!r}):
            raise ValueError("not yet")
        return {{"n": 1}}
    """
    job = make_job(tmp_path, template, 20)
    assert run(job).failed == [3, 13]
    (tmp_path / "mended").touch()
    assert run(job).failed == [3, 13]
    again = run(job, "--retry-failed", "3")
    assert again.failed == []
    assert again.status.failed == 0
    assert {item for item, rows in again.rows.items() if len(rows) > 1} == {3, 13}


def test_a_retry_can_have_other_limits(tmp_path):
    template = "import time\ndef _process_input(p):\n    time.sleep(1 if p.endswith('3') else 0)\n    return {'n': 1}\n"
    job = make_job(tmp_path, template, 5, item_timeout_seconds=0.4)
    assert run(job).failed == [3]
    assert run(job, "--retry-failed", "2", "--item-timeout", "5").failed == []


def test_a_full_disk_ends_the_attempt_with_what_to_do(tmp_path):
    job = make_job(tmp_path, "def _process_input(p):\n    return {'x': 'y' * 100_000}\n", 100)
    limit = "import resource as r, sys, runpy; r.setrlimit(r.RLIMIT_FSIZE, (3_000_000,) * 2);"
    limit += " import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
    limit += (
        " sys.argv = ['x', sys.argv[1], '--no-table']; runpy.run_module('jupyter_featx.worker', run_name='__main__')"
    )
    with job.job_log.open("wb") as log:
        subprocess.run([sys.executable, "-c", limit, str(job.path)], stdout=log, stderr=log, timeout=30, check=False)
    ended = read(job)
    assert ended.status.state == "failed"
    assert "Make room" in ended.status.reason
    assert 10 < len(ended.rows) < 100
    assert sorted(run(job).rows) == list(range(100))


@pytest.mark.parametrize("seconds", [5.0])
def test_the_walltime_ends_the_attempt_and_says_how_to_go_on(tmp_path, seconds):
    from dataclasses import replace

    from jupyter_featx import jobdir

    job = make_job(tmp_path, "import time\ndef _process_input(p):\n    time.sleep(.05)\n    return {'n': 1}\n", 5000)
    spec = job.spec()
    limited = replace(spec, resources=replace(spec.resources, walltime_seconds=seconds))
    jobdir.write_aside(job.spec_file, limited.to_json())
    ended = run(job)
    assert ended.status.state == "failed"
    assert "walltime" in ended.status.reason
    assert len(ended.rows) == ended.status.done > 5
    assert ended.seconds < 30


def tree(pid: int) -> int:
    try:
        return len(descendants(pid))
    except OSError:
        return 0


def until(true, seconds=15):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)
