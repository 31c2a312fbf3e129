"""The second half of a backup: the objects of the applications, and an index of everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import errors, jobs
from shared.contracts.messages import Value
from shared.contracts.storage import BackupCompleted

from ..domain import backups, objects
from ..domain import index as indexes
from ..domain.index import INDEX, BackupIndex, Contents
from .carrying import LONG_SECONDS, copy_all, listing, to_backup
from .grant import failed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.contracts.messages import Event
    from shared.database import Transaction

    from ..domain.backups import Backup
    from ..domain.buckets import Bucket
    from ..domain.objects import Part, StoredObject
    from ..ports import ObjectCopier
    from .ledger import Ledger

OBJECTS: Final = "objects"
INDEXING: Final = "index"


class Exported(Value):
    """A backup whose rows and files are there."""

    backup: str


@dataclass(frozen=True, slots=True)
class Collecting:
    """Add objects and an index to what the machines have written."""

    ledger: Ledger

    def kind(self) -> jobs.Kind:
        """Return the kind of job."""
        return jobs.Kind(
            name="collect",
            steps=(
                jobs.Step(OBJECTS, self.copy_objects, margin_seconds=LONG_SECONDS),
                jobs.Step(INDEXING, self.write_index, margin_seconds=LONG_SECONDS),
            ),
            finish=self.announce_backup,
            failed=self.announce_failure,
        )

    async def copy_objects(self, job: jobs.Job) -> None:
        """Let nobody write any more, then add the objects that belong to the state."""
        backup, held = await self._current(job)
        _check_answered(backup)
        await self.ledger.stores.holding(backup).revoke(backup.name)
        for part in backups.parts_to_save(backup, held):
            copied = await self._save(job, backup, part)
            await job.report(f"{part.bucket}: {copied} objects copied")

    async def _save(self, job: jobs.Job, backup: Backup, part: Part) -> int:
        copier = self.ledger.copier(backup)
        live = await listing(copier, part.bucket, part.roots)
        saved = await listing(copier, backup.name, [part.prefix], without=part.prefix)
        changes = objects.compare(part, live, saved)
        wanted = [live[key] for key in (*changes.absent, *changes.different)]
        return await copy_all(copier, to_backup(backup, part, wanted), job)

    async def write_index(self, job: jobs.Job) -> Contents:
        """Check what the machines have written, and name everything that is there."""
        backup, held = await self._current(job)
        copier = self.ledger.copier(backup)
        found = await listing(copier, backup.name)
        await _check_manifests(copier, backup, found)
        index = indexes.build_index(backup, found.values(), held)
        content = indexes.written(index)
        await copier.write(backup.name, INDEX, content)
        await job.report(f"{len(index.objects)} objects, {index.bytes} bytes")
        return _contents(index, content)

    async def announce_backup(self, job: jobs.Job, tx: Transaction) -> Sequence[Event]:
        """Record that the backup is complete, and say so."""
        backup = await self.ledger.current(tx, job, job.asked(Exported).backup)
        contents = job.result(INDEXING, Contents)
        await self.ledger.backups.complete(tx, backup.id, contents)
        return [
            BackupCompleted(
                deployment=job.deployment,
                run=job.run,
                revision=job.revision,
                backup=backup.id,
                taken_at=backup.moment,
                bytes=contents.bytes,
                applications=contents.applications,
            )
        ]

    async def announce_failure(
        self, job: jobs.Job, fall: jobs.Fall, tx: Transaction
    ) -> Sequence[Event]:
        """Tell what failed; what there is of the backup is taken away."""
        await self.ledger.give_up(tx, job, job.asked(Exported).backup)
        return [failed(job, fall, is_begun=False)]

    async def _current(self, job: jobs.Job) -> tuple[Backup, Sequence[Bucket]]:
        async with self.ledger.database.transaction() as tx:
            backup = await self.ledger.current(tx, job, job.asked(Exported).backup)
            return backup, await self.ledger.buckets.list_of(tx, job.deployment)


def _check_answered(backup: Backup) -> None:
    asked = {it.application for it in backup.applications}
    if missing := sorted(asked - {it.application for it in backup.saved}):
        raise errors.FaultError(
            "backup.not_exported", f"nothing was exported of {', '.join(missing)}; try again"
        )


async def _check_manifests(
    copier: ObjectCopier, backup: Backup, found: Mapping[str, StoredObject]
) -> None:
    """Check that rows and files of every application are the ones that deployer speaks of."""
    for it in backup.saved:
        if it.manifest and (
            it.manifest not in found or await copier.digest(backup.name, it.manifest) != it.sha256
        ):
            raise errors.FaultError(
                "backup.manifest_differs",
                f"the manifest of {it.application} in the backup is not the one that was exported; "
                "make another backup",
            )


def _contents(index: BackupIndex, content: bytes) -> Contents:
    return Contents(
        index_sha256=indexes.digest_of(content),
        bytes=index.bytes + len(content),
        applications=tuple(it.summary for it in index.applications),
    )
