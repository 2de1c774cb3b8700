"""What a template collects from a notebook, and that it gives there what the notebook gives."""

from __future__ import annotations

import sys

import pytest
from extracting import live, refusal, run, template_of

USE_X = "def _process_input(path):\n    return {'x': x}"

NOTEBOOKS = {
    "last definition": ["x = 1", "x = 2"],
    "in terms of itself": ["x = 1", "x = x + 1"],
    "augmented": ["x = 1", "x += 4", "x *= 3"],
    "old value in another": ["a = 1", "x = a * 2", "a = 10"],
    "subscript": ["x = {}", "x['a'] = 1", "x['b'] = 2; y = 5"],
    "update": ["x = {}", "x.update(a=1)", "x.keys()"],
    "append and extend": ["x = []\nx.append(1)", "x.extend([2, 3])"],
    "append in a loop": ["x = []", "for i in range(3):\n    x.append(i)"],
    "subscripts in a loop": ["x = {}", "for i in range(3):\n    x[i] = i ** 2"],
    "run again": ["x = 0", "x += 1", "x += 1"],
    "unpacking": ["x, y = 1, 2"],
    "starred": ["first, *x = 1, 2, 3"],
    "chained": ["x = y = 3"],
    "annotated": ["x: int = 3"],
    "walrus": ["if (x := 5) > 3:\n    pass"],
    "two in one line": ["x = 1; z = 2"],
    "if and else": ["fast = False", "if fast:\n    x = 1\nelse:\n    x = 2"],
    "if without else": ["x = 1", "if x == 1:\n    x = 2"],
    "try": ["try:\n    import no_such_module_x as x\nexcept ImportError:\n    x = None"],
    "name error": ["try:\n    x\nexcept NameError:\n    x = 7"],
    "with": ["import contextlib", "with contextlib.nullcontext(4) as x:\n    pass"],
    "comprehension": ["n = 3", "x = [n * i for i in range(n)]"],
    "class scope": ["n = 2", "class C:\n    n = n + 1\n    both = [n for _ in 'a']", "x = (C.n, C.both)"],
    "called at once": [
        "import math",
        "def f():\n    return g() + math.floor(2.5)",
        "def g():\n    return 1",
        "x = f()",
        "def g():\n    return 100",
    ],
    "run again, unchanged": ["def f():\n    return 1", "x = f()", "def f():\n    return 1"],
    "default": ["n = 3", "def f(k=n):\n    return k", "n = 4", "x = f()"],
    "decorator": [
        "import functools",
        "def twice(f):\n    @functools.wraps(f)\n    def g():\n        return 2 * f()\n    return g",
        "@twice\ndef f():\n    return 4",
        "x = f()",
    ],
    "registered": [
        "names = []\ndef register(f):\n    names.append(f.__name__)\n    return f",
        "@register\ndef one(): ...",
        "@register\ndef two(): ...",
        "x = names",
    ],
    "registered by a factory": [
        "names = {}\ndef register(key):\n    def put(f):\n        names[key] = f.__name__\n        return f\n"
        "    return put",
        "@register('a')\ndef one(): ...",
        "x = names",
    ],
    "global": ["def start():\n    global x\n    x = 6", "start()"],
    "filled by a call": ["x = {}", "def fill():\n    x['a'] = 1", "fill()"],
    "filled by a helper's helper": [
        "x = {}",
        "def put():\n    x['a'] = 1",
        "def fill():\n    put()",
        "fill()",
    ],
    "shuffled": ["import random", "random.seed(3)\nx = list(range(9))", "random.shuffle(x)"],
    "attribute": ["class C: ...", "C.size = 4", "x = C.size"],
    "deleted item": ["x = {'a': 1, 'b': 2}", "del x['a']"],
    "popped": ["x = [1, 2, 3]", "last = x.pop()"],
    "dataclass": [
        "from dataclasses import dataclass, field, asdict",
        "@dataclass\nclass Point:\n    a: int = 1\n    b: 'list[int]' = field(default_factory=list)",
        "x = asdict(Point())",
    ],
    "enum": ["import enum", "class E(enum.Enum):\n    A = 1", "x = E.A.value"],
    "lambda": ["n = 2", "f = lambda k: k * n", "n = 5", "x = f(2)"],
    "f-string": ["n = 3", "x = f'{n:>{n}}'"],
    "library set up": ["import decimal", "decimal.getcontext().prec = 5", "x = str(decimal.Decimal(1) / 3)"],
    "submodules": ["import xml.dom", "import xml.etree.ElementTree", "x = str(xml.etree.ElementTree)"],
    "match": ["match (1, 2):\n    case (a, b):\n        x = a + b"],
    "shadowed builtin": ["max = min", "x = max(1, 2)"],
    "re-imported": ["import json as j", "j.marker = 3", "import json as j", "x = j.marker"],
    "by another name": ["x = {}", "y = x", "y['a'] = 1"],
    "assigned in a branch of a block": ["for i in range(2):\n    if i:\n        x = i"],
    "future": ["from __future__ import annotations", "def f(a: Unknown) -> Missing: return 5", "x = f(1)"],
}  # fmt: skip


