"""The library is used where it fits, and the commands for what it cannot do.

pyslurm builds only against its own Slurm, which is not installed here: a stand-in has the names that its manual gives.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakecluster import PATH, FakeCluster

from jupyter_featx.errors import SchedulerError
from jupyter_featx.events import Begun, Lost, Unreachable, Waiting
from jupyter_featx.schedulers.slurm import SlurmOptions, SlurmScheduler

STAND_IN = '''
"""Stands in for pyslurm: its documented names, and a file in place of a cluster."""
import json, os
from pathlib import Path
__version__ = "VERSION"

def _state():
    return json.loads(Path(os.environ["STAND_IN"]).read_text())

def _note(**what):
    state = _state()
    state["calls"].append(what)
    Path(os.environ["STAND_IN"]).write_text(json.dumps(state))
    if state.get("error"):
        raise RPCError(state["error"])
    return state

class RPCError(Exception):
    pass

class JobSubmitDescription:
    nodes = ntasks = None
    def __init__(self, **kwargs):
        self.given = kwargs
    def load_sbatch_options(self, overwrite=False):
        for line in Path(self.given["script"]).read_text().splitlines():
            if line.startswith("#SBATCH --ntasks="):
                self.ntasks = line.split("=")[1].strip()
            if line.startswith("#SBATCH --nodes="):
                self.nodes = line.split("=")[1].strip()
    def submit(self):
        if not isinstance(self.nodes, str) or "-" not in self.nodes:
            raise TypeError("nodes")
        _note(verb="submit", nodes=self.nodes, **self.given)
        return 501

class Job:
    def __init__(self, job_id=None, **known):
        self.id = job_id
        self.__dict__.update(known)
    @property
    def derived(self):
        raise ValueError
    @staticmethod
    def load(job_id):
        for job in _note(verb="show", id=job_id)["jobs"]:
            if job["id"] == job_id:
                return Job(job["id"], **{k: v for k, v in job.items() if k != "id"})
        raise RPCError("Invalid job id specified")
    def cancel(self):
        _note(verb="cancel", id=self.id)

class Jobs(dict):
    @staticmethod
    def load():
        jobs = _note(verb="queue")["jobs"]
        return Jobs({job["id"]: Job(job["id"], **{k: v for k, v in job.items() if k != "id"}) for job in jobs})

class db:
    class JobFilter:
        def __init__(self, ids):
            self.ids = ids
    class Jobs(list):
        @staticmethod
        def load(wanted):
            found = _note(verb="history", ids=wanted.ids)["database"]
            return [Job(job["id"], **{k: v for k, v in job.items() if k != "id"}) for job in found]
'''


class StandIn:
    """The file behind the stand-in."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.set(jobs=[], database=[], calls=[], error="")

    def set(self, **values: object) -> None:
        state = json.loads(self._path.read_text()) if self._path.exists() else {}
        self._path.write_text(json.dumps({**state, **values}))

    @property
    def calls(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(self._path.read_text())["calls"]
        return found


@pytest.fixture
def cluster(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    monkeypatch.setenv("PATH", PATH)
    monkeypatch.setenv("FAKE_SLURM", str(tmp_path / "slurm"))
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    return FakeCluster(tmp_path / "slurm")


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[StandIn]:
    """pyslurm 22.05, as the fake cluster; a test may ask for another text of it."""
    text = getattr(request, "param", STAND_IN.replace("VERSION", "22.5.2"))
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "pyslurm.py").write_text(text)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("STAND_IN", str(tmp_path / "stand-in.json"))
    yield StandIn(tmp_path / "stand-in.json")
    sys.modules.pop("pyslurm", None)


def scheduler(transport: str = "auto", poll_seconds: float = 0, **options: object) -> SlurmScheduler:
    return SlurmScheduler(
        SlurmOptions(
            transport=transport, poll_seconds=poll_seconds, quiet_poll_seconds=0, timeout_seconds=60, **options
        )  # type: ignore[arg-type]  # a test's own
    )


def script(folder: Path, *directives: str) -> Path:
    path = folder / "submit.sh"
    path.write_text("#!/bin/bash\n" + "".join(f"#SBATCH {line}\n" for line in directives) + "true\n")
    return path


def test_a_script_goes_through_the_library_with_a_range_of_nodes(
    cluster: FakeCluster, library: StandIn, tmp_path: Path
) -> None:
    path = script(tmp_path, "--ntasks=6", "--output=x.log")
    assert scheduler().submit(path, tmp_path / "logs" / "job.log", ["2"]) == "501"
    (call,) = library.calls
    assert (call["nodes"], call["script"], call["script_args"]) == ("1-6", str(path), ["2"])
    assert "standard_output" not in call
    assert cluster.calls("sbatch") == []


def test_a_number_of_nodes_becomes_a_range(cluster: FakeCluster, library: StandIn, tmp_path: Path) -> None:
    scheduler().submit(script(tmp_path, "--nodes=3"), tmp_path / "logs" / "job.log")
    (call,) = library.calls
    assert (call["nodes"], call["standard_output"]) == ("3-3", f"{tmp_path}/logs/job-%j.log")


@pytest.mark.parametrize("directive", ["--signal=B:USR1@60", "--hint=nomultithread", "-p main", "--comment=a b"])
def test_what_the_library_would_drop_in_silence_goes_through_sbatch(
    cluster: FakeCluster, library: StandIn, tmp_path: Path, directive: str
) -> None:
    assert scheduler().submit(script(tmp_path, directive), tmp_path / "log") == "101"
    assert library.calls == []


def test_a_notebook_within_a_job_submits_through_sbatch(
    cluster: FakeCluster, library: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert scheduler().submit(script(tmp_path), tmp_path / "log") == "101"


def test_a_refusal_of_the_library_is_in_plain_words(cluster: FakeCluster, library: StandIn, tmp_path: Path) -> None:
    library.set(error="Requested node configuration is not available")
    with pytest.raises(SchedulerError, match="no set of nodes.*--cores"):
        scheduler().submit(script(tmp_path), tmp_path / "log")
    library.set(error="Unable to contact slurm controller (connect failure)")
    with pytest.raises(SchedulerError, match="was not submitted"):
        scheduler().submit(script(tmp_path), tmp_path / "log")


def test_the_queue_is_asked_once_for_all(cluster: FakeCluster, library: StandIn) -> None:
    mine = {"user_id": os.getuid(), "cpus": 4, "num_nodes": 1}
    library.set(
        jobs=[
            {"id": 1, "state": "PENDING", "state_reason": "Resources", "start_time": 2_000_000_000, **mine},
            {"id": 2, "state": "RUNNING", "state_reason": "None", "allocated_nodes": "n1", **mine},
            {"id": 3, "state": "RUNNING", **mine, "user_id": os.getuid() + 1},
        ]
    )
    slurm = scheduler(poll_seconds=1000)
    found = {**slurm.poll(["1"]), **slurm.poll(["2"])}
    assert isinstance(found["1"], Waiting)
    assert (found["1"].reason, found["1"].expected_start) == ("Resources", 2_000_000_000)
    assert isinstance(found["2"], Begun)
    assert [call["verb"] for call in library.calls] == ["queue"]
    assert cluster.calls("squeue") == []


def test_ends_come_from_the_database(cluster: FakeCluster, library: StandIn) -> None:
    library.set(
        database=[
            {"id": 4, "state": "FAILED", "exit_code": 3, "exit_code_signal": 0, "elapsed_time": 60, "nodelist": "n1"},
            {"id": 5, "state": "CANCELLED", "cancelled_by": "root"},
        ]
    )
    found = scheduler().poll(["4", "5"])
    assert "exit code 3 after 1 min" in found["4"].reason  # type: ignore[attr-defined]  # a Lost
    assert "cancelled by" in found["5"].reason  # type: ignore[attr-defined]  # a Lost
    assert [call["verb"] for call in library.calls] == ["queue", "history"]


def test_what_the_database_does_not_know_the_controller_may(cluster: FakeCluster, library: StandIn) -> None:
    slurm = scheduler(poll_seconds=1000)
    library.set(jobs=[{"id": 6, "state": "TIMEOUT", "user_id": os.getuid(), "exit_code": 0, "exit_code_signal": 15}])
    found = slurm.poll(["6", "7"])
    assert isinstance(found["6"], Lost)
    assert "7" not in found


def test_an_absent_controller_loses_nothing(cluster: FakeCluster, library: StandIn) -> None:
    library.set(error="Unable to contact slurm controller (connect failure)")
    found = scheduler().poll(["6"])["6"]
    assert isinstance(found, Unreachable)
    assert "Unable to contact" in found.message


def test_a_run_is_cancelled_and_one_that_is_gone_is_no_error(cluster: FakeCluster, library: StandIn) -> None:
    slurm = scheduler()
    slurm.cancel("8")
    library.set(error="Invalid job id specified")
    slurm.cancel("8")
    library.set(error="Access/permission denied")
    with pytest.raises(SchedulerError, match="Access/permission denied"):
        slurm.cancel("8")


BROKEN = ["raise ImportError('libslurmfull.so')", "import os; os._exit(1)", STAND_IN.replace("VERSION", "25.11.2")]


@pytest.mark.parametrize("library", BROKEN, indirect=True)
def test_a_library_that_does_not_fit_is_passed_over(cluster: FakeCluster, library: StandIn) -> None:
    cluster.job("9", state="RUNNING")
    assert isinstance(scheduler().poll(["9"])["9"], Begun)
    assert len(cluster.calls("squeue")) == 1


@pytest.mark.parametrize("library", [STAND_IN.replace("VERSION", "25.11.2")], indirect=True)
def test_a_library_that_was_asked_for_and_does_not_fit_says_why(
    cluster: FakeCluster, library: StandIn, tmp_path: Path
) -> None:
    with pytest.raises(SchedulerError, match="it is for Slurm 25.11, and the cluster has 22.05"):
        scheduler("pyslurm").submit(script(tmp_path), tmp_path / "log")
    found = scheduler("pyslurm").poll(["9"])["9"]
    assert isinstance(found, Unreachable)


def test_without_the_library_the_commands_are_used(cluster: FakeCluster) -> None:
    cluster.job("9", state="RUNNING")
    assert isinstance(scheduler().poll(["9"])["9"], Begun)
    with pytest.raises(SchedulerError, match="not installed"):
        scheduler("pyslurm").cancel("9")
    with pytest.raises(SchedulerError, match="Choose auto, commands or pyslurm"):
        scheduler("telepathy").cancel("9")


def test_a_notebook_without_commands_has_the_library_alone(
    cluster: FakeCluster, library: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    library.set(jobs=[{"id": 2, "state": "RUNNING", "user_id": os.getuid()}])
    slurm = scheduler()
    assert isinstance(slurm.poll(["2"])["2"], Begun)
    assert slurm.test_only(script(tmp_path)) == ""
