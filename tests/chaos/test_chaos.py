"""The random-fault run in its short form, of one seed: no table lies, no job hangs, and nothing is left behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SECONDS = 900  # the run has a watchdog of its own; with the start of a cluster it takes three minutes at most

pytestmark = pytest.mark.slow


def test_no_table_lies_whatever_is_killed_frozen_or_filled(tmp_path: Path):
    words = ["--seed", "5", "--minutes", "1.2", "--pause", "3", "--calm-minutes", "6", "--jobs", "5"]
    done = subprocess.run(
        [sys.executable, HERE, *words, "--log", tmp_path / "log", "--quiet"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
    )
    lines = (tmp_path / "log/log.jsonl").read_text().splitlines()
    assert done.returncode == 0, "\n".join([done.stdout, *lines[-200:]])
    log = [json.loads(line) for line in lines]
    assert {entry["scheduler"] for entry in log if entry["what"] == "judged"} == {"local", "slurm"}
    assert sum(entry["what"] == "fault" and entry["outcome"] == "done" for entry in log) >= 5
