"""The index of a backup: what it holds, and whether that is still there.

The index is the object `index.json` of a backup's bucket, written when everything else is there:
a bucket without it is no backup. It covers every other object by size and ETag, and rows and files
once more by the SHA-256 of each application's manifest. Its own SHA-256 is kept by storage.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from shared import errors
from shared.contracts.messages import Value
from shared.contracts.state import BackedUpApplication, CarriedBucket

from .backups import carried, left_out, objects_prefix
from .objects import Part, StoredObject, roots

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .backups import Backup, Loan
    from .buckets import Bucket

INDEX: Final = "index.json"
FORMAT: Final = "fediversity-backup"
VERSION: Final = "1.0"
MOST_NAMED: Final = 5


class IndexedApplication(Value):
    """What a backup holds of one application."""

    application: str
    version: str
    manifest: str
    """Key of the manifest of rows and files; empty when there are none."""
    sha256: str
    """Of the manifest."""
    buckets: tuple[CarriedBucket, ...]
    """Whose objects were copied, and which of them."""
    summary: BackedUpApplication


class BackupIndex(Value):
    """Everything that a backup holds."""

    format: str = FORMAT
    format_version: str = VERSION
    backup: str
    deployment: str
    revision: int
    taken_at: str
    """RFC 3339, UTC."""
    applications: tuple[IndexedApplication, ...]
    objects: tuple[StoredObject, ...]
    """Sorted by key."""

    @property
    def bytes(self) -> int:
        """What all objects take together."""
        return sum(it.size for it in self.objects)

    def below(self, prefix: str) -> dict[str, StoredObject]:
        """Return the objects below a prefix, by what follows it in their keys."""
        return {it.key.removeprefix(prefix): it for it in self.objects if it.key.startswith(prefix)}


class Contents(Value):
    """What is known of a complete backup without asking its store."""

    index_sha256: str
    bytes: int
    """What it takes in the store."""
    applications: tuple[BackedUpApplication, ...]


def build_index(
    backup: Backup, objects: Iterable[StoredObject], held: Sequence[Bucket]
) -> BackupIndex:
    """Return the index of a backup whose bucket holds these objects."""
    listed = tuple(sorted((it for it in objects if it.key != INDEX), key=lambda it: it.key))
    saved = {it.application: it for it in backup.saved}
    applications = []
    for asked in backup.applications:
        state = saved[asked.application]
        rules = tuple(rule for _, rule, _ in carried([asked], held))
        prefixes = tuple(objects_prefix(asked.application, it.purpose) for it in rules)
        copied = [it for it in listed if it.key.startswith(prefixes)]
        summary = BackedUpApplication(
            application=state.application,
            version=state.version,
            rows=state.rows,
            files=state.files,
            objects=len(copied),
            bytes=state.bytes + sum(it.size for it in copied),
            not_included=left_out(asked, state, held),
        )
        applications.append(
            IndexedApplication(
                application=state.application,
                version=state.version,
                manifest=state.manifest,
                sha256=state.sha256,
                buckets=rules,
                summary=summary,
            )
        )
    return BackupIndex(
        backup=backup.id,
        deployment=backup.deployment,
        revision=backup.revision,
        taken_at=backup.moment,
        applications=tuple(applications),
        objects=listed,
    )


def written(index: BackupIndex) -> bytes:
    """Return the content of the index as it lies in the bucket."""
    return index.model_dump_json().encode()


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of an index, or of a manifest."""
    return hashlib.sha256(content).hexdigest()


def read(content: bytes, sha256: str) -> BackupIndex:
    """Return the index in an object that must be the one that was written.

    Raises:
        FaultError: it is not.
    """
    if digest_of(content) != sha256:
        raise damaged("its index is not the one that was written")
    try:
        return BackupIndex.model_validate_json(content)
    except ValidationError as error:
        raise damaged("its index cannot be read") from error


def check_whole(index: BackupIndex, found: Mapping[str, StoredObject]) -> None:
    """Check that a bucket holds everything that the index of its backup names.

    Raises:
        FaultError: something is missing or was changed.
    """
    wrong = [it.key for it in index.objects if found.get(it.key) != it]
    if wrong:
        rest = f" and {len(wrong) - MOST_NAMED} more" if len(wrong) > MOST_NAMED else ""
        raise damaged(
            f"{len(wrong)} of its {len(index.objects)} objects are missing or changed: "
            f"{', '.join(wrong[:MOST_NAMED])}{rest}"
        )


def check_fits(backup: Backup, index: BackupIndex, loan: Loan, held: Sequence[Bucket]) -> None:
    """Check that a deployment can take in what it asks of a backup.

    Raises:
        InvalidError: an application is not in the backup, or the deployment has no bucket for its
            objects where they could be copied to.
    """
    wanted = {it.application for it in loan.applications}
    if missing := sorted(wanted - {it.application for it in backup.saved}):
        raise errors.InvalidError(
            "backup.application_missing",
            f"the backup holds nothing of {', '.join(missing)}; "
            "restore one that was made while the deployment had it",
        )
    homes = {(owner, rule.purpose): it for owner, rule, it in carried(loan.applications, held)}
    for owner, purpose in _purposes(index):
        home = homes.get((owner, purpose))
        if owner in wanted and (home is None or home.store != backup.store):
            raise errors.InvalidError(
                "backup.bucket_missing",
                f"the backup holds objects of {owner}/{purpose}, and the deployment has no such "
                f"bucket in the object store {backup.store}; deploy a configuration that has it",
            )


def _purposes(index: BackupIndex) -> list[tuple[str, str]]:
    """Return the applications and purposes of which a backup holds objects."""
    return [
        (it.application, rule.purpose)
        for it in index.applications
        for rule in it.buckets
        if index.below(objects_prefix(it.application, rule.purpose))
    ]


def parts_to_restore(index: BackupIndex, loan: Loan, held: Sequence[Bucket]) -> tuple[Part, ...]:
    """Return the objects that a restore makes as they were.

    About what was not carried the backup says nothing, so that is left alone.
    """
    saved = {
        (it.application, rule.purpose): rule for it in index.applications for rule in it.buckets
    }
    return tuple(
        Part(
            it.name,
            objects_prefix(owner, rule.purpose),
            (rule, saved[owner, rule.purpose]),
            roots(rule),
        )
        for owner, rule, it in carried(loan.applications, held)
        if (owner, rule.purpose) in saved and it.store == loan.store
    )


def damaged(what: str) -> errors.FaultError:
    """Return the error that a backup cannot be restored any more."""
    return errors.FaultError(
        "backup.damaged", f"the backup is damaged: {what}; restore another one"
    )
