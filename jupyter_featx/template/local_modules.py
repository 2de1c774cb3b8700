"""Find the modules beside a notebook that its functions import, so that they can go with the job."""

from __future__ import annotations

import ast
import hashlib
import os
import sys
import sysconfig
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, PathFinder
from pathlib import Path

from jupyter_featx.errors import TemplateError

_NEVER_COPIED = {"__pycache__", "node_modules"}


@dataclass(frozen=True)
class Module:
    """A module or package that is not installed and has to be copied into the job."""

    name: str
    path: str
    digest: str


def find_modules(nodes: Iterable[ast.AST], search: Sequence[str | Path]) -> tuple[Module, ...]:
    """Return the local modules that the code imports, and those that they import, sorted by name."""
    path = [*(str(Path(entry).absolute()) for entry in search), *(entry or os.getcwd() for entry in sys.path)]
    found: dict[str, Module] = {}
    pending = sorted({root for node in nodes for root in imported_roots(node)})
    seen = set(pending)
    while pending:
        name = pending.pop()
        place = _local_place(name, path)
        if place is None:
            continue
        found[name] = Module(name, str(place), _digest(place))
        new = {root for file in module_files(place) for root in _roots_of_file(file)} - seen
        seen |= new
        pending.extend(sorted(new))
    return tuple(found[name] for name in sorted(found))


def imported_roots(node: ast.AST) -> Iterator[str]:
    """Yield the top-level names that code imports, at module level or inside functions."""
    for child in ast.walk(node):
        if isinstance(child, ast.Import):
            yield from (alias.name.split(".")[0] for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and child.module and not child.level:
            yield child.module.split(".")[0]
        elif isinstance(child, ast.Call) and _is_import_module(child.func):
            constant = child.args[0] if child.args else None
            if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                yield constant.value.split(".")[0]


def _is_import_module(called: ast.expr) -> bool:
    if isinstance(called, ast.Attribute):
        return called.attr == "import_module" and isinstance(called.value, ast.Name) and called.value.id == "importlib"
    return isinstance(called, ast.Name) and called.id == "import_module"


def module_files(place: str | Path) -> list[Path]:
    """Return the files of a module or package that belong in the job, in a fixed order."""
    place = Path(place)
    if not place.is_dir():
        return [place]
    everything = (place / "__init__.py").exists()
    files: list[Path] = []
    for base, folders, names in os.walk(place):
        folders[:] = sorted(f for f in folders if f not in _NEVER_COPIED and not f.startswith("."))
        files.extend(Path(base, name) for name in names if _belongs(name, everything))
    return sorted(files, key=lambda file: file.relative_to(place).as_posix())


def _belongs(name: str, everything: bool) -> bool:
    # A folder without __init__.py may be full of data, of which a job needs none.
    return name.endswith((".py", *EXTENSION_SUFFIXES)) or (everything and not name.endswith(".pyc") and name[0] != ".")


def _local_place(name: str, path: list[str]) -> Path | None:
    if name in sys.stdlib_module_names or name in ("__main__", "jupyter_featx"):
        return None
    spec = PathFinder.find_spec(name, path)
    places = _places(spec) if spec else []
    return next((place for place in places if place.exists() and not _is_installed(place)), None)


def _places(spec: ModuleSpec) -> list[Path]:
    if spec.submodule_search_locations:
        return [Path(place).absolute() for place in spec.submodule_search_locations]
    return [Path(spec.origin).absolute()] if spec.origin and spec.has_location else []


@cache
def _installed_folders() -> tuple[Path, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return tuple({Path(sysconfig.get_path(name)).resolve() for name in names})


def _is_installed(place: Path) -> bool:
    place = place.resolve()
    if {"site-packages", "dist-packages"} & set(place.parts):
        return True
    if any(place.is_relative_to(folder) for folder in _installed_folders()):
        return True
    return any(place.parent.glob("*.dist-info"))  # a folder of `pip install --target`


def _roots_of_file(file: Path) -> frozenset[str]:
    if file.suffix != ".py":
        return frozenset()
    try:
        about = file.stat()
        return _roots_of_version(file, about.st_mtime_ns, about.st_size)
    except OSError as exc:
        raise TemplateError(f"Cannot read the local module {file}: {exc.strerror}. Check its permissions.") from exc


@lru_cache(maxsize=10_000)
def _roots_of_version(file: Path, *_version: int) -> frozenset[str]:
    """Return what a file imports; it is asked for the whole template and for each of its functions."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return frozenset(imported_roots(ast.parse(file.read_bytes())))
    except (SyntaxError, ValueError):
        return frozenset()


def _digest(place: Path) -> str:
    try:
        if not place.is_dir():
            return hashlib.sha256(place.read_bytes()).hexdigest()
        total = hashlib.sha256()
        for file in module_files(place):
            total.update(file.relative_to(place).as_posix().encode("utf-8", "surrogateescape") + b"\0")
            total.update(hashlib.sha256(file.read_bytes()).digest())
        return total.hexdigest()
    except OSError as exc:
        raise TemplateError(f"Cannot read the local module {place}: {exc.strerror}. Check its permissions.") from exc
