"""Keep the card of a job alive in a notebook: shown once, and updated in place until the job has ended."""

from __future__ import annotations

import atexit
import contextvars
import sys
import threading
import time
from typing import Any

from IPython import get_ipython
from IPython.display import DisplayHandle

from jupyter_featx.cards.facts import MIME, status_facts
from jupyter_featx.cards.job import status_html, status_text
from jupyter_featx.cards.progress import ProgressLine
from jupyter_featx.client import Job
from jupyter_featx.errors import FeatxError
from jupyter_featx.state import JobStatus

_SECONDS = 1.0  # between two looks
_leaving = threading.Event()
atexit.register(_leaving.set)


class LiveCard:
    """One card in the output of one cell."""

    def __init__(self) -> None:
        self._handle = DisplayHandle()
        self._shown: dict[str, str] = {}
        self._sent = 0.0

    def show(self, status: JobStatus) -> None:
        """Display the card, or bring it up to date when it has changed; at most once a second."""
        if self._shown and not status.state.final and time.monotonic() - self._sent < _SECONDS * 0.9:
            return
        # JupyterLab draws the job from its id and keeps it alive; other front ends show the card.
        card = {"text/plain": status_text(status), "text/html": status_html(status)}
        if card == self._shown:
            return
        bundle = {**card, MIME: status_facts(status)}
        if self._shown:
            self._handle.update(bundle, raw=True)
        else:
            self._handle.display(bundle, raw=True)
        self._shown, self._sent = card, time.monotonic()

    def follow(self, job: Job) -> None:
        """Update the card from a thread until the job has ended, also when the cell has long returned."""
        # In the context of the cell, or its output would go to whichever cell runs at that moment.
        context = contextvars.copy_context()
        arguments = (self._follow, job)
        threading.Thread(target=context.run, args=arguments, name=f"featx-{job.id}", daemon=True).start()

    def _follow(self, job: Job) -> None:
        while not _leaving.wait(_SECONDS):
            try:
                status = job.status()
            except (FeatxError, OSError):  # deleted meanwhile: the card stays as it was
                return
            self.show(status)
            if status.state.final:
                return


def in_notebook(shell: Any = None) -> bool:
    """Tell whether a front end is there that draws cards: a kernel's, not a terminal's."""
    return getattr(shell or get_ipython(), "kernel", None) is not None


def display_live(job: Job) -> None:
    """Show a job: as a card that stays alive in a notebook, as text in a terminal."""
    status = job.status()
    if not in_notebook():
        print(status)
        return
    card = LiveCard()
    card.show(status)
    if not status.state.final:
        card.follow(job)


def wait(job: Job) -> JobStatus:
    """Show the progress until the job has ended; after an interrupt the card stays alive."""
    if not in_notebook():
        with ProgressLine(sys.stderr) as line:
            return job.wait(tell=line.tell)
    card = LiveCard()
    try:
        return job.wait(tell=card.show)
    except KeyboardInterrupt:
        card.follow(job)
        raise
