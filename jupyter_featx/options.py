"""Everything that can be asked of a job, and what a site's configuration adds to it: the options of `submit`."""

from __future__ import annotations

import difflib
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from jupyter_featx import container, environment
from jupyter_featx.config import Config
from jupyter_featx.dataset import DatasetOptions
from jupyter_featx.errors import SpecError
from jupyter_featx.spec import (
    AllocationSpec,
    ContainerSpec,
    JobSpec,
    LimitSpec,
    ResourceSpec,
    parse_cores,
    parse_count,
    parse_duration,
    parse_memory,
)

if TYPE_CHECKING:
    from jupyter_featx.client import Source
    from jupyter_featx.template import Template

POLICIES = ("strict", "warn", "off")
_ALLOCATION = ("partition", "account", "qos", "constraint", "reservation", "gres", "mail")
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


@dataclass(frozen=True, kw_only=True)
class SubmitOptions:
    """Everything that can be asked of a job; the magics, the command line and `submit` share it.

    Durations are seconds, "90s", "10m", "2h" or "1-12:00:00"; memory is "4G" or "512M". `cores` is a number of workers,
    or "4x2" for four ranks of two workers each.
    """

    cores: int | str = 2
    name: str | None = None
    scheduler: str | None = None
    profile: str | None = None
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    reservation: str | None = None
    gres: str | None = None
    mail: str | None = None
    nice: int | None = None
    exclusive: bool = False
    directives: str | Sequence[str] = ()
    memory_per_core: str | None = None
    jobs: int = 1
    max_attempts: int = 100
    container: str | None = None
    environment: str | None = None
    walltime: float | str | None = None
    item_timeout: float | str | None = None
    item_memory: str | None = None
    threads: int = 1
    max_failures: int | None = None
    pattern: str | None = None
    recursive: bool = False
    limit: int | None = None
    column: str | None = None
    preflight: bool = True
    dry_run: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any], config: Config) -> SubmitOptions:
        """Return what was given, over the profile that it names, over the site's defaults. Raises SpecError."""
        known = {item.name for item in fields(cls)}
        if unknown := sorted(set(given) - known):
            near = difflib.get_close_matches(unknown[0], known, 1, 0.5)
            hint = f" Did you mean {near[0]}=?" if near else ""
            raise SpecError(f"{unknown[0]}= is no option of submit.{hint} The options are: {', '.join(sorted(known))}.")
        asked = {name: value for name, value in given.items() if value is not None}
        presets = {**config.defaults, **_profile(config, asked.get("profile") or config.defaults.get("profile"))}
        return cls(**{**presets, **asked})

    def spec(self, template: Template, source: Source, config: Config) -> JobSpec:
        """Return the job's record. Raises SpecError for a value that cannot be."""
        scheduler = self.scheduler or config.scheduler
        image = self._image(config, scheduler)
        policy = self.environment or config.environment_policy
        if policy not in POLICIES:
            raise SpecError(f"environment={policy!r} is no policy. Type one of: {', '.join(POLICIES)}.")
        resources = self._resources()
        if resources.jobs > 1 and scheduler == "local":
            raise SpecError(
                "jobs= shares a dataset out over several Slurm jobs. Leave it out, or type scheduler=slurm."
            )
        _within(config, scheduler, self.partition, resources)
        return JobSpec(
            job_id="",
            name=one_name(self.name or source.name),
            created=time.time(),
            scheduler=scheduler,
            python=sys.executable,
            workdir=str(source.folder),
            data="",
            total=0,
            template_digest=template.digest,
            input_digest=template.input_digest,
            output_digest=template.output_digest,
            notebook=source.notebook,
            resources=resources,
            limits=LimitSpec(
                parse_duration(self.item_timeout, "item_timeout"),
                parse_memory(self.item_memory, "item_memory"),
                parse_count(self.max_failures, "max_failures"),
            ),
            allocation=self._allocation(),
            site=config.site,
            container=image,
            environment=_fingerprint(template, policy),
            environment_policy=policy,
        )

    def _image(self, config: Config, scheduler: str) -> ContainerSpec | None:
        """Return the image that was asked for; on a cluster else the one that we are in. "none" is none."""
        asked = self.container or (config.container.image if scheduler != "local" else None)
        if asked == "none" or (scheduler == "local" and not asked):
            return None
        return container.find(config.container, asked)

    def _resources(self) -> ResourceSpec:
        cores, ranks = parse_cores(self.cores)
        counts = {name: parse_count(getattr(self, name), name) for name in ("threads", "jobs", "max_attempts")}
        for name, count in counts.items():
            if not count:
                raise SpecError(f"{name}={getattr(self, name)!r}: at least 1 is needed.")
        return ResourceSpec(
            cores,
            ranks,
            counts["threads"] or 1,
            parse_duration(self.walltime, "walltime"),
            counts["jobs"] or 1,
            counts["max_attempts"] or 1,
            parse_memory(self.memory_per_core, "memory_per_core"),
        )

    def _allocation(self) -> AllocationSpec:
        words = {name: str(getattr(self, name) or "") for name in _ALLOCATION}
        nice = self.nice
        if nice is not None and not str(nice).lstrip("-").isdigit():
            raise SpecError(f"nice={nice!r} must be a whole number.")
        return AllocationSpec(
            **words,
            nice=None if nice is None else int(nice),
            exclusive=_truth(self.exclusive, "exclusive"),
            directives=_directives(self.directives),
        )

    def dataset(self) -> DatasetOptions:
        """Return what to take of the dataset. Raises SpecError for a value that cannot be."""
        limit = parse_count(self.limit, "limit")
        if limit == 0:
            raise SpecError("limit=0 leaves no items. Leave it out, or type a larger number.")
        return DatasetOptions(self.pattern, _truth(self.recursive, "recursive"), limit, self.column)


