"""The progress line of a terminal, and of a log."""

from __future__ import annotations

import io

from jupyter_featx.cards.progress import ProgressLine
from jupyter_featx.state import JobStatus, State


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def statuses() -> list[JobStatus]:
    running = [JobStatus("a", "a", State.RUNNING, total=9, done=done) for done in range(9)]
    return [*running, running[-1], JobStatus("a", "a", State.COMPLETED, total=9, done=9)]


def test_a_log_gets_the_beginning_and_the_end():
    log = io.StringIO()
    with ProgressLine(log) as line:
        for status in statuses():
            line.tell(status)
    assert [text.split("] ")[1] for text in log.getvalue().splitlines()] == [
        "running, 0 of 9 done",
        "completed, 9 of 9 done",
    ]


def test_a_terminal_has_its_line_ended_also_after_an_interrupt():
    terminal = Terminal()
    try:
        with ProgressLine(terminal) as line:
            line.tell(statuses()[0])
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert terminal.getvalue().startswith("\r\x1b[K[")
    assert terminal.getvalue().endswith("running, 0 of 9 done\n")


def test_a_narrow_terminal_is_not_wrapped(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    terminal = Terminal()
    ProgressLine(terminal).tell(statuses()[0])
    assert len(terminal.getvalue().removeprefix("\r\x1b[K")) <= 19
