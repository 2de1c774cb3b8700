"""Torn lines are as a crash leaves them; a clock is wrong for those alone who are given it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from chaos.faultfiles import Clock, make_skewclock, tear

LINES = b'{"i":1,"s":0.1}\n{"i":2,"s":0.2}\n'


@pytest.mark.parametrize("amount", [0.01, 0.2, 0.49])
def test_the_last_line_loses_its_end(tmp_path: Path, amount: float):
    path = tmp_path / "shard"
    path.write_bytes(LINES)
    assert tear(path, amount)
    torn = path.read_bytes()
    assert LINES.startswith(torn)
    assert len(LINES) // 2 < len(torn) < len(LINES)


@pytest.mark.parametrize("amount", [0.5, 0.7, 0.99])
def test_a_further_line_begins(tmp_path: Path, amount: float):
    path = tmp_path / "shard"
    path.write_bytes(LINES)
    assert tear(path, amount)
    torn = path.read_bytes()
    assert torn.startswith(LINES)
    assert LINES[16:].startswith(torn[len(LINES) :])
    assert not torn.endswith(b"\n")


def test_an_empty_file_has_no_line_to_tear(tmp_path: Path):
    path = tmp_path / "shard"
    path.touch()
    assert tear(path, 0.3) == ""


def test_a_clock_moves_for_those_who_have_it_while_they_run_and_their_sleep_does_not(tmp_path: Path):
    clock = Clock(tmp_path / "clock", make_skewclock(tmp_path))
    clock.set(-86400)
    code = (
        "import time; before = time.monotonic(); time.sleep(0.01); print(time.monotonic() - before)\n"
        "for line in iter(input, 'end'): print(time.time(), flush=True)"
    )
    process = subprocess.Popen(
        [sys.executable, "-uc", code],
        env=os.environ | clock.variables(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    assert float(process.stdout.readline()) >= 0.01
    for seconds in (-86400, 3600, 0):
        clock.set(seconds)
        process.stdin.write("\n")
        process.stdin.flush()
        assert abs(float(process.stdout.readline()) - time.time() - seconds) < 60
    process.communicate("end\n")
