"""From what a user calls data to an ordered list of items: a folder, a glob, a file of paths, a CSV column, a list."""

from jupyter_featx.dataset.preparation import DatasetOptions, DatasetReport, prepare, resolve

__all__ = ["DatasetOptions", "DatasetReport", "prepare", "resolve"]
