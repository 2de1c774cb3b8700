"""Make the SIF that a cluster's nodes run in, from what the notebook's container is made from, as an ordinary user.

Beside TARGET.sif lies TARGET.sif.json: what it was made from, and the digests of both. The same is not built again.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from jupyter_featx.environment import image_identity, one_line
from jupyter_featx.errors import ImageError, SpecError
from jupyter_featx.imagesource import Source, file_digest, resolve
from jupyter_featx.jobdir import write_aside

_LAST_LINES = 6

# What apptainer says -> what the user can do about it.
_MENDS = (
    (r"no space left", "The disk is full: set APPTAINER_TMPDIR and APPTAINER_CACHEDIR to folders with more room."),
    (r"unauthorized|authentication required|denied", "The registry wants a login: type 'apptainer registry login'."),
    (
        r"dial tcp|no such host|i/o timeout|connection refused|network is unreachable",
        "The registry cannot be reached from here: build on a login node, or from an archive (docker save).",
    ),
    (
        r"user namespace|newuidmap|fakeroot|subuid|operation not permitted",
        "This machine does not let ordinary users build: build where user namespaces are allowed, or from an archive.",
    ),
    (r"manifest unknown|not found|no such image|404", "Check the name and the tag of the image."),
)


@dataclass(frozen=True)
class Built:
    """An image and what it was made from. `identity` is the cheap one, which a rank compares."""

    path: str
    source: str
    source_digest: str
    sha256: str
    identity: str
    apptainer: str
    built: float
    fresh: bool = True  # made now; False where it was there already


def answer(words: Sequence[str], *, force: bool, runtime: str, tell: Callable[[str], None]) -> str:
    """Do what `featx image WORDS` asks for, and return what there is to show. Raises ImageError and SpecError."""
    if words[:1] == ["build"] and len(words) in (2, 3):
        built = build(words[1], *words[2:], force=force, runtime=runtime, tell=tell)
        if not built.fresh:
            tell(f"It was made from {built.source} as it is now. Type --force to build it all the same.")
        return f"{built.path} {built.sha256}"
    if words[:1] == ["digest"] and len(words) == 2:
        identity = image_identity(os.path.expanduser(words[1]))
        if not identity:
            raise ImageError(f"There is no image {words[1]} that can be read.")
        return identity
    raise SpecError("Type 'featx image build SOURCE [TARGET.sif]' or 'featx image digest IMAGE'.")


def build(
    source: str,
    target: str | Path | None = None,
    *,
    force: bool = False,
    runtime: str = "apptainer",
    tell: Callable[[str], None] = lambda line: None,
) -> Built:
    """Make TARGET.sif from the source, unless it is there and the source's digest is the one that it was made from.

    Raises ImageError with what the runtime said and what to do about it.
    """
    found = resolve(source)
    place = Path(target or f"{found.name}.sif").expanduser().absolute()
    if place.suffix != ".sif" or any(sign in str(place) for sign in ":,\n"):
        raise ImageError(f"{place}: name a file that ends in .sif, in a path without colons and commas.")
    known = None if force else _known(place, found)
    if known:
        return known
    program = shutil.which(runtime)
    if program is None:
        raise ImageError(
            f"There is no {runtime} on this machine. Build the image where there is one, on a login node say."
        )
    tell(f"Building {place} from {found.words}; this can take some minutes.")
    _run(program, found, place)
    return _recorded(program, found, place)


def record_of(image: Path) -> Path:
    """Return where it stands what an image was made from."""
    return image.with_name(f"{image.name}.json")


def _known(place: Path, source: Source) -> Built | None:
    """Return the image that is there, where it was made from this very source and not changed since."""
    try:
        built = Built(**{**json.loads(record_of(place).read_text()), "path": str(place), "fresh": False})
    except (OSError, ValueError, TypeError):
        return None
    same = source.digest and (built.source, built.source_digest) == (source.words, source.digest)
    return built if same and built.identity == image_identity(str(place)) else None


def _run(program: str, source: Source, place: Path) -> None:
    """Build aside and rename: who looks sees the old image or the new one."""
    aside = place.with_name(f".{place.stem}.{os.getpid()}.sif")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        options: list[str] = []
        done = _build(program, options, source, aside)
        # A user can be made root inside in several ways, of which a machine may offer only the beginning.
        for complaint, option in (
            ("newuidmap was not found", "subuid"),
            ("--ignore-fakeroot-command", "fakeroot-command"),
        ):
            if done.returncode and complaint in done.stderr:
                options.append(f"--ignore-{option}")
                done = _build(program, options, source, aside)
        if done.returncode:
            raise ImageError(_explained(source, done.stdout + done.stderr))
        os.replace(aside, place)
    except OSError as exc:
        raise ImageError(f"Cannot write {place}: {exc.strerror}. Choose another folder for the image.") from exc
    finally:
        with suppress(OSError):
            aside.unlink()


def _build(program: str, options: list[str], source: Source, aside: Path) -> subprocess.CompletedProcess[str]:
    command = [program, "build", "--force", *options, str(aside), source.words]
    # A definition file's own paths are meant from where it lies.
    folder = os.path.dirname(source.words) if source.words.startswith("/") else None
    return subprocess.run(
        command, capture_output=True, text=True, errors="replace", cwd=folder, stdin=subprocess.DEVNULL, check=False
    )


def _explained(source: Source, said: str) -> str:
    """Return the mend before what the runtime said last."""
    lines = [one_line(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in said.splitlines()]
    told = " / ".join([line for line in lines if line and not line.startswith("INFO:")][-_LAST_LINES:])[-1500:]
    mend = next((mend for pattern, mend in _MENDS if re.search(pattern, told, re.IGNORECASE)), "")
    return (
        f"{source.words} cannot be made into an image. {mend}{' ' if mend else ''}Apptainer said: {told or 'nothing'}"
    )


def _recorded(program: str, source: Source, place: Path) -> Built:
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    built = Built(
        path=str(place),
        source=source.words,
        source_digest=source.digest,
        sha256=file_digest(place),
        identity=image_identity(str(place)),
        apptainer=one_line(version),
        built=round(time.time(), 3),
    )
    write_aside(record_of(place), json.dumps(asdict(built), indent=1), mode=0o644)
    return built
