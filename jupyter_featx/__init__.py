"""Turn two functions in a notebook cell into the features of a whole dataset."""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own costs 8 ms to import
if TYPE_CHECKING:
    from typing import Any

    import pandas
    from IPython.core.interactiveshell import InteractiveShell

    from jupyter_featx.client import DryRun, Job
    from jupyter_featx.preflight import Preflight

__version__ = "0.1.0"
__all__ = ["__version__", "job", "jobs", "load_ipython_extension", "submit", "test"]

# Each door imports behind itself: `import jupyter_featx` costs nothing, and a rank never loads pandas or Jupyter.


def submit(template: Any, data: Any, **options: Any) -> Job | DryRun:
    """Run the template over every item of the dataset and return the job. See `jupyter_featx.client.submit`."""
    from jupyter_featx.client import submit

    return submit(template, data, **options)


def test(template: Any, data: Any, **options: Any) -> Preflight:
    """Try the template on a small sample and estimate the whole. See `jupyter_featx.client.test`."""
    from jupyter_featx.client import test

    return test(template, data, **options)


def jobs() -> pandas.DataFrame:
    """Return a table of all jobs, newest first."""
    from jupyter_featx.client import jobs

    return jobs()


def job(key: str | None = None) -> Job:
    """Return the job with this id, prefix or name; without a key, the last one."""
    from jupyter_featx.client import job

    return job(key)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register `%featx` and `%%featx` (`%load_ext jupyter_featx`)."""
    from jupyter_featx.notebook.magics import load

    load(shell)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell the Jupyter server where its extension is."""
    from jupyter_featx.server.app import FeatxServer

    return [{"module": "jupyter_featx.server.app", "app": FeatxServer}]
