"""Fixtures that several test files use: a FEATX_HOME of their own, and a small dataset."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

HERE = Path(__file__).parent
# A loaded machine draws slowly, which is no reason to fail; and what fails once fails again.
settings.register_profile("ours", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ours")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run a test again when it fails, twice at most, and say so in the report.

    Most tests here run real processes, which a loaded machine starves. One that fails for a reason fails three times.
    """
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.flaky(reruns=2))


@pytest.fixture(autouse=True)
def no_configuration(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what the developer's own machine is set to from every test."""
    monkeypatch.delenv("FEATX_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "no-configuration"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A FEATX_HOME for one test; what still runs at its end is killed."""
    path = tmp_path / "featx-home"
    path.mkdir()
    monkeypatch.setenv("FEATX_HOME", str(path))
    yield path
    kill_jobs_of(path)


def kill_jobs_of(home: Path) -> None:
    """Kill every process that works in a job folder below `home`."""
    mark = os.fsencode(home / "jobs")
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()):
        with suppress(OSError):
            if mark in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    """A dataset of eight files that hold the numbers 1 to 8."""
    folder = tmp_path / "numbers"
    folder.mkdir()
    for number in range(1, 9):
        (folder / f"n{number}.txt").write_text(str(number))
    return folder
