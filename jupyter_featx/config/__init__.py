"""What a site and its users set once, in TOML files: schedulers, defaults, profiles, limits, modules, images."""

from jupyter_featx.config.reading import load, places
from jupyter_featx.config.records import Config, ContainerConfig, PartitionLimits, SlurmConfig

__all__ = ["Config", "ContainerConfig", "PartitionLimits", "SlurmConfig", "load", "places"]
