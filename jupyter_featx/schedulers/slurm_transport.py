"""How we speak with Slurm: five verbs, by the commands or, in slurm_pyslurm.py, by its library."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol

from jupyter_featx.errors import SchedulerError
from jupyter_featx.schedulers.slurm_accounting import Accounting
from jupyter_featx.schedulers.slurm_commands import Commands, SlurmAway, SlurmRefused
from jupyter_featx.schedulers.slurm_options import SlurmOptions
from jupyter_featx.schedulers.slurm_records import (
    SQUEUE,
    JobRecord,
    parse_queue,
    parse_shown,
    parse_submitted,
    parse_time,
)
from jupyter_featx.schedulers.slurm_refusals import not_submitted, submission_error

_CLOCKS_SECONDS = 5.0  # how far the controller's clock may be from ours
_GONE = ("invalid job id", "already completing", "already completed", "already finished", "does not exist")


class Transport(Protocol):
    """Raises SlurmAway where Slurm does not answer, SchedulerError where it refuses."""

    name: str

    def submit(self, script: Path, log: Path, arguments: Sequence[str]) -> str:
        """Hand a script over and return its id."""

    def queue(self) -> dict[str, JobRecord]:
        """Return all the user's runs that the controller knows: one query."""

    def history(self, native_ids: Collection[str]) -> dict[str, JobRecord]:
        """Return what the accounting knows of the ids: one query; nothing where there is none."""

    def show(self, native_id: str) -> JobRecord | None:
        """Return what the controller knows of one run."""

    def cancel(self, native_id: str) -> None:
        """End a run; one that is gone is no error."""


class CommandTransport:
    """Speaks by the commands."""

    name = "commands"

    def __init__(self, commands: Commands, accounting: Accounting, options: SlurmOptions) -> None:
        self._commands = commands
        self._accounting = accounting
        self._submit_seconds = options.submit_seconds

    def submit(self, script: Path, log: Path, arguments: Sequence[str]) -> str:
        words = ["sbatch", "--parsable", *log_options(script, log), str(script), *arguments]
        begun = time.time()
        try:
            code, out, err = self._commands.call(*words, seconds=self._submit_seconds, plain_environment=True)
        except SlurmAway as exc:
            return self._taken_unheard(exc, begun, [str(script), *arguments])
        if code == 0 and (native_id := parse_submitted(out)):
            return native_id
        if code == 0:
            raise SchedulerError(
                f"sbatch printed no job id but {out.strip()[:200]!r}. Type 'squeue --me' to see what was submitted."
            )
        error = self._commands.error("sbatch", code, err or out)
        raise not_submitted(error) if isinstance(error, SlurmAway) else submission_error(err or out)

    def _taken_unheard(self, exc: SlurmAway, begun: float, command: Sequence[str]) -> str:
        """Return the id of a script that was taken although sbatch did not live to say so. Raises SchedulerError.

        A run that nobody wrote down would compute for nobody, and its twin would be submitted.
        """
        if "no answer" not in exc.text:
            raise not_submitted(exc) from exc
        try:
            lines = self._commands.run("squeue", "--me", "-h", "-o", "%i|%V|%o").splitlines()
        except SchedulerError:
            raise not_submitted(exc, doubtful=True) from exc
        for native_id, submitted, text in (line.split("|", 2) for line in lines if line.count("|") >= 2):
            when = parse_time(submitted)
            if text.strip() == " ".join(command) and when and when >= begun - _CLOCKS_SECONDS:
                return parse_submitted(native_id) or ""
        raise not_submitted(exc, doubtful=True) from exc

    def queue(self) -> dict[str, JobRecord]:
        return parse_queue(self._commands.run(*SQUEUE))

    def history(self, native_ids: Collection[str]) -> dict[str, JobRecord]:
        return self._accounting.records(native_ids)

    def show(self, native_id: str) -> JobRecord | None:
        try:
            return parse_shown(self._commands.run("scontrol", "-o", "show", "job", native_id))
        except SlurmRefused:
            return None

    def cancel(self, native_id: str) -> None:
        try:
            self._commands.run("scancel", native_id)
        except SlurmRefused as exc:
            if not gone(exc.text):
                raise SchedulerError(
                    f"Slurm did not cancel job {native_id}: {exc.text}. Type 'scontrol show job {native_id}'."
                ) from exc


def gone(text: str) -> bool:
    """Return whether Slurm refused because there is nothing to end any more."""
    return any(words in text.lower() for words in _GONE)


def log_options(script: Path, log: Path) -> list[str]:
    """Return where the output goes, for a script that does not say so itself."""
    if names_its_log(script):
        return []
    place = str(log.parent).replace("%", "%%")  # sbatch reads %j and the like in it
    return [f"--output={place}/job-%j.log", "--open-mode=append"]


def names_its_log(script: Path) -> bool:
    """Return whether the script has a directive for its output."""
    try:
        lines = script.read_text(errors="replace").splitlines()
    except OSError:
        return True
    return any(line.startswith(("#SBATCH --output", "#SBATCH -o")) for line in lines)
