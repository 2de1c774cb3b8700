"""From a line of template.py back to the cell."""

from __future__ import annotations

import pytest

from jupyter_featx.markers import END, locate

TEXT = f"""\"\"\"A template.\"\"\"
# cell [3], line 4
import math

def helper(x):
    return math.sqrt(x)


# cell [7], line 1
def _process_input(path):
    # a remark, line by line
    return {{}}


{END}
if __name__ == "__main__":
    pass
"""


@pytest.mark.parametrize(
    ("line", "place"),
    [
        (1, ""),
        (3, "cell [3], line 4"),
        (6, "cell [3], line 7"),
        (10, "cell [7], line 1"),
        (12, "cell [7], line 3"),
        (15, ""),
        (16, ""),
        (0, ""),
        (-1, ""),
        (999, ""),
    ],
)
def test_a_line_is_found_in_its_cell(line: int, place: str) -> None:
    assert locate(TEXT, line) == place


def test_a_comment_of_the_user_is_no_marker() -> None:
    text = "# cell [1], line 1\ndef f():\n    # see the paper, line 7\n    return 1\n"
    assert locate(text, 4) == "cell [1], line 3"


def test_a_form_feed_is_no_line_of_python() -> None:
    assert locate("# cell [1], line 1\nA = 'a\u2028b\x0c'\nB = 2\n", 3) == "cell [1], line 2"


def test_a_text_without_markers_has_no_places() -> None:
    assert locate("x = 1\n", 1) == ""
