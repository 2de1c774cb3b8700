"""Render the script that runs a job: from the job's own record alone, the same text each time.

Every word that comes from a user passes `| sh`; a name that the template misses is an error, not an empty string.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_featx import container
from jupyter_featx.directives import directive, directives, warning_seconds
from jupyter_featx.errors import SpecError
from jupyter_featx.inherited import BATCH_PREFIXES, DROPPED_PREFIXES, DROPPED_VARIABLES
from jupyter_featx.jobdir import JobDir, site_templates
from jupyter_featx.spec import JobSpec, SiteSpec

if TYPE_CHECKING:  # who only looks at jobs renders nothing
    from jinja2 import BaseLoader, Environment

_FOLDER = Path(__file__).parent / "slurm_templates"


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


# What sbatch leaves in the environment and srun reads as options: of the allocation, not of one rank a node. Names of
# Slurm 22.05 to 26.05; one that is missing does no harm.
STEP_VARIABLES = (
    "SLURM_CPUS_PER_TASK",
    "SRUN_CPUS_PER_TASK",
    "SLURM_TRES_PER_TASK",
    "SLURM_NTASKS",
    "SLURM_NPROCS",
    "SLURM_NTASKS_PER_NODE",
    "SLURM_NTASKS_PER_CORE",
    "SLURM_NTASKS_PER_SOCKET",
    "SLURM_NTASKS_PER_GPU",
    "SLURM_CPUS_PER_GPU",
    "SLURM_GPUS_PER_TASK",
    "SLURM_MEM_PER_CPU",
    "SLURM_MEM_PER_GPU",
    "SLURM_MEM_PER_NODE",
    "SLURM_DISTRIBUTION",
    "SLURM_HINT",
    "SLURM_THREADS_PER_CORE",
    "SLURM_CPU_BIND",
    "SLURM_MEM_BIND",
    "SLURM_EXACT",
    "SLURM_EXCLUSIVE",
    "SLURM_OVERLAP",
    "SLURM_OVERCOMMIT",
    "SLURM_WAIT",
    "SLURM_TIMELIMIT",
    "SLURM_EXPORT_ENV",
    "SRUN_EXPORT_ENV",
)

_LAUNCHERS = ("", "pmix", "pmi2", "mpirun", "container")
_MPIRUN = ("mpirun", "-n", "$SLURM_JOB_NUM_NODES", "--map-by", "ppr:1:node", "--bind-to", "none")


@dataclass(frozen=True)
class Machine:
    """What a script takes from the machine where it is made: the command that starts ranks, the site's templates."""

    launcher: Sequence[str] = ()
    folders: Sequence[Path] = ()


def render(job: JobDir, spec: JobSpec, options: RunOptions, machine: Machine | None = None) -> str:
    """Return the script's text: for Slurm where that is the job's scheduler, else for this machine.

    A template of the same name in one of the site's folders, the first that has it, comes before ours. It can
    `{% extends "featx/mpi.sbatch.j2" %}` and change blocks of it. Raises SpecError when it is not right.
    """
    from jinja2 import TemplateError

    here = machine or Machine()
    folders = [*here.folders, _FOLDER]
    jinja = _environment(folders)
    common = _common(job, spec, options)
    try:
        if spec.scheduler == "slurm":
            return jinja.get_template("mpi.sbatch.j2").render(common | _slurm(job, spec, options))
        return jinja.get_template("local.sh.j2").render(
            common, launcher=list(here.launcher), dropped_prefixes=DROPPED_PREFIXES
        )
    except TemplateError as exc:
        raise SpecError(f"The script template cannot be rendered: {exc}. Look into {folders[0]}.") from exc


def _environment(folders: Sequence[Path]) -> Environment:
    from jinja2 import ChoiceLoader, FileSystemLoader, PrefixLoader

    ours = PrefixLoader({"featx": FileSystemLoader(_FOLDER)})
    return shell_templates(ChoiceLoader([*(FileSystemLoader(place) for place in folders), ours]))


def shell_templates(loader: BaseLoader) -> Environment:
    """Return what makes scripts of templates: a name that is missing is an error, and words can pass `| sh`."""
    from jinja2 import Environment, StrictUndefined

    jinja = Environment(
        loader=loader,
        undefined=StrictUndefined,
        autoescape=False,  # shell, not HTML: words pass `| sh`
        keep_trailing_newline=True,
    )
    jinja.filters["sh"] = _shell_word
    jinja.filters["directive"] = directive
    return jinja


def _common(job: JobDir, spec: JobSpec, options: RunOptions) -> dict[str, Any]:
    return {
        "job": str(job.path),
        "job_id": directive(spec.job_id),  # it stands in a comment, which a line break would end
        "total": spec.total,
        "workers": spec.resources.cores,
        "python": spec.python,
        "script": str(job.script),
        "dropped_variables": DROPPED_VARIABLES,
        "container": container.command(spec),
        "options": "".join(" " + shlex.quote(word) for word in options.words()),
    }


def _slurm(job: JobDir, spec: JobSpec, options: RunOptions) -> dict[str, Any]:
    site = spec.site
    if site.launcher not in _LAUNCHERS:
        raise SpecError(f"launcher={site.launcher!r} is not known. Choose one of: {', '.join(_LAUNCHERS[1:])}.")
    if site.launcher == "container" and spec.container is None:
        raise SpecError("launcher='container' is the mpirun inside an image, and the job has no container. Name one.")
    walltime = options.walltime_seconds or spec.resources.walltime_seconds
    return {
        "parts": spec.resources.jobs,
        "directives": directives(spec, job.logs, walltime, options.item_memory_mb),
        "warning_seconds": warning_seconds(walltime) if walltime else 0,
        "step_variables": STEP_VARIABLES,
        "dropped_prefixes": BATCH_PREFIXES,
        **site_words(site, _MPIRUN),
    }


def site_words(site: SiteSpec, mpirun: Sequence[str]) -> dict[str, Any]:
    """Return what a site's configuration puts into a script; `mpirun` is what starts ranks where it names none."""
    return {
        "modules": [_module(word) for word in site.modules],
        "setup": [_one_line(line) for line in site.setup],
        "launcher": site.launcher,
        "mpirun": " ".join(map(_mpirun_word, site.mpirun or mpirun)),
    }


def _mpirun_word(word: str) -> str:
    """Quote a word of a site's own mpirun; "$SLURM_JOB_NUM_NODES", or another of Slurm's variables, is its value."""
    return f'"{word}"' if re.fullmatch(r"\$SLURM_[A-Z_]+", word, re.ASCII) else _shell_word(word)


def _module(word: str) -> str:
    if not re.fullmatch(r"[\w][\w.+/:@-]*", word, re.ASCII):
        raise SpecError(f"modules: {word!r} is no name of an environment module. Look into the site's configuration.")
    return word


def _one_line(line: str) -> str:
    if re.search(r"[\r\n\0]", line):
        raise SpecError(f"setup: {line!r} is more than one line. Write it as several in the site's configuration.")
    return line


def template_folders(configured: Path | None = None) -> list[Path]:
    """Return the folders of script templates that come before ours: FEATX_TEMPLATES, then the configuration's."""
    return [folder for folder in (site_templates(), configured) if folder]


def _shell_word(value: object) -> str:
    """Quote a value as one shell word; a line break, which would end a comment, is refused."""
    text = str(value)
    if re.search(r"[\r\n\0]", text):
        raise SpecError(f"{text!r} has a line break and cannot stand in a script. Rename it, or choose another folder.")
    return shlex.quote(text)
