"""What a job must not inherit: tokens, and another MPI or Slurm run."""

from __future__ import annotations

import pytest

from jupyter_featx.inherited import clean_environment


def test_what_runs_without_the_script_sees_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JPY_API_TOKEN", "PMI_SIZE", "SLURM_JOB_ID", "FEATX_NATIVE_ID", "MINE"):
        monkeypatch.setenv(name, "x")
    seen = clean_environment()
    assert seen["MINE"] == "x"
    assert not {"JPY_API_TOKEN", "PMI_SIZE", "SLURM_JOB_ID", "FEATX_NATIVE_ID"} & set(seen)
