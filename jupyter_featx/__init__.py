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
    """Run the template over every item of the dataset and return the job, which goes on by itself.

    `template` is a source text, the path of a .py or .ipynb file, or one or two functions; `data` a folder, a glob, a
    text file of paths, a CSV, a DataFrame or a list. The options are `cores` (2, or "4x2": ranks times workers),
    `item_timeout`, `walltime` (seconds, "90s", "10m", "2h", "1-12:00:00"), `item_memory`, `memory_per_core` ("512M",
    "4G"), `recursive`, `limit`, `scheduler` ("local" or "slurm"), `partition` and others, listed by
    `help(jupyter_featx.options.SubmitOptions)`. With `dry_run=True` nothing is submitted, and what would have been is
    returned.

    Raises TemplateError, DatasetError, SpecError, ConfigError, PreflightError, ImageError or SchedulerError; then no
    job is left behind.

        job = featx.submit("features.py", "~/zeolites", cores=8, item_timeout="10m")
    """
    from jupyter_featx.client import submit

    return submit(template, data, **options)


def test(template: Any, data: Any, **options: Any) -> Preflight:
    """Try the template on up to 16 items, a minute at most, and estimate the whole: seconds, MB, core-hours.

    Takes what `submit` takes, raises what it raises, and leaves no job behind. When nothing can run, that is a
    PreflightError.

        trial = featx.test("features.py", "~/zeolites")
    """
    from jupyter_featx.client import test

    return test(template, data, **options)


def jobs() -> pandas.DataFrame:
    """Return a table of all jobs, newest first.

    Its columns are job, name, state, total, done, failed, created (local time) and reason. For example:

        featx.jobs().query("state == 'running'")
    """
    from jupyter_featx.client import jobs

    return jobs()


def job(key: str | None = None) -> Job:
    """Return the job with this id, beginning of an id, or name (the newest); without a key, the last one.

    Raises JobNotFound when there is none, or when several ids begin so.

        featx.job("zeolites").status()
    """
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
