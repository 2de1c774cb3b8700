"""The last lines that a run printed: what there is to say of one that ended without a word of its own."""

from __future__ import annotations

import os
import re

from jupyter_featx.cards.wording import one_line
from jupyter_featx.jobdir import JobDir

_LINES = 5
_LINE = 200
_TAIL = 16 << 10


def last_lines(job: JobDir, native_id: str) -> list[str]:
    """Return the last lines that the run printed, each fit to stand in a text."""
    own = job.run_log(native_id)
    try:
        with (own if own.exists() else job.job_log).open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    lines = [cleaned for line in re.split(r"[\r\n]+", text) if (cleaned := one_line(line, _LINE))]
    return lines[-_LINES:]
