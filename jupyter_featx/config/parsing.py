"""Parse one configuration file to a flat map of key paths, every value checked.

Being flat, files are merged by one rule for one key. An error names the file, the line, what is wrong and what is
allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_featx.config import checks
from jupyter_featx.config.lines import line_of
from jupyter_featx.config.schema import SCHEMA, Location, Table
from jupyter_featx.config.toml import parse_toml
from jupyter_featx.errors import ConfigError

Key = tuple[str, ...]


def parse(content: bytes, path: Path) -> dict[Key, Any]:
    """Return every key of a file's content with its checked value. Raises ConfigError."""
    try:
        text = content.decode().removeprefix("\ufeff").replace("\r\n", "\n")
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise ConfigError(f"{path}, line {line}: not UTF-8. Save the file as UTF-8.") from exc
    try:
        found = parse_toml(text)
    except (ValueError, RecursionError) as exc:
        raise _syntax(path, text, exc) from exc
    return dict(_Reader(path, text).flat(found, SCHEMA))


def _syntax(path: Path, text: str, exc: Exception) -> ConfigError:
    if isinstance(exc, RecursionError):
        return ConfigError(f"{path}: too deeply nested. Write one table or list in another at most twice.")
    what = re.sub(r"\s*\(at [^()]*\)$", "", str(exc)).strip().rstrip(".")
    match = re.search(r"\(at line (\d+), column (\d+)\)$", str(exc))
    at = match[1] if match else text.count("\n") + 1
    return ConfigError(
        f"{path}, line {at}: {what[:1].lower()}{what[1:200]}. Each line is [table], key = value or # a comment, and "
        "texts stand in quotation marks."
    )


@dataclass(frozen=True)
class _Reader:
    """Walks one file beside the schema."""

    path: Path
    text: str

    def flat(self, found: Mapping[str, Any], table: Table, at: Key = ()) -> Iterator[tuple[Key, Any]]:
        for key, value in found.items():
            here = (*at, key)
            kind = self._kind(key, table, here)
            if isinstance(kind, Table):
                if not isinstance(value, dict):
                    name = ".".join(here)
                    raise self._wrong(here, f"{name} must be a table. Write [{name}], and its keys below it.")
                yield here, None  # a profile is known also when nothing stands in it
                yield from self.flat(value, kind, here)
            else:
                yield here, self._value(kind, value, here)

    def _kind(self, key: str, table: Table, here: Key) -> Any:
        if table.entry is None:
            if key not in table.keys:
                raise self._wrong(here, _unknown(key, table, here[:-1]))
            return table.keys[key]
        try:
            table.name(key)
        except checks.Wrong as exc:
            raise self._wrong(here, f"the name {checks.shown(key)} in [{'.'.join(here[:-1])}] {exc}") from None
        return table.entry

    def _value(self, kind: Any, value: Any, here: Key) -> Any:
        try:
            return checks.path(value, self.path.parent) if isinstance(kind, Location) else kind(value)
        except checks.Wrong as exc:
            raise self._wrong(here, f"{here[-1]} = {_written(value)} {exc}") from None

    def _wrong(self, here: Sequence[str], what: str) -> ConfigError:
        return ConfigError(f"{self.path}, line {line_of(self.text, here)}: {what}")


def _written(value: Any) -> str:
    return "[…]" if isinstance(value, list) else "{…}" if isinstance(value, dict) else checks.shown(value)


def _unknown(key: str, table: Table, at: Key) -> str:
    where = f"[{'.'.join(at)}]" if at else "the file"
    known = ", ".join(f"[{name}]" if isinstance(kind, Table) else name for name, kind in sorted(table.keys.items()))
    near = checks.did_you_mean(key.replace("-", "_"), table.keys)
    return f"{checks.shown(key)} is no key of {where}.{near} Known are: {known}."
