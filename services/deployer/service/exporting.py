"""The job `export`: the state of a deployment's applications into a bucket, while they run.

What an export was begun with is kept until it ends, so that it goes on after a crash where it was.
Secrets that the data is worth little without travel along, sealed to whoever asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import errors, jobs
from shared.catalogue import SecretKind, SecretScope
from shared.contracts.deployer import DeploymentFailed, StateExported
from shared.contracts.failures import Outcome
from shared.contracts.messages import Value
from shared.contracts.state import CarriedSecret, SavedApplication, Staging

from ..domain import StateVerb
from . import headway
from .keeping import OWNER
from .state_request import StateRequest, has_state

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.catalogue import Application, StateSecret
    from shared.contracts.messages import Event
    from shared.contracts.storage import StateExportRequested
    from shared.database import Transaction

    from ..domain import ApplicationSecret
    from ..ports import ApplicationSecrets, Hosts, Transfers
    from .keeping import Keeping
    from .reverting import Reverting
    from .running import Left, Running, Visit

EXPORT: Final = "export"


class ExportOrder(Value):
    """What the job was asked for."""

    export: str
    applications: tuple[str, ...]
    staging: Staging
    recipient: str


class Exported(Value):
    """What `export` recorded."""

    applications: tuple[SavedApplication, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporting:
    """Saves state."""

    running: Running
    reverting: Reverting
    hosts: Hosts
    secrets: ApplicationSecrets
    transfers: Transfers
    keeping: Keeping

    def kind(self) -> jobs.Kind:
        """Describe the job."""
        return jobs.Kind(
            name="export",
            steps=(jobs.Step(EXPORT, self.export, *headway.CARRYING),),
            finish=self.announce_exported,
            failed=self.announce_failure,
        )

    async def on_requested(self, event: StateExportRequested, tx: Transaction) -> None:
        """Ask for the job."""
        order = ExportOrder(
            export=event.export,
            applications=event.applications,
            staging=event.staging,
            recipient=event.recipient,
        )
        await jobs.enqueue(
            tx,
            self.kind().name,
            deployment=event.deployment,
            revision=event.revision,
            run=event.run,
            arguments=order,
        )

    async def export(self, job: jobs.Job) -> Exported:
        """Save every application, one machine beside the other."""
        order = job.asked(ExportOrder)
        self.keeping.sealer.require(order.recipient)
        await self.reverting.settle(job.deployment)
        left = await self.running.left(job.deployment)
        for name in order.applications:
            left.version_of(name)
        secrets = await self._secrets(job.deployment, order)
        password = await self._password(job.deployment, order)

        async def export_here(visit: Visit) -> list[SavedApplication]:
            names = sorted({*order.applications} & {*visit.machine.applications})
            return [
                await self._saved(job, visit, left, self._request(order, left, name, password))
                for name in names
            ]

        found = await self.running.everywhere(left, export_here)
        saved = {it.application: it for here in found.values() for it in here}
        return Exported(
            applications=tuple(
                saved[name].model_copy(
                    update={
                        "secrets": tuple(secrets[name]),
                        "not_included": saved[name].not_included + self._left_out(name),
                    }
                )
                for name in order.applications
            )
        )

    async def announce_exported(self, job: jobs.Job, tx: Transaction) -> Sequence[Event]:
        """Say what was saved, and forget it here: whoever asked keeps the secrets now."""
        await self._forget(job, tx)
        return [
            StateExported(
                deployment=job.deployment,
                run=job.run,
                revision=job.revision,
                export=job.asked(ExportOrder).export,
                applications=job.result(EXPORT, Exported).applications,
            )
        ]

    async def announce_failure(
        self, job: jobs.Job, fall: jobs.Fall, tx: Transaction
    ) -> Sequence[Event]:
        """Say why nothing was saved; whoever made the bucket takes it away."""
        await self._forget(job, tx)
        return [
            DeploymentFailed(
                deployment=job.deployment,
                run=job.run,
                revision=job.revision,
                failure=fall.failure,
                stage=fall.stage,
                outcome=Outcome.UNCHANGED,
            )
        ]

    async def _forget(self, job: jobs.Job, tx: Transaction) -> None:
        await self.transfers.exported(tx, job.deployment)
        await jobs.forget(tx, job.deployment, job.run, kind=job.kind)

    def _request(self, order: ExportOrder, left: Left, name: str, password: str) -> StateRequest:
        return StateRequest(
            application=name,
            version=left.version_of(name),
            export=order.export,
            staging=order.staging,
            secret_key=self.keeping.unsealer.unseal(order.staging.granted.sealed_secret_key),
            files_password=password,
        )

    async def _saved(
        self, job: jobs.Job, visit: Visit, left: Left, request: StateRequest
    ) -> SavedApplication:
        name = request.application
        package = self.keeping.catalogue.get(name)
        bare = SavedApplication(application=name, version=left.version_of(name))
        if not has_state(package):
            return bare
        carried = await self.hosts.at(visit.machine).carry(
            visit.boot_id,
            StateVerb.EXPORT,
            name,
            request.document(package, visit.machine),
            headway.teller(job, name),
        )
        recipient = job.asked(ExportOrder).recipient
        return bare.model_copy(
            update={
                "manifest": f"{request.staging.prefixes[name]}/{carried.manifest}",
                "sha256": carried.sha256,
                "rows": carried.rows,
                "files": carried.files,
                "bytes": carried.bytes,
                "not_included": carried.not_included,
                "sealed_password": self.keeping.sealer.seal(recipient, request.files_password),
            }
        )

    async def _password(self, deployment: str, order: ExportOrder) -> str:
        """Return the password of the export's files, kept before anything is written with it."""
        made = (await self.keeping.maker.make(SecretKind.RANDOM_32)).get_secret_value()
        sealed = self.keeping.sealer.seal(OWNER, made)
        kept = await self.transfers.password(deployment, order.export, sealed)
        return self.keeping.unsealer.unseal(kept)

    async def _secrets(
        self, deployment: str, order: ExportOrder
    ) -> Mapping[str, list[CarriedSecret]]:
        """Return the secrets that have to travel, by application.

        Raises:
            FaultError: one of them is not kept here.
        """
        kept = {(it.application, it.name): it for it in await self.secrets.of(deployment)}
        found: dict[str, list[CarriedSecret]] = {}
        for name in order.applications:
            needed = [it.name for it in self._carried(name) if it.generate]
            if missing := [it for it in needed if (name, it) not in kept]:
                raise errors.FaultError(
                    "secret.missing",
                    f"{name} has no {', '.join(missing)} here, without which its data is worth "
                    "little; deploy it first",
                )
            found[name] = [self._resealed(kept[name, it], order.recipient) for it in needed]
        return found

    def _resealed(self, secret: ApplicationSecret, recipient: str) -> CarriedSecret:
        return CarriedSecret(
            name=secret.name,
            kind=secret.kind,
            fingerprint=secret.fingerprint,
            sealed=self.keeping.sealer.seal(recipient, self.keeping.unsealer.unseal(secret.sealed)),
        )

    def _left_out(self, name: str) -> tuple[str, ...]:
        options = [it.name for it in self._carried(name) if not it.generate]
        return tuple(f"secret {it}, which the configuration holds" for it in options)

    def _carried(self, name: str) -> list[StateSecret]:
        package: Application = self.keeping.catalogue.get(name)
        return [it for it in package.state.secrets if it.scope is SecretScope.MUST_CARRY]
