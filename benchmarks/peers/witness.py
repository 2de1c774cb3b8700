"""Items that note when they begin and end: the infrastructure scenario's user code, and what it tells the harness."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = "PEERS_WITNESS"
BEGIN, END = "begin", "end"


@dataclass(frozen=True)
class Seen:
    """An item began or ended in a process."""

    what: str
    item: str
    pid: int
    time: float


def do(line: str) -> dict[str, Any]:
    """Sleep as long as the item says, with a note before and after."""
    _note(BEGIN, line)
    time.sleep(float(line.rpartition("-")[2]) / 1000)
    _note(END, line)
    return {"length": len(line), "ratio": 0.5}


def _note(what: str, line: str) -> None:
    noted = os.open(os.environ[FILE], os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.write(noted, f"{what} {os.getpid()} {time.time()} {line}\n".encode())
    os.close(noted)


def read(path: Path) -> list[Seen]:
    """Return all notes so far, oldest first."""
    found = []
    for line in path.read_text().splitlines() if path.exists() else ():
        what, pid, when, item = line.split(" ", 3)
        found.append(Seen(what, item, int(pid), float(when)))
    return found


def running(notes: list[Seen]) -> dict[int, str]:
    """Return by process the item that it began and did not end."""
    found: dict[int, str] = {}
    for note in notes:
        if note.what == BEGIN:
            found[note.pid] = note.item
        else:
            found.pop(note.pid, None)
    return found


def recomputed(notes: list[Seen]) -> int:
    """Return how often an item that had been finished was run to its end once more."""
    ended = [note.item for note in notes if note.what == END]
    return len(ended) - len(set(ended))
