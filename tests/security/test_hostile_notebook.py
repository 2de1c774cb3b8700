"""A notebook from the internet, opened or looked at but not run; what a browser does with it is in tests/ui."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

from jupyter_featx import client
from jupyter_featx.cards.facts import status_facts
from jupyter_featx.cards.job import status_html
from jupyter_featx.state import JobStatus, State

EVIL = "<script>bad()</script><img src=//evil.example onerror=bad()><form action=//evil.example>\x1b[2J&lt;\"'"


class Tags(HTMLParser):
    """Collects the elements of a card and the names of their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.styles = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.styles += "".join(value or "" for name, value in attrs if name == "style")


def test_the_card_in_a_saved_notebook_has_nothing_that_runs_fetches_or_sends():
    status = JobStatus(
        job_id=EVIL, name=EVIL, reason=EVIL, state=State.FAILED, total=9, done=1, failed=2, notes=(EVIL, EVIL)
    )
    card = Tags(status_html(status))
    assert card.tags <= {"div", "span", "code", "bdi"}
    assert card.attributes <= {"style", "role", "aria-label", "aria-valuemin", "aria-valuemax", "aria-valuenow"}
    assert "url(" not in card.styles
    assert "evil" not in card.styles


def test_what_a_notebook_keeps_of_a_job_names_no_folder_user_or_machine():
    facts = status_facts(JobStatus(job_id="x-0000", name="x", state=State.RUNNING, total=9))
    assert set(facts["snapshot"]) & {"folder", "folder_path", "notebook", "data", "host", "python"} == set()
    assert len(json.dumps(facts)) < 2000


def test_looking_at_the_functions_of_a_notebook_runs_none_of_its_cells(home: Path, numbers: Path, tmp_path: Path):
    pwned = tmp_path / "pwned"
    touch = f"open({str(pwned)!r}, 'w')"
    cells = [
        f"!touch {pwned}",
        f"%%bash\ntouch {pwned}",
        f"{touch}.close()",
        f"import os\ndef flag():\n    {touch}\n    return 1\nFLAG = flag()\nos.system('touch {pwned}')",
        f"def _process_input(path, x=FLAG):\n    {touch}\n    return {{}}",
    ]
    note = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            {"cell_type": "code", "id": f"c{n}", "metadata": {}, "execution_count": None, "outputs": [], "source": text}
            for n, text in enumerate(cells)
        ],
    }
    (tmp_path / "evil.ipynb").write_text(json.dumps(note))
    found = client.submit(tmp_path / "evil.ipynb", str(numbers), dry_run=True)
    assert "_process_input" in found.template
    assert not pwned.exists()
    assert list((home / "jobs").iterdir()) == []
