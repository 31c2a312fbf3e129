"""Backups of deployments, and the loans by which a deployment is restored from one.

    REQUESTED ─▶ EXPORTING ─▶ COMPLETE ─▶ REMOVING ─▶ gone
        └────────────┴──▶ FAILED ─▶ gone

    a loan:  WANTED ─▶ LENT ─▶ gone
                └───────┴──▶ OVER ─▶ gone

A backup outlives its deployment; a loan is the backup's key in the hands of one deployment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from shared import errors

from .buckets import BucketState, Holder, moment
from .objects import Part, roots

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from shared.contracts.state import (
        CarriedApplication,
        CarriedBucket,
        SavedApplication,
    )

    from .buckets import AccessKey, Bucket

HOLDING: Final = frozenset({BucketState.CREATING, BucketState.READY, BucketState.UNUSED})
"""The states in which a bucket of a deployment may hold objects of its applications."""


class BackupState(StrEnum):
    """How far a backup is."""

    REQUESTED = "requested"
    """Written down; its bucket may exist."""
    EXPORTING = "exporting"
    """A machine was told where to put the state, or has put it there."""
    COMPLETE = "complete"
    """All of it is there, and nobody has a key that could change it."""
    FAILED = "failed"
    """It will never be complete; what there is of it is taken away."""
    REMOVING = "removing"
    """It is being taken away because somebody asked for it."""


class LoanState(StrEnum):
    """How far a loan is."""

    WANTED = "wanted"
    """Written down; its key may exist."""
    LENT = "lent"
    """A machine was told where the state lies."""
    OVER = "over"
    """Its key is taken away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """The state of a deployment's applications at one moment."""

    id: str
    deployment: str
    operator: str
    revision: int
    run: str
    """The run that makes it."""
    store: str
    """Name of the object store, in the provider configuration, that holds it."""
    applications: tuple[CarriedApplication, ...]
    """What was asked for."""
    taken_at: datetime | None = None
    """When it was begun, once it is written down."""
    state: BackupState = BackupState.REQUESTED
    key: AccessKey | None = None
    """What opens its bucket, while a machine needs that."""
    saved: tuple[SavedApplication, ...] = ()
    """What deployer says of it, with the secrets that it sealed."""
    index_sha256: str = ""
    """Of its index, once it is complete."""

    @property
    def name(self) -> str:
        """The name of its bucket, and of whoever may write to it."""
        return backup_name(self.deployment, self.id)

    def awaits_export(self, deployment: str, run: str) -> bool:
        """Say whether an export of this deployment and run is what the backup waits for."""
        is_expected = (self.deployment, self.run) == (deployment, run)
        return is_expected and self.state is BackupState.EXPORTING and not self.saved

    @property
    def moment(self) -> str:
        """When it was begun: RFC 3339, UTC."""
        return moment(self.taken_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loan:
    """A backup in the hands of the deployment that is restored from it."""

    deployment: str
    backup: str
    source: str
    """The deployment that the backup was made of."""
    run: str
    store: str
    applications: tuple[CarriedApplication, ...]
    """What is to be restored."""
    state: LoanState = LoanState.WANTED
    key: AccessKey | None = None
    differing: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Bucket → key → ETag of what a restore may replace or delete, as it was when it began."""

    @property
    def holder(self) -> Holder:
        """Who may read the backup for the deployment."""
        return Holder(
            backup_name(self.source, self.backup),
            backup_name(self.deployment, self.backup),
            is_writable=False,
        )


def backup_name(deployment: str, backup: str) -> str:
    """Return the name of a backup's bucket; no application's bucket has one of this form."""
    return f"fdv-{deployment}-{backup}"


def objects_prefix(application: str, purpose: str) -> str:
    """Return where in a backup the objects of a bucket lie."""
    return f"objects/{application}/{purpose}/"


def state_prefix(application: str) -> str:
    """Return where in a backup rows and files of an application lie."""
    return f"state/{application}"


def choose_store(
    applications: Iterable[CarriedApplication], held: Sequence[Bucket], first: str
) -> str:
    """Return the store for a backup: that of the buckets whose objects it is to hold.

    Raises:
        InvalidError: they are in more than one.
    """
    names = sorted({it.store for _, _, it in carried(applications, held)})
    if len(names) > 1:
        raise errors.InvalidError(
            "backup.stores",
            f"the buckets of this deployment lie in several object stores ({', '.join(names)}), "
            "and a backup copies objects within one; move them into one store first",
        )
    return names[0] if names else first


def parts_to_save(backup: Backup, held: Sequence[Bucket]) -> tuple[Part, ...]:
    """Return the objects that a backup is to hold."""
    return tuple(
        Part(it.name, objects_prefix(application, rule.purpose), (rule,), roots(rule))
        for application, rule, it in carried(backup.applications, held)
    )


def left_out(
    application: CarriedApplication, saved: SavedApplication, held: Sequence[Bucket]
) -> tuple[str, ...]:
    """Say what of an application's state a backup does not hold."""
    known = {(owner, rule.purpose) for owner, rule, _ in carried([application], held)}
    # Who exports a machine's state names what others carry.
    elsewhere = {f"bucket {purpose}" for _, purpose in known}
    elsewhere |= {f"secret {it.name}" for it in saved.secrets}
    found = [it for it in saved.not_included if it not in elsewhere]
    for rule in application.buckets:
        if (application.application, rule.purpose) not in known:
            found.append(f"bucket {rule.purpose}, which the deployment does not have")
            continue
        if rule.prefixes:
            found.append(f"all but {' and '.join(rule.prefixes)} of the bucket {rule.purpose}")
        found += [f"{it} of the bucket {rule.purpose}" for it in rule.excludes]
    return tuple(dict.fromkeys(found))


def check_owner(backup: Backup | None, *, operator: str, source: str) -> Backup:
    """Return the backup, if it is one of this operator's deployment.

    Raises:
        NotFoundError: somebody else's is answered like one that does not exist.
    """
    if backup is None or (backup.deployment, backup.operator) != (source, operator):
        raise errors.NotFoundError(
            "backup.unknown",
            "there is no such backup of this deployment; choose one from the list of its backups",
        )
    return backup


def check_lendable(backup: Backup | None, *, operator: str, source: str) -> Backup:
    """Return the backup, if this operator may restore it now.

    Raises:
        NotFoundError: there is none of this deployment and operator.
        ConflictError: it is not complete.
    """
    found = check_owner(backup, operator=operator, source=source)
    if found.state is not BackupState.COMPLETE:
        raise errors.ConflictError(
            "backup.incomplete",
            f"the backup is {found.state}, and only a complete one can be restored",
        )
    return found


def carried(
    applications: Iterable[CarriedApplication], held: Sequence[Bucket]
) -> list[tuple[str, CarriedBucket, Bucket]]:
    """Return application, rule and bucket of everything to carry that a deployment has."""
    by_purpose: Mapping[tuple[str, str], Bucket] = {
        (it.application, it.purpose): it for it in held if it.state in HOLDING
    }
    return [
        (application.application, rule, by_purpose[application.application, rule.purpose])
        for application in applications
        for rule in application.buckets
        if (application.application, rule.purpose) in by_purpose
    ]
