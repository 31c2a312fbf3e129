"""What the hosting provider decides and looks after: quotas, the catalogue, runs in trouble."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from shared import errors
from shared.contracts.deployments import BucketRequest

from .sentences import N_, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from shared.contracts.deployments import Resource

    from .runs import Run

LONG: Final = timedelta(minutes=20)
"""A run that goes on for longer than this is looked at."""
LATELY: Final = timedelta(days=2)
"""For how long a run that failed is shown to the provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What an operator has, removed deployments left out."""

    deployments: int = 0
    applications: int = 0
    """As they are staged."""
    storage_gib: int = 0
    """Disks of machines and quotas of buckets, as the newest revisions ask for them."""
    backups: int = 0
    """Kept or being made, those of removed deployments too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """How much an operator may have; None: as much as there is."""

    version: int = 0
    deployments: int | None = None
    applications: int | None = None
    storage_gib: int | None = None
    backups: int | None = None

    def require_deployment(self, used: Usage) -> None:
        """Raise QuotaExceededError unless another deployment fits."""
        _require("deployments", used.deployments, 1, self.deployments)

    def require_applications(self, others: Usage, *, before: int, wanted: int) -> None:
        """Raise QuotaExceededError unless more applications of a deployment fit.

        Args:
            others: what the operator has besides.
            before: how many the deployment has.
            wanted: how many it would have.
        """
        if wanted > before:
            had = others.applications + before
            _require("applications", had, wanted - before, self.applications)

    def require_storage(self, others: Usage, *, before: int, wanted: int) -> None:
        """Raise QuotaExceededError unless what a deployment asks for fits, in GiB."""
        if wanted > before:
            had = others.storage_gib + before
            _require("storage", had, wanted - before, self.storage_gib)

    def require_backup(self, used: Usage, *, is_automatic: bool = False) -> None:
        """Raise QuotaExceededError unless another backup fits.

        What a restore is about to replace may be kept above the quota, once: a full quota must not
        be why it is lost. It counts from then on.
        """
        if not is_automatic:
            _require("backups", used.backups, 1, self.backups)
        elif self.backups is not None and used.backups > self.backups:
            raise errors.QuotaExceededError(
                "quota.backups",
                say(_EXCEEDED_BY_RESTORE, limit=self.backups, had=used.backups),
            )


_EXCEEDED: Final = {
    "backups": N_(
        "You may have {limit} backups in all. You have {had}, and this would make it {wanted}. "
        "Remove what you no longer need, or ask the hosting provider for more."
    ),
    "deployments": N_(
        "You may have {limit} deployments in all. You have {had}, and this would make it {wanted}. "
        "Remove what you no longer need, or ask the hosting provider for more."
    ),
    "applications": N_(
        "You may have {limit} applications in all. You have {had}, and this would make it "
        "{wanted}. Remove what you no longer need, or ask the hosting provider for more."
    ),
    "storage": N_(
        "You may have {limit} GiB of storage in all. You have {had}, and this would make it "
        "{wanted}. Remove what you no longer need, or ask the hosting provider for more."
    ),
}
_EXCEEDED_BY_RESTORE: Final = N_(
    "You may have {limit} backups in all, and one more of what a restore replaces. You have {had}. "
    "Remove one that you no longer need, ask the hosting provider for more, or restore without "
    "keeping what is there."
)


def _require(what: str, had: int, more: int, limit: int | None) -> None:
    if limit is None or had + more <= limit:
        return
    raise errors.QuotaExceededError(
        f"quota.{what}", say(_EXCEEDED[what], limit=limit, had=had, wanted=had + more)
    )


def storage_gib(resources: Iterable[Resource]) -> int:
    """Return how much storage resources ask for: disks of machines, quotas of buckets."""
    return sum(
        (it.quota_gib or 0) if isinstance(it, BucketRequest) else it.disk_gib for it in resources
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorStanding:
    """An operator, what it may have and what it has."""

    id: str
    name: str
    created_at: datetime
    quota: Quota
    usage: Usage


class Trouble(StrEnum):
    """Why a run is worth the provider's look."""

    HELD = "held"
    """A message could not be handled: it waits for a decision."""
    LONG = "long"
    """It goes on for longer than runs do."""
    FAILED = "failed"
    """It failed lately."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubledRun:
    """A run that is worth a look."""

    run: Run
    operator_name: str
    domain: str
    trouble: Trouble

    @property
    def id(self) -> str:
        """That of the run."""
        return self.run.id


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownMachine:
    """A machine, as provisioner told of it."""

    machine: str
    applications: tuple[str, ...]
    ssh_address: str
    http_address: str
    told_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Housed:
    """A deployment and the machines that it is known to have."""

    id: str
    operator: str
    operator_name: str
    domain: str
    machines: Sequence[KnownMachine]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What every page says at its top."""

    message: str
    set_at: datetime
