"""What the configuration says, as frozen records; each field's default is what holds where no file says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_featx.spec import SiteSpec


@dataclass(frozen=True)
class SlurmConfig:
    """How Slurm is reached, and how often it is asked."""

    prefix: tuple[str, ...] = ()  # the words before each command, such as ("ssh", "login01")
    transport: str = "auto"
    poll_seconds: float = 10.0
    timeout_seconds: float = 30.0  # for one command or one call


@dataclass(frozen=True)
class ContainerConfig:
    """The image that jobs run in. `images` says which SIF is the same as a docker image of the JupyterHub."""

    image: str = ""
    runtime: str = "apptainer"
    binds: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()  # variables that must not reach the container; a name may end in *
    images: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PartitionLimits:
    """The most that one run in a partition may ask for; None is no limit."""

    max_cores: int | None = None
    max_walltime_seconds: float | None = None
    max_memory_per_core_mb: float | None = None


@dataclass(frozen=True)
class Config:
    """All that the files say together. `files` are those that were read, the first the site's."""

    scheduler: str = "local"
    slurm: SlurmConfig = field(default_factory=SlurmConfig)
    site: SiteSpec = field(default_factory=SiteSpec)
    templates: Path | None = None  # a folder of script templates that come before ours
    container: ContainerConfig = field(default_factory=ContainerConfig)
    environment_policy: str = "warn"
    defaults: Mapping[str, Any] = field(default_factory=dict)  # option of submit -> value, as it was written
    profiles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    limits: Mapping[str, PartitionLimits] = field(default_factory=dict)  # partition, or "local" -> its limits
    files: tuple[Path, ...] = ()

    @property
    def preset(self) -> dict[str, Any]:
        """Return the options of a submit that names none: the defaults, and the default profile over them."""
        return {**self.defaults, **self.profiles.get(self.defaults.get("profile", ""), {})}

    @property
    def speaks_of_slurm(self) -> bool:
        """Whether somebody set up Slurm here, or means jobs to go there."""
        chosen = {options.get("scheduler") for options in (self.defaults, *self.profiles.values())}
        return "slurm" in {self.scheduler, *chosen} or bool(self.slurm.prefix)
