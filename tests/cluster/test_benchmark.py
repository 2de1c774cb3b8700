"""The benchmark of jobs under Slurm runs, in a tiny size, and gives numbers; how good they are is not asked here."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from people import PROJECT
from testbed import Testbed

pytestmark = pytest.mark.slow


def test_the_benchmark_of_slurm_gives_numbers(cluster: Testbed):
    command = [sys.executable, "-m", "benchmarks", "--tiny", "slurm"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name in ("first row on 4x1 cores", "first row on 4x4 cores", "RPCs to the controller"):
        assert re.search(rf"^{name}.* [\d.e+-]+ ", done.stdout, re.MULTILINE), done.stdout
