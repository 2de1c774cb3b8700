"""The job folder, which is the database: the only module that spells a file name.

Each file has one writer. It is appended to, or written aside and renamed; a folder is made whole under a hidden name
before it appears. Everything is 0700, for templates and paths are the user's own.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_featx.errors import FeatxError, FolderError, JobNotFound, JobStateError, SpecError

if TYPE_CHECKING:  # a nursery needs names of files, and nothing of what stands in them
    from jupyter_featx.events import EventLog
    from jupyter_featx.spec import JobSpec

JOB_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,47}")


def home() -> Path:
    """Return the folder that holds everything of ours: FEATX_HOME, by default ~/featx."""
    return Path(os.environ.get("FEATX_HOME") or "~/featx").expanduser().absolute()


def site_templates() -> Path | None:
    """Return the folder of a site's own script templates: FEATX_TEMPLATES, by default none."""
    folder = os.environ.get("FEATX_TEMPLATES")
    return Path(folder).expanduser().absolute() if folder else None


class JobDir:
    """The names of the files of one job."""

    __slots__ = ("path",)

    def __init__(self, path: Path) -> None:
        self.path = path

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JobDir) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    def __repr__(self) -> str:
        return f"JobDir({str(self.path)!r})"

    @property
    def job_id(self) -> str:
        return self.path.name

    @property
    def spec_file(self) -> Path:
        return self.path / "spec.json"

    @property
    def template(self) -> Path:
        return self.path / "template.py"

    @property
    def modules(self) -> Path:
        return self.path / "modules"

    @property
    def items(self) -> Path:
        return self.path / "items.txt"

    @property
    def index(self) -> Path:
        return self.path / "items.idx"

    @property
    def script(self) -> Path:
        return self.path / "submit.sh"

    @property
    def events(self) -> Path:
        return self.path / "events"

    @property
    def shards(self) -> Path:
        return self.path / "shards"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def partial(self) -> Path:
        """The folder of a table made while the job runs."""
        return self.path / "partial"

    @property
    def lock(self) -> Path:
        """Held by who submits, retries or deletes; empty."""
        return self.path / ".lock"

    def nonce(self, token: str) -> Path:
        """Written by rank 0 before the first item, for the other ranks to see that they share the folder."""
        return self.path / f".nonce-{token}"

    @property
    def job_log(self) -> Path:
        """What the scheduler's script and the ranks print."""
        return self.logs / "job.log"

    def log_files(self) -> list[Path]:
        """Return what was printed, oldest run first: by the scripts and the ranks, then by the user's functions."""
        scripts = sorted(self.logs.glob("job*.log"), key=lambda path: (path.stat().st_mtime, path.name))
        return [*scripts, *sorted(self.logs.glob("*.out"))]

    def run_log(self, native_id: str) -> Path:
        """What one run of a cluster's scheduler printed; the file need not be there."""
        return self.logs / f"job-{native_id.replace('/', '-')}.log"

    def reserve(self, attempt: int) -> Path:
        """A file of no meaning that an attempt removes to have room for its last word."""
        return self.events / f".reserve-{attempt:04}"

    def script_events(self, native_id: str) -> EventLog:
        """The events that the script of a run writes, when no rank can."""
        return self.event_log(f"script-{native_id.replace('/', '-')}")

    def output_log(self, attempt: int, rank: int) -> Path:
        """What the user's functions print, on one rank."""
        return self.logs / f"a{attempt:04}-r{rank:04}.out"

    def shard(self, attempt: int, rank: int) -> Path:
        return self.shards / f"a{attempt:04}-r{rank:04}.jsonl"

    def shard_meta(self, attempt: int, rank: int) -> Path:
        return self.shards / f"a{attempt:04}-r{rank:04}.meta.jsonl"

    def event_log(self, writer: str) -> EventLog:
        from jupyter_featx.events import EventLog

        return EventLog(self.events / f"{writer}.jsonl")

    def spec(self) -> JobSpec:
        from jupyter_featx.spec import JobSpec

        if not self.path.is_dir():
            raise _no_such(self.job_id)
        try:
            return JobSpec.from_json(self.spec_file.read_text())
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise JobNotFound(
                f"The folder {self.path} holds no readable spec.json. Remove it, or restore the file."
            ) from exc

    def last_words(self, attempt: int) -> float | None:
        """Return when an attempt last wrote an event, by the file's own clock; None when it never did."""
        try:
            return self._attempt_log(attempt).stat().st_mtime
        except OSError:
            return None

    def _attempt_log(self, number: int) -> Path:
        return self.events / f"attempt-{number:04}.jsonl"

    def next_attempt(self) -> int:
        """Return the number that the next attempt will have, unless another is first."""
        return 1 + len(list(self.events.glob("attempt-*.jsonl")))

    def claim_attempt(self) -> tuple[int, EventLog]:
        """Take the next number for an attempt; two that start at once get two numbers."""
        from jupyter_featx.events import EventLog

        number = self.next_attempt()
        while True:
            path = self._attempt_log(number)
            try:
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
                return number, EventLog(path)
            except FileExistsError:
                number += 1


