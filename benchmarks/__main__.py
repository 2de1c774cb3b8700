"""`python -m benchmarks [NAME ...]`: run all the benchmarks, or some, and print one table of figures and goals.

Names: overhead, tail, start, memory, items, merge, coordinator, policy, server, slurm. `--tiny` runs each in a size
that proves only that it works. A goal that is missed is said, and is no error: a busy or small machine misses some.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
import time
from collections.abc import Iterator

from benchmarks.figures import HEAD, Figure

# What to call in each module, and with what in a tiny run.
TINY: dict[str, tuple[object, ...]] = {
    "start": (1,),
    "overhead": (500, 1),
    "memory": (2000,),
    "merge": (2000, 20, 1000, 1),
    "items": (2000,),
    "tail": (200, 1.0, ("random",), (1,)),
    "coordinator": (2000, 20),
    "policy": (2000, 20),
    "slurm": (1, 80, 2.0),
    "server": (30, 3, 2000, 1.0),
}


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(TINY)}; all when none is given")
    parser.add_argument("--tiny", action="store_true", help="prove only that they work")
    asked = parser.parse_args()
    if unknown := [name for name in asked.names if name not in TINY]:
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(TINY)}")
    begun = time.monotonic()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}")
    print(HEAD)
    missed = []
    for figure in _figures(asked.names or list(TINY), asked.tiny):
        print(figure.line(), flush=True)
        missed += [figure] if figure.met is False else []
    print(f"{time.monotonic() - begun:.0f} s, load {os.getloadavg()[0]:.1f}")
    if missed and not asked.tiny:
        print(f"{len(missed)} goals were MISSED: {'; '.join(figure.name.strip() for figure in missed)}.")
    elif not missed:
        print("Every goal was met.")
    return 0


def _figures(names: list[str], tiny: bool) -> Iterator[Figure]:
    for name in names:
        module = importlib.import_module(f"benchmarks.bench_{name}")
        yield from module.figures(*(TINY[name] if tiny else ()))


if __name__ == "__main__":
    sys.exit(main())
