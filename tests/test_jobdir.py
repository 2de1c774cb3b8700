"""The job folder: whole or not there, for its owner only."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from realjobs import make_spec

from jupyter_featx import jobdir
from jupyter_featx.errors import FolderError, JobNotFound, JobStateError, SpecError, TableError
from jupyter_featx.jobdir import JOB_ID, JobDir


def fill(job: JobDir, job_id: str) -> None:
    jobdir.write_aside(job.spec_file, make_spec(job_id=job_id).to_json())


def test_home_is_featx_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert jobdir.home() == home
    monkeypatch.setenv("FEATX_HOME", "")
    assert jobdir.home() == Path("~/featx").expanduser()
    monkeypatch.setenv("FEATX_HOME", "~/other")
    assert jobdir.home() == Path("~/other").expanduser()


def test_a_job_folder_appears_whole(home: Path) -> None:
    seen = []

    def look(job: JobDir, job_id: str) -> None:
        fill(job, job_id)
        seen.extend(jobdir.all_jobs())

    job = jobdir.create("Zeolites!", look)
    assert seen == []
    assert list(jobdir.all_jobs()) == [job]
    assert job.job_id.startswith("zeolites-")
    assert job.spec().job_id == job.job_id


def test_a_folder_that_cannot_be_filled_is_not_there(home: Path) -> None:
    def fail(job: JobDir, job_id: str) -> None:
        fill(job, job_id)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        jobdir.create("x", fail)
    assert list((home / "jobs").iterdir()) == []


def test_a_full_disk_is_said_and_no_half_a_job_stays(home: Path) -> None:
    def no_room(job: JobDir, job_id: str) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(FolderError, match=r"No space left on device\. Make room"):
        jobdir.create("iris", no_room)
    assert list((home / "jobs").iterdir()) == []
    job = jobdir.create("iris", fill)
    with pytest.raises(FolderError, match=f"{job.path}: No space left"), jobdir.existing(job):
        no_room(job, "")


def test_a_home_where_no_folder_can_be_made_is_said(home: Path) -> None:
    (home / "jobs").write_text("")
    with pytest.raises(SpecError, match="FEATX_HOME"):
        jobdir.create("x", fill)


def test_a_home_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"no UTF-8.*FEATX_HOME"):
        jobdir.create("x", fill, tmp_path / "h\udcff")
    assert list(tmp_path.iterdir()) == []


def test_everything_is_for_the_owner_only(home: Path) -> None:
    def loose(job: JobDir, job_id: str) -> None:
        fill(job, job_id)
        os.umask(0)
        (job.path / "deep" / "er").mkdir(parents=True)
        (job.path / "deep" / "er" / "file").write_text("x")

    before = os.umask(0)
    try:
        job = jobdir.create("x", loose)
    finally:
        os.umask(before)
    modes = {path: path.stat().st_mode & 0o777 for path in (job.path, *job.path.rglob("*"))}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}


@pytest.mark.parametrize(
    "name", ["제올라이트", "a\nb", "../../etc", "$(touch x)", "x" * 500, '"', "-rf", "", ".", "A_b C", "🙂", "_"]
)
def test_an_id_is_harmless_whatever_the_name(home: Path, name: str) -> None:
    job_id = jobdir.new_id(name, home)
    assert JOB_ID.fullmatch(job_id)
    assert job_id[0] not in "-_."


def test_hidden_and_foreign_folders_are_no_jobs(home: Path) -> None:
    assert list(jobdir.all_jobs()) == []
    for name in (".new-1", ".gone-2", "With Space", "Upper"):
        (home / "jobs" / name).mkdir(parents=True)
    assert list(jobdir.all_jobs()) == []


@pytest.mark.parametrize("job_id", ["none", "../jobs", "..", "", "a/b", "a\nb", "\0"])
def test_an_id_that_is_none_is_not_found(home: Path, job_id: str) -> None:
    jobdir.create("x", fill)
    with pytest.raises(JobNotFound, match="featx jobs"):
        jobdir.find(job_id)


def test_a_job_is_found_by_its_id(home: Path) -> None:
    job = jobdir.create("x", fill)
    assert jobdir.find(job.job_id) == job


def test_an_unreadable_spec_is_said(home: Path) -> None:
    job = jobdir.create("x", fill)
    for text in ("", "{", "[]", "null", "{}", '{"version": "x"}'):
        job.spec_file.write_text(text)
        with pytest.raises(JobNotFound, match=r"no readable spec\.json"):
            job.spec()


def test_a_removed_job_is_gone_and_says_so(home: Path) -> None:
    job = jobdir.create("x", fill)
    jobdir.remove(job)
    assert list((home / "jobs").iterdir()) == []
    for act in (job.spec, lambda: jobdir.remove(job), lambda: jobdir.locked(job).__enter__()):
        with pytest.raises(JobNotFound, match=f"No job '{job.job_id}'"):
            act()


def test_two_attempts_that_start_at_once_get_two_numbers(home: Path) -> None:
    job = jobdir.create("x", fill)
    numbers: list[int] = []
    threads = [threading.Thread(target=lambda: numbers.append(job.claim_attempt()[0])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 9))


def test_a_text_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "x"
    jobdir.write_aside(path, "old")
    with pytest.raises(UnicodeEncodeError):
        jobdir.write_aside(path, "half \ud800")
    assert path.read_text() == "old"
    jobdir.write_aside(path, "new \udcff", mode=0o700)
    assert path.read_bytes() == b"new \xff"
    assert path.stat().st_mode & 0o777 == 0o700
    assert list(tmp_path.iterdir()) == [path]


def test_only_one_at_a_time_changes_a_job(home: Path) -> None:
    job = jobdir.create("x", fill)
    with jobdir.locked(job), pytest.raises(JobStateError, match="another"), jobdir.locked(job):
        pass
    with jobdir.locked(job):
        pass


def test_what_fails_because_the_job_was_deleted_says_so(home: Path) -> None:
    job = jobdir.create("x", fill)
    with pytest.raises(FileNotFoundError), jobdir.existing(job):
        (job.path / "none").read_text()
    jobdir.remove(job)
    for exc in (FileNotFoundError(2, "No such file"), TableError("no table")):
        with pytest.raises(JobNotFound, match=f"'{job.job_id}' was deleted"), jobdir.existing(job):
            raise exc


def test_a_file_that_vanishes_while_rights_are_taken_is_no_error(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = jobdir.create("x", fill)
    monkeypatch.setattr("os.walk", lambda folder: [(str(folder), [], ["gone.tmp", "spec.json"])])
    jobdir.make_private(job.path)


def test_a_file_where_the_jobs_should_be_holds_none(tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text("")
    assert list(jobdir.all_jobs(tmp_path)) == []
