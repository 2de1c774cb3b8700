"""A server that has run jobs holds no more than before: the short form of `python -m benchmarks.soak`."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.soak import soaking

WARM = 4


@pytest.mark.slow
def test_a_server_holds_the_same_after_many_jobs_at_once_and_in_a_row(tmp_path: Path):
    with soaking(tmp_path) as soak:
        soak.in_a_row(WARM)
        soak.at_once(5)
        first = soak.look()
        soak.in_a_row(20 - WARM)
        last = soak.look()
    assert last.jobs == 25
    assert last.children == 0
    assert last.descriptors <= first.descriptors
    assert last.threads <= first.threads + 2  # its pools grow to a fixed size
    assert last.memory_mb <= first.memory_mb + 15
