"""What was made at run time is refused with its place and what to do; what can be made again is not."""

from __future__ import annotations

import io
import threading

import pytest
from extracting import refusal, run, template_of

USE_X = "def _process_input(path):\n    return {'x': x}"

MADE_AT_RUN_TIME = {
    "x = open('a.txt')": "a file opened",
    "import gzip\nx = gzip.open('a.gz')": "a file opened",
    "from pathlib import Path\nx = Path('a').open()": "a file opened",
    "with open('a') as x:\n    pass": "a file opened",
    "import pandas as pd\nx = pd.read_csv('a.csv')": "a DataFrame",
    "import pandas as pd\nx = pd.read_csv('a.csv').dropna()": "a DataFrame",
    "from pandas import read_csv\nx = read_csv('a.csv')": "a DataFrame",
    "import pandas as pd\ndata = [1]\nx = pd.DataFrame(data)": "a DataFrame",
    "from sklearn.svm import SVC\nx = SVC().fit([[1]], [2])": "a model fitted",
    "from sklearn.svm import SVC\nx = SVC()\nx.fit([[1]], [2])": "a model fitted",
    "x = (i for i in range(3))": "a generator",
    "import threading\nx = threading.Lock()": "a thread or lock",
    "import socket\nx = socket.socket()": "a socket",
    "x = !ls": "made by 'x = !ls'",
    "x = %time 1": "made by",
    "import asyncio\nx = await asyncio.sleep(0)": "await",
}


@pytest.mark.parametrize("text", MADE_AT_RUN_TIME)
def test_what_was_made_at_run_time_is_refused(text):
    message = refusal(text, USE_X)
    assert message.startswith("_process_input uses 'x' (cell [1], line ")
    assert MADE_AT_RUN_TIME[text] in message
    assert "which cannot travel to the job. " in message


def test_what_is_made_of_run_time_data_is_refused_with_the_data():
    message = refusal("import pandas as pd\ndf = pd.read_csv('a')", "x = len(df)", USE_X)
    assert message.startswith("'x' uses 'df' (cell [1], line 2), a DataFrame made at run time")


@pytest.mark.parametrize(
    "text",
    [
        "import re\nx = re.compile('a').pattern",
        "x = dict(H=1.0)",
        "def load():\n    return __import__('pathlib').Path('/dev/null').read_text()\nx = load()",
        "from pathlib import Path\nx = Path('/dev/null').read_text()",
        "with open('/dev/null') as f:\n    x = f.read()",
        "import pandas as pd\nx = len(pd.DataFrame({'a': [1, 2]}))",
    ],
)
def test_what_can_be_made_again_is_made_again(text):
    assert "x" in run(text, USE_X)


class Fitted:
    def __init__(self):
        self.coef_ = 1

    def fit(self): ...


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (io.StringIO(), "a file opened"),
        (Fitted(), "a model fitted"),
        ((i for i in "ab"), "a generator"),
        (threading.Lock(), "a thread or lock"),
    ],
)
def test_the_object_in_the_kernel_tells_what_the_text_hides(value, words):
    texts = ["from lib import make\nx = make()", USE_X]
    assert words in refusal(*texts, namespace={"x": value})
    assert template_of(*texts, namespace={"x": 3})


def test_a_frame_in_the_kernel_is_refused_and_a_frame_of_constants_is_not():
    import pandas

    frame = pandas.DataFrame({"a": [1]})
    assert "a DataFrame made at run time" in refusal("x = load()\ndef load(): ...", USE_X, namespace={"x": frame})
    assert template_of("import pandas as pd\nx = pd.DataFrame({'a': [1]})", USE_X, namespace={"x": frame})


def test_the_running_cell_is_newer_than_the_kernel():
    assert run("x = 3\n" + USE_X, namespace={"x": io.StringIO()}) == {"x": 3}


def test_a_shell_command_in_a_function_is_refused():
    message = refusal("def _process_input(path):\n    !ls {path}\n    return {}")
    assert message.startswith("_process_input (cell [1], line 2) depends on '!ls {path}'")
