"""Backups, as operators ask for them and as the API shows them."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import ConfigDict, Field

from ...domain.backups import Backup, BackupState
from ...service.backups import Restoration
from .. import examples
from .runs import RunAnswer, RunSummary
from .shape import Answer, Id, Question


class BackedUpAnswer(Answer):
    """What a backup holds of one application."""

    application: str
    version: str
    rows: int
    files: int
    objects: int
    bytes: int
    """Of rows, files and objects together, as they were before they were packed."""
    not_included: tuple[str, ...]
    """What its state has besides, in words."""


class BackupAnswer(Answer):
    """A backup and what it holds."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.BACKUP]})

    id: Id
    deployment: Id
    """What it was made of; it may be removed by now."""
    domain: str
    revision: int | None
    state: BackupState
    automatic: bool
    """Whether a restore made it of what it was about to replace."""
    created_at: datetime
    taken_at: datetime | None
    """The moment that it holds."""
    bytes: int | None
    """What it takes in the store."""
    applications: tuple[BackedUpAnswer, ...]
    """Empty until it is complete."""
    run: Id
    """The run that worked on it last."""

    @classmethod
    def of(cls, backup: Backup) -> Self:
        """Return how a backup is shown."""
        return cls(
            id=backup.id,
            deployment=backup.deployment,
            domain=backup.domain,
            revision=backup.revision,
            state=backup.state,
            automatic=backup.is_automatic,
            created_at=backup.created_at,
            taken_at=backup.taken_at,
            bytes=backup.bytes,
            applications=tuple(BackedUpAnswer.model_validate(it) for it in backup.content),
            run=backup.run,
        )


class RestoreQuestion(Question):
    """Where to bring a backup."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.RESTORE_QUESTION]})

    domain: Annotated[str | None, Field(max_length=1000)] = None
    """Given: a new deployment on this domain. Left out: in place, or where it was when removed."""
    backup_first: bool = True
    """In place: whether to back up what is there before. It fails where that is damaged too far."""


class RestorationAnswer(Answer):
    """The runs of a restore, each of which begins once the one before has succeeded."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.RESTORATION]})

    deployment: Id
    """Where the backup is brought: what it was made of, or a new deployment."""
    run: RunAnswer
    """The last one: when it has succeeded, everything is there."""
    runs: tuple[RunSummary, ...]
    """All of them, in their order."""
    warnings: tuple[str, ...]
    """What to know before the last of them begins, in words: on another domain, above all."""

    @classmethod
    def of(cls, found: Restoration) -> Self:
        """Return how a restore is shown."""
        return cls(
            deployment=found.deployment,
            run=RunAnswer.of_details(found.runs[-1]),
            runs=tuple(RunSummary.model_validate(it.run) for it in found.runs),
            warnings=tuple(found.warnings),
        )