@pytest.mark.parametrize("texts", NOTEBOOKS.values(), ids=NOTEBOOKS)
def test_a_template_gives_what_the_notebook_gives(texts):
    texts = [*texts, USE_X]
    assert run(*texts) == live(*texts)["_process_input"]("x")


@pytest.mark.parametrize("texts", NOTEBOOKS.values(), ids=NOTEBOOKS)
def test_what_is_not_needed_changes_nothing(texts):
    noise = [
        "import this_is_not_installed",
        "print(df.head())",
        "plt.plot(x)",
        "%matplotlib inline",
        "y = open('a')",
    ]
    woven = [text for pair in zip(texts, noise * 9, strict=False) for text in pair]
    assert template_of(*texts, USE_X).input_digest == template_of(*woven, USE_X).input_digest


def test_definitions_may_stand_below_what_calls_them():
    texts = ["x = f()", "def f():\n    return N", "N = 3", USE_X]
    assert run(*texts) == {"x": 3}


def test_only_the_needed_names_of_an_import_are_kept():
    text = template_of(
        "import os, re, sys\nfrom math import (pi,\n    tau, e)",
        "def _process_input(path):\n    return os, pi",
    ).text
    assert "import os\nfrom math import pi\n" in text


def test_a_function_called_only_to_try_it_is_not_called_in_the_job():
    texts = [
        "SEEN = {}\ndef helper(path):\n    SEEN[path] = open(path)\n    return 1",
        "helper('/no/such/file')",
        "def _process_input(path):\n    return {'x': len(SEEN), 'f': helper}",
        "_process_input('/no/such/file')",
        "row = _process_input('/no/such/file')",
    ]
    assert run(*texts)["x"] == 0


def test_a_cache_that_a_function_makes_itself_needs_no_definition():
    text = "def _process_input(path):\n    global CACHE\n    CACHE = 3\n    return {'x': CACHE}"
    assert run(text) == {"x": 3}


def test_names_may_come_from_a_star_import():
    assert run("from math import *", "def _process_input(path):\n    return {'x': floor(2.5)}") == {"x": 2}


def test_a_star_import_is_left_out_when_nothing_needs_it():
    assert "import *" not in template_of("from pylab import *", "def _process_input(path):\n    return {}").text


def test_what_sets_up_a_kept_library_is_kept_and_no_other():
    text = template_of(
        "import warnings\nimport os\nos.environ['OMP_NUM_THREADS'] = '1'\nwarnings.simplefilter('ignore')",
        "import numpy as np\nimport matplotlib.pyplot as plt",
        "np.seterr(all='raise')\nplt.rcParams['font.size'] = 4",
        "np.linspace(0, 1)",
        "def _process_input(path):\n    return {'x': np.pi}",
    ).text
    assert text.index("OMP_NUM_THREADS") < text.index("import numpy as np") < text.index("np.seterr")
    assert "plt" not in text
    assert "linspace" not in text
    assert "simplefilter" not in text


def test_the_search_path_is_kept_for_an_import_that_needs_it(tmp_path):
    before = "import sys\nsys.path.insert(0, 'lib')"
    assert "sys.path.insert(0, 'lib')" in template_of(before, "import abc_lib", USE_X.replace("x}", "abc_lib}")).text
    assert "'lib'" not in template_of(before, "import math", USE_X.replace("x}", "math}")).text


def test_a_library_set_up_under_another_name_is_set_up():
    texts = ["import jax\nfrom jax import numpy as jnp", "jax.config.update('jax_enable_x64', True)"]
    assert "jax.config.update" in template_of(*texts, "def _process_input(path):\n    return jnp.pi").text
    assert "jax.config.update" in template_of(*texts, "def _process_input(path):\n    import jax.numpy").text


