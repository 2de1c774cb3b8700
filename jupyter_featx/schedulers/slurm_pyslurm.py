"""Speak with Slurm by its library, where pyslurm is installed and was built for the cluster's version.

What pyslurm does not do, the commands do: a script with a directive that pyslurm would drop in silence, a notebook
that runs in a Slurm job itself (whose variables pyslurm would hand on), accounting that it cannot reach.
"""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from jupyter_featx.errors import SchedulerError
from jupyter_featx.schedulers.slurm_commands import AWAY, SlurmAway
from jupyter_featx.schedulers.slurm_records import JobRecord
from jupyter_featx.schedulers.slurm_refusals import not_submitted, submission_error
from jupyter_featx.schedulers.slurm_transport import CommandTransport, gone, names_its_log

_DATABASE_AWAY_SECONDS = 60.0

# What pyslurm 25.11 reads from a script as sbatch does.
_DIRECTIVES = (
    "account",
    "chdir",
    "constraint",
    "cpus-per-task",
    "error",
    "exclude",
    "job-name",
    "mail-type",
    "mail-user",
    "mem",
    "mem-per-cpu",
    "nodes",
    "no-requeue",
    "ntasks",
    "ntasks-per-node",
    "open-mode",
    "output",
    "qos",
    "requeue",
    "reservation",
    "time",
)
# What its code raises for a value that it does not take, beside its own error.
_ODD = (AttributeError, KeyError, OverflowError, TypeError, ValueError)


class PyslurmTransport:
    """Speaks by the library; `commands` takes what that cannot."""

    name = "pyslurm"

    def __init__(self, module: Any, commands: CommandTransport) -> None:
        self._slurm = module
        self._commands = commands
        self._database_silent_until = 0.0

    def submit(self, script: Path, log: Path, arguments: Sequence[str]) -> str:
        if "SLURM_JOB_ID" in os.environ or not understood(script):
            return self._commands.submit(script, log, arguments)
        try:
            return str(self._description(script, log, arguments).submit())
        except self._slurm.RPCError as exc:
            error = _error(exc)
            raise (not_submitted(error) if isinstance(error, SlurmAway) else submission_error(str(exc))) from exc
        except _ODD:
            return self._commands.submit(script, log, arguments)

    def _description(self, script: Path, log: Path, arguments: Sequence[str]) -> Any:
        names: dict[str, Any] = {"script": str(script)}
        if arguments:
            names["script_args"] = list(arguments)
        if not names_its_log(script):
            names["standard_output"] = f"{str(log.parent).replace('%', '%%')}/job-%j.log"
        description = self._slurm.JobSubmitDescription(**names)
        description.load_sbatch_options(overwrite=False)  # what is set before it counts more than the script's own
        if not getattr(description, "name", None):
            description.name = script.parent.name
        nodes = str(getattr(description, "nodes", None) or "")
        if not nodes:  # it asks for one node, where sbatch asks for as many as the tasks need
            tasks = int(getattr(description, "ntasks", None) or 1)
            description.nodes = f"1-{tasks}"
        elif "-" not in nodes:
            description.nodes = f"{nodes}-{nodes}"
        return description

    def queue(self) -> dict[str, JobRecord]:
        me = os.getuid()
        try:
            jobs = list(self._slurm.Jobs.load().values())
        except self._slurm.RPCError as exc:
            raise _error(exc) from exc
        mine = (_record(job) for job in jobs if _get(job, "user_id") == me)
        return {record.native_id: record for record in mine}

    def history(self, native_ids: Collection[str]) -> dict[str, JobRecord]:
        if time.monotonic() < self._database_silent_until:
            return self._commands.history(native_ids)
        database = self._slurm.db
        try:
            wanted = database.JobFilter(ids=[_number(native_id) for native_id in native_ids])
            return {record.native_id: record for record in map(_record, database.Jobs.load(wanted))}
        except (self._slurm.RPCError, *_ODD):
            self._database_silent_until = time.monotonic() + _DATABASE_AWAY_SECONDS
            return self._commands.history(native_ids)

    def show(self, native_id: str) -> JobRecord | None:
        try:
            return _record(self._slurm.Job.load(_number(native_id)))
        except self._slurm.RPCError as exc:
            error = _error(exc)
            if isinstance(error, SlurmAway):
                raise error from exc
            return None

    def cancel(self, native_id: str) -> None:
        try:
            self._slurm.Job(_number(native_id)).cancel()
        except self._slurm.RPCError as exc:
            if not gone(str(exc)):
                raise _error(exc) from exc


def understood(script: Path) -> bool:
    """Return whether pyslurm reads every directive of the script as sbatch does."""
    try:
        lines = script.read_text(errors="replace").splitlines()
    except OSError:
        return False
    directives = [line.removeprefix("#SBATCH").split() for line in lines if line.startswith("#SBATCH")]
    # One word each, "--name=value" or "--flag": blanks, short names and comments it reads otherwise.
    return all(
        len(words) == 1
        and words[0].startswith("--")
        and words[0].count("=") <= 1
        and words[0][2:].partition("=")[0] in _DIRECTIVES
        for words in directives
    )


def _error(exc: Exception) -> SchedulerError:
    text = str(exc).rstrip(".")
    if AWAY.search(text):
        return SlurmAway(text)
    return SchedulerError(f"Slurm says: {text}. Type 'squeue --me' in a terminal.")


def _number(native_id: str) -> int:
    return int(native_id.partition("_")[0])


def _get(job: Any, name: str) -> Any:
    """Return an attribute; its versions do not all have the same ones, and some fail on odd values."""
    try:
        return getattr(job, name, None)
    except _ODD:
        return None


def _record(job: Any) -> JobRecord:
    start = _get(job, "start_time")
    reason = str(_get(job, "state_reason") or "")
    return JobRecord(
        str(_get(job, "id")),
        (str(_get(job, "state") or "UNKNOWN").split() or ["UNKNOWN"])[0].upper(),
        "" if reason == "None" else reason,
        float(start) if isinstance(start, int | float) and start > 0 else None,
        _whole(_get(job, "cpus")),
        _whole(_get(job, "num_nodes")),
        str(_get(job, "allocated_nodes") or _get(job, "nodelist") or ""),
        _whole(_get(job, "exit_code")),
        _whole(_get(job, "exit_code_signal")),
        _whole(_get(job, "elapsed_time")) or _whole(_get(job, "run_time")),
        _uid(_get(job, "cancelled_by")),
    )


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _uid(name: Any) -> int | None:
    """Return the user id of a name; pyslurm gives names, the commands give ids."""
    if not isinstance(name, str):
        return _whole(name)
    try:
        return pwd.getpwnam(name).pw_uid
    except (KeyError, ValueError):
        return None
