"""A template is one text with digests that follow its meaning; what cannot be one is refused."""

from __future__ import annotations

import subprocess
import sys

import pytest
from extracting import history, refusal, row_by_hand, template_of

from jupyter_featx.template import extract, hint_for_name

HELPER = "def mass(symbol):\n    # in u\n    return {'H': 1.008}[symbol]"
INPUT = "def _process_input(path):\n    return {'mass': mass('H'), 'name': os.path.basename(path)}"
OUTPUT = "def _process_output(path):\n    return {'energy': 2 * mass('H')}"
CELLS = ("import os", HELPER, INPUT, OUTPUT)


def changed(**texts):
    cells = {"imports": "import os", "helper": HELPER, "input": INPUT, "output": OUTPUT, **texts}
    return template_of(*cells.values())


def test_the_same_cells_give_the_same_template():
    assert template_of(*CELLS) == template_of(*CELLS)


def test_comments_and_empty_lines_do_not_change_the_digests_of_the_functions():
    one, other = (
        changed(),
        changed(helper=HELPER.replace("    # in u\n", "\n    # in atomic units\n") + "  # end"),
    )
    assert (one.input_digest, one.output_digest) == (other.input_digest, other.output_digest)
    assert one.digest != other.digest


def test_a_comment_sign_inside_a_text_is_no_comment():
    assert changed(helper=HELPER + "\nA = '#a'").output_digest == changed().output_digest
    one, other = (changed(helper=f"def mass(s):\n    return '''\n# {word}\n\n'''") for word in ("a", "b"))
    assert one.input_digest != other.input_digest


def test_each_function_has_its_own_digest():
    one, other = changed(), changed(output=OUTPUT.replace("2 *", "3 *"))
    assert one.input_digest == other.input_digest
    assert one.output_digest != other.output_digest


def test_a_change_in_a_shared_helper_changes_both_digests():
    one, other = changed(), changed(helper=HELPER.replace("1.008", "2.014"))
    assert one.input_digest != other.input_digest
    assert one.output_digest != other.output_digest


def test_the_order_of_cells_that_do_not_matter_changes_no_digest():
    assert template_of("y = 3", *CELLS).input_digest == template_of(*CELLS, "z = 4").input_digest


def test_labels_are_optional():
    assert not template_of("def _process_input(path):\n    return {}").has_output
    assert changed().has_output


def test_local_modules_come_with_the_template(tmp_path):
    (tmp_path / "near.py").write_text("import nearer\ndef f(): return nearer.N\n")
    (tmp_path / "nearer.py").write_text("N = 5\n")
    text = "import near\ndef _process_input(path):\n    return {'x': near.f()}"
    before = template_of(text, folder=tmp_path)
    assert [module.name for module in before.modules] == ["near", "nearer"]
    (tmp_path / "nearer.py").write_text("N = 6\n")
    after = template_of(text, folder=tmp_path)
    assert before.text == after.text
    assert before.digest != after.digest
    assert before.input_digest != after.input_digest


def test_a_module_of_the_other_function_is_no_part_of_a_digest(tmp_path):
    (tmp_path / "near.py").write_text("N = 5\n")
    texts = ["import near", "def _process_input(path): return {}", "def _process_output(path): return near.N"]
    before = template_of(*texts, folder=tmp_path)
    (tmp_path / "near.py").write_text("N = 6\n")
    after = template_of(*texts, folder=tmp_path)
    assert before.input_digest == after.input_digest
    assert before.output_digest != after.output_digest


def test_local_modules_are_imported_from_the_job(tmp_path):
    (tmp_path / "near.py").write_text("N = 5\n")
    template = template_of("import near\ndef _process_input(path):\n    return {'x': near.N}", folder=tmp_path)
    job = tmp_path / "job"
    (job / "modules").mkdir(parents=True)
    (tmp_path / "near.py").rename(job / "modules" / "near.py")
    assert row_by_hand(template, job, "i") == {"features": {"x": 5}}


def test_a_folder_that_the_notebook_adds_is_searched(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "near.py").write_text("N = 5\n")
    texts = ["import sys\nsys.path.append('lib')", "import near", "def _process_input(path): return near.N"]
    assert [module.name for module in template_of(*texts, folder=tmp_path).modules] == ["near"]


def test_nothing_of_the_user_runs(tmp_path):
    (tmp_path / "near.py").write_text("raise SystemExit\n")
    assert template_of("import near\n1 / 0\ndef _process_input(path):\n    return near", folder=tmp_path)


def test_a_template_gives_in_a_fresh_process_what_the_notebook_gives(tmp_path):
    cells = (
        "%load_ext autoreload\nimport math, collections\nimport matplotlib.pyplot as plt",
        "TABLE = {}\nfor z in range(1, 4):\n    TABLE[z] = math.sqrt(z)",
        "class Reader:\n    scale = len(TABLE)\n\n    def read(self, path):\n"
        "        return [TABLE[len(path)] * self.scale]",
        "plt.plot(TABLE.values())\nreader = Reader()\nTABLE[1] += 1",
        "def _process_input(path, reader=reader):\n    return dict(collections.Counter(reader.read(path)), p=path)",
        "def _process_output(path):\n    return {'n': sum(TABLE.values())}",
    )
    script = "\n".join(cell for cell in cells).replace("%load_ext autoreload", "").replace("import matplotlib", "#")
    script = script.replace("plt.plot(TABLE.values())\n", "")
    show = "import json\nprint(json.dumps({'features': _process_input('ab'), 'labels': _process_output('ab')}))"
    done = subprocess.run([sys.executable, "-c", f"{script}\n{show}"], capture_output=True, text=True, check=True)
    row = row_by_hand(template_of(*cells), tmp_path, "ab")
    assert row == __import__("json").loads(done.stdout)


def test_a_missing_function_is_refused_with_the_nearest_name():
    assert refusal("def process_input(path): ...") == (
        "No _process_input in cell [1]. Did you mean 'process_input'? Write 'def _process_input(path):' and"
        " return a dict of features."
    )


def test_a_function_in_a_main_block_is_refused():
    assert "does not run in a job" in refusal("if __name__ == '__main__':\n    def _process_input(path): ...")


def test_a_syntax_error_is_refused_with_its_line():
    message = refusal("%%featx submit\ndef _process_input(path):\n    return {'a' 1}")
    assert message.startswith("cell [1], line 3: ")
    assert "return {'a' 1}" in message
    assert "line 2" in refusal("x = 1\nreturn x")


def test_a_relative_import_is_refused():
    assert "relative to a package" in refusal("def _process_input(path):\n    from . import x\n    return {}")


@pytest.mark.parametrize(
    ("name", "words"),
    [("mass", "'mass' is defined in cell [2], line 1"), ("mas", "in no cell. Did you mean 'mass'?")],
)
def test_a_name_that_was_missing_at_run_time_is_looked_for(name, words):
    assert words in hint_for_name(extract("def _process_input(p): ...").text, name, history(*CELLS))


@pytest.mark.parametrize("long", ["x = " + "1 + " * 5000 + "1", "x = " + "-" * 200_000 + "1"], ids=len)
def test_an_expression_without_end_is_one_error(long: str):
    assert "nested too deeply" in refusal(f"{long}\n\n\ndef _process_input(path):\n    return {{'x': x}}")
