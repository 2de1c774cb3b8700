"""Every deliberate error, so that a user reads one line: what, where, and the next thing to type.

FeatxError
├── TemplateError       the two functions cannot travel to the job
├── DatasetError        the items cannot be listed
├── SpecError           an option has a value that cannot be
├── ConfigError         a configuration file is wrong, or cannot be read
├── PreflightError      the template does not run on a sample of the items
├── JobNotFound         no such job, or the name fits several
├── JobStateError       the job is not in the state that the act needs
├── FolderError         a job's folder cannot be read or written
├── SchedulerError      the scheduler refused, or is not there
├── ImageError          the container image cannot be found, read or built
├── WorldError          the ranks that were started cannot work together
├── ShardError          the rows on disk cannot be read or written
└── TableError          the rows cannot be merged into a table
"""

from __future__ import annotations


class FeatxError(Exception):
    """The base of all deliberate errors; its text is written for the user."""


class TemplateError(FeatxError):
    """The template functions are missing, malformed, or use what cannot travel."""


class DatasetError(FeatxError):
    """The dataset is missing, empty, or not of a known form."""


class SpecError(FeatxError):
    """An option has a value that cannot be."""


class ConfigError(FeatxError):
    """A configuration file is wrong, or cannot be read."""


class PreflightError(FeatxError):
    """The template does not run on a sample of the items."""


class JobNotFound(FeatxError):
    """No job has this id, prefix or name, or several have."""


class JobStateError(FeatxError):
    """The job is not in the state that the act needs."""


class FolderError(FeatxError):
    """A job's folder cannot be read or written: the disk is full, read-only or gone."""


class SchedulerError(FeatxError):
    """The scheduler refused the job, or is not there."""


class ImageError(FeatxError):
    """The container image cannot be found, read or built."""


class WorldError(FeatxError):
    """The ranks that were started cannot work together."""


class ShardError(FeatxError):
    """A shard cannot be read or written."""


class TableError(FeatxError):
    """The rows cannot be merged into a table."""
