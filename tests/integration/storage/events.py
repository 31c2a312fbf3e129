"""What panel and deployer say about backups and restores."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from shared import ids
from shared.contracts.deployer import DeploymentFailed, StateExported, StateImported
from shared.contracts.failures import Failure, Outcome
from shared.contracts.panel import BackupRemovalRequested, BackupRequested, RestoreRequested
from shared.contracts.state import (
    CarriedApplication,
    CarriedBucket,
    CarriedSecret,
    SavedApplication,
)

if TYPE_CHECKING:
    from shared.contracts.messages import RunEvent
    from shared.contracts.storage import StateExportRequested, StateImportRequested

OPERATOR = ids.new_id()
RULE = CarriedBucket(purpose="media", prefixes=("pictures/",), excludes=("pictures/cache/",))
HELLO = CarriedApplication(application="hello", version="1.0.0", buckets=(RULE,))
CHUNK = b"rows"
SEALED = "a secret that was sealed to deployer"


def backup_requested(
    deployment: str,
    *applications: CarriedApplication,
    operator: str = OPERATOR,
    backup: str | None = None,
) -> BackupRequested:
    run = ids.new_id()
    return BackupRequested(
        deployment=deployment,
        run=run,
        revision=1,
        operator=operator,
        backup=backup or run,
        applications=applications or (HELLO,),
    )


def manifest(export: str, application: str = "hello", **other: str) -> bytes:
    """Return the manifest of an export whose rows are `CHUNK`."""
    known = {"format": "fediversity-state", "version": "1.0.0"}
    chunks = [{"object": "chunks/1", "bytes": len(CHUNK), "raw_bytes": 9}]
    databases = [{"tables": [{"chunks": chunks}]}]
    return json.dumps(
        known | {"export": export, "application": application, "databases": databases} | other
    ).encode()


def state_exported(asked: StateExportRequested, *, run: str | None = None) -> StateExported:
    """Say that the state which was asked for is there, with a manifest for each application."""
    return StateExported(
        deployment=asked.deployment,
        run=run or asked.run,
        revision=asked.revision,
        export=asked.export,
        applications=tuple(
            SavedApplication(
                application=it,
                version="1.0.0",
                manifest=f"{asked.staging.prefixes[it]}/manifest.json",
                sha256=hashlib.sha256(manifest(asked.export, it)).hexdigest(),
                rows=3,
                files=2,
                bytes=100,
                sealed_password=SEALED,
                secrets=(
                    CarriedSecret(
                        name="actor-key",
                        kind="rsa-2048",
                        fingerprint="0" * 64,
                        sealed=SEALED,
                    ),
                ),
                not_included=("bucket media", "secret actor-key", "rows of the table sessions"),
            )
            for it in asked.applications
        ),
    )


def restore_requested(
    deployment: str,
    backup: str,
    *applications: CarriedApplication,
    source: str | None = None,
    operator: str = OPERATOR,
) -> RestoreRequested:
    return RestoreRequested(
        deployment=deployment,
        run=ids.new_id(),
        revision=1,
        operator=operator,
        backup=backup,
        source=source or deployment,
        applications=applications or (HELLO,),
    )


def state_imported(asked: StateImportRequested, *, run: str | None = None) -> StateImported:
    return StateImported(
        deployment=asked.deployment,
        run=run or asked.run,
        revision=asked.revision,
        export=asked.export,
        applications=tuple(it.application for it in asked.applications),
    )


def deployment_failed(event: RunEvent, outcome: Outcome = Outcome.UNCHANGED) -> DeploymentFailed:
    return DeploymentFailed(
        deployment=event.deployment,
        run=event.run,
        revision=1,
        failure=Failure(code="export.failed", message="It failed.", retryable=True),
        stage="export",
        outcome=outcome,
    )


def backup_removal_requested(
    deployment: str, backup: str, *, operator: str = OPERATOR
) -> BackupRemovalRequested:
    return BackupRemovalRequested(
        deployment=deployment, run=ids.new_id(), operator=operator, backup=backup
    )
