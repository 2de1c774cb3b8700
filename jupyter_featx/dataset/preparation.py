"""Make a dataset: resolve the data, check its items, write them, and say what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any

from jupyter_featx.dataset import source as datasource
from jupyter_featx.dataset.pathlists import shown
from jupyter_featx.dataset.probe import FILE, FOLDER, MISSING, SPECIAL, UNKNOWN, UNREADABLE, probe
from jupyter_featx.dataset.source import EXAMPLES, FORMS, DatasetOptions, Resolved
from jupyter_featx.errors import DatasetError
from jupyter_featx.items import PathLike, write_items

__all__ = ["DatasetOptions", "DatasetReport", "prepare", "resolve"]

ENOUGH = 1000  # missing items in the sample, and no other, to say that none is there


@dataclass(frozen=True)
class DatasetReport:
    """What a dataset holds and what is wrong with it; `checked` is how many items were looked at."""

    total: int
    source: str
    missing: int = 0
    missing_examples: tuple[str, ...] = ()
    duplicates: int = 0
    duplicate_examples: tuple[str, ...] = ()
    unreadable: int = 0
    unreadable_examples: tuple[str, ...] = ()
    checked: int = 0
    dropped: int = 0  # of the unreadable ones: fifos, sockets and devices, not in the dataset

    def lines(self) -> list[str]:
        """Return plain sentences to print at submit; none when there is nothing to say."""
        lines = []
        least = "At least " if self.checked < self.total else ""
        if self.missing:
            lines.append(
                f"{least}{_items(self.missing)} not there{_such_as(self.missing_examples)}. "
                "What is missing stays in the dataset; when it has arrived, type: %featx retry"
            )
        if self.unreadable:
            lines.append(
                f"{least}{_items(self.unreadable)} not readable{_such_as(self.unreadable_examples)}. "
                f"Look at the rights with: ls -ld '{self.unreadable_examples[0]}'"
            )
        if self.dropped:
            lines.append(f"{_items(self.dropped)} left out: neither a file nor a folder, and opening one could hang.")
        if self.duplicates:
            lines.append(f"{_items(self.duplicates)} left out: given before{_such_as(self.duplicate_examples)}.")
        if self.checked < self.total:
            lines.append(
                f"{self.checked:,} of the {self.total:,} items were checked, evenly spread; there was no time for all."
            )
        return lines


def prepare(
    data: Any,
    options: DatasetOptions,
    items_path: PathLike,
    index_path: PathLike,
    *,
    folder: PathLike | None = None,
) -> DatasetReport:
    """Resolve the data, check its items, write them, and report."""
    resolved = datasource.resolve(data, options, folder)
    paths = resolved.paths
    states = probe(paths)
    missing = states.count(MISSING)
    if missing + states.count(UNKNOWN) == len(states) and missing >= min(len(states), ENOUGH):
        raise DatasetError(
            f"None of the {len(paths):,} items of {resolved.source} is there: no {_quoted(paths)}. "
            f"Check the paths with: ls -d '{shown(paths[0])}'"
        )
    dropped = states.count(SPECIAL)
    if dropped == len(states):
        raise DatasetError(f"{resolved.source} holds no file or folder, only {_quoted(paths)}. Give {FORMS}.")
    report = _report(resolved, states, dropped)
    kept = (path for path, state in zip(paths, states, strict=True) if state != SPECIAL)
    write_items(kept if dropped else paths, items_path, index_path)
    return report


def resolve(data: Any, options: DatasetOptions, *, folder: PathLike | None = None) -> list[bytes]:
    """Return the absolute path of each item, each once, in dataset order; whether they exist is not asked."""
    return datasource.resolve(data, options, folder).paths


def _report(resolved: Resolved, states: bytearray, dropped: int) -> DatasetReport:
    barred = [shown(path) for path in resolved.refused[:EXAMPLES]]
    barred += _examples(resolved.paths, states, UNREADABLE) + _examples(resolved.paths, states, SPECIAL)
    unchecked = sum(states.count(state) for state in (UNKNOWN, FILE, FOLDER))
    return DatasetReport(
        total=len(states) - dropped,
        source=resolved.source,
        missing=states.count(MISSING),
        missing_examples=tuple(_examples(resolved.paths, states, MISSING)),
        duplicates=resolved.duplicates,
        duplicate_examples=tuple(resolved.duplicate_examples),
        unreadable=len(resolved.refused) + states.count(UNREADABLE) + dropped,
        unreadable_examples=tuple(barred[:EXAMPLES]),
        checked=len(states) - unchecked - dropped,
        dropped=dropped,
    )


def _examples(paths: list[bytes], states: bytearray, wanted: int) -> list[str]:
    found = (path for path, state in zip(paths, states, strict=True) if state == wanted)
    return [shown(path) for path in islice(found, EXAMPLES)] if wanted in states else []


def _items(count: int) -> str:
    return f"{count:,} item is" if count == 1 else f"{count:,} items are"


def _such_as(examples: tuple[str, ...]) -> str:
    return " (" + ", ".join(f"'{example}'" for example in examples) + ")" if examples else ""


def _quoted(paths: list[bytes]) -> str:
    return ", ".join(f"'{shown(path)}'" for path in paths[:EXAMPLES])
