"""Backups as pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...domain.backups import BackupState
from . import states

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ...domain.backups import Backup
    from .states import StateView


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldView:
    """What a backup holds of one application."""

    application: str
    version: str
    rows: int
    files: int
    objects: int
    not_included: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupView:
    """One backup."""

    id: str
    domain: str
    deployment: str
    state: StateView
    taken_at: datetime | None
    created_at: datetime
    bytes: int | None
    run: str
    is_automatic: bool
    revision: int | None
    applications: Sequence[str]
    held: Sequence[HeldView]
    can_restore: bool
    can_remove: bool


def present(backup: Backup) -> BackupView:
    """Return a backup as pages show it."""
    return BackupView(
        id=backup.id,
        domain=backup.domain,
        deployment=backup.deployment,
        state=states.of_backup(backup.state),
        taken_at=backup.taken_at,
        created_at=backup.created_at,
        bytes=backup.bytes,
        run=backup.run,
        is_automatic=backup.is_automatic,
        revision=backup.revision,
        applications=[it.application for it in backup.applications],
        held=[
            HeldView(
                application=it.application,
                version=it.version,
                rows=it.rows,
                files=it.files,
                objects=it.objects,
                not_included=", ".join(it.not_included),
            )
            for it in backup.content
        ],
        can_restore=backup.state is BackupState.COMPLETE,
        can_remove=backup.state in {BackupState.COMPLETE, BackupState.FAILED},
    )
