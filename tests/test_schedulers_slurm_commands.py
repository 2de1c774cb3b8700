"""A command gets through a prefix unharmed, is given up when it hangs, and its complaints become one line."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from fakecluster import PATH, FakeCluster

from jupyter_featx.errors import SchedulerError
from jupyter_featx.events import Begun, Unreachable
from jupyter_featx.schedulers.slurm import SlurmOptions, SlurmScheduler
from jupyter_featx.schedulers.slurm_commands import Commands, SlurmAway, SlurmMissing, SlurmRefused, clean

NASTY = ["a b", "$(id)", "';true", '"', "%i|%r", "*", "", "\\", "~", "é"]


@pytest.fixture
def cluster(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    monkeypatch.setenv("PATH", PATH)
    monkeypatch.setenv("FAKE_SLURM", str(tmp_path / "slurm"))
    return FakeCluster(tmp_path / "slurm")


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As the real one: options, a host, and the rest joined by spaces for a shell; it notes its own words."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = (
        '#!/bin/bash\nprintf "%s\\n" "$*" >> "$0.log"\nwhile [ "$1" = -o ]; do shift 2; done\nhost=$1; shift\n'
        '[ "$host" = nowhere ] && { echo "ssh: Could not resolve hostname nowhere" >&2; exit 255; }\n'
        'exec bash -c "$*"\n'
    )
    (folder / "ssh").write_text(script)
    (folder / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder / "ssh.log"


def run(*words: str, prefix: tuple[str, ...] = ()) -> str:
    return Commands(SlurmOptions(prefix=prefix, timeout_seconds=60)).run(*words)


def test_words_reach_a_command_as_they_are(ssh: Path) -> None:
    show = ("python3", "-S", "-c", "import sys; print(sys.argv[1:])")
    assert run(*show, *NASTY) == f"{NASTY}\n"
    assert run(*show, *NASTY, prefix=("ssh", "login01")) == f"{NASTY}\n"
    assert run(*show, *NASTY, prefix=("env", "X=1")) == f"{NASTY}\n"


def test_ssh_never_asks_for_a_password(ssh: Path) -> None:
    run("true", prefix=("ssh", "login01"))
    assert ssh.read_text().startswith("-o BatchMode=yes -o ConnectTimeout=10 login01 env LC_ALL=C SLURM_TIME_FORMAT=")


def test_the_whole_scheduler_works_behind_a_prefix(cluster: FakeCluster, ssh: Path, tmp_path: Path) -> None:
    script = tmp_path / "it's a folder"
    script.mkdir()
    (script / "submit.sh").write_text("#!/bin/bash\ntrue\n")
    scheduler = SlurmScheduler(SlurmOptions(prefix=("ssh", "login01"), timeout_seconds=60))
    native_id = scheduler.submit(script / "submit.sh", script / "logs" / "job.log", ["1"])
    assert cluster.calls("sbatch")[0][-2:] == [str(script / "submit.sh"), "1"]
    cluster.job(native_id, state="RUNNING")
    assert isinstance(scheduler.poll([native_id])[native_id], Begun)
    scheduler.cancel(native_id)


def test_a_login_node_that_is_away_loses_nothing(cluster: FakeCluster, ssh: Path) -> None:
    scheduler = SlurmScheduler(SlurmOptions(prefix=("ssh", "nowhere"), timeout_seconds=60))
    found = scheduler.poll(["5"])["5"]
    assert isinstance(found, Unreachable)
    assert "ssh nowhere: Could not resolve hostname" in found.message
    assert "'ssh nowhere true'" in found.message


def test_a_prefix_that_is_not_there_is_named(cluster: FakeCluster) -> None:
    with pytest.raises(SlurmMissing, match="nosuchprefix is not installed here"):
        run("squeue", prefix=("nosuchprefix",))


def test_a_command_that_is_missing_behind_the_prefix_is_named(cluster: FakeCluster, ssh: Path) -> None:
    with pytest.raises(SlurmMissing, match="nosuchcommand is not installed behind 'ssh login01'"):
        run("nosuchcommand", prefix=("ssh", "login01"))


def test_a_hanging_command_goes_with_its_children(tmp_path: Path) -> None:
    mark = f"9{time.time_ns()}"
    commands = Commands(SlurmOptions(timeout_seconds=1))
    with pytest.raises(SlurmAway, match="no answer to bash within 1 s"):
        commands.run("bash", "-c", f"sleep {mark} & wait")
    deadline = time.time() + 30
    while time.time() < deadline:
        found = subprocess.run(["pgrep", "-f", f"sleep {mark}"], capture_output=True, text=True)
        if not found.stdout:
            return
        time.sleep(0.2)
    pytest.fail("its child still sleeps")


def test_complaints_become_one_line() -> None:
    text = 'sbatch: error: one\nsbatch: error: one\nsbatch: fatal: two.\nTry "sbatch --help" for more information\n\n'
    assert clean(text) == "one; two"
    assert clean("\x1b[31mred\x07") == "?[31mred?"
    assert len(clean("x" * 10_000)) <= 600


@pytest.mark.parametrize(
    "name", ["away_squeue", "away_sbatch", "away_scancel", "away_scontrol", "away_sinfo", "away_sacct"]
)
def test_what_a_real_slurm_says_while_it_is_away_is_known(name: str) -> None:
    text = (Path(__file__).parent / "data" / "slurm" / "22.05.8" / f"{name}.txt").read_text()
    assert isinstance(Commands(SlurmOptions()).error("squeue", 1, text), SlurmAway)


def test_a_refusal_is_no_absence() -> None:
    error = Commands(SlurmOptions()).error("scontrol", 1, "slurm_load_jobs error: Invalid job id specified")
    assert isinstance(error, SlurmRefused)
    assert isinstance(error, SchedulerError)


def test_no_token_goes_along_with_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "secret")
    monkeypatch.setenv("MINE", "kept")
    for plain in (True, False):
        printed = Commands(SlurmOptions()).run("env", plain_environment=plain)
        assert "MINE=kept" in printed
        assert "secret" not in printed
