"""`python -m benchmarks.peers`: measure what is not measured yet, tool after tool in each round, then write the report.

Each run is a JSON line in results/, so that a measurement that was stopped goes on where it was. `--plan` says how long
it takes, `--report` only draws.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.peers import lines, plan, report, tools
from benchmarks.peers.plan import Step
from benchmarks.peers.scenarios import MODULES, load


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="at most so many of each cell")
    parser.add_argument("--budget-minutes", type=float, default=float("inf"), help="begin nothing that ends later")
    parser.add_argument("--scenarios", default=",".join(MODULES), help="letters, as in A,B")
    parser.add_argument("--cells", default="", help="only cells with this in their name")
    parser.add_argument("--tools", default="", help="names, as in featx,joblib; all that are installed")
    parser.add_argument("--results", type=Path, default=lines.RESULTS, help="where the measurements are kept")
    parser.add_argument("--tiny", action="store_true", help="so few items that it proves only that it works")
    parser.add_argument("--report", action="store_true", help="measure nothing, only write the report")
    parser.add_argument("--plan", action="store_true", help="say what would be measured, and how long it takes")
    asked = parser.parse_args(given)
    asked.scenarios = asked.scenarios.split(",")
    if unknown := [letter for letter in asked.scenarios if letter not in MODULES]:
        parser.error(f"no scenario {unknown[0]!r}; there are {', '.join(MODULES)}")
    asked.tools = asked.tools.split(",") if asked.tools else [name for name in tools.names() if tools.version(name)]
    if unknown := [name for name in asked.tools if name not in tools.names()]:
        parser.error(f"no tool {unknown[0]!r}; there are {', '.join(tools.names())}")
    return asked


def main() -> int:
    asked = arguments()
    if not asked.report:
        steps = list(todo(asked))
        if asked.plan:
            print(plan.table(steps, lines.read(asked.results)))
            return 0
        measure(asked, steps)
    print(report.write(asked.results, asked.results.parent))
    return 0


def todo(asked: argparse.Namespace) -> Iterator[Step]:
    """Yield what is to be measured, in order."""
    found = [scenario for letter in asked.scenarios if (scenario := load(letter))]
    cells = [cell for scenario in found for cell in scenario.cells() if asked.cells in cell.name]
    cells = [cell.tiny() for cell in cells] if asked.tiny else cells
    return plan.steps(cells, asked.tools, asked.rounds, lines.read(asked.results))


def measure(asked: argparse.Namespace, steps: Sequence[Step]) -> None:
    """Measure one step after the other while the budget lasts."""
    until = time.monotonic() + asked.budget_minutes * 60
    hopeless: set[tuple[str, str, str]] = set()  # ended at their deadline: once is enough
    for number, step in enumerate(steps, 1):
        expected = plan.expected(step, lines.read(asked.results))
        if step.key in hopeless or time.monotonic() + expected > until:
            continue
        line = measured(step)
        lines.append(asked.results, line)
        if not line.finished:
            hopeless.add(step.key)
        shown = ", ".join(f"{k} {v}" for k, v in line.figures.items() if k in ("finished", "wall", "together_mb"))
        print(
            f"{number}/{len(steps)} {step.scenario} {step.cell.name}, {step.tool}, round {step.round}: {shown}",
            flush=True,
        )


def measured(step: Step) -> lines.Line:
    """Run one step in an empty folder; what the harness itself cannot do is a figure, too."""
    scenario = load(step.scenario)
    assert scenario
    folder = tempfile.mkdtemp(prefix="peers-")  # short: sockets have their place below it
    try:
        figures = scenario.measure(step.tool, step.cell, folder)
    except Exception as error:
        traceback.print_exc()
        figures = {"finished": False, "said": f"{type(error).__name__}: {error}"}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return lines.Line(step.scenario, step.cell.name, step.tool, step.round, figures, tools.version(step.tool) or "")


if __name__ == "__main__":
    sys.exit(main())
