"""Work out which folders a container needs beside its home, so that every path means the same inside as outside.

A folder of the image is never hidden: system folders are not mounted, and what a site mounts itself is left as it is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jupyter_featx.errors import SpecError

# The image has its own of these; an image without them is none.
_IMAGE = ("/bin", "/boot", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/sbin")
_IMAGE_TOPS = {
    "/",
    "/opt",
    "/root",
    "/run",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/local",
    "/usr/sbin",
    "/usr/share",
    "/var",
}
_RUNTIME = ("/dev", "/proc", "/sys", "/tmp", "/var/tmp")  # Apptainer mounts the machine's own
_MANY = 8  # so many folders side by side are mounted as the one above them


@dataclass(frozen=True)
class Bind:
    """A folder outside, and where it is mounted inside."""

    source: str
    target: str
    mode: str = ""

    @classmethod
    def parse(cls, text: str, variables: Mapping[str, str] = os.environ) -> Bind:
        """Return the bind of "/scratch", "/scratch:/data" or "$WORK:/data:ro". Raises SpecError."""
        parts = [_filled(part, variables) for part in text.split(":")]
        source, target, mode = (*parts, *("", "")[: 3 - len(parts)])[:3] if len(parts) <= 3 else ("", "", "")
        target = target or source
        if not os.path.isabs(source) or not os.path.isabs(target) or mode not in ("", "ro", "rw") or "," in text:
            raise SpecError(f"bind={text!r} is no mount. Type '/scratch', '/scratch:/data' or '/scratch:/data:ro'.")
        return cls(os.path.normpath(source), os.path.normpath(target), mode)

    @classmethod
    def same(cls, folder: str, mode: str = "") -> Bind:
        """Return the bind of a folder to the same place. Raises SpecError where its name cannot be told."""
        if any(sign in folder for sign in ":,\n\r\0"):
            raise SpecError(
                f"{folder!r} cannot be mounted in a container, for its name holds a colon, a comma or a line break. "
                "Rename the folder, or make a link to what is below it elsewhere."
            )
        return cls(folder, folder, mode)

    def __str__(self) -> str:
        whole = self.source if self.source == self.target and not self.mode else f"{self.source}:{self.target}"
        return f"{whole}:{self.mode}" if self.mode else whole


def _filled(part: str, variables: Mapping[str, str]) -> str:
    """Fill ~ and $NAME in, as the notebook has them."""
    if part == "~" or part.startswith("~/"):
        part = variables.get("HOME", "~") + part[1:]
    for name in sorted(variables, key=len, reverse=True):
        part = part.replace(f"${{{name}}}", variables[name]).replace(f"${name}", variables[name])
    if "$" in part:
        raise SpecError(f"{part!r} names a variable that is not set here. Set it, or write the path itself.")
    return part


def joined(given: Sequence[Bind], home: Bind, folders: Iterable[str]) -> tuple[Bind, ...]:
    """Return the binds of a site and those of the folders that they and the home leave out, outer ones first."""
    # What a link leads to has to be there, too.
    asked = [path for folder in folders if not belongs_to_image(path := os.path.abspath(folder))]
    own = {*asked, *map(os.path.realpath, asked)}
    found = [bind for bind in dict.fromkeys(given) if bind != home]
    for folder in sorted(own, key=lambda place: (place.count("/"), place)):
        there = (*_RUNTIME, home.target, *(bind.target for bind in found))
        if not belongs_to_image(folder) and not any(_inside(folder, target) for target in there):
            found.append(Bind.same(folder))
    return tuple(sorted(found, key=lambda bind: bind.target.count("/")))


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def belongs_to_image(folder: str) -> bool:
    """Tell whether mounting this folder would hide what the image has there."""
    return folder in _IMAGE_TOPS or os.path.dirname(folder) == "/usr" or any(_inside(folder, top) for top in _IMAGE)


def dataset_folders(items: Iterable[str]) -> list[str]:
    """Return the few folders that hold all the items, and what links among the first of them lead to.

    Raises SpecError for a dataset in a folder that an image has its own of.
    """
    groups: dict[tuple[str, ...], str] = {}
    last = known = "\0"
    for count, item in enumerate(items):
        parent = item[: item.rfind("/")] or "/"
        if count < _MANY * 4:
            _enlarge(groups, os.path.dirname(os.path.realpath(item)))
        if parent == last or _inside(parent, known):
            continue
        last, known = parent, _enlarge(groups, parent)
    folders = _few(groups)
    for folder in folders:
        if belongs_to_image(folder):
            raise SpecError(
                f"The dataset lies in {folder}, which every image has its own of. Move it, for example to your home."
            )
    return folders


def _enlarge(groups: dict[tuple[str, ...], str], folder: str) -> str:
    """Make the group of a folder hold it; return the group's folder."""
    key = tuple(folder.split("/")[1:3])
    groups[key] = os.path.commonpath([groups.get(key, folder), folder])
    return groups[key]


def _few(groups: Mapping[tuple[str, ...], str]) -> list[str]:
    """Mount one folder above instead of many side by side, and none that lies in another."""
    tops: dict[str, set[str]] = {}
    for key, folder in groups.items():
        tops.setdefault(key[0], set()).add(folder)
    found = sorted(f for top, below in tops.items() for f in (below if len(below) <= _MANY else {f"/{top}"}))
    return [folder for folder in found if not any(_inside(folder, other) for other in found if other != folder)]


def process_folders(variables: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Yield the folders that this Python and its packages lie in, except those that the image brings."""
    for folder in dict.fromkeys((sys.base_prefix, sys.prefix, *sys.path)):
        if os.path.isdir(folder) and not belongs_to_image(os.path.abspath(folder)) and outside(folder, variables):
            yield os.path.abspath(folder)


def outside(path: str, variables: Mapping[str, str] = os.environ) -> bool:
    """Tell whether a path lies on the machine; False for one that the image of this very process brings."""
    names = ("APPTAINER_CONTAINER", "SINGULARITY_CONTAINER", "JUPYTER_IMAGE_SPEC")
    if not any(variables.get(name) for name in names) and not _layered_root():
        return True
    with suppress(OSError):
        # What is mounted from outside lies on another device than the image's own folders.
        image = {os.stat(place).st_dev for place in ("/", "/usr", "/.singularity.d") if Path(place).exists()}
        return os.stat(path).st_dev not in image
    return True


def _layered_root() -> bool:
    """Tell whether the root folder is put together of layers, as Docker's and Podman's are."""
    with suppress(OSError):
        fields = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
        return any("overlay" in kind for _, target, kind, *_ in fields if target == "/")
    return False
