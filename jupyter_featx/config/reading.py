"""Find the configuration files and merge what they say: a later file wins, but never over a limit.

The files are the site's, then the one that FEATX_CONFIG names, then the user's. Where there is none, nothing is loaded
to parse them: this is on the way of every submit.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_featx.config.records import Config, ContainerConfig, PartitionLimits, SlurmConfig
from jupyter_featx.errors import ConfigError
from jupyter_featx.spec import SiteSpec

SYSTEM = Path("/etc/featx/config.toml")
_MOST_BYTES = 1_000_000
Key = tuple[str, ...]
_UNITS = {
    "max_cores": "max_cores",
    "max_walltime": "max_walltime_seconds",
    "max_memory_per_core": "max_memory_per_core_mb",
}
_cached: tuple[object, Config] | None = None


@dataclass(frozen=True)
class Place:
    """Where a configuration file may be, and what makes it count: shown by `featx doctor`."""

    path: Path
    why: str
    required: bool = False


def places() -> list[Place]:
    """Return where files are looked for, the weakest first."""
    found = [Place(SYSTEM, "the site's")]
    if named := os.environ.get("FEATX_CONFIG"):
        found.append(Place(Path(os.path.abspath(os.path.expanduser(named))), "FEATX_CONFIG", required=True))
    base = os.environ.get("XDG_CONFIG_HOME", "")
    base = base if os.path.isabs(base) else os.path.expanduser("~/.config")  # a relative one is to be ignored
    return [*found, Place(Path(base, "featx", "config.toml"), "yours")]


def load() -> Config:
    """Return what the files say together; they are read again only when one has changed. Raises ConfigError."""
    global _cached
    looked = [(place, _look(place)) for place in places()]
    mark = [(place.path, seen) for place, seen in looked]
    if _cached is None or _cached[0] != mark:
        files = [place.path for place, seen in looked if seen is not None]
        _cached = mark, _merged([(path, _read(path)) for path in files])
    return _cached[1]


def _look(place: Place) -> tuple[int, ...] | None:
    """Return what tells one version of a file from the next; None where there is none."""
    try:
        found = os.stat(place.path)
    except (FileNotFoundError, NotADirectoryError):
        if place.required:
            raise ConfigError(
                f"{place.path} is not there, but FEATX_CONFIG names it. Unset FEATX_CONFIG, or mend it."
            ) from None
        return None
    except (OSError, ValueError) as exc:
        raise _unreadable(place.path, exc) from exc
    if not stat.S_ISREG(found.st_mode) and str(place.path) != os.devnull:
        raise ConfigError(f"{place.path} is no file. A configuration is a text file in TOML.")
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev


def _unreadable(path: Path, exc: Exception) -> ConfigError:
    why = getattr(exc, "strerror", None) or str(exc)
    return ConfigError(f"{path} cannot be read: {why}. Make it readable (chmod a+r), or remove it.")


def _read(path: Path) -> Mapping[Key, Any]:
    from jupyter_featx.config.parsing import parse

    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as exc:
        raise _unreadable(path, exc) from exc
    if len(content) > _MOST_BYTES:
        raise ConfigError(f"{path} is larger than a megabyte. Is it a configuration?")
    return parse(content, path)


def _merged(found: Sequence[tuple[Path, Mapping[Key, Any]]]) -> Config:
    """Return one configuration: for each key the last file's value, for a limit the smallest."""
    values: dict[Key, Any] = {}
    for _, keys in found:
        for key, value in keys.items():
            smaller = key[0] == "limits" and values.get(key) is not None
            values[key] = min(value, values[key]) if smaller else value
    limits = {
        name: {_UNITS[key]: value for key, value in keys.items()} for name, keys in _maps(values, "limits").items()
    }
    site = _table(values, "site")
    templates = site.pop("templates", None)
    images = _maps(values, "container").get("images", {})
    return Config(
        scheduler=values.get(("scheduler",), Config.scheduler),
        slurm=SlurmConfig(**_table(values, "slurm")),
        site=SiteSpec(**site),
        templates=Path(templates) if templates else None,
        container=ContainerConfig(**{**_table(values, "container"), "images": images}),
        environment_policy=values.get(("environment", "policy"), Config.environment_policy),
        defaults=_table(values, "defaults"),
        profiles=_maps(values, "profiles"),
        limits={name: PartitionLimits(**keys) for name, keys in limits.items()},
        files=tuple(path for path, _ in found),
    )


def _table(values: Mapping[Key, Any], table: str) -> dict[str, Any]:
    return {key[1]: value for key, value in values.items() if key[0] == table and len(key) == 2}


def _maps(values: Mapping[Key, Any], table: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for key, value in values.items():
        if key[0] == table and len(key) == 2:
            found.setdefault(key[1], {})
        elif key[0] == table and len(key) == 3:
            found.setdefault(key[1], {})[key[2]] = value
    return found
