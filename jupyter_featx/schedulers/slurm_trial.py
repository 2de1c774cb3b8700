"""Ask Slurm when it would start a script, without submitting it."""

from __future__ import annotations

import re
import time
from pathlib import Path

from jupyter_featx.schedulers.slurm_commands import Commands, SlurmAway, clean
from jupyter_featx.schedulers.slurm_records import parse_time
from jupyter_featx.schedulers.slurm_refusals import not_submitted, submission_error

_ANSWER = re.compile(
    r"[Jj]ob \S+ to start at (\S+)(?: \S+)? using (\d{1,9}) processors on nodes (\S+) in partition (\S+)"
)


def try_script(commands: Commands, script: Path, seconds: float) -> str:
    """Return what Slurm expects, in plain words. Raises SchedulerError where it would not take the script."""
    code, out, err = commands.call("sbatch", "--test-only", str(script), seconds=seconds)
    said = f"{err}\n{out}"
    if code == 0:
        return _words(said)
    error = commands.error("sbatch", code, said)
    raise not_submitted(error) if isinstance(error, SlurmAway) else submission_error(said)


def _words(said: str) -> str:
    match = _ANSWER.search(said)
    if not match:
        return f"Slurm would take it: {clean(said)}." if clean(said) else "Slurm would take it."
    start, cores, nodes, partition = match.groups()
    number = "1 core" if cores == "1" else f"{int(cores):,} cores"
    return f"Slurm expects to start it {_when(parse_time(start), start)}, with {number} on {nodes} ({partition})."


def _when(start: float | None, text: str) -> str:
    if start is None:
        return f"at {text}"
    minutes = (start - time.time()) / 60
    if minutes < 1:
        return "at once"
    if minutes < 90:
        return f"in about {minutes:.0f} min"
    return f"on {time.strftime('%Y-%m-%d at %H:%M', time.localtime(start))}"
