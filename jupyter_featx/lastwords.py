"""The last lines that a run printed: what there is to say of one that ended without a word of its own."""

from __future__ import annotations

import os
import re

from jupyter_featx.cards.wording import one_line
from jupyter_featx.jobdir import JobDir

# What MPI or the container's runtime print before any code of ours runs -> what it means and what to do.
_CAUSES = (
    (
        r"OMPI was not built with SLURM|before MPI_INIT completed|PMI2?_Init.*(?:fail|error)|PMIX?_init.*fail",
        "MPI could not begin: the launcher and the MPI library do not fit. Open MPI needs launcher = 'pmix' in the "
        "configuration, MPICH and Intel MPI 'pmi2'.",
    ),
    (
        r"mount source \S+ doesn't exist|while mounting \S+: while getting stat|failed to resolve session directory",
        "A folder that the job needs is not on the node, or not yours there: compare the binds of the configuration.",
    ),
    (
        r"fuse(?:rmount3?)?: .*(?:permission denied|not found|failed to open)|failed to mount squash",
        "The node cannot mount the image: unpack it into a sandbox folder (apptainer build FOLDER IMAGE), and name it.",
    ),
)
_LINES = 5
_LINE = 200
_TAIL = 16 << 10


def last_lines(job: JobDir, native_id: str) -> list[str]:
    """Return the last lines that the run printed, each fit to stand in a text."""
    lines = [cleaned for line in re.split(r"[\r\n]+", _tail(job, native_id)) if (cleaned := one_line(line, _LINE))]
    return lines[-_LINES:]


def known_cause(job: JobDir, native_id: str) -> str:
    """Return what to do about a run that could not begin, where what it printed is known; else ""."""
    text = _tail(job, native_id)
    return next((mend for pattern, mend in _CAUSES if re.search(pattern, text, re.IGNORECASE)), "")


def _tail(job: JobDir, native_id: str) -> str:
    own = job.run_log(native_id)
    try:
        with (own if own.exists() else job.job_log).open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
