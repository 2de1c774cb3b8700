"""What is wrong in a configuration file is one sentence, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jupyter_featx.config import reading
from jupyter_featx.config.parsing import parse
from jupyter_featx.config.schema import SCHEMA, Table
from jupyter_featx.errors import ConfigError


def wrong(text: str, place: str = "/etc/featx/config.toml") -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text.encode(), Path(place))
    return str(caught.value)


def test_setup_may_be_one_text_of_several_lines():
    found = parse(b'[site]\nsetup = """\nulimit -s unlimited\nmodule purge\n"""\n', Path("x"))
    assert found["site", "setup"] == ("ulimit -s unlimited", "module purge")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('[defaults]\n\npartiton = "main"', 3, "\"partiton\" is no key of [defaults]. Did you mean 'partition'?"),
        ('[defaults]\nmemory-per-core = "2G"', 2, "Did you mean 'memory_per_core'?"),
        (
            "[limit.main]\nmax_cores = 3",
            1,
            "\"limit\" is no key of the file. Did you mean 'limits'? Known are: [container]",
        ),
        ("[limits.main]\nmax_core = 3", 2, "Did you mean 'max_cores'?"),
        ('[slurm]\ntransport = "pyslrum"', 2, "transport = \"pyslrum\" is not known. Did you mean 'pyslurm'?"),
        ("scheduler = 3", 1, 'scheduler = 3 is not known. Choose one of: "local", "slurm".'),
        ('[slurm]\npoll_seconds = "10"', 2, "must be a number from 0.1 to 3,600, without quotation marks"),
        ("[slurm]\npoll_seconds = nan", 2, "must be a number"),
        ("[slurm]\npoll_seconds = true", 2, "must be a number"),
        ('[slurm]\nprefix = "ssh login01"', 2, 'must be a list, such as ["one", "two"]'),
        ('[slurm]\nprefix = ["ssh", 1]', 2, "has 1, which must be one line of text"),
        ("slurm = 3", 1, "slurm must be a table. Write [slurm], and its keys below it."),
        ("[[slurm]]\nprefix = []", 1, "slurm must be a table"),
        ('[profiles]\nbig = "x"', 2, "profiles.big must be a table. Write [profiles.big]"),
        ('[defaults]\nwalltime = "2 fortnights"', 2, 'must be a duration: "90m"'),
        ("[defaults]\nwalltime = 07:30:00", 2, "must be a duration"),
        ("[defaults]\nwalltime = -5", 2, "must be a duration"),
        ('[profiles.big]\nmemory_per_core = "4"', 2, "must be an amount of memory with its unit"),
        ("[profiles.big]\nmemory_per_core = 4", 2, "must be an amount of memory with its unit"),
        ("[profiles.big]\ncores = 0", 2, "must be a number of cores"),
        ('[profiles.big]\nexclusive = "yes"', 2, "must be true or false"),
        ("[profiles.big]\njobs = 2.5", 2, "must be a whole number from 1 to"),
        ('[profiles.big]\npartition = "main; rm -rf"', 2, "must be letters, digits and any of"),
        ('[profiles.big]\naccount = "a\\nb"', 2, "must be letters, digits"),
        (
            '[profiles.big]\ndirectives = ["--wrap=rm -rf ~"]',
            2,
            "which is refused. directive='--wrap=rm -rf ~' is not allowed.",
        ),
        ('[profiles.big]\ndirectives = ["coment=x"]', 2, "Did you mean 'comment'?"),
        ('[profiles.big]\nmail = "kim at home"', 2, "must be an address"),
        ('[profiles."a b"]\ncores = 3', 1, 'the name "a b" in [profiles] must be a name'),
        ('[site]\nsetup = ["a\\nb"]', 2, "must be one line of text"),
        ('[site]\nmodules = ["gcc; reboot"]', 2, "must be a module's name"),
        ('[container]\nbinds = ["scratch"]', 2, "must be a folder to mount"),
        ('[container]\nbinds = ["/a:/b:rx"]', 2, "must be a folder to mount"),
        ('[container]\nbinds = ["/a/$NO_SUCH_THING"]', 2, "has $NO_SUCH_THING, which stands for nothing here"),
        ('[container]\nimage = "~no-such-user/a.sif"', 2, "has ~no-such-user, which stands for nothing here"),
        ('[container]\ndrop = ["A-B"]', 2, "must be the name of a variable"),
        ('[container.images]\n"a:1" = 3', 2, "must be a path"),
        ('[environment]\npolicy = "warm"', 2, "Did you mean 'warn'?"),
        ("a = 1\n[defaults]\ncores = 3", 1, '"a" is no key of the file'),
        ("[defaults]\ncores = \n", 2, "invalid value"),
        ("[defaults\ncores = 3", 1, "expected ']'"),
        ("[defaults]\ncores = 3\ncores = 4\n", 3, "cannot overwrite a value"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, line: int, said: str):
    message = wrong(text)
    assert message.startswith(f"/etc/featx/config.toml, line {line}: ")
    assert said in message
    assert "\n" not in message


def test_bytes_that_are_not_utf8_are_said_with_their_line():
    with pytest.raises(ConfigError, match="line 2: not UTF-8"):
        parse(b'scheduler = "local"\n# caf\xe9\n', Path("x"))


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "9" * 5000, "a = 1979-13-40", "a" * 100_000, "\0"])
def test_a_hostile_text_is_one_line(text: str):
    message = wrong(text)
    assert len(message) < 700
    assert "\n" not in message


def _texts(table: Table) -> list[str]:
    names = [name for name, kind in table.keys.items() if not isinstance(kind, Table)]
    below = [text for kind in (*table.keys.values(), table.entry) if isinstance(kind, Table) for text in _texts(kind)]
    return names + below


_SETTINGS = st.builds(
    "{} = {}".format,
    st.sampled_from(_texts(SCHEMA)),
    st.one_of(
        st.integers().map(str),
        st.floats().map(str),
        st.sampled_from(
            ['"2h"', '"4G"', '"slurm"', '["a"]', '["/a:/b"]', "true", "[[]]", "{}", "07:32:00", '"~"', '""']
        ),
    ),
)


_HEADERS = st.sampled_from(
    ["[slurm]", "[site]", "[container]", "[container.images]", "[defaults]", "[profiles.a]", "[limits.a]", "[[limits]]"]
)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(), st.binary(), st.lists(st.one_of(_HEADERS, _SETTINGS), max_size=8).map("\n".join)))
@example("[limits]")
@example("profiles = {}")
@example('"" = 1')
def test_any_text_is_a_configuration_or_one_error(text: str | bytes):
    content = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    message = _refusal(content)
    assert message == "" or (message.startswith("x.toml") and len(message) < 1500)


def _refusal(content: bytes) -> str:
    try:
        reading._merged([(Path("x.toml"), parse(content, Path("x.toml")))])
    except ConfigError as exc:
        return str(exc)
    return ""
