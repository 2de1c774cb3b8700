"""The random-fault run: `python tests/chaos --seed 1 --minutes 30` (`make chaos SEED=1 MINUTES=30`).

Its end is 0 when every job completed or said why not, and no table lied. The log, one JSON line for each fault and
each thing that was seen, and the folders of jobs that lied are kept.
"""

from __future__ import annotations

import argparse
import csv
import signal
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS.parent), str(TESTS), str(TESTS / "cluster")]
sys.path = [entry for entry in sys.path if Path(entry or ".").resolve() != TESTS / "chaos"]

from chaos.run import Plan, run  # noqa: E402 - found once the tests are on the path


def main() -> int:
    """Read the command line, run, and say how it ended."""
    csv.field_size_limit(sys.maxsize)  # what an item printed before it failed stands in the errors
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=30.0, help="of faults; then the jobs may end")
    parser.add_argument("--calm-minutes", type=float, default=15.0, help="for the jobs to end, at most")
    parser.add_argument("--pause", type=float, default=6.0, help="seconds between two faults, on the average")
    parser.add_argument("--jobs", type=int, default=6, help="at a time")
    parser.add_argument("--local", action="store_true", help="without a Slurm cluster")
    parser.add_argument("--log", type=Path, help="folder for the log and the evidence")
    parser.add_argument("--quiet", action="store_true", help="print the table at the end alone")
    asked = parser.parse_args()
    log = asked.log or TESTS.parent / ".chaos" / f"seed-{asked.seed}"
    plan = Plan(
        seed=asked.seed,
        seconds=asked.minutes * 60,
        calm_seconds=asked.calm_minutes * 60,
        pause=asked.pause,
        jobs=asked.jobs,
        slurm=not asked.local,
        log=log.absolute(),
        loud=not asked.quiet,
    )
    for number in (signal.SIGINT, signal.SIGTERM):  # whoever ends us, nothing is to be left behind
        signal.signal(number, signal.default_int_handler)
    return run(plan)


if __name__ == "__main__":
    sys.exit(main())
