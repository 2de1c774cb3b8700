"""A real JupyterLab and a real Chromium for the tests of the panel."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import kill_jobs_of
from laboratory import CHROMIUM, CHROMIUM_ARGS, Browser, Lab

from jupyter_featx import jobdir
from jupyter_featx.jobdir import JobDir

REPORTS = Path(__file__).parent / "output"


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A throw-away JupyterLab that the tests share."""
    lab = Lab(tmp_path_factory.mktemp("lab"))
    lab.start()
    yield lab
    lab.stop()
    kill_jobs_of(lab.featx)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(tmp_path_factory.mktemp("profile")),
            executable_path=CHROMIUM,
            headless=True,
            args=CHROMIUM_ARGS,
            viewport={"width": 1400, "height": 900},
        )
        yield context
        with suppress(Exception):
            context.close()


@pytest.fixture
def tab(chromium: Any, lab: Lab, request: pytest.FixtureRequest) -> Iterator[Callable[[], Browser]]:
    """Open tabs; each shows JupyterLab in a workspace of the test's own, and no job of another test."""
    opened: list[Browser] = []
    kill_jobs_of(lab.featx)
    for job in (lab.featx / "jobs").glob("*"):
        jobdir.remove(JobDir(job))

    def new() -> Browser:
        browser = Browser(lab, chromium.new_page())
        opened.append(browser)
        browser.open(f"{request.node.name}-{len(opened)}")
        return browser

    yield new
    REPORTS.mkdir(exist_ok=True)
    for number, browser in enumerate(opened, 1):
        with suppress(Exception):
            browser.page.screenshot(path=str(REPORTS / f"{request.node.name}-{number}.png"))
        browser.page.close()


@pytest.fixture
def browser(tab: Callable[[], Browser]) -> Browser:
    """One tab with JupyterLab."""
    return tab()


FUNCTIONS = """\
import time


def _process_input(path):
    time.sleep({seconds})
    number = int(open(path).read())
    if number % 7 == 0:
        raise ValueError(f"{{number}} can be divided by seven")
    return {{"number": number, "square": number ** 2, "parity": "even" if number % 2 == 0 else "odd"}}


def _process_output(path):
    return {{"root": int(open(path).read()) ** 0.5}}
"""


@pytest.fixture
def numbers(lab: Lab) -> Callable[[int], str]:
    """Make a dataset of so many numbers beside the notebooks and return its name; every seventh item fails."""

    def make(count: int) -> str:
        folder = lab.root / f"numbers{count}"
        folder.mkdir(exist_ok=True)
        for number in range(1, count + 1):
            (folder / f"n{number:04d}.txt").write_text(str(number))
        return folder.name

    return make


@pytest.fixture
def write_notebook(lab: Lab) -> Callable[..., str]:
    """Write a notebook with the two functions and return its name."""

    def write(name: str, seconds: float = 0.02, more: str = "") -> str:
        cell = {
            "cell_type": "code",
            "id": "functions",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": FUNCTIONS.format(seconds=seconds) + more,
        }
        notebook = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
            "cells": [cell],
        }
        (lab.root / name).write_text(json.dumps(notebook))
        return name

    return write


@pytest.fixture
def submit(lab: Lab, tmp_path: Path) -> Callable[..., str]:
    """Submit functions as the command line does, wait for the end where asked to, and return the job's id."""

    def run(name: str, data: str, *words: str, seconds: float = 0.0, source: str = "", wait: bool = True) -> str:
        import subprocess

        template = tmp_path / f"{name}.py"
        template.write_text(source or FUNCTIONS.format(seconds=seconds))
        command = [sys.executable, "-m", "jupyter_featx", "submit", str(template), "--data", str(lab.root / data)]
        command += ["--no-preflight", "--name", name, *words, *(["--wait"] if wait else [])]
        subprocess.run(command, env=lab.environment(), cwd=lab.root, check=True, capture_output=True, timeout=240)
        jobs = (lab.featx / "jobs").iterdir()
        specs = [json.loads((job / "spec.json").read_text()) for job in jobs if (job / "spec.json").exists()]
        latest = max((spec for spec in specs if spec["name"] == name), key=lambda spec: spec["created"])
        return str(latest["job_id"])

    return run
