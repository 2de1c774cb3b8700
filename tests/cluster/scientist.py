"""What an ordinary user does on the cluster: types commands, runs a notebook, submits jobs; and a look at such a job.

`Submitted.events` and its kin only read the job's folder, so that a test can tell what happens while nobody looks from
what `featx status` makes of it.
"""

from __future__ import annotations

import json
import os
import pwd
import secrets
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars
from daemons import TestbedError, last_lines, root, wait
from people import home_of, make_user
from realjobs import calls
from testbed import Testbed

from jupyter_featx import events
from jupyter_featx.items import ItemFile
from jupyter_featx.shards import list_shards, whole_lines
from jupyter_featx.state import JobStatus, fold

CONFIG = """\
[slurm]
poll_seconds = 2
"""
PATIENCE = 240  # seconds until something that a loaded machine does late counts as never


class Scientist:
    """The ordinary user, with a folder in the home for one test, which holds FEATX_HOME and the configuration."""

    def __init__(self, testbed: Testbed, name: str, config: str = CONFIG) -> None:
        self.testbed = testbed
        self.user = make_user()
        self.home = home_of(self.user)
        self.folder = self.home / "featx-tests" / f"{name[:40]}-{secrets.token_hex(2)}"
        self.featx_home = self.folder / "featx"
        self.python = testbed.place.venv / "bin/python"
        self.path = f"{testbed.place.venv}/bin:/usr/local/bin:/usr/bin:/bin"
        self.jobs: list[Submitted] = []
        self.run("mkdir", "-p", self.folder)
        self.write("config.toml", config)

    @property
    def environment(self) -> dict[str, str]:
        """What the user's own shell has set: nothing of who runs the tests comes through."""
        return {
            "HOME": str(self.home),
            "USER": self.user,
            "LOGNAME": self.user,
            "SHELL": "/bin/bash",
            "LANG": "C.UTF-8",
            "PATH": self.path,
            "SLURM_CONF": str(self.testbed.place.slurm_conf),
            "FEATX_HOME": str(self.featx_home),
            "FEATX_CONFIG": str(self.folder / "config.toml"),
        }

    def words(self, argv: Sequence[str | Path], env: Mapping[str, str] | None = None) -> list[str]:
        """Return the words that run a command as the user, in the user's environment."""
        pairs = [f"{name}={value}" for name, value in {**self.environment, **(env or {})}.items()]
        words = ["env", "-i", *pairs, *map(str, argv)]
        if os.geteuid() == pwd.getpwnam(self.user).pw_uid:
            return words
        return root(["runuser", "-u", self.user, "--", *words])

    def run(self, *argv: str | Path, check: bool = True, env: Mapping[str, str] | None = None) -> str:
        """Run a command as the user; return what it printed. Raises TestbedError when it fails."""
        folder = self.folder if self.folder.exists() else "/"
        done = subprocess.run(
            self.words(argv, env),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
        )
        if check and done.returncode:
            raise TestbedError(f"{' '.join(map(str, argv))} failed ({done.returncode}):\n{done.stdout}")
        return done.stdout

    def write(self, name: str, text: str) -> Path:
        """Write a file into the user's folder, as the user's own."""
        path = self.folder / name
        subprocess.run(
            self.words(["sh", "-c", 'mkdir -p "$(dirname "$1")"; cat > "$1"', "sh", path]),
            input=text,
            text=True,
            check=True,
            timeout=PATIENCE,
        )
        return path

    def numbers(self, count: int) -> Path:
        """Make a dataset of files that hold the numbers from 1."""
        folder = self.folder / f"numbers{count}"
        code = (
            "import pathlib, sys; folder = pathlib.Path(sys.argv[1]); folder.mkdir(exist_ok=True)\n"
            "for n in range(1, int(sys.argv[2]) + 1): (folder / f'n{n}.txt').write_text(str(n))"
        )
        self.run("/usr/bin/python3", "-c", code, folder, str(count))
        return folder

    def featx(self, *words: str | Path, check: bool = True, env: Mapping[str, str] | None = None) -> str:
        """Type a `featx` command in a terminal."""
        return self.run(self.testbed.place.venv / "bin/featx", *words, check=check, env=env)

    def submit(self, template: str, data: Path, *options: str, env: Mapping[str, str] | None = None) -> Submitted:
        """Submit a template from a terminal; its process is gone when this returns."""
        path = self.write("template.py", template)
        before = self._job_folders()
        words = ("submit", path, "--data", data, "--scheduler", "slurm", "--no-preflight", *options)
        printed = self.featx(*words, env=env)
        (new,) = self._job_folders() - before
        job = Submitted(self, new, printed)
        self.jobs.append(job)
        return job

    def find_jobs(self) -> None:
        """Look for jobs that a notebook or another process of the user submitted."""
        known = {job.path for job in self.jobs}
        self.jobs += [Submitted(self, path, "") for path in sorted(self._job_folders() - known)]

    def cancel_all(self) -> None:
        """End what still runs of this test."""
        self.find_jobs()
        ids = [native for job in self.jobs for native in job.native_ids()]
        if ids:
            self.testbed.slurm("scancel", "--quiet", *ids, check=False)

    def leave(self) -> None:
        """End what still runs of this test, and remove its folder."""
        self.cancel_all()
        with suppress(TestbedError):  # what is still being killed may write once more
            self.run("rm", "-rf", self.folder)

    def _job_folders(self) -> set[Path]:
        folder = self.featx_home / "jobs"
        return {path for path in folder.glob("*") if path.name[0] != "."} if folder.exists() else set()


