"""Faults of files: a torn last line, a full disk, a clock that is wrong for one job alone."""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from daemons import TestbedError, run
from scientist import Scientist

SKEWCLOCK = Path(__file__).with_name("skewclock.c")
SMALL_DISK_MB = 48


def tear(path: Path, amount: float) -> str:
    """Make the last line of a file whose writer is dead one that was not written whole; say what was done.

    Below a half the last whole line loses its end, as when it never reached the disk; above, a further one begins.
    """
    size = path.stat().st_size
    with path.open("rb+") as file:
        file.seek(max(0, size - (1 << 20)))
        lines = file.read().splitlines(keepends=True)
        if not lines:
            return ""
        last = lines[-1]
        keep = max(1, int(len(last) * (amount * 2 % 1)))
        if amount < 0.5:
            file.truncate(size - len(last) + keep)
            return f"{path.name}: {len(last) - keep} bytes of the last line are gone"
        file.seek(size)
        file.write(last[:keep])
        return f"{path.name}: {keep} bytes of a further line"


@dataclass
class SmallDisk:
    """A FEATX_HOME on a disk of its own that can be filled."""

    folder: Path

    def mount(self, scientist: Scientist) -> None:
        scientist.run("mkdir", "-p", self.folder)
        owner = self.folder.stat()
        options = f"size={SMALL_DISK_MB}m,mode=755,uid={owner.st_uid},gid={owner.st_gid}"
        run(["mount", "-t", "tmpfs", "-o", options, "featx-chaos", str(self.folder)])

    def unmount(self) -> None:
        with suppress(TestbedError):
            while os.path.ismount(self.folder):
                run(["umount", "--lazy", str(self.folder)])

    def fill(self) -> None:
        """Leave no room at all."""
        run(["sh", "-c", f"cat /dev/zero > '{self._ballast}' 2>/dev/null; true"])

    def free(self) -> None:
        run(["rm", "-f", str(self._ballast)])

    @property
    def _ballast(self) -> Path:
        return self.folder / ".ballast"


@dataclass
class Clock:
    """The clock that the processes of one job see: the machine's own stays as it is."""

    file: Path
    library: Path

    def variables(self) -> dict[str, str]:
        """Return what a job's submit needs in its environment."""
        return {"LD_PRELOAD": str(self.library), "FEATX_CHAOS_CLOCK": str(self.file)}

    def set(self, seconds: float) -> None:
        """Let it be wrong by so many seconds; who has the file open sees it at once."""
        descriptor = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.pwrite(descriptor, struct.pack("q", int(seconds)), 0)
        finally:
            os.close(descriptor)


def make_skewclock(folder: Path) -> Path:
    """Compile what moves a job's clock; return the library."""
    library = folder / "skewclock.so"
    run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SKEWCLOCK)])
    run(["chmod", "755", str(library)])
    return library
