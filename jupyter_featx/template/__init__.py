"""From a notebook's cells to `template.py`: the two functions with all that they use, as one source text."""

from jupyter_featx.template.cells import Cell, executed_cells, read_cells
from jupyter_featx.template.extraction import Template, extract, hint_for_name
from jupyter_featx.template.local_modules import Module, module_files

__all__ = ["Cell", "Module", "Template", "executed_cells", "extract", "hint_for_name", "module_files", "read_cells"]
