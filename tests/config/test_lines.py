"""The line of a key is found in a text of every form."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_featx.config.lines import key_lines, line_of
from jupyter_featx.config.toml import parse_toml

LAYOUT = (
    '''# first
top = """
[not.a.table]
x = 1
"""
[slurm] # a comment with = and "quotes
prefix = [
  "ssh", # ]
  "x]=",
]
poll_seconds = 3
site.deep."quoted key" = 'it'''
    + """'
[profiles.big]
cores = 3
[[list]]
a = 1
[[list]]
b = { c = 1, d = "}" }
text = '''
[gone]
'''
'bare' = 1"""
)


def test_lines_are_found_in_a_text_of_every_form():
    parse_toml(LAYOUT)
    found = key_lines(LAYOUT)
    assert found["top",] == 2
    assert found["slurm",] == 6
    assert found["slurm", "prefix"] == 7
    assert found["slurm", "poll_seconds"] == 11
    assert found["slurm", "site", "deep", "quoted key"] == 12
    assert found["profiles",] == found["profiles", "big"] == 13
    assert found["profiles", "big", "cores"] == 14
    assert found["list", "b"] == 18
    assert found["list", "bare"] == 22
    assert ("gone",) not in found
    assert line_of(LAYOUT, ["list", "b", "c"]) == 18
    assert line_of(LAYOUT, ["nothing"]) == 1


_KEYS = st.one_of(st.from_regex(r"\A[A-Za-z0-9_-]{1,5}\Z"), st.text(max_size=4).map(lambda t: _quoted(t)))


def _quoted(text: str) -> str:
    kept = "".join(c for c in text if c.isprintable() and c not in '"\\')
    return f'"{kept}"'


_VALUES = st.sampled_from(
    [
        "1",
        '"a"',
        "'x#='",
        '"""\n[a]\nb=1\n"""',
        "'''\n'''",
        "[\n1,\n[2] ]",
        "{a = 1, b.c = '}'}",
        "[{a=1},\n{b=2}]",
        '""',
    ]
)


_LINES = st.one_of(
    st.builds("{} = {}".format, _KEYS, _VALUES),
    st.builds("{}.{} = {}".format, _KEYS, _KEYS, _VALUES),
    st.builds("[{}]".format, _KEYS),
    st.builds("[{} . {}]".format, _KEYS, _KEYS),
    st.builds("[[{}]]".format, _KEYS),
    st.sampled_from(["", "# [x]\n# y = 1", "  "]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_LINES, max_size=12).map("\n".join))
def test_every_key_of_a_right_text_has_a_line_that_holds_it(text: str):
    try:
        found = parse_toml(text)
    except ValueError:
        return
    known, lines = key_lines(text), text.split("\n")
    for key, value in found.items():
        assert key in lines[known[key,] - 1]
        for inner in value if isinstance(value, dict) else ():
            assert inner in lines[line_of(text, [key, inner]) - 1]