def one_name(text: str) -> str:
    """Return a job's name; refuse one that could not stand on one line."""
    text = str(text)
    if not text.strip() or len(text) > 100 or not text.isprintable():
        raise SpecError(f"name={text!r}: a name is one line of at most 100 characters.")
    return text.strip()


def _truth(value: object, option: str) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise SpecError(f"{option}={value!r} is neither true nor false. Type True or False.")


def _directives(given: str | Sequence[str]) -> tuple[str, ...]:
    """Return further lines for the scheduler, each as "--name=value" or "--name"."""
    lines = shlex.split(given) if isinstance(given, str) else map(str, given)
    return tuple(f"--{line.strip().lstrip('-')}" for line in lines if line.strip())


def _within(config: Config, scheduler: str, partition: str | None, resources: ResourceSpec) -> None:
    """Refuse more than the site's own limits allow."""
    place = "local" if scheduler == "local" else partition or ""
    limits = config.limits.get(place)
    if limits is None:
        return
    where = "on this machine" if place == "local" else f"in partition '{place}'"
    for name, asked, most in (
        ("cores", resources.cores * resources.threads, limits.max_cores),
        ("walltime", resources.walltime_seconds or 0, limits.max_walltime_seconds),
        ("memory_per_core", resources.memory_per_core_mb or 0, limits.max_memory_per_core_mb),
    ):
        if most is not None and asked > most:
            unit = {"walltime": " seconds", "memory_per_core": " MB"}.get(name, "")
            raise SpecError(f"{name}: this site allows at most {most:,g}{unit} {where}, and {asked:,g} is asked for.")


def _profile(config: Config, name: str | None) -> Mapping[str, Any]:
    if not name:
        return {}
    if name not in config.profiles:
        near = difflib.get_close_matches(name, config.profiles, 1, 0.5)
        hint = f"Did you mean '{near[0]}'? " if near else ""
        known = f"Choose one of: {', '.join(sorted(config.profiles))}." if config.profiles else "No file names one."
        raise SpecError(f"profile={name!r} is not in the configuration. {hint}{known}")
    return config.profiles[name]


def _fingerprint(template: Template, policy: str) -> Mapping[str, Any]:
    """Return what the ranks are to compare their environment with; nothing where they are not to."""
    return {} if policy == "off" else environment.describe(environment.imported_modules(template.text), None)
