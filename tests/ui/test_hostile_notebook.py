"""A notebook from the internet, opened and not run: what is forged in it is drawn as text, or not at all."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from laboratory import Browser, Lab

MIME = "application/vnd.featx.job+json"
EVIL = "<img src=x onerror='window.bad=1'><script>window.bad=1</script><form action=//evil.example><a href='//evil'>"
FORGED: list[Any] = [
    {"job_id": "forged-0001", "snapshot": {"name": EVIL, "reason": EVIL, "state": "failed", "total": 9, "done": 4}},
    {"job_id": "forged-0002", "snapshot": {"name": "x" * 3_000_000, "state": EVIL, "total": 1e308, "done": "NaN"}},
    {"job_id": "forged-0003", "snapshot": {"name": {"$$typeof": "x", "type": "script"}, "attempts": 7, "notes": "x"}},
    {"job_id": "../../../api/shutdown", "snapshot": {"name": "traversal"}},
    {"job_id": EVIL, "snapshot": None},
    {"job_id": ["forged-0004"], "snapshot": []},
    {"job_id": {"toString": "x"}},
    [1, 2],
    "text",
    7,
    None,
]


def test_a_hostile_notebook_that_is_opened_runs_fetches_and_sends_nothing(browser: Browser, lab: Lab):
    outputs = [
        {"output_type": "display_data", "metadata": {}, "data": {MIME: data, "text/plain": ["plain"]}}
        for data in FORGED
    ]
    source = f"%%featx submit --data / --name evil\n{EVIL}"
    cell = {"cell_type": "code", "id": "evil", "metadata": {}, "execution_count": 1, "source": source}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}  # else a dialog asks
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": [{**cell, "outputs": outputs}]}
    (lab.root / "evil.ipynb").write_text(json.dumps(notebook))
    asked: list[tuple[str, str]] = []
    browser.page.on("request", lambda request: asked.append((request.method, request.url)))
    browser.page.on("dialog", lambda dialog: browser.problems.append(dialog.message))
    browser.notebook("evil.ipynb")
    drawn = browser.page.locator(".jp-Featx-live article")
    drawn.nth(2).wait_for()
    browser.page.wait_for_timeout(1000)  # for what would come later
    assert drawn.count() == 3
    assert browser.page.locator(".jp-Featx-live").locator("img, script, form, iframe, a[href]").count() == 0
    assert browser.page.evaluate("() => window.bad") is None
    assert {urlsplit(url).netloc for _, url in asked if url.startswith("http")} == {urlsplit(lab.base).netloc}
    ours = [(method, urlsplit(url).path) for method, url in asked if "/featx/" in url]
    assert {method for method, _ in ours} == {"GET"}
    assert not [path for _, path in ours if "shutdown" in path or ".." in path]
    assert not [url for _, url in asked if "shutdown" in url]
    assert list((lab.featx / "jobs").glob("*")) == []
    assert not browser.problems
