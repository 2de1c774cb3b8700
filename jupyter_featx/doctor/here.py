"""Checks of the machine that we are on: configuration, versions, FEATX_HOME, MPI, script templates, the image."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

from jupyter_featx import container, jobdir
from jupyter_featx.config import Config, places
from jupyter_featx.doctor.findings import Finding, failed, ok, skipped
from jupyter_featx.doctor.mpi import short_library
from jupyter_featx.errors import FeatxError
from jupyter_featx.launcher import find_launcher
from jupyter_featx.spec import ContainerSpec

_SECONDS = 30  # for a Python to start and load MPI
LIBRARY = "import mpi4py; mpi4py.rc.initialize = False; from mpi4py import MPI; print(MPI.Get_library_version())"


def configuration(config: Config) -> Finding:
    """Say which files were read; one that everybody can change could make anybody's lines run as this user."""
    for path in config.files:
        if path.stat().st_mode & stat.S_IWOTH and str(path) != os.devnull:
            return failed("configuration", f"everybody can change {path}", f"Type 'chmod o-w {path}'.")
    why = {place.path: place.why for place in places()}
    read = [f"{path} ({why.get(path, 'read')})" for path in config.files]
    return ok("configuration", ", ".join(read) or f"no file, everything has its default; looked for {_looked_for()}")


def _looked_for() -> str:
    return ", ".join(str(place.path) for place in places())


def version() -> str:
    """Return the version of this package, "" when it is run from its source folder."""
    try:
        return metadata.version("jupyter_featx")
    except metadata.PackageNotFoundError:
        return ""


def versions() -> Finding:
    python = ".".join(map(str, sys.version_info[:3]))
    return ok("versions", f"jupyter_featx {version() or 'from its source folder'}, Python {python} ({sys.executable})")


def home() -> Finding:
    """See that FEATX_HOME can hold jobs: folders that only their owner can read, locks, names that can be replaced."""
    place = jobdir.home()
    another = "Set FEATX_HOME to a folder on a file system that you can write to, such as one below your home."
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(prefix=".doctor-", dir=place) as folder:
            os.chmod(folder, 0o700)
            found = os.stat(folder)
            if found.st_mode & 0o077:
                said = (
                    f"{place} keeps nothing private: a folder that was made for you alone is {found.st_mode & 0o777:o}"
                )
                return failed("FEATX_HOME", said, another)
            locks = _locks(Path(folder))
    except OSError as exc:
        return failed("FEATX_HOME", f"{place} cannot be written: {exc.strerror or exc}", another)
    free = shutil.disk_usage(place).free / 2**30
    if free < 1:
        return failed(
            "FEATX_HOME", f"{place} has only {free:.2f} GB free", "Delete jobs ('featx delete JOB') or files."
        )
    without = "" if locks else "; without file locks, so do not submit or retry one job from two places at once"
    return ok("FEATX_HOME", f"{place} can be written, is private, {free:,.0f} GB free{without}")


def _locks(folder: Path) -> bool:
    try:
        with (folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def templates(config: Config) -> Iterator[Finding]:
    folder = jobdir.site_templates() or config.templates
    if folder is None:
        return
    found = sorted(path.name for path in folder.glob("*.j2")) if folder.is_dir() else []
    if not found:
        said = f"{folder} {'has no file *.j2' if folder.is_dir() else 'is not there'}"
        yield failed("templates", said, "Put mpi.sbatch.j2 into it, or take [site] templates or FEATX_TEMPLATES away.")
    else:
        yield ok("templates", f"{', '.join(found)} of {folder}")


def mpi() -> tuple[str, Finding]:
    """Say which MPI the Python that we are has, and what starts ranks here; return the library's version as well."""
    name = "MPI here"
    code, said = run([sys.executable, "-c", LIBRARY])
    if code and "No module named 'mpi4py'" in said:
        return "", skipped(name, "no mpi4py, so a job runs as one rank on one node. Type 'pip install mpi4py' for more")
    if code:
        mend = (
            "Load the module of the machine's MPI and type 'pip install --force-reinstall --no-binary mpi4py mpi4py'."
        )
        return "", failed(name, f"mpi4py does not load: {_last_line(said)}", mend)
    launcher = find_launcher(2)
    how = launcher[0] if launcher else "no mpirun, so several ranks only by srun"
    return said, ok(name, f"{short_library(said)}, {how}")


def run(words: Sequence[str], seconds: float = _SECONDS) -> tuple[int, str]:
    """Return the exit status of a command, 127 where there is none, and all that it printed."""
    try:
        found = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 124, f"no answer within {seconds:g} s"
    except OSError as exc:
        return 127, f"{words[0]}: {exc.strerror or exc}"
    return found.returncode, found.stdout


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "nothing was said")


def image(config: Config) -> tuple[ContainerSpec | None, list[Finding]]:
    """See that the image of jobs is there, and that its runtime starts; return its record as well."""
    try:
        found = container.find(config.container)
    except FeatxError as exc:
        return None, [failed("image", str(exc), "Make the image, or mend [container] in the configuration.")]
    if found is None:
        return None, [skipped("image", "no container is configured; jobs run with the Python of this machine")]
    seen = f"{found.image}, {found.digest or 'not seen from here'}"
    return found, [ok("image", seen), _runtime(found.runtime)]


def _runtime(name: str) -> Finding:
    code, said = run([name, "--version"])
    if code:
        return skipped(name, f"not started here ({_last_line(said)}); that of the nodes is what counts")
    knows = "--sharens" in run([name, "exec", "--help"])[1]
    without = "" if knows else "; it has no --sharens: several ranks on one node may hang on large messages"
    return ok(name, f"{_first_line(said)} here{without}")
