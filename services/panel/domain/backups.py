"""Backups: the state of a deployment at one moment, kept apart from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from shared import errors
from shared.contracts.deployments import BucketRequest
from shared.contracts.failures import Outcome

from .runs import RunKind
from .sentences import N_, say, together

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from shared.contracts.deployments import ApplicationOrder
    from shared.contracts.state import BackedUpApplication, CarriedApplication

    from .deployments import Revision
    from .runs import RunFailure


class BackupState(StrEnum):
    """How a backup stands."""

    MAKING = "making"
    """Its run has not ended."""
    COMPLETE = "complete"
    """It can be brought back."""
    FAILED = "failed"
    """Its run ended before it was complete."""
    REMOVING = "removing"
    """It is being taken away, or the last attempt at that failed."""
    REMOVED = "removed"
    """It is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """The state of the applications of one revision."""

    id: str
    """That of the run that makes it."""
    operator: str
    deployment: str
    """What it was made of, which may be gone by now."""
    domain: str
    """That of the deployment."""
    state: BackupState
    created_at: datetime
    run: str
    """The run that worked on it last."""
    is_automatic: bool = False
    """Whether a restore made it of what it was about to replace."""
    revision: int | None = None
    """None as long as its run has not begun."""
    applications: tuple[CarriedApplication, ...] = ()
    """What was asked to be saved."""
    taken_at: datetime | None = None
    bytes: int | None = None
    """What it takes in the store."""
    content: tuple[BackedUpApplication, ...] = ()

    def require_complete(self) -> None:
        """Raise ConflictError unless it can be brought back."""
        if self.state is not BackupState.COMPLETE:
            raise errors.ConflictError(f"backup.{self.state.value}", _WHY_NOT[self.state])

    def require_removable(self) -> None:
        """Raise ConflictError when there is nothing to take away, or not yet."""
        if self.state is BackupState.REMOVED:
            raise errors.ConflictError("backup.removed", "This backup was removed.")
        if self.state is BackupState.MAKING:
            raise errors.ConflictError(
                "backup.making", "This backup is being made. Wait for its run, or cancel that."
            )

    def after_failure(self, kind: RunKind, failure: RunFailure | None) -> BackupState:
        """Return how it stands after a run of this kind worked on it and did not succeed."""
        if kind is RunKind.BACKUP and self.state is BackupState.MAKING:
            return BackupState.FAILED
        is_untouched = failure is not None and failure.outcome is Outcome.UNCHANGED
        if kind is RunKind.REMOVE_BACKUP and self.state is BackupState.REMOVING and is_untouched:
            return BackupState.FAILED if self.taken_at is None else BackupState.COMPLETE
        return self.state

    def require_fit(self, made_of: Revision, target: Revision) -> None:
        """Raise ConflictError when its state does not belong to what runs in its place now.

        Args:
            made_of: the revision that it was made of.
            target: the revision whose applications are to go on with it.
        """
        reasons = list(self._misfits(made_of, target))
        if reasons:
            raise errors.ConflictError(
                "backup.misfit",
                say(
                    "This backup does not fit what is deployed: {reasons}. Deploy what it was made "
                    "of first, or restore it as a new deployment, on another domain.",
                    reasons=together(reasons, "; "),
                ),
            )

    def _misfits(self, made_of: Revision, target: Revision) -> Iterator[str]:
        buckets = {
            (it.application, it.purpose) for it in target.resources if isinstance(it, BucketRequest)
        }
        for carried in self.applications:
            name = carried.application
            before, now = made_of.find(name), target.find(name)
            if before is None or now is None:
                yield say("{name} is not deployed", name=name)
                continue
            if carried.version != now.version:
                yield say(
                    "{name} is version {now} now, not {before}",
                    name=name,
                    now=now.version,
                    before=carried.version,
                )
            if before.host != now.host:
                yield say(
                    "{name} is at {now} now, not at {before}",
                    name=name,
                    now=now.host,
                    before=before.host,
                )
            for bucket in carried.buckets:
                if (name, bucket.purpose) not in buckets:
                    yield say("{name} has no bucket {bucket}", name=name, bucket=bucket.purpose)


_WHY_NOT: Final[Mapping[BackupState, str]] = {
    BackupState.MAKING: N_("This backup cannot be restored: it is not complete yet."),
    BackupState.FAILED: N_("This backup cannot be restored: it was never completed."),
    BackupState.REMOVING: N_("This backup cannot be restored: it is being removed."),
    BackupState.REMOVED: N_("This backup cannot be restored: it was removed."),
}


def moved(
    orders: Sequence[ApplicationOrder], source: str, domain: str
) -> tuple[ApplicationOrder, ...]:
    """Return orders on another domain, under the same labels."""
    return tuple(
        it.model_copy(update={"host": _moved_host(it.host, source, domain)}) for it in orders
    )


def _moved_host(host: str, source: str, domain: str) -> str:
    return domain if host == source else f"{host.removesuffix(source)}{domain}"