def write_aside(path: Path, text: str, mode: int = 0o600) -> None:
    """Write the text so that a reader sees the old file or the new one, never half of it."""
    aside = path.with_name(f".{path.name}.{_token(6)}.tmp")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        # A path in the text may hold bytes that are no UTF-8; they go out as they came in.
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def create(name: str, fill: Callable[[JobDir, str], None], root: Path | None = None) -> JobDir:
    """Make a new job folder: `fill(folder, job_id)` fills it while it is hidden; it appears whole or not at all.

    Raises SpecError where no folder can be made, and FolderError where it cannot be filled.
    """
    jobs = (root or home()) / "jobs"
    hidden = jobs / f".new-{_token(6)}"
    job = JobDir(hidden)
    try:
        str(jobs).encode()  # the table engine takes no other path
        jobs.mkdir(parents=True, exist_ok=True, mode=0o700)
        hidden.mkdir(mode=0o700)
    except UnicodeEncodeError as exc:
        raise SpecError(f"The path {str(jobs)!r} is no UTF-8. Set FEATX_HOME to another folder.") from exc
    except OSError as exc:
        raise SpecError(
            f"Cannot make a job folder in {jobs}: {exc.strerror}. Set FEATX_HOME to a folder that you can write."
        ) from exc
    try:
        _keep_others_out(jobs, hidden)
        for folder in (job.events, job.shards, job.logs):
            folder.mkdir(mode=0o700)
        job_id = new_id(name, jobs)
        fill(job, job_id)
        make_private(hidden)
        os.rename(hidden, jobs / job_id)
    except BaseException as exc:
        _remove_files(hidden)
        _refuse(exc, jobs)
        raise
    return JobDir(jobs / job_id)


def _keep_others_out(jobs: Path, fresh: Path) -> None:
    """Let nobody else rename a job away and put another there, whose script would then run. Raises SpecError.

    Whose it is, is compared with what was just made in it: a home can show all files as somebody else's.
    """
    found = os.stat(jobs)
    if found.st_uid != os.stat(fresh).st_uid:
        raise SpecError(f"The folder {jobs} belongs to somebody else. Set FEATX_HOME to a folder of your own.")
    for folder in (jobs, jobs.parent):
        with suppress(OSError):  # the parent can be a place for all
            mode = os.stat(folder).st_mode & 0o7777
            if mode & 0o022 and not mode & stat.S_ISVTX:
                os.chmod(folder, mode & ~0o022)


def make_private(folder: Path) -> None:
    """Take all rights from others, whatever the umask was: on the folder, and on everything in it."""
    for base, _, names in os.walk(folder):
        for path in (base, *(os.path.join(base, name) for name in names)):
            with suppress(FileNotFoundError):  # what another process writes aside comes and goes
                os.chmod(path, os.stat(path).st_mode & 0o700)


@contextmanager
def locked(job: JobDir) -> Iterator[None]:
    """Hold the job for a change that two must not make at once. Raises JobStateError while another holds it."""
    try:
        descriptor = os.open(job.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError as exc:
        raise _no_such(job.job_id) from exc
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise JobStateError(
                f"Job '{job.job_id}' is being submitted, retried or deleted by another process. "
                f"Type '%featx status {job.job_id}'."
            ) from exc
        except OSError:
            pass  # a file system without locks: the check of the job's state must do
        yield
    finally:
        os.close(descriptor)  # and the lock with it, also when the process is killed


@contextmanager
def existing(job: JobDir) -> Iterator[None]:
    """Raise JobNotFound for whatever fails because the folder went meanwhile, FolderError where the disk does."""
    try:
        yield
    except JobNotFound:
        raise
    except (OSError, FeatxError) as exc:
        if job.path.is_dir():
            _refuse(exc, job.path)
            raise
        raise JobNotFound(f"Job '{job.job_id}' was deleted meanwhile. Run '%featx jobs' to list your jobs.") from exc


def _refuse(exc: BaseException, folder: Path) -> None:
    """Raise FolderError for what only the owner of the disk can mend; it is no mistake of ours."""
    if isinstance(exc, OSError) and exc.errno in _DISK:
        raise FolderError(
            f"Cannot work in {folder}: {os.strerror(exc.errno)}. Make room there, or set FEATX_HOME to another folder; "
            "then try again."
        ) from exc


_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE)


def new_id(name: str, jobs: Path) -> str:
    """Return a fresh id that begins with the name: "Zeolites!" -> "zeolites-3f9a"."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:32] or "job"
    while (jobs / (job_id := f"{slug}-{_token(2)}")).exists():
        pass
    return job_id


def all_jobs(root: Path | None = None) -> Iterator[JobDir]:
    """Yield every job folder; hidden and foreign names are passed over."""
    try:
        with os.scandir((root or home()) / "jobs") as entries:
            names = sorted(entry.name for entry in entries if JOB_ID.fullmatch(entry.name))
    except (FileNotFoundError, NotADirectoryError):
        return
    yield from (JobDir((root or home()) / "jobs" / name) for name in names)


def find(job_id: str, root: Path | None = None) -> JobDir:
    """Return the folder of exactly this id. Raises JobNotFound."""
    path = (root or home()) / "jobs" / job_id
    if not JOB_ID.fullmatch(job_id) or not path.is_dir():
        raise _no_such(job_id)
    return JobDir(path)


def announce(job: JobDir) -> None:
    """Touch the folder of all jobs: who watches it looks again, also when no job came or went."""
    with suppress(OSError):
        os.utime(job.path.parent)


def _no_such(job_id: str) -> JobNotFound:
    return JobNotFound(f"No job '{job_id}'. Run '%featx jobs' to list your jobs.")


def remove(job: JobDir) -> None:
    """Remove the folder; it vanishes at once, its files afterwards. Raises JobNotFound when it has gone already."""
    hidden = job.path.with_name(f".gone-{_token(6)}")
    try:
        os.rename(job.path, hidden)
    except FileNotFoundError as exc:
        raise _no_such(job.job_id) from exc
    _remove_files(hidden)


def _remove_files(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def _token(size: int) -> str:
    return os.urandom(size).hex()
