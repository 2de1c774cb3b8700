"""The watchdog stops what hangs or swells, from outside; a fresh worker costs milliseconds."""

from __future__ import annotations

import os
import time

import pytest
from engine import go

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