def test_setting_up_again_and_again_is_kept_once():
    block = "try:\n    import a_b_c\nexcept ImportError:\n"
    block += "    import sys\n    sys.path.append('lib')\n    a_b_c = 3"
    cells = [f"import math\n{block}", "import numpy as np\nnp.seterr(all='raise')"] * 20
    text = template_of(*cells, "def _process_input(path):\n    return a_b_c, np.pi").text
    assert text.count("seterr") == text.count("import numpy") == 1
    assert text.count("sys.path.append") == 2  # for numpy, and for a_b_c


def test_magics_inside_a_block_are_left_out_of_it():
    text = "import sys\nif 'google.colab' in sys.modules:\n    !pip install x\n    x = 1\n"
    text += "else:\n    %matplotlib inline\n    x = 2"
    assert run(text, USE_X) == {"x": 2}


def test_an_annotation_alone_defines_nothing():
    assert "defined nowhere" in refusal("x: int", USE_X)


def test_a_main_block_is_left_out():
    text = template_of(
        "import json",
        "if __name__ == '__main__':\n    import json\n    json.x = 1",
        USE_X.replace("x}", "json}"),
    )
    assert "json.x" not in text.text


def test_annotations_that_python_never_reads_may_be_undefined():
    assert run("def _process_input(path: 'Missing') -> 'Gone':\n    y: Never = 3\n    return {'x': y}") == {"x": 3}


def test_string_annotations_are_collected_when_they_are_defined():
    assert "class Row" in template_of("class Row: ...", "def _process_input(path: 'Row'):\n    return {}").text


if sys.version_info >= (3, 12):  # the syntax is that young

    def test_type_parameters_are_names_of_their_own():
        assert run("def f[T](a: T) -> T:\n    return a", "def _process_input(path):\n    return f(path)") == "x"


def test_mutual_recursion_is_collected_once():
    text = template_of(
        "def odd(n):\n    return n and even(n - 1)\ndef even(n):\n    return not n or odd(n - 1)",
        "def _process_input(path):\n    return {'x': odd(3)}",
    ).text
    assert text.count("def odd") == text.count("def even") == 1


def test_the_own_variable_of_a_block_is_not_looked_for_elsewhere():
    texts = [
        "with open('a') as f:\n    table = f.read()",
        "import contextlib\nwith contextlib.nullcontext(3) as f:\n    x = f + 1",
        USE_X,
    ]
    assert run(*texts) == {"x": 4}


def test_a_name_defined_nowhere_is_refused_with_its_place():
    assert refusal("def helpme(): ...", "\ndef _process_input(path):\n    return helpm(path)") == (
        "'helpm' is used by _process_input (cell [2], line 3) but defined nowhere. Did you mean 'helpme'?"
        " Define it in a cell and run that cell."
    )


def test_a_name_missing_in_a_helper_is_refused_with_the_helper():
    assert "'gone' is used by helper (cell [1], line 2)" in refusal(
        "def helper():\n    return gone", "def _process_input(path):\n    return helper()"
    )


def test_a_deleted_name_is_undefined():
    assert "'x' is used by _process_input" in refusal("x = 3", "del x", USE_X)


def test_a_name_of_the_kernel_that_no_cell_defines_is_refused():
    assert "'x' (cell [1], line 2), which the kernel has (float) but no cell defines" in refusal(
        USE_X, namespace={"x": 1.5}
    )


def test_a_name_only_in_a_main_block_is_refused_with_the_reason():
    assert "defined only under 'if __name__" in refusal("if __name__ == '__main__':\n    x = 3", USE_X)


@pytest.mark.parametrize("name", ["get_ipython", "display", "In", "_", "__", "_i3", "_12"])
def test_names_that_only_a_notebook_has_are_refused(name):
    assert "exists only in a notebook" in refusal(USE_X.replace("x}", name + "}"), namespace={name: 1})


def test_a_user_may_define_what_ipython_calls_its_own():
    assert run("_ = 4", USE_X.replace("x}", "_}")) == {"x": 4}


def test_a_question_to_the_keyboard_is_refused():
    assert "helper calls input() (cell [1], line 2)" in refusal(
        "def helper():\n    return input('?')", "def _process_input(path):\n    return helper()"
    )


def test_broken_old_cells_never_ran_and_do_not_matter():
    assert run("def broken(:", "x = 1", USE_X) == {"x": 1}
