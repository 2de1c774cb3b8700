"""Run Slurm's commands, here or behind a prefix such as `ssh login01`, and say in plain words what went wrong.

A command inherits no variables of the Slurm job that the notebook itself may run in, nor a format that the user
likes: both would change what it does and prints.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress

from jupyter_featx.errors import SchedulerError
from jupyter_featx.inherited import without_tokens
from jupyter_featx.schedulers.slurm_options import SlurmOptions

# Where the cluster is, and who we are to it; everything else of these prefixes belongs to the notebook's own job,
# or to how its user likes tables.
_KEPT = frozenset({"SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_CLUSTERS", "SLURM_JWT"})
_DROPPED = ("SLURM_", "SQUEUE_", "SINFO_", "SACCT_", "SCONTROL_", "SACCTMGR_")

# With the offset: a container often has another time zone than the login node.
TIME_FORMAT = "%Y-%m-%dT%H:%M:%S%z"

AWAY = re.compile(
    r"unable to contact slurm|connection refused|timed out|no route to host|network is unreachable|zero bytes were"
    r"|communication (connection|shutdown)|standby mode|could not establish a configuration|host is down"
    r"|connection reset|connection closed|unable to (establish|connect)|not responding|transport endpoint"
    r"|name or service not known|temporary failure in name resolution|could not resolve|broken pipe|header lengths",
    re.IGNORECASE,
)
_NOISE = re.compile(r"^(?:s[a-z]+|slurm[a-z_]*): (?:error|fatal|info): |^(?:s[a-z]+): ", re.MULTILINE)


class SlurmRefused(SchedulerError):
    """A command said no; `text` is its own words."""

    def __init__(self, command: str, text: str, hint: str = "") -> None:
        super().__init__(f"Slurm's {command} says: {text}. {hint}".rstrip())
        self.command, self.text = command, text


class SlurmAway(SchedulerError):
    """Slurm, or the way to it, does not answer; it may come back by itself."""

    def __init__(self, text: str, hint: str = "Type 'sinfo' in a terminal to see whether it answers.") -> None:
        super().__init__(f"Slurm does not answer: {text}. {hint}")
        self.text = text


class SlurmMissing(SlurmAway):
    """The commands are not installed where we look for them."""


class Commands:
    """Runs one command after another; nothing is remembered."""

    def __init__(self, options: SlurmOptions) -> None:
        self._prefix = options.prefix
        self._seconds = options.timeout_seconds

    @property
    def remote(self) -> bool:
        """Whether another account of another machine may be ours."""
        return bool(self._prefix)

    def run(self, *words: str, seconds: float | None = None, plain_environment: bool = False) -> str:
        """Return what the command prints. Raises SlurmAway and SlurmRefused."""
        code, out, err = self.call(*words, seconds=seconds, plain_environment=plain_environment)
        if code != 0:
            raise self.error(words[0], code, err or out)
        return out

    def call(self, *words: str, seconds: float | None = None, plain_environment: bool = False) -> tuple[int, str, str]:
        """Return the exit status, what was printed, and the complaints. Raises SlurmAway.

        A command whose environment goes into a job takes a plain one, without our own settings.
        """
        environment, settings = _environment(), {} if plain_environment else _settings()
        line = self._line(words, settings)
        environment.update(settings)
        limit = seconds or self._seconds
        try:
            return _finish(line, environment, limit)
        except FileNotFoundError as exc:
            raise _missing(line[0], self._prefix) from exc
        except subprocess.TimeoutExpired as exc:
            raise SlurmAway(f"no answer to {words[0]} within {limit:g} s") from exc
        except OSError as exc:
            raise SlurmAway(f"{line[0]}: {exc.strerror}") from exc

    def error(self, command: str, code: int, text: str) -> SchedulerError:
        """Return the error for what a command said as it failed."""
        text = clean(text) or f"exit status {code}"
        if code == 127 or "command not found" in text:
            return SlurmMissing(f"{command} is not installed{self._where()}", _missing_hint(self._prefix))
        if code == 255 and _is_ssh(self._prefix):
            way = shlex.join(self._prefix)
            return SlurmAway(f"{way}: {text}", f"Type '{way} true' in a terminal: it must work without a password.")
        if AWAY.search(text):
            return SlurmAway(f"{command}: {text}")
        return SlurmRefused(command, text)

    def _where(self) -> str:
        return f" behind '{shlex.join(self._prefix)}'" if self._prefix else " here"

    def _line(self, words: Sequence[str], settings: Mapping[str, str]) -> list[str]:
        """Return the words to execute; what runs elsewhere takes its settings along as words."""
        if not self._prefix:
            return list(words)
        there = ["env", *(f"{name}={value}" for name, value in settings.items()), *words] if settings else list(words)
        if not _is_ssh(self._prefix):
            return [*self._prefix, *there]
        # ssh joins its words by spaces for a shell on the other side, which splits them again.
        batch = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]
        return [self._prefix[0], *batch, *self._prefix[1:], *map(shlex.quote, there)]


def clean(text: str) -> str:
    """Return what a command complained of as one line, without its own name before each sentence."""
    said = (line.strip() for line in _NOISE.sub("", printable(text)).splitlines())
    lines = dict.fromkeys(line for line in said if line and not line.startswith('Try "'))  # Try "sbatch --help" …
    return "; ".join(lines)[:600].rstrip(". ")


def printable(text: str) -> str:
    """Return the text without what would steer a terminal."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "?" for letter in text)


def _is_ssh(prefix: Sequence[str]) -> bool:
    return bool(prefix) and os.path.basename(prefix[0]) == "ssh"


def _settings() -> dict[str, str]:
    return {"LC_ALL": "C", "SLURM_TIME_FORMAT": TIME_FORMAT}


def _environment() -> dict[str, str]:
    return {name: value for name, value in without_tokens().items() if name in _KEPT or not name.startswith(_DROPPED)}


def _finish(line: Sequence[str], environment: Mapping[str, str], seconds: float) -> tuple[int, str, str]:
    """Run to the end or the time limit; then the whole process group goes, for ssh may have children."""
    with subprocess.Popen(
        line,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            out, err = process.communicate(timeout=seconds)
        except BaseException:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, out, err


def _missing(word: str, prefix: Sequence[str]) -> SlurmMissing:
    where = "is not installed here" if not prefix or word == prefix[0] else "is not installed"
    return SlurmMissing(f"{word} {where}", _missing_hint(prefix))


def _missing_hint(prefix: Sequence[str]) -> str:
    if prefix:
        return "Install Slurm's commands there, or change the prefix in the configuration."
    return (
        "Install Slurm's commands in this image, or set a prefix such as 'ssh login01' in the configuration "
        "([slurm] prefix)."
    )
