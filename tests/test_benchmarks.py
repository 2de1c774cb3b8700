"""Each benchmark runs, in a tiny size, and gives numbers; how good they are is not asked here."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINE = re.compile(r"^.{66} *(\S+) (ms|s|x|MB|µs)\b")


def run(*arguments):
    environment = os.environ | {"PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=False)


@pytest.mark.parametrize("name", ["start", "memory", "merge", "items", "tail", "coordinator", "server"])
def test_a_benchmark_gives_numbers(name):
    check(run("--tiny", name))


def test_the_overhead_is_compared_with_joblibs():
    check(run("--tiny", "overhead"), "ours to joblib's")


def test_the_plan_is_compared_with_fixed_ones():
    check(run("--tiny", "policy"), "one equal part for each worker", "fixed chunks of 30")


def check(done, *wanted):
    assert done.returncode == 0, done.stderr
    found = [match for line in done.stdout.splitlines() if (match := LINE.match(line))]
    assert found
    assert all(0 <= float(match[1]) < 1e6 for match in found), done.stdout
    assert all(name in done.stdout for name in wanted)


def test_a_benchmark_that_is_not_there_is_named():
    done = run("fast")
    assert done.returncode == 2
    assert "no benchmark 'fast'; there are start, " in done.stderr
