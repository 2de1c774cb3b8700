"""What other users of the machine and of a shared home can see and change: nothing of a job but that it runs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from conftest import kill_jobs_of
from realjobs import make_items, until
from strangers import as_stranger, give_away, public_folder

from jupyter_featx import client, jobdir
from jupyter_featx.errors import SpecError
from jupyter_featx.jobdir import JobDir
from jupyter_featx.schedulers.slurm_options import SlurmOptions
from jupyter_featx.schedulers.slurm_snapshot import Snapshot, SnapshotFile
from jupyter_featx.server.service import Service

SECRET = "sesame-of-the-functions"
SOURCE = f"""
import time
def _process_input(path):
    print({SECRET!r})
    time.sleep({{seconds}})
    return {{{{"n": int(open(path).read()), "said": {SECRET!r}}}}}
"""
READ = """
import os, sys
for place, folders, files in os.walk(sys.argv[1]):
    for name in files:
        try:
            print(open(os.path.join(place, name), 'rb').read())
        except OSError:
            pass
    for name in list(folders):
        print('SEES', os.path.join(place, name))
"""
PROCESSES = """
import os, sys
for pid in sys.argv[1:]:
    for name in ('cmdline', 'environ', 'fd', 'maps', 'cwd', 'mem'):
        path = f'/proc/{pid}/{name}'
        try:
            if name == 'fd':
                print(os.listdir(path))
            elif name == 'cwd':
                print(os.readlink(path))
            else:
                print(open(path, 'rb').read(9999))
        except OSError:
            pass
"""


@pytest.fixture
def public_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A FEATX_HOME in a place that everybody can enter."""
    with public_folder() as folder:
        monkeypatch.setenv("FEATX_HOME", str(folder / "featx"))
        yield folder / "featx"
        kill_jobs_of(folder / "featx")


@pytest.fixture
def no_umask() -> Iterator[None]:
    """A user whose umask keeps nothing private."""
    before = os.umask(0)
    yield
    os.umask(before)


def submitted(folder: Path, seconds: float = 0.0) -> client.Job:
    return client.submit(SOURCE.format(seconds=seconds), str(folder), preflight=False, cores=2)


def test_no_file_of_a_job_can_be_read_whatever_the_umask_is(public_home: Path, tmp_path: Path, no_umask: None):
    job = submitted(make_items(tmp_path / "items", 4))
    job.wait(120)
    assert len(job.result()) == 4
    found = [job.path, *job.path.rglob("*")]
    assert len(found) > 12
    assert {oct(path.stat().st_mode & 0o777) for path in found if path.is_dir()} == {"0o700"}
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in found if path.stat().st_mode & 0o077} == {}
    seen = as_stranger(READ, str(public_home))
    assert SECRET not in seen
    assert job.id not in seen  # the folder of jobs cannot be listed


def test_the_processes_of_a_job_show_others_where_it_is_and_nothing_else(public_home: Path, tmp_path: Path):
    job = submitted(make_items(tmp_path / "very-own-items", 4), seconds=30)
    until(lambda: job.status().running, 60)
    mine = [process for process in psutil.process_iter() if f"/{job.id}" in " ".join(_words(process))]
    family = {each for process in mine for each in (process, *process.children(recursive=True))}
    assert len(family) >= 4  # a rank, its nursery, two workers
    seen = as_stranger(PROCESSES, *(str(process.pid) for process in family))
    assert job.id in seen
    assert SECRET not in seen
    assert "very-own-items" not in seen
    assert "PATH=" not in seen
    job.cancel()


