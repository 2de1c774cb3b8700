"""Say what a path gives as a dataset, and how it could go on: what a path picker shows while one types.

It runs in a process of its own: a folder of millions, or a file system that hangs, costs the server nothing.
"""

from __future__ import annotations

import csv
import os
import stat
from collections.abc import Iterator
from typing import Any

from jupyter_featx.dataset import DatasetOptions, resolve
from jupyter_featx.dataset.pathlists import open_file
from jupyter_featx.errors import DatasetError
from jupyter_featx.items import display
from jupyter_featx.server.problems import present

SECONDS = 20.0  # for counting
_SAMPLE, _COMPLETIONS, _LOOKED_AT = 10, 50, 20_000
_HEADER = 65536  # bytes of a CSV in which its first line must end
_GLOB = frozenset("*?[")


def describe(path: str, folder: str, options: DatasetOptions) -> Iterator[Any]:
    """Yield what is known at once, and then the whole, with the count."""
    place = _absolute(path, folder)
    kind = _kind(place)
    facts: dict[str, Any] = {
        "path": display(place),
        "kind": kind,
        "total": None,
        "sample": [],
        "lines": [],
        "problem": None,
        "columns": _columns(place) if kind == "csv" else [],
        "completions": completions(path, folder),
    }
    seconds = {"code": "dataset", "message": f"There are too many items to count them in {SECONDS:g} s.", "hint": ""}
    yield facts | {"problem": seconds}
    if not path.strip():
        yield facts
        return
    try:
        paths = resolve(path, options, folder=folder)
        shown = [display(os.fsdecode(item)) for item in paths[:_SAMPLE]]
        yield facts | {"total": len(paths), "sample": shown}
    except DatasetError as exc:
        yield facts | {"problem": present(exc, 422).record()}


def completions(path: str, folder: str) -> list[dict[str, str]]:
    """Return how the path as typed may go on: folders first, hidden names only where a dot was typed."""
    head, slash, start = path.rpartition("/")
    base = _absolute(head + slash if slash else "", folder)
    if _GLOB & set(head):
        return []
    found: list[tuple[bool, str]] = []
    try:
        with os.scandir(base) as entries:
            for number, entry in enumerate(entries):
                if number >= _LOOKED_AT:
                    break
                hidden = entry.name.startswith(".") and not start.startswith(".")
                if not hidden and entry.name.startswith(start) and display(entry.name) == entry.name:
                    found += _listed(entry)
    except (OSError, ValueError):
        return []
    return [_completion(head + slash, name, is_file) for is_file, name in sorted(found)[:_COMPLETIONS]]


def _completion(before: str, name: str, is_file: bool) -> dict[str, str]:
    end, kind = ("", "file") if is_file else ("/", "folder")
    return {"path": f"{before}{name}{end}", "name": name, "kind": kind}


def _listed(entry: os.DirEntry[str]) -> list[tuple[bool, str]]:
    """Return (is it a file, its name); nothing for a device, a fifo, a socket or a broken link."""
    try:
        if entry.is_dir():
            return [(False, entry.name)]
        return [(True, entry.name)] if entry.is_file() else []
    except OSError:
        return []


def _absolute(path: str, folder: str) -> str:
    return os.path.normpath(os.path.join(folder, os.path.expanduser(path)))


def _kind(place: str) -> str:
    try:
        mode = os.stat(place).st_mode
    except (OSError, ValueError):
        return "glob" if _GLOB & set(place) else "missing"
    if stat.S_ISDIR(mode):
        return "folder"
    if not stat.S_ISREG(mode):
        return "special"
    suffix = os.path.splitext(place)[1].lower()
    return {".csv": "csv", ".tsv": "csv", ".txt": "list", ".lst": "list", ".list": "list", "": "list"}.get(
        suffix, "file"
    )


def _columns(place: str) -> list[str]:
    """Return the names in a CSV's first line."""
    try:
        with open(open_file(place), encoding="utf-8-sig", errors="replace", newline="") as lines:
            first = lines.readline(_HEADER)
    except OSError:
        return []
    commas = "\t" if place.lower().endswith(".tsv") else ","
    delimiter = max((commas, ",", ";", "\t"), key=first.count)
    try:
        return [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])][:1000]
    except csv.Error:
        return []
