"""What Slurm expects of a script is said in plain words, whatever it prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_featx.schedulers.slurm_commands import Commands
from jupyter_featx.schedulers.slurm_options import SlurmOptions
from jupyter_featx.schedulers.slurm_trial import try_script


class Said(Commands):
    """Commands that print this, whatever they are asked."""

    def __init__(self, text: str) -> None:
        super().__init__(SlurmOptions())
        self._text = text

    def call(self, *words: str, seconds: float | None = None, plain_environment: bool = False) -> tuple[int, str, str]:
        return 0, "", self._text


@pytest.mark.parametrize("cores", ["9" * 5000, "many", ""], ids=len)
def test_a_number_that_cannot_be_is_shown_as_it_was_said(cores: str) -> None:
    text = f"sbatch: Job 7 to start at 2026-11-28T12:00:00 using {cores} processors on nodes n1 in partition main"
    assert try_script(Said(text), Path("submit.sh"), 1.0).startswith("Slurm would take it: Job 7")
