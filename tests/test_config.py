"""The configuration files: merged key by key, checked with the line that is wrong, and never looser than the site's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jupyter_featx import client, config
from jupyter_featx.config import Config, PartitionLimits, reading
from jupyter_featx.config.lines import key_lines, line_of
from jupyter_featx.config.parsing import parse
from jupyter_featx.config.schema import OPTIONS, SCHEMA, Table
from jupyter_featx.config.toml import parse_toml
from jupyter_featx.errors import ConfigError
from jupyter_featx.spec import SiteSpec

NEVER_PRESET = {"name", "dry_run", "limit", "profile"}  # of one submit only; a profile names no other


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that writes the site's file, FEATX_CONFIG's and the user's, and reads them."""
    places = [tmp_path / "etc.toml", tmp_path / "named.toml", tmp_path / "xdg" / "featx" / "config.toml"]
    places[2].parent.mkdir(parents=True)
    monkeypatch.setattr(reading, "SYSTEM", places[0])
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))

    def read(*texts: str | None) -> Config:
        for place, text in zip(places, texts, strict=False):
            if text is None:
                place.unlink(missing_ok=True)
            else:
                place.write_text(text)
        if len(texts) > 1 and texts[1] is not None:
            monkeypatch.setenv("FEATX_CONFIG", str(places[1]))
        return config.load()

    return read


def wrong(text: str, place: str = "/etc/featx/config.toml") -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text.encode(), Path(place))
    return str(caught.value)


# -- reading and merging ----------------------------------------------------------------------------------------------


def test_without_a_file_everything_has_its_default(files):
    assert files() == Config()


def test_every_key_is_read(files, tmp_path):
    found = files(
        """
        scheduler = "slurm"
        [slurm]
        prefix = ["ssh", "login01"]
        transport = "commands"
        poll_seconds = 20
        timeout_seconds = 60
        [site]
        launcher = "pmi2"
        mpirun = ["mpirun", "--map-by", "node"]
        modules = ["gcc/13", "openmpi/5.0.3"]
        setup = ["ulimit -s unlimited", "source /opt/env.sh"]
        templates = "templates"
        [container]
        image = "/images/featx.sif"
        runtime = "singularity"
        binds = ["/scratch", "/data:/mnt/data:ro"]
        drop = ["LD_PRELOAD", "CONDA_*"]
        [container.images]
        "registry.example.org/hub/science:2024a" = "/images/science-2024a.sif"
        [environment]
        policy = "strict"
        [defaults]
        partition = "main"
        walltime = "1-12:00:00"
        cores = "4x16"
        exclusive = true
        [profiles.big]
        cores = 500
        memory_per_core = "4G"
        [limits.main]
        max_cores = 2048
        max_walltime = "2-00:00:00"
        max_memory_per_core = "8G"
        [limits.local]
        max_cores = 8
        """
    )
    assert found.scheduler == "slurm"
    assert found.slurm == config.SlurmConfig(("ssh", "login01"), "commands", 20.0, 60.0)
    mpirun = ("mpirun", "--map-by", "node")
    setup = ("ulimit -s unlimited", "source /opt/env.sh")
    assert found.site == SiteSpec("pmi2", mpirun, ("gcc/13", "openmpi/5.0.3"), setup)
    assert found.templates == tmp_path / "templates"
    assert found.container == config.ContainerConfig(
        "/images/featx.sif",
        "singularity",
        ("/scratch", "/data:/mnt/data:ro"),
        ("LD_PRELOAD", "CONDA_*"),
        {"registry.example.org/hub/science:2024a": "/images/science-2024a.sif"},
    )
    assert found.environment_policy == "strict"
    assert found.defaults == {"partition": "main", "walltime": "1-12:00:00", "cores": "4x16", "exclusive": True}
    assert found.profiles == {"big": {"cores": 500, "memory_per_core": "4G"}}
    assert found.limits == {"main": PartitionLimits(2048, 172800.0, 8192.0), "local": PartitionLimits(8)}
    assert found.files == (tmp_path / "etc.toml",)


