"""Real Apptainer, and an image made here from Debian's packages: no hub, no registry, nothing faked.

    from container.image import get_apptainer, make_image, make_sandbox, open_fuse
    apptainer = get_apptainer()      # the program's path: put its folder on PATH            10 s, once
    image = make_image()             # a SIF: Debian 12, its Python 3.11 and its Open MPI    25 s, once
    sandbox = make_sandbox()         # the same as a folder: needs no /dev/fuse
    open_fuse()                      # before an ordinary user runs a SIF
    user = ordinary_user()           # "scientist", made where there is none; None where the tests do not run as root

All of it is cached below CACHE by the recipe's own digest and is readable by every user. The image's python3 is that
of a Debian 12 machine, /usr/bin/python3: a venv made from it, in the home or mounted, runs in the image as outside.
mpi4py from a wheel finds the image's Open MPI (`srun --mpi=pmix`, or the image's own mpirun); with the `mpich` wheel in
the venv, `srun --mpi=pmi2`.

As a script: `python tests/container/image.py [FOLDER]` prints the path of apptainer and of the image.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CACHE = Path(os.environ.get("FEATX_TEST_CACHE") or "/var/cache/featx-tests")
SUITE = "bookworm"
PACKAGES = (
    *("base-files", "base-passwd", "bash", "ca-certificates", "coreutils", "dash", "findutils", "grep", "hostname"),
    *("libc-bin", "libstdc++6", "openmpi-bin", "python3", "python3-distutils", "sed", "zlib1g"),
)
UNREAD = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/X11")
RECIPE = 1  # raise it when make_sandbox changes


def get_apptainer(folder: Path = CACHE) -> Path:
    """Return the path of a working apptainer."""
    prefix = folder / "apptainer"
    _quiet(str(ROOT / ".ci" / "get_apptainer"), str(prefix))
    return prefix / "bin" / "apptainer"


def make_image(folder: Path = CACHE) -> Path:
    """Return the path of the image as a SIF."""
    sandbox = make_sandbox(folder)
    image = sandbox.with_suffix(".sif")
    with _alone(folder):
        if not image.exists():
            aside = image.with_suffix(f".{os.getpid()}.tmp.sif")
            fast = ("--mksquashfs-args", "-all-root -comp zstd -Xcompression-level 3")
            _quiet(str(get_apptainer(folder)), "build", *fast, str(aside), str(sandbox))
            aside.chmod(0o755)
            aside.rename(image)
    return image


def make_sandbox(folder: Path = CACHE) -> Path:
    """Return the path of the image as a folder."""
    text = f"{RECIPE} {SUITE} {PACKAGES} {UNREAD}"
    sandbox = folder / f"image-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    with _alone(folder):
        if not sandbox.exists():
            _fetch("mmdebstrap")
            aside = sandbox.with_suffix(f".{os.getpid()}.tmp")
            # "extract" unpacks and runs nothing: no root inside, no services, a fraction of the time.
            options = ("--variant=extract", f"--include={','.join(PACKAGES)}", "--quiet")
            _quiet("mmdebstrap", *options, '--aptopt=Acquire::Check-Valid-Until "false"', SUITE, str(aside))
            _finish(aside)
            aside.rename(sandbox)
    return sandbox


def make_user_base(folder: Path = CACHE) -> Path:
    """Return a PYTHONUSERBASE with mpi4py and MPICH for the image's Python, made by the machine's own of that release.

    Outside the image its bin/mpiexec starts ranks.
    """
    base = folder / "user-base-1"
    with _alone(folder):
        if not (base / "bin" / "mpiexec").exists():
            aside = base.with_suffix(f".{os.getpid()}.tmp")
            options = ("--user", "--break-system-packages", "--no-cache-dir", "--quiet")
            pip = (sys.executable, "-m", "pip", "--python", "/usr/bin/python3", "install", *options)
            _quiet(*pip, "mpi4py>=4", "mpich>=4.2", PYTHONUSERBASE=str(aside), PIP_ROOT_USER_ACTION="ignore")
            aside.rename(base)
    return base


def open_fuse() -> None:
    """Let ordinary users mount a SIF on this machine, as they can on a cluster; in tests only."""
    device = Path("/dev/fuse")
    if os.geteuid() == 0 and device.exists():
        device.chmod(0o666)


def ordinary_user() -> str | None:
    """Return the name of an ordinary user with a home; None where we are one."""
    if os.geteuid() != 0:
        return None
    if subprocess.run(["id", "scientist"], capture_output=True, check=False).returncode:
        _quiet("useradd", "--create-home", "--shell", "/bin/bash", "scientist")
    return "scientist"


def _finish(tree: Path) -> None:
    """Do by hand what the packages' own scripts, which did not run, would have done."""
    for name in UNREAD:
        shutil.rmtree(tree / name, ignore_errors=True)
    for name in ("passwd", "group"):
        shutil.copyfile(tree / "usr/share/base-passwd" / f"{name}.master", tree / "etc" / name)
    for name in ("mpirun", "mpiexec"):
        (tree / "usr/bin" / name).symlink_to(f"{name}.openmpi")
    tree.chmod(0o755)
    _quiet("ldconfig", "-r", str(tree))


def _fetch(package: str) -> None:
    if not shutil.which(package):
        root = () if os.geteuid() == 0 else ("sudo", "-n")
        _quiet(*root, "apt-get", "-qq", "update")
        _quiet(*root, "apt-get", "-qq", "-y", "--no-install-recommends", "install", package)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the cache while something is made in it: two test runs at once make it once."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    with (folder / ".image.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _quiet(*command: str, **variables: str) -> None:
    """Run a command; what it says is shown when it fails."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", **variables}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"


if __name__ == "__main__":
    place = Path(sys.argv[1]).absolute() if len(sys.argv) > 1 else CACHE
    print(get_apptainer(place))
    print(make_image(place))
