"""Chunks given, taken back, and given again in a storm of deaths: each item ends with exactly one row."""

from __future__ import annotations

import fcntl
import os
import random
import sys
from pathlib import Path

import pytest
from engine import make_job, run

from jupyter_featx.worker.crew import chunk_that_fits

STORM = """
import os, random, threading, time
def _process_input(path):
    n = int(os.path.basename(path))
    fate = random.Random(f"{SEED} {n}").random()
    if fate < 0.02:
        os._exit(3)
    if fate < 0.04:
        os.abort()
    if fate < 0.08:
        raise ValueError(n)
    if fate < 0.10:
        time.sleep(0.15)
    if fate < 0.14:
        threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
    if fate > 0.5:
        time.sleep(0.001)
    return {"n": n}
SEED = """


def fates(seed: int, items: int) -> tuple[list[int], list[int]]:
    drawn = [random.Random(f"{seed} {n}").random() for n in range(items)]
    crashed = [n for n, fate in enumerate(drawn) if fate < 0.04]
    raised = [n for n, fate in enumerate(drawn) if 0.04 <= fate < 0.08]
    return crashed, raised


@pytest.mark.parametrize("seed", range(12))
def test_in_a_storm_every_item_ends_with_one_row(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    items, cores = draw.choice([1, 7, 60, 300, 600]), draw.choice([1, 2, 5, 9])
    ranks = draw.choice([1, 1, 2, 3])
    launcher = () if ranks == 1 else (str(Path(sys.executable).parent / "mpiexec"), "-n", str(ranks))
    ended = run(make_job(tmp_path, f"{STORM}{seed}\n", items, cores=max(cores, ranks)), launcher=launcher, timeout=50)
    assert sorted(ended.rows) == list(range(items))
    assert [item for item, rows in ended.rows.items() if len(rows) > 1] == []
    crashed, raised = fates(seed, items)
    assert ended.failed == sorted(crashed + raised)
    assert all(ended.error(n)["kind"] == "crash" for n in crashed)
    assert all(ended.row(n)["fi:n"] == n for n in range(items) if n not in ended.failed)


def test_three_chunks_fit_into_the_smallest_of_the_pipes() -> None:
    pipes = [os.pipe() for _ in range(3)]
    try:
        fcntl.fcntl(pipes[2][1], 1031, 4096)  # F_SETPIPE_SZ: what a user over the share of pipe memory gets
        most = chunk_that_fits(writing for _, writing in pipes)
        assert 3 * (12 + 4 * most) <= 4096
        assert most > 300
    finally:
        for ends in pipes:
            for end in ends:
                os.close(end)
