"""The second half of a backup: the objects of the applications, and an index of everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import jobs
from shared.contracts.messages import Value
from shared.contracts.storage import BackupCompleted

from ..domain import backups, exports, objects
from ..domain import index as indexes
from ..domain.index import INDEX, BackupIndex, Contents
from .carrying import LONG_SECONDS, copy_all, listing, to_backup
from .grant import failed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.messages import Event
    from shared.database import Transaction

    from ..domain.backups import Backup
    from ..domain.buckets import Bucket
    from ..domain.objects import Part
    from .ledger import Ledger

VERIFY: Final = "verify"
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
                jobs.Step(VERIFY, self.verify, margin_seconds=LONG_SECONDS),
                jobs.Step(OBJECTS, self.copy_objects, margin_seconds=LONG_SECONDS),
                jobs.Step(INDEXING, self.write_index, margin_seconds=LONG_SECONDS),
            ),
            finish=self.announce_backup,
            failed=self.announce_failure,
        )

    async def verify(self, job: jobs.Job) -> None:
        """Let nobody write any more, then check that the machines wrote what they were asked for.

        A step of its own: once objects are added, nobody can tell who has written them.
        """
        backup, _ = await self._current(job)
        await self.ledger.stores.holding(backup).revoke(backup.name)
        exports.check_answer(backup)
        copier = self.ledger.copier(backup)
        found = await listing(copier, backup.name)
        exports.check_places(backup, found)
        for it in backup.saved:
            if it.manifest:
                exports.check_size(it, found)
                content = await copier.read(backup.name, it.manifest)
                if indexes.digest_of(content) != it.sha256:
                    raise exports.manifest_differs(it)
                exports.check_manifest(backup, it, content, found)

    async def copy_objects(self, job: jobs.Job) -> None:
        """Add the objects that belong to the state."""
        backup, held = await self._current(job)
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
        """Name everything that is there."""
        backup, held = await self._current(job)
        copier = self.ledger.copier(backup)
        found = await listing(copier, backup.name)
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


def _contents(index: BackupIndex, content: bytes) -> Contents:
    return Contents(
        index_sha256=indexes.digest_of(content),
        bytes=index.bytes + len(content),
        applications=tuple(it.summary for it in index.applications),
    )