def test_a_job_opens_no_port_and_leaves_nothing_in_shared_folders(public_home: Path, tmp_path: Path):
    job = submitted(make_items(tmp_path / "items", 4), seconds=30)
    until(lambda: job.status().running, 60)
    for process in psutil.process_iter():
        if f"/{job.id}" not in " ".join(_words(process)):
            continue
        assert [line for line in process.net_connections("inet") if line.status == "LISTEN"] == []
        assert [line.laddr for line in process.net_connections("unix") if line.laddr] == []
        places = [os.path.realpath(file.path) for file in process.open_files()]
        assert [path for path in places if path.startswith(("/dev/shm", "/var/tmp"))] == []
        assert [path for path in places if path.startswith("/tmp") and not path.startswith(_own(public_home))] == []
    job.cancel()


def _own(home: Path) -> tuple[str, ...]:
    return (os.path.realpath(home),)


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def fill(job: JobDir, job_id: str) -> None:
    job.template.write_text("")


def test_a_folder_of_jobs_that_is_somebody_elses_is_refused(home: Path):
    (home / "jobs").mkdir()
    (home / "jobs").chmod(0o777)
    give_away(home / "jobs")
    with pytest.raises(SpecError, match=r"belongs to somebody else. Set FEATX_HOME"):
        jobdir.create("x", fill)
    assert list((home / "jobs").iterdir()) == []


def test_a_link_to_a_folder_of_somebody_else_is_refused(home: Path, tmp_path: Path):
    (tmp_path / "trap").mkdir()
    (tmp_path / "trap").chmod(0o777)
    give_away(tmp_path / "trap")
    (home / "jobs").symlink_to(tmp_path / "trap")
    with pytest.raises(SpecError, match="belongs to somebody else"):
        jobdir.create("x", fill)


def test_nobody_else_can_put_another_job_in_the_place_of_mine(home: Path, no_umask: None):
    home.chmod(0o777)
    (home / "jobs").mkdir(mode=0o777)
    jobdir.create("x", fill)
    assert (home / "jobs").stat().st_mode & 0o022 == 0
    assert home.stat().st_mode & 0o022 == 0


def test_a_place_for_all_stays_one(home: Path):
    home.chmod(0o1777)
    jobdir.create("x", fill)
    assert home.stat().st_mode & 0o7777 == 0o1777


def test_what_others_put_into_the_way_is_never_written_through(home: Path, tmp_path: Path):
    target = tmp_path / "precious"
    target.write_text("precious")
    job = jobdir.create("x", fill)
    job.script.symlink_to(target)
    jobdir.write_aside(job.script, "new")
    assert target.read_text() == "precious"
    assert not job.script.is_symlink()


def test_what_is_kept_beside_the_jobs_is_private_too(home: Path, no_umask: None):
    file = SnapshotFile(SlurmOptions())
    file.save(Snapshot())
    with file.asking():
        pass
    kept = list((home / "cache").iterdir())
    assert len(kept) == 2
    assert {path.stat().st_mode & 0o077 for path in [home / "cache", *kept]} == {0}


def test_the_queues_answer_of_somebody_else_is_not_believed(home: Path):
    file = SnapshotFile(SlurmOptions())
    file.save(Snapshot(asked=1.0))
    assert file.load() is not None
    give_away(next((home / "cache").glob("*.json")))
    assert file.load() is None


def test_the_servers_own_scratch_folder_is_private(home: Path, tmp_path: Path, no_umask: None):
    service = Service(tmp_path)
    try:
        folder = Path(service._scratch.name)
        assert folder.stat().st_mode & 0o777 == 0o700
    finally:
        service._quick.shutdown()
        service._slow.shutdown()
        service._scratch.cleanup()


def test_a_record_of_a_job_holds_nothing_secret(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("JUPYTER_TOKEN", "JPY_API_TOKEN", "JUPYTERHUB_API_TOKEN", "MY_PASSWORD"):
        monkeypatch.setenv(name, "sesame-1")
    job = submitted(make_items(tmp_path / "items", 2))
    job.wait(120)
    assert json.loads((job.path / "spec.json").read_text())["job_id"] == job.id
    for path in job.path.rglob("*"):
        assert path.is_dir() or b"sesame-1" not in path.read_bytes(), path
