"""Read the events of jobs again and again, at the cost of what was appended since.

A run that lasts days says where it is ten thousand times. Only the last word of several about the same run's progress
is kept: the status, a fold, is the same.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_featx.events import Event, Progress, parse

Fingerprint = tuple[tuple[str, int, int, int], ...]  # of each file of events: name, inode, size, time of change


@dataclass
class _File:
    inode: int
    read: int = 0  # bytes
    latest: float = 0.0
    events: list[tuple[float, Event]] = field(default_factory=list)  # with the latest time up to there


class Journals:
    """What was read of the folders of events so far; several threads may ask."""

    def __init__(self) -> None:
        self._folders: dict[Path, dict[str, _File]] = {}
        self._lock = threading.Lock()

    def read(self, folder: Path) -> list[Event]:
        """Return the events of the folder as `events.read` does, but for progress that was overtaken."""
        with self._lock:
            known = self._folders.setdefault(folder, {})
            there = {name: (inode, size) for name, inode, size, _ in fingerprint(folder)}
            for name in known.keys() - there.keys():
                del known[name]
            for name, (inode, size) in there.items():
                file = known.get(name)
                if file is None or file.inode != inode or size < file.read:
                    file = known[name] = _File(inode)
                if size > file.read:
                    _read_on(folder / name, file)
            return _in_order(known)

    def forget(self, folder: Path) -> None:
        """Hold no more of this folder: its job has ended, or is gone."""
        with self._lock:
            self._folders.pop(folder, None)


def fingerprint(folder: Path) -> Fingerprint:
    """Return what tells whether an event came since: one look at the folder."""
    try:
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.stat()) for entry in entries if entry.name.endswith(".jsonl")]
    except OSError:  # the job is being deleted
        return ()
    return tuple(sorted((name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in found))


def _read_on(path: Path, file: _File) -> None:
    try:
        with path.open("rb") as source:
            source.seek(file.read)
            text = source.read()
    except OSError:
        return
    whole = text[: text.rfind(b"\n") + 1]  # a torn last line may be whole at the next look
    file.read += len(whole)
    for event in parse(whole.split(b"\n")[:-1]):
        last = file.events[-1][1] if file.events else None
        file.latest = max(file.latest, event.time)
        overtakes = isinstance(event, Progress) and isinstance(last, Progress) and last.native_id == event.native_id
        if overtakes:
            file.events.pop()
        file.events.append((file.latest, event))


def _in_order(files: dict[str, _File]) -> list[Event]:
    """Put the events of several files in order: the rule is that of `events.read`."""
    found: list[tuple[float, Event]] = []
    attempts = 0.0
    for name in sorted(files):
        is_attempt = name.startswith("attempt-")
        least = attempts if is_attempt else 0.0
        found += [(max(least, latest), event) for latest, event in files[name].events]
        if is_attempt:
            attempts = max(least, files[name].latest)
    return [event for _, event in sorted(found, key=lambda pair: pair[0])]
