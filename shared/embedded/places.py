"""Where everything lies, below one data directory and one cache."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shared import errors

from . import files

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = Path(__file__).resolve().parents[2]
"""The checkout: our packages, and what lies beside them."""
SPACE_NEEDED: Final = 2 * 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a person chooses about one embedded default."""

    data: Path
    cache: Path
    is_tls: bool = False
    """Whether public URLs are https, with certificates of the edge's own authority."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the environment of every service."""
    services: frozenset[str] | None = None
    """Only these services; None means all."""

    def part(self, name: str) -> Path:
        """Return the folder of a part: its data, log and process record."""
        return self.data / name

    @property
    def ports(self) -> Path:
        """The file of allocated ports."""
        return self.data / "ports.json"

    @property
    def secrets(self) -> Path:
        """The folder of secrets, closed to everybody else."""
        return self.data / "secrets"

    @property
    def provider_file(self) -> Path:
        """The provider configuration."""
        return self.data / "provider.toml"

    @property
    def traces(self) -> Path:
        """The folder of traces, one file per service."""
        return self.data / "traces"

    @property
    def token(self) -> Path:
        """The first person's token."""
        return self.secrets / "token"

    @property
    def state(self) -> Path:
        """What the supervisor says about itself and its parts."""
        return self.data / "state.json"

    @property
    def lock(self) -> Path:
        """Held by the supervisor for as long as it lives."""
        return self.data / "supervisor.lock"


def options(
    data: Path | None = None, *, is_tls: bool = False, environment: Mapping[str, str] | None = None
) -> Options:
    """Return the options, with the default places for what was not chosen."""
    chosen = data or _default("FEDIVERSITY_DATA", "/var/lib/fediversity", ".local/share")
    cache = _default("FEDIVERSITY_CACHE", "/var/cache/fediversity", ".cache")
    return Options(
        data=chosen.absolute(),
        cache=cache.absolute(),
        is_tls=is_tls,
        environment=environment or {},
    )


def _default(variable: str, for_root: str, at_home: str) -> Path:
    if chosen := os.environ.get(variable):
        return Path(chosen)
    if os.geteuid() == 0:
        return Path(for_root)
    return Path.home() / at_home / "fediversity"


def create(options: Options) -> None:
    """Make the data directory and the cache, and refuse a disk that is full."""
    files.directory(options.data)
    files.directory(options.cache)
    for place in (options.data, options.cache):
        free = shutil.disk_usage(place).free
        if free < SPACE_NEEDED:
            raise errors.UnavailableError(
                "disk.full",
                f"only {free // 2**20} MiB are free at {place}, {SPACE_NEEDED // 2**20} MiB are "
                f"needed; see what takes the space with: du -xh --max-depth=2 {place}",
            )
