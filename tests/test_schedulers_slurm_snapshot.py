"""The last answer is shared, believed for a while, and for longer the longer nothing changes."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_featx.schedulers.slurm_options import SlurmOptions
from jupyter_featx.schedulers.slurm_records import JobRecord
from jupyter_featx.schedulers.slurm_snapshot import Snapshot, SnapshotFile

OPTIONS = SlurmOptions()
RECORDS = st.builds(
    JobRecord,
    st.from_regex(r"[0-9]{1,9}", fullmatch=True),
    st.text(max_size=9),
    st.text(max_size=9),
    st.one_of(st.none(), st.floats(0, 4e9)),
    st.one_of(st.none(), st.integers(0, 9)),
)


@pytest.mark.parametrize(("quiet", "seconds"), [(0, 10), (60, 10), (100, 10), (300, 30), (600, 60), (100_000, 60)])
def test_the_longer_nothing_changes_the_rarer_slurm_is_asked(quiet: float, seconds: float) -> None:
    snapshot = Snapshot(asked=1_000_000.0, changed=1_000_000.0 - quiet)
    assert snapshot.fresh(1_000_000.0 + seconds - 0.1, OPTIONS)
    assert not snapshot.fresh(1_000_000.0 + seconds, OPTIONS)


def test_an_answer_from_the_future_is_not_believed() -> None:
    assert not Snapshot(asked=2_000_000.0, changed=2_000_000.0).fresh(1_000_000.0, OPTIONS)


def test_one_that_was_expired_is_asked_anew() -> None:
    assert not Snapshot(asked=0.0, changed=1_000_000.0).fresh(1_000_000.0, OPTIONS)


@given(
    st.dictionaries(st.from_regex(r"[0-9]{1,9}", fullmatch=True), RECORDS, max_size=4),
    st.dictionaries(st.from_regex(r"[0-9]{1,9}", fullmatch=True), st.floats(0, 4e9), max_size=4),
    st.one_of(st.none(), st.floats(0, 4e9)),
    st.text(max_size=20),
)
def test_what_is_read_back_is_what_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    jobs: dict[str, JobRecord],
    missing: dict[str, float],
    since: float | None,
    message: str,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FEATX_HOME", str(tmp_path_factory.mktemp("home")))
        file = SnapshotFile(OPTIONS)
        assert file.load() is None
        written = Snapshot(5.0, 4.0, since, message, jobs, missing)
        file.save(written)
        assert file.load() == written


def test_another_cluster_or_way_has_its_own_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SnapshotFile(OPTIONS).save(Snapshot(asked=5.0))
    assert SnapshotFile(SlurmOptions(prefix=("ssh", "other"))).load() is None
    monkeypatch.setenv("SLURM_CONF", "/elsewhere/slurm.conf")
    assert SnapshotFile(OPTIONS).load() is None


def test_who_is_not_first_does_not_ask(home: Path) -> None:
    file = SnapshotFile(OPTIONS)
    with file.asking() as first:
        assert first
        with SnapshotFile(OPTIONS).asking() as second:
            assert not second
    with file.asking() as again:
        assert again


def test_a_lock_ends_with_its_process(home: Path) -> None:
    with SnapshotFile(OPTIONS).asking():
        (lock,) = (home / "cache").glob("*.lock")
    descriptor = os.open(lock, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)
