"""Work goes out into processes, and comes back as answers or as the errors that it met."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from realjobs import running

from jupyter_featx.errors import DatasetError, SpecError
from jupyter_featx.server import errands
from jupyter_featx.server.errands import ErrandFailed, Errands

SOURCE = {"folder": "/", "name": "job", "notebook": None}
TEMPLATE = "def _process_input(path):\n    return {}\n"


async def test_an_error_comes_back_as_what_it_was(home: Path):
    asked = {"template": TEMPLATE, "source": SOURCE}
    with pytest.raises(DatasetError, match="no 'nowhere'"):
        await Errands().run("submit", data="/nowhere", options={}, **asked)
    with pytest.raises(SpecError, match="cores="):
        await Errands().run("submit", data="/nowhere", options={"cores": "many"}, **asked)
    with pytest.raises(SpecError, match="no option of retry"):
        await Errands().run("retry", job_id="x", options={"colour": 1})


async def test_what_breaks_is_no_answer(home: Path):
    with pytest.raises(ErrandFailed, match="KeyError"):
        await Errands().run("dance")


async def test_when_the_time_is_up_what_is_known_until_then_is_the_answer(home: Path, tmp_path: Path, monkeypatch):
    slow = tmp_path / "slow.py"
    slow.write_text("import time\nprint('{\"known\": 1}', flush=True)\ntime.sleep(1000)\n")
    monkeypatch.setattr(errands, "_COMMAND", (errands.sys.executable, str(slow)))
    assert await Errands().run("x", 5.0) == {"known": 1}
    assert not running(slow)


async def test_an_end_of_the_server_ends_what_it_waits_for(home: Path, tmp_path: Path, monkeypatch):
    slow = tmp_path / "slow.py"
    slow.write_text("import time\ntime.sleep(1000)\n")
    monkeypatch.setattr(errands, "_COMMAND", (errands.sys.executable, str(slow)))
    monkeypatch.setattr(errands, "_GRACE_SECONDS", 0.1)
    sent = Errands()
    waiting = asyncio.ensure_future(sent.run("x"))
    while not sent.running:
        await asyncio.sleep(0.02)
    await sent.stop()
    with pytest.raises(ErrandFailed):
        await waiting
    assert not running(slow)


def test_an_errand_is_not_told_what_opens_the_server(monkeypatch):
    monkeypatch.setenv("JUPYTER_TOKEN", "sesame")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "sesame")
    monkeypatch.setenv("SLURM_CONF", "/etc/slurm.conf")
    found = errands.without_tokens()
    assert "sesame" not in found.values()
    assert found["SLURM_CONF"] == "/etc/slurm.conf"
