"""Another user of this machine, for tests of what such a one can see and do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


def as_stranger(code: str, *arguments: str) -> str:
    """Run Python code as the user nobody, who is in no group of ours; return what it prints."""
    become = [] if os.getuid() == 0 else ["sudo", "-n"]
    command = [*become, "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
    done = subprocess.run([*command, python, "-I", "-c", code, *arguments], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout


def give_away(path: Path) -> None:
    """Make a file or folder the stranger's."""
    become = [] if os.getuid() == 0 else ["sudo", "-n"]
    subprocess.run([*become, "chown", "-h", f"{NOBODY}:{NOBODY}", str(path)], check=True)


@contextmanager
def public_folder() -> Iterator[Path]:
    """A folder that everybody can enter and list, as a home or a scratch folder often is."""
    folder = Path(tempfile.mkdtemp(prefix="featx-public-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
