"""The configuration files: merged key by key, and never looser than the site's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from jupyter_featx import client, config
from jupyter_featx.config import Config, PartitionLimits, reading
from jupyter_featx.config.schema import OPTIONS
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


def test_without_a_file_everything_has_its_default(files):
    assert files() == Config()


EVERY_KEY = """
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


def test_every_key_is_read(files, tmp_path):
    found = files(EVERY_KEY)
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


def test_an_empty_profile_is_known(files):
    assert files("[profiles.plain]\n").profiles == {"plain": {}}


def test_each_option_of_submit_can_be_preset():
    assert {field.name for field in fields(client.SubmitOptions)} - NEVER_PRESET <= set(OPTIONS)


def test_a_file_of_many_megabytes_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "config.toml"
    path.write_bytes(b"#" * 2_000_000)
    monkeypatch.setenv("FEATX_CONFIG", str(path))
    with pytest.raises(ConfigError, match="larger than a megabyte"):
        config.load()


def test_without_a_file_no_parser_is_loaded():
    code = "import sys; from jupyter_featx import config; config.load(); print(*sys.modules)"
    environment = {**os.environ, "XDG_CONFIG_HOME": "/nowhere"}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert not re.search(r"\btoml|difflib|argparse|jinja2|pandas", found.stdout)