def test_a_later_file_wins_key_by_key(files):
    found = files(
        '[slurm]\npoll_seconds = 30\ntransport = "commands"\n[profiles.big]\ncores = 100\npartition = "main"\n',
        "[slurm]\npoll_seconds = 20\n[profiles.big]\ncores = 200\n",
        "[profiles.big]\ncores = 300\n[profiles.small]\ncores = 1\n",
    )
    assert (found.slurm.poll_seconds, found.slurm.transport) == (20.0, "commands")
    assert found.profiles == {"big": {"cores": 300, "partition": "main"}, "small": {"cores": 1}}


def test_a_later_file_can_lower_a_limit_and_not_raise_it(files):
    site = '[limits.main]\nmax_cores = 100\nmax_walltime = "2h"\n'
    mine = '[limits.main]\nmax_cores = 1000\nmax_walltime = "1h"\nmax_memory_per_core = "1G"\n'
    assert files(site, None, mine).limits == {"main": PartitionLimits(100, 3600.0, 1024.0)}
    assert files(site, None, "[limits.main]\n").limits == {"main": PartitionLimits(100, 7200.0)}


def test_a_changed_file_is_read_again_and_an_unchanged_one_is_not(files, monkeypatch):
    first = files('scheduler = "slurm"\n')
    assert config.load() is first
    assert files('scheduler = "local"\n# another size\n').scheduler == "local"
    assert files(None) == Config()


def test_the_file_that_featx_config_names_must_be_there(tmp_path, monkeypatch):
    monkeypatch.setenv("FEATX_CONFIG", str(tmp_path / "gone.toml"))
    with pytest.raises(ConfigError, match="gone.toml is not there, but FEATX_CONFIG names it"):
        config.load()


def test_featx_config_may_name_nothing(monkeypatch):
    monkeypatch.setenv("FEATX_CONFIG", os.devnull)
    assert config.load().scheduler == "local"


@pytest.mark.parametrize("make", ["mkdir", "fifo"])
def test_what_is_no_file_is_refused_and_never_waited_for(make, tmp_path, monkeypatch):
    path = tmp_path / "config.toml"
    path.mkdir() if make == "mkdir" else os.mkfifo(path)
    monkeypatch.setenv("FEATX_CONFIG", str(path))
    with pytest.raises(ConfigError, match="is no file"):
        config.load()


def test_a_relative_xdg_config_home_is_ignored(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", "here")
    assert config.places()[-1].path == tmp_path / ".config" / "featx" / "config.toml"


def test_a_path_is_meant_from_the_folder_of_its_file(files, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/kim")
    monkeypatch.setenv("GROUP", "mof")
    found = files(
        None, None, '[site]\ntemplates = "t"\n[container]\nimage = "~/a.sif"\nbinds = ["/scratch/$GROUP:/s"]\n'
    )
    assert found.templates == tmp_path / "xdg" / "featx" / "t"
    assert found.container.image == "/home/kim/a.sif"
    assert found.container.binds == ("/scratch/mof:/s",)


def test_setup_may_be_one_text_of_several_lines():
    found = parse(b'[site]\nsetup = """\nulimit -s unlimited\nmodule purge\n"""\n', Path("x"))
    assert found["site", "setup"] == ("ulimit -s unlimited", "module purge")


# -- defaults and profiles --------------------------------------------------------------------------------------------


def test_an_empty_profile_is_known(files):
    assert files("[profiles.plain]\n").profiles == {"plain": {}}


def test_each_option_of_submit_can_be_preset():
    assert {field.name for field in fields(client.SubmitOptions)} - NEVER_PRESET <= set(OPTIONS)


# -- errors -----------------------------------------------------------------------------------------------------------


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


def test_a_file_of_many_megabytes_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "config.toml"
    path.write_bytes(b"#" * 2_000_000)
    monkeypatch.setenv("FEATX_CONFIG", str(path))
    with pytest.raises(ConfigError, match="larger than a megabyte"):
        config.load()


# -- lines ------------------------------------------------------------------------------------------------------------

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


# -- any text ---------------------------------------------------------------------------------------------------------


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


# -- its cost ---------------------------------------------------------------------------------------------------------


def test_without_a_file_no_parser_is_loaded():
    code = "import sys; from jupyter_featx import config; config.load(); print(*sys.modules)"
    environment = {**os.environ, "XDG_CONFIG_HOME": "/nowhere"}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert not re.search(r"\btoml|difflib|argparse|jinja2|pandas", found.stdout)