@dataclass
class Submitted:
    """A job of the user: what its folder says, and what the user is told of it."""

    scientist: Scientist
    path: Path
    printed: str

    @property
    def job_id(self) -> str:
        return self.path.name

    # -- the folder ------------------------------------------------------------------------------------------------

    def events(self) -> list[events.Event]:
        return events.read(self.path / "events")

    def folded(self) -> JobStatus:
        """Return the status as the events have it; nobody is asked."""
        return fold(self.events())

    def native_ids(self) -> list[str]:
        """Return Slurm's ids of all the runs, each once, oldest first."""
        found = [event.native_id for event in self.events() if isinstance(event, events.Submitted | events.Started)]
        return list(dict.fromkeys(found))

    def attempts(self) -> list[events.Started]:
        return [event for event in self.events() if isinstance(event, events.Started)]

    def items(self) -> list[str]:
        items = ItemFile(self.path / "items.txt", self.path / "items.idx")
        return [items[index] for index in range(len(items))]

    def rows(self) -> list[dict[str, Any]]:
        """Return every whole row of every shard, errors too."""
        blocks = [block for shard in list_shards(self.path / "shards") for block in whole_lines(shard.path, 1 << 20)]
        return [json.loads(line) for block in blocks for line in block.splitlines()]

    def done(self) -> set[str]:
        """Return the base names of the items that have a good row in some shard."""
        items = self.items()
        return {os.path.basename(items[row["i"]]) for row in self.rows() if "e" not in row}

    def table(self) -> polars.DataFrame:
        return polars.read_parquet(self.path / "table.parquet")

    def log(self) -> str:
        """Return all that the job's logs hold."""
        return "\n".join(path.read_text(errors="replace") for path in sorted((self.path / "logs").glob("*")))

    # -- waiting ---------------------------------------------------------------------------------------------------

    def until(self, fact: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
        """Wait until something is so. Raises TestbedError with everything that is known of the job."""
        wait(fact, f"job {self.job_id}: {what}", seconds, self.story)

    def until_started(self, rows: int = 1) -> None:
        """Wait until at least so many rows are finished."""
        self.until(lambda: len(self.rows()) >= rows, f"{rows} rows are there")

    def until_merged(self) -> None:
        """Wait until the table is there; nobody asks Slurm or the job's manager meanwhile."""
        self.until(lambda: any(isinstance(event, events.Merged) for event in self.events()), "the table is there")

    def status(self) -> dict[str, Any]:
        """Return what the user is told: the state that asking Slurm and the folder gives."""
        code = (
            "import json, sys, jupyter_featx as featx\n"
            "status = featx.job(sys.argv[1]).status\n"
            "status = status() if callable(status) else status\n"
            "print(json.dumps({k: str(getattr(status, k)) for k in ('state', 'reason')} | {\n"
            "    k: getattr(status, k) for k in ('done', 'failed', 'total')}))"
        )
        return json.loads(self.scientist.run(self.scientist.python, "-c", code, self.job_id).splitlines()[-1])  # type: ignore[no-any-return]

    def until_state(self, *states: str) -> dict[str, Any]:
        """Wait until the user is told one of these states."""
        found: dict[str, Any] = {}

        def there() -> bool:
            found.update(self.status())
            return found["state"] in states

        self.until(there, f"its state is one of {states}")
        return found

    # -- judging ---------------------------------------------------------------------------------------------------

    def check_table(self, expected: Callable[[str], dict[str, Any]]) -> None:
        """See that the table is what a plain loop over the items gives: each item once, in the dataset's order."""
        items, table = self.items(), self.table()
        plain = [{"item": item, **expected(item)} for item in items]
        made = [{name: value for name, value in row.items() if name in plain[0]} for row in table.to_dicts()]
        assert made == plain, self.story()

    def check_rows(self, side: Path, finished_before: set[str]) -> None:
        """See that no item has two good rows, and that what was finished before a fault was not run again."""
        good = [row["i"] for row in self.rows() if "e" not in row]
        assert len(good) == len(set(good)), self.story()
        runs = calls(side)
        again = {item: runs[item] for item in finished_before if runs[item] != 1}
        assert not again, f"run again although finished: {again}\n{self.story()}"

    def story(self) -> str:
        """Return everything that is known of the job, for a failure's report."""
        parts = [f"=== job {self.path}"]
        parts += [last_lines(path, 40) for path in sorted((self.path / "events").glob("*"))]
        parts += [last_lines(path, 40) for path in sorted((self.path / "logs").glob("*"))]
        for native in self.native_ids():
            parts.append(self.scientist.testbed.slurm("scontrol", "show", "job", native, check=False))
        ids = ",".join(self.native_ids())
        if ids:
            columns = "-ojobid,state,start,end,exitcode,nodelist"
            parts.append(self.scientist.testbed.slurm("sacct", "-D", "-j", ids, columns, check=False))
        return "\n".join(parts)
