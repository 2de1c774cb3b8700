"""Tables whose texts are read, not computed with: shown whole in a notebook, where pandas would cut them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas

_WIDTH = 300  # characters of one cell


def wide(frame: pandas.DataFrame) -> pandas.DataFrame:
    """Return the same table; it is shown with long texts and all its columns."""
    import pandas

    class Wide(pandas.DataFrame):
        """A DataFrame like others; what is computed from it is a plain one."""

        @property
        def _constructor(self) -> Any:
            return pandas.DataFrame

        def _repr_html_(self) -> str:
            with pandas.option_context("display.max_colwidth", _WIDTH, "display.max_columns", None):
                return str(pandas.DataFrame(self)._repr_html_())

        def __repr__(self) -> str:
            return str(pandas.DataFrame(self).to_string(max_colwidth=_WIDTH, max_rows=60, index=False))

    return Wide(frame)
