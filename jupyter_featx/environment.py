"""Tell what a template runs in: Python, the distributions that it imports, the machine's kind, the image.

The notebook describes itself at submit, each rank before its first item. A few listings of folders and no import of
anybody's package: some milliseconds, for it is done on every node.
"""

from __future__ import annotations

import ast
import os
import re
import socket
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

_SIF_MAGIC = b"SIF_MAGIC\0"  # at byte 32 of a SIF; its UUID follows at 48
_SANDBOX = ("", ".singularity.d", "bin", "etc", "lib", "opt", "usr", "usr/bin", "usr/lib", "usr/local", "usr/local/lib")
MISSING = "missing"


class Difference(NamedTuple):
    """One thing that is not the same, in the notebook and on a node."""

    what: str
    there: str
    here: str

    def words(self, where: str) -> str:
        return f"{self.what} is {self.there} in the notebook and {self.here} on {where}"


def imported_modules(text: str) -> set[str]:
    """Return the top-level names that a template's text imports, also inside its functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names)


def describe(modules: Collection[str], image: str | None = None) -> dict[str, Any]:
    """Describe this process; `image` is the file that it runs in, by default the one that Apptainer names."""
    return _described(_distributions(modules), image)


def describe_like(there: Mapping[str, Any], image: str | None = None) -> dict[str, Any]:
    """Describe this process with those distributions that another was described with."""
    installed = _installed()
    found = {name: installed.get(_plain(name), MISSING) for name in there.get("distributions", ())}
    return _described(found, image)


def _described(distributions: dict[str, str], image: str | None) -> dict[str, Any]:
    if image is None:
        image = os.environ.get("APPTAINER_CONTAINER") or os.environ.get("SINGULARITY_CONTAINER") or ""
    return {
        "host": socket.gethostname(),
        "python": sys.version,
        "implementation": sys.implementation.name,
        "executable": sys.executable,
        "base_prefix": sys.base_prefix,
        "platform": f"{sys.platform} {os.uname().machine}",
        "libc": _libc(),
        "distributions": distributions,
        "image": image_identity(image) if image else "",
        "mpi": mpi_library(),
    }


def _libc() -> str:
    with suppress(ValueError, OSError):
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    return ""  # another C library than GNU's


def mpi_library() -> str:
    """Return the MPI library that mpi4py has loaded; "" where it has none."""
    module = sys.modules.get("mpi4py.MPI")
    return str(module.Get_library_version()).splitlines()[0].strip("\0 ") if module else ""


def image_identity(path: str) -> str:
    """Return what tells an image from others within a millisecond; "" where it cannot be read.

    Of a SIF that is its UUID and size. Of a sandbox folder, when its main folders were changed last.
    """
    try:
        if os.path.isdir(path):
            return f"sandbox:{_sandbox_digest(path)}"
        with open(path, "rb") as file:
            head = file.read(64)
            size = os.fstat(file.fileno()).st_size
    except OSError:
        return ""
    known = head[32:42] == _SIF_MAGIC
    return f"sif:{head[48:64].hex()}:{size}" if known else f"file:{_digest(head)}:{size}"


def _sandbox_digest(folder: str) -> str:
    text = ""
    for name in _SANDBOX:
        with suppress(OSError):
            text += f"{name} {os.stat(os.path.join(folder, name)).st_mtime_ns}\n"
    return _digest(text.encode())


def _digest(data: bytes) -> str:
    import hashlib  # loads OpenSSL, which most ranks need not wait for

    return hashlib.sha256(data).hexdigest()[:32]


def compare(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[Difference]:
    """Return in what a node differs from the notebook; what either does not know is no difference."""
    names = {
        "python": "Python",
        "implementation": "the implementation of Python",
        "executable": "the path of Python",
        "base_prefix": "Python's own folder",
        "platform": "the platform",
        "libc": "the C library",
        "image": "the container image",
        "mpi": "the MPI library",
    }
    found = [
        Difference(name, one_line(there[key]), one_line(here[key]))
        for key, name in names.items()
        if there.get(key) and here.get(key) and there[key] != here[key]
    ]
    ours = here.get("distributions", {})
    for name, version in there.get("distributions", {}).items():
        if ours.get(name, MISSING) != version:
            found.append(Difference(name, version, ours.get(name, MISSING)))
    return found


def differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """Return in plain words in what a node (`here`) differs from the notebook (`there`)."""
    return [difference.words(f"node {here.get('host', '?')}") for difference in compare(there, here)]


def one_line(value: object) -> str:
    return " ".join(str(value).split())


# -- distributions ----------------------------------------------------------------------------------------------------


def _distributions(modules: Collection[str]) -> dict[str, str]:
    """Return name -> version of the distributions that provide these modules; modules of none are passed over.

    Most bear the module's name. Only for the others are the lists of files read, as importlib.metadata would for all.
    """
    installed = _installed()
    found = {name: installed[_plain(name)] for name in sorted(modules) if _plain(name) in installed}
    wanted = {name for name in modules if name not in found and name not in sys.stdlib_module_names}
    for name, version, folder in _metadata() if wanted else ():
        provided = {module for module in wanted if _provides(folder, module)}
        if provided:
            found.setdefault(name, version)
            wanted -= provided
    return dict(sorted(found.items()))


def _installed() -> dict[str, str]:
    """Return every distribution's version, by its plain name. The first of two on the path is the one imported."""
    found: dict[str, str] = {}
    for name, version, _ in _metadata():
        found.setdefault(_plain(name), version)
    return found


_NAMED = re.compile(r"(?P<name>.+?)-(?P<version>\d[^-]*)(?:-py\d[\d.]*)?\.(?:dist|egg)-info")


def _metadata() -> Iterator[tuple[str, str, Path]]:
    """Yield name, version and place of what is installed: a folder's name says it, and no file need be opened."""
    for entry in dict.fromkeys(sys.path):
        try:
            names = os.listdir(entry or ".")
        except OSError:
            continue  # a zip file, or a folder that is not there
        for name in names:
            if match := _NAMED.fullmatch(name):
                yield match["name"], match["version"], Path(entry or ".", name)


def _plain(name: str) -> str:
    """Return a distribution's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _provides(metadata: Path, module: str) -> bool:
    with suppress(OSError):
        return module in (metadata / "top_level.txt").read_text().split()
    with suppress(OSError):
        record = (metadata / "RECORD").read_text(errors="replace")
        return re.search(rf"^{re.escape(module)}(?:/|\.(?:py|[^/,]*so),)", record, re.MULTILINE) is not None
    return False
