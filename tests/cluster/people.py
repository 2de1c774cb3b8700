"""The ordinary user who runs the jobs, and that user's environment of Debian's own Python.

The environment is made once for each list of packages in pyproject.toml. Its Python must be one that every user can
execute, and its mpi4py the one that finds Debian's Open MPI when it runs: so no MPI from a wheel is in it.
"""

from __future__ import annotations

import hashlib
import pwd
import shutil
import subprocess
from pathlib import Path

from clusterfiles import Place, ordinary_user
from daemons import TestbedError, run

PROJECT = Path(__file__).resolve().parents[2]
PYTHON = "/usr/bin/python3"
_REQUIREMENTS = """
import sys, tomllib
project = tomllib.load(open(sys.argv[1], "rb"))["project"]
extras = project["optional-dependencies"]
found = [*project["dependencies"], *extras["mpi"], *extras["demo"], *extras["examples"]]
print("\\n".join(sorted({line for line in found if not line.startswith("jupyter_featx")})))
"""
_FEATX = """\
#!{python}
import sys
from jupyter_featx.cli import main
sys.exit(main())
"""


def make_user() -> str:
    """Return the ordinary user, made where it is missing."""
    user = ordinary_user()
    try:
        pwd.getpwnam(user)
    except KeyError:
        run(["useradd", "-m", "-s", "/bin/bash", user])
        run(["chmod", "755", str(home_of(user))])
    return user


def home_of(user: str) -> Path:
    """Return the user's home."""
    return Path(pwd.getpwnam(user).pw_dir)


def make_environment(place: Place) -> Path:
    """Return the user's virtual environment: made where the packages changed, with this checkout's code in it."""
    wanted = run([PYTHON, "-c", _REQUIREMENTS, str(PROJECT / "pyproject.toml")])
    stamp = place.venv / f".packages-{hashlib.sha256(wanted.encode()).hexdigest()[:16]}"
    if not stamp.exists():
        shutil.rmtree(place.venv, ignore_errors=True)
        run([PYTHON, "-m", "venv", str(place.venv)])
        run(_installer(place.venv / "bin/python") + wanted.split("\n")[:-1], seconds=900)
        run(["chmod", "-R", "a+rX", str(place.venv)])
        stamp.touch()
    _copy_code(place.venv)
    return place.venv


def _installer(python: Path) -> list[str]:
    if shutil.which("uv"):
        return ["uv", "pip", "install", "-q", "--compile-bytecode", "--link-mode=copy", "-p", str(python)]
    return [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--root-user-action=ignore"]


def _copy_code(venv: Path) -> None:
    """Put this checkout's package into the environment, as an installation would; nobody else can write there."""
    target = next((venv / "lib").glob("python3*/site-packages")) / "jupyter_featx"
    source = PROJECT / "jupyter_featx"
    ignored = shutil.ignore_patterns("__pycache__", "node_modules")
    aside = target.with_name(".jupyter_featx.new")
    shutil.rmtree(aside, ignore_errors=True)
    shutil.copytree(source, aside, ignore=ignored)
    if target.exists() and _digest(aside) == _digest(target):
        shutil.rmtree(aside)
        return
    shutil.rmtree(target, ignore_errors=True)
    aside.rename(target)
    python = venv / "bin/python"
    if subprocess.run([python, "-m", "compileall", "-q", target]).returncode:
        raise TestbedError(f"{target} does not compile")
    program = venv / "bin/featx"
    program.write_text(_FEATX.format(python=python))
    program.chmod(0o755)
    run(["chmod", "-R", "a+rX", str(target)])


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
