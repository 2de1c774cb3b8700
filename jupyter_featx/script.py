"""Render the script that runs a job: from the job's own record alone, the same text each time.

Every word that comes from a user passes `| sh`; a name that the template misses is an error, not an empty string.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined, TemplateError

from jupyter_featx.errors import SpecError
from jupyter_featx.jobdir import JobDir
from jupyter_featx.spec import JobSpec

_FOLDER = Path(__file__).parent / "slurm_templates"

# What a notebook server hands to its kernels must not reach a job: tokens, and a door back to the server.
DROPPED_VARIABLES = (
    "JPY_API_TOKEN",
    "JPY_PARENT_PID",
    "JPY_SESSION_NAME",
    "JUPYTERHUB_API_TOKEN",
    "JUPYTERHUB_OAUTH_ACCESS_SCOPES",
    "JUPYTERHUB_OAUTH_SCOPES",
    "JUPYTER_SERVER_URL",
    "JUPYTER_TOKEN",
    "MPLBACKEND",
)

# A rank must not join the MPI or Slurm run that the notebook server itself may be a part of.
DROPPED_PREFIXES = ("OMPI_", "PMIX_", "PMI_", "PRTE_", "MPI_LOCAL", "HYDRA_", "HYDI_", "SLURM_")


@dataclass(frozen=True)
class RunOptions:
    """What one attempt does otherwise than the job's record says."""

    retry_failed: int = 0  # the number of an attempt: items that failed before it are run again; 0: none
    item_timeout_seconds: float | None = None
    item_memory_mb: float | None = None
    max_failures: int | None = None
    walltime_seconds: float | None = None

    def words(self) -> list[str]:
        words = ["--retry-failed", str(self.retry_failed)] if self.retry_failed else []
        if self.item_timeout_seconds is not None:
            words += ["--item-timeout", f"{self.item_timeout_seconds:g}"]
        if self.item_memory_mb is not None:
            words += ["--item-memory", f"{self.item_memory_mb:g}"]
        if self.max_failures is not None:
            words += ["--max-failures", str(self.max_failures)]
        if self.walltime_seconds is not None:
            words += ["--walltime", f"{self.walltime_seconds:g}"]
        return words


def clean_environment() -> dict[str, str]:
    """Return what a process of ours, started without the script, may see of this one's environment."""
    dropped = {"FEATX_NATIVE_ID", *DROPPED_VARIABLES}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(DROPPED_PREFIXES)}
    return {name: value for name, value in kept.items() if name not in dropped}


def render(
    job: JobDir, spec: JobSpec, options: RunOptions, launcher: Sequence[str] = (), folder: Path | None = None
) -> str:
    """Return the script's text. A template of the same name in a site's `folder` comes before ours.

    A site's own can `{% extends "featx/local.sh.j2" %}` and change blocks of it. Raises SpecError when it is not right.
    """
    folders = [*([folder] if folder else []), _FOLDER]
    ours = PrefixLoader({"featx": FileSystemLoader(_FOLDER)})
    jinja = Environment(
        loader=ChoiceLoader([*(FileSystemLoader(place) for place in folders), ours]),
        undefined=StrictUndefined,
        autoescape=False,  # shell, not HTML: words pass `| sh`
        keep_trailing_newline=True,
    )
    jinja.filters["sh"] = _shell_word
    try:
        return jinja.get_template("local.sh.j2").render(
            job=str(job.path),
            job_id=spec.job_id,
            total=spec.total,
            workers=spec.resources.cores,
            python=spec.python,
            script=str(job.script),
            launcher=list(launcher),
            dropped_variables=DROPPED_VARIABLES,
            dropped_prefixes=DROPPED_PREFIXES,
            options="".join(" " + shlex.quote(word) for word in options.words()),
        )
    except TemplateError as exc:
        raise SpecError(f"The script template cannot be rendered: {exc}. Look into {folders[0]}.") from exc


def _shell_word(value: object) -> str:
    """Quote a value as one shell word; a line break, which would end a comment, is refused."""
    text = str(value)
    if re.search(r"[\r\n\0]", text):
        raise SpecError(f"{text!r} has a line break and cannot stand in a script. Rename it, or choose another folder.")
    return shlex.quote(text)
