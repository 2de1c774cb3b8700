"""What the configuration says, as frozen records; each field's default is what holds where no file says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_featx.errors import SpecError
from jupyter_featx.spec import ResourceSpec, SiteSpec


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

    def refusal(self, resources: ResourceSpec, partition: str) -> str:
        """Say what is over a limit and how much is allowed; "" where nothing is."""
        walltime, memory = resources.walltime_seconds, resources.memory_per_core_mb
        if self.max_cores is not None and resources.cores > self.max_cores:
            return f"cores={resources.cores}: this site allows at most {self.max_cores} in '{partition}'."
        if self.max_walltime_seconds is not None and walltime is not None and walltime > self.max_walltime_seconds:
            allowed = _slurm_time(self.max_walltime_seconds)
            return f"walltime={_slurm_time(walltime)}: this site allows at most {allowed} in '{partition}'."
        if self.max_memory_per_core_mb is not None and memory is not None and memory > self.max_memory_per_core_mb:
            allowed = f"{self.max_memory_per_core_mb:g}M"
            return f"memory_per_core={memory:g}M: this site allows at most {allowed} in '{partition}'."
        return ""


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

    def options(self, profile: str | None = None) -> dict[str, Any]:
        """Return the options of submit that the files set: the defaults, and the profile's over them.

        Raises SpecError when there is no such profile.
        """
        profile = profile or self.defaults.get("profile")
        defaults = {name: value for name, value in self.defaults.items() if name != "profile"}
        if not profile:
            return defaults
        if profile not in self.profiles:
            raise SpecError(f"profile={profile!r} is not known. {_choice(profile, self.profiles)}")
        return {**defaults, **self.profiles[profile]}


def _choice(name: str, profiles: Mapping[str, object]) -> str:
    if not profiles:
        return "No configuration file has a profile: leave it out."
    import difflib  # only when something is wrong: a submit need not wait for it

    near = difflib.get_close_matches(name, profiles, 1, 0.5)
    return f"{f'Did you mean {near[0]!r}? ' if near else ''}Choose one of: {', '.join(sorted(profiles))}."


def _slurm_time(seconds: float) -> str:
    """Return "1-12:00:00" or "02:00:00", as it can be typed."""
    days, rest = divmod(round(seconds), 86400)
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days}-{clock}" if days else clock
