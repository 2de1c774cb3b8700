"""Datasets made for a test, and what becomes of them."""

from __future__ import annotations

import os
from pathlib import Path

from jupyter_featx.dataset import DatasetOptions, DatasetReport, prepare, resolve
from jupyter_featx.items import ItemFile

PLAIN = DatasetOptions()


def touch(folder: Path, *names: str | bytes) -> None:
    for name in names:
        path = os.path.join(os.fsencode(folder), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb"):
            pass


def names(data, folder: Path, **options) -> list[str]:
    """The items, relative to the folder when they are below it."""
    found = [os.fsdecode(path) for path in resolve(data, DatasetOptions(**options), folder=folder)]
    return [path.removeprefix(f"{folder}/") for path in found]


def prepared(data, folder: Path, **options) -> tuple[DatasetReport, list[str]]:
    files = folder.parent / "items.txt", folder.parent / "items.idx"
    report = prepare(data, DatasetOptions(**options), *files, folder=folder)
    with ItemFile(*files) as items:
        return report, [item.removeprefix(f"{folder}/") for item in items]
