"""The watchdog stops what hangs or swells, from outside; a fresh worker costs milliseconds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from engine import descendants, go, make_job, read, run

LONG = f"1{os.getpid()}"  # seconds that no other program sleeps
HANGS = {
    "endless loop": "\n            while True: pass",
    "blocked subprocess": f"subprocess.run(['sleep', '{LONG}'])",
    "deaf subprocess": f"subprocess.run(['sh', '-c', 'trap \"\" TERM INT HUP; sleep {LONG}; sleep {LONG}'])",
    "signals ignored": "[signal.signal(s, signal.SIG_IGN) for s in (2, 15, 10)]; time.sleep(1000)",
    "a wait in C": "ctypes.CDLL(None).sleep(1000)",
}


@pytest.mark.parametrize("hang", HANGS.values(), ids=HANGS)
def test_a_hanging_item_is_stopped_within_a_second_of_its_time(tmp_path, hang):
    template = f"""
    import ctypes, os, signal, subprocess, time
    def _process_input(path):
        n = int(os.path.basename(path))
        if n == 3:
            {hang}
        return {{"n": n}}
    """
    run = go(tmp_path, template, items=10, item_timeout_seconds=1)
    assert run.failed == [3]
    assert sorted(run.rows) == list(range(10))
    error = run.error(3)
    assert error["kind"] == "timeout"
    assert 1.0 <= run.row(3)["s"] <= 2.0
    assert error["function"] == "_process_input"
    assert run.seconds < 5
    assert not _running("sleep", LONG)


def test_memory_over_the_limit_costs_that_item_alone(tmp_path):
    template = """
    def _process_input(path):
        kept = []
        while path.endswith("/3"):
            kept.append(bytearray(10 << 20))
        return {"n": 1}
    """
    run = go(tmp_path, template, items=20, item_memory_mb=200)
    assert run.failed == [3]
    assert run.error(3)["kind"] == "memory"
    assert run.error(3)["line"] == 5
    assert sorted(run.rows) == list(range(20))


def test_memory_of_a_subprocess_counts(tmp_path):
    template = """
    import subprocess, sys
    def _process_input(path):
        if path.endswith("/3"):
            subprocess.run([sys.executable, "-c", "x = bytearray(400 << 20); import time; time.sleep(5)"])
        return {"n": 1}
    """
    run = go(tmp_path, template, items=6, item_memory_mb=250)
    assert run.failed == [3]
    assert run.error(3)["kind"] == "memory"


def test_a_limit_below_what_the_imports_need_is_one_clear_error(tmp_path):
    template = "ballast = bytearray(b'x' * (150 << 20))\ndef _process_input(p):\n    return {'n': 1}\n"
    run = go(tmp_path, template, items=5, item_memory_mb=100)
    assert run.rows == {}
    assert "item_memory=100 MB is less than" in run.status.reason


def test_memory_left_behind_by_items_is_not_blamed_on_a_later_one(tmp_path):
    template = """
    kept = []
    def _process_input(path):
        kept.append(bytearray(20 << 20))
        return {"n": 1}
    """
    run = go(tmp_path, template, items=60, item_memory_mb=200)
    assert run.failed == []


def test_a_respawn_costs_milliseconds_whatever_the_imports_cost(tmp_path):
    template = """
    import os, time
    time.sleep(2)   # stands for heavy imports
    def _process_input(path):
        if int(os.path.basename(path)) % 2:
            os._exit(1)
        return {"n": 1}
    """
    run = go(tmp_path, template, items=100, cores=1)
    assert len(run.failed) == 50
    respawns = 100  # each of the fifty is tried twice
    assert (run.seconds - 2 - 1) / respawns < 0.05


def test_modules_imported_inside_a_function_are_loaded_once(tmp_path):
    (tmp_path / "heavy.py").write_text("import time\ntime.sleep(1.5)\n")
    template = f"""
    import sys
    sys.path.insert(0, {str(tmp_path)!r})
    def _process_input(path):
        import heavy, os
        if path.endswith("3"):
            os._exit(1)
        return {{"n": 1}}
    """
    run = go(tmp_path, template, items=10)
    assert run.failed == [3]
    assert run.seconds < 4


def test_of_a_large_package_only_what_is_imported_is_loaded_ahead(tmp_path):
    job = make_job(tmp_path, "def _process_input(p):\n    import own.part\n    return own.part.row()\n", 4)
    package = job.modules / "own"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "part.py").write_text(
        "def row():\n    import wave, sys\n    return {'colours': 'colorsys' in sys.modules}\n"
    )
    (package / "other.py").write_text("import colorsys\n")
    job.template.write_text(f"import sys\nsys.path.insert(0, {str(job.modules)!r})\n" + job.template.read_text())
    done = run(job)
    assert done.failed == []
    assert not any(done.row(n)["fb:colours"] for n in range(4))


def test_threads_are_one_unless_asked_for(tmp_path):
    template = "import os\ndef _process_input(p):\n    return {'t': os.environ['OMP_NUM_THREADS']}\n"
    assert go(tmp_path, template, items=1).row(0)["ft:t"] == "1"


def test_nothing_is_left_running_when_the_job_has_ended(tmp_path):
    template = f"""
    import subprocess
    def _process_input(path):
        subprocess.Popen(["setsid", "sleep", "{LONG}"])
        return {{"n": 1}}
    """
    go(tmp_path, template, items=3)
    time.sleep(0.2)
    assert not _running("sleep", LONG)


def _running(*words: str) -> list[str]:
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if file.read().split(b"\0")[: len(words)] == [word.encode() for word in words]:
                    found.append(pid)
        except OSError:
            continue
    return found


def test_a_pause_of_the_whole_job_is_not_blamed_on_the_items(tmp_path):
    job = make_job(
        tmp_path,
        "import time\ndef _process_input(p):\n    time.sleep(0.2)\n    return {'n': 1}\n",
        12,
        item_timeout_seconds=1,
    )
    process = subprocess.Popen([sys.executable, "-m", "jupyter_featx.worker", str(job.path), "--no-table"])
    time.sleep(0.8)
    members = [process.pid, *descendants(process.pid)]
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for pid in members:
            os.kill(pid, number)
        time.sleep(2.5)
    process.wait(20)
    ended = read(job)
    assert ended.failed == []
    assert len(ended.rows) == 12


def test_a_rank_that_reads_slowly_costs_the_items_no_time(tmp_path):
    template = "import time\ndef _process_input(p):\n    time.sleep(0.05)\n    return {'x': 'y' * (1 << 20)}\n"
    job = make_job(tmp_path, template, 60, cores=1, item_timeout_seconds=3)
    process = subprocess.Popen([sys.executable, "-m", "jupyter_featx.worker", str(job.path), "--no-table"])
    while not read(job).rows and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGSTOP)  # its worker waits to hand on a row larger than the pipe
    time.sleep(6)
    process.send_signal(signal.SIGCONT)
    process.wait(60)
    ended = read(job)
    assert ended.failed == []
    assert len(ended.rows) == 60


def test_workers_that_cannot_begin_end_the_attempt(tmp_path):
    template = """
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    def _process_input(path):
        return {"n": 1}
    """
    run = go(tmp_path, template, items=5)
    assert run.status.state == "failed"
    assert "%featx log" in run.status.reason
    assert "Error" in run.log()


def test_a_killed_nursery_ends_the_attempt_and_leaves_nothing(tmp_path):
    template = f"""
    import os, signal, subprocess
    def _process_input(path):
        if path.endswith("/5"):
            subprocess.Popen(["sleep", "{LONG}"])
            os.kill(os.getppid(), signal.SIGKILL)
        return {{"n": 1}}
    """
    run = go(tmp_path, template, items=50)
    assert run.status.state == "failed"
    assert "%featx log" in run.status.reason
    assert run.status.done == len(run.rows)
    assert not _running("sleep", LONG)


def test_what_the_template_starts_for_itself_lives_as_long_as_the_job(tmp_path):
    template = f"""
    import os, subprocess
    helper = subprocess.Popen(["sleep", "{LONG}"])
    def _process_input(path):
        if path.endswith("3"):
            os._exit(1)
        return {{"alive": open(f"/proc/{{helper.pid}}/stat").read().rpartition(")")[2].split()[0]}}
    """
    run = go(tmp_path, template, items=30)
    assert {rows[0]["ft:alive"] for item, rows in run.rows.items() if item not in run.failed} == {"S"}
    assert not _running("sleep", LONG)


def test_signals_blocked_by_the_template_do_not_blind_the_watchdog(tmp_path):
    template = """
    import os, signal
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    def _process_input(path):
        if path.endswith("3"):
            os._exit(1)
        return {"n": 1}
    """
    run = go(tmp_path, template, items=10)
    assert run.failed == [3]


def test_shared_pages_count_once(tmp_path):
    template = """
    import multiprocessing, time
    ballast = bytearray(b"x" * (150 << 20))
    def _process_input(path):
        children = [multiprocessing.get_context("fork").Process(target=time.sleep, args=(0.3,)) for _ in range(3)]
        [child.start() for child in children], [child.join() for child in children]
        return {"n": 1}
    """
    assert go(tmp_path, template, items=4, item_memory_mb=300).failed == []
