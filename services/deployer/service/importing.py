"""The job `import`: the state in a bucket instead of what a deployment's applications have.

The export is verified while they run. Then their folders are set aside, with the secrets of before,
and both are only let go of when the applications answer on what was imported. Whatever happens in
between, the job `revert` puts everything back. A prepared deployment's applications stay as they
are: only what holds their data runs, and secrets are tried on that.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import errors, jobs, telemetry
from shared.catalogue import SecretKind
from shared.contracts.deployer import DeploymentFailed, StateImported
from shared.contracts.failures import Outcome
from shared.contracts.messages import Value
from shared.contracts.state import SavedApplication, Staging

from ..domain import ApplicationSecret, Folder, FolderVerb, Import, StateVerb
from . import headway
from .keeping import OWNER
from .state_request import StateRequest, has_state
from .verdict import OUTCOME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.catalogue import Application
    from shared.contracts.messages import Event
    from shared.contracts.state import CarriedSecret
    from shared.contracts.storage import StateImportRequested
    from shared.database import Transaction

    from ..ports import ApplicationSecrets, Hosts, Transfers
    from .halting import Halting
    from .keeping import Keeping
    from .reverting import Reverting
    from .running import Left, Running, Visit
    from .trying import Trying

VERIFY, STOP, IMPORT, START, HEALTH = "verify", "stop", "import", "start", "health"


class ImportOrder(Value):
    """What the job was asked for."""

    export: str
    applications: tuple[SavedApplication, ...]
    staging: Staging

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the applications."""
        return tuple(it.application for it in self.applications)

    def saved(self, application: str) -> SavedApplication:
        """Return what was saved of an application."""
        return next(it for it in self.applications if it.application == application)


class Accepted(Value):
    """What `health` recorded."""

    is_tidy: bool
    """Whether everything that was set aside is removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Importing:
    """Brings state in, and lets go of the earlier one only when the new one is well."""

    running: Running
    halting: Halting
    reverting: Reverting
    trying: Trying
    hosts: Hosts
    secrets: ApplicationSecrets
    transfers: Transfers
    keeping: Keeping

    def kind(self) -> jobs.Kind:
        """Describe the job."""
        return jobs.Kind(
            name="import",
            steps=(
                jobs.Step(VERIFY, self.verify, *headway.CARRYING),
                # Who begins to stop something has to bring it back.
                jobs.Step(STOP, self.stop, last_exit=True),
                jobs.Step(IMPORT, self.bring_in, *headway.CARRYING),
                jobs.Step(START, self.start),
                jobs.Step(HEALTH, self.health, margin_seconds=900.0),
            ),
            finish=self.announce_imported,
            failed=self.announce_failure,
        )

    async def on_requested(self, event: StateImportRequested, tx: Transaction) -> None:
        """Ask for the job."""
        await jobs.enqueue(
            tx,
            self.kind().name,
            deployment=event.deployment,
            revision=event.revision,
            run=event.run,
            arguments=ImportOrder(
                export=event.export, applications=event.applications, staging=event.staging
            ),
        )

    async def verify(self, job: jobs.Job) -> None:
        """Make sure that all of it can be brought in, before anything is touched."""
        order = job.asked(ImportOrder)
        await self.reverting.settle(job.deployment)
        left = await self.running.left(job.deployment)
        self._opened(order)

        async def verify_here(visit: Visit) -> None:
            for package in self.halting.packages(visit, order.names):
                _require_match(left, package, order.saved(package.name))
                if has_state(package):
                    await self._carry(job, visit, StateVerb.VERIFY, package)

        for name in order.names:
            left.version_of(name)
        await self.running.everywhere(left, verify_here)

    async def stop(self, job: jobs.Job) -> None:
        """Stop the applications and set their folders aside."""
        order = job.asked(ImportOrder)
        left = await self.running.left(job.deployment)
        begun = Import(export=order.export, run=job.run, applications=order.names)
        await self.transfers.begin(job.deployment, begun)

        async def stop_here(visit: Visit) -> None:
            for package in self.halting.packages(visit, order.names):
                await self.halting.halt(visit, left, package)
                await self.halting.fold(visit, FolderVerb.SET_ASIDE, package, order.export)

        await self.running.everywhere(left, stop_here)

    async def bring_in(self, job: jobs.Job) -> None:
        """Fill the new folders, with the secrets that belong to what they are filled with."""
        _stay(job)
        order = job.asked(ImportOrder)
        left = await self.running.left(job.deployment)
        await self.secrets.exchange(job.deployment, self._opened(order))

        async def bring_in_here(visit: Visit) -> None:
            await self.halting.place(visit, left)
            for package in self.halting.packages(visit, order.names):
                await self._bring_in(job, visit, package)

        await self.running.everywhere(left, bring_in_here)

    async def _bring_in(self, job: jobs.Job, visit: Visit, package: Application) -> None:
        export = job.asked(ImportOrder).export
        await self.halting.start_engines(visit, package)
        found = await self.halting.fold(visit, FolderVerb.STATUS, package, export)
        if found is Folder.NONE:
            raise errors.FaultError(
                "import.folder_lost", f"the folder of {package.name} is not set aside any more"
            )
        if found is Folder.ASIDE:
            await self._carry(job, visit, StateVerb.IMPORT, package)
            await self.halting.fold(visit, FolderVerb.IMPORTED, package, export)
        for command in package.state.hooks.post_restore:
            host = self.hosts.at(visit.machine)
            if complaint := await host.perform(visit.boot_id, package.name, command):
                raise errors.FaultError(
                    "application.not_restored",
                    f"{package.name} does not take what was imported: {complaint}",
                )
        # Once more, so that what the commands have written outlives a power cut.
        await self.halting.fold(visit, FolderVerb.IMPORTED, package, export)

    async def start(self, job: jobs.Job) -> None:
        """Start the applications on what was imported."""
        _stay(job)
        names = job.asked(ImportOrder).names
        left = await self.running.left(job.deployment)

        async def start_here(visit: Visit) -> None:
            for package in self.halting.packages(visit, names):
                await self.halting.bring_up(visit, left, package)

        await self.running.everywhere(left, start_here)

    async def health(self, job: jobs.Job) -> Accepted:
        """Keep what was imported when everything is well on it, and let go of the rest."""
        left = await self.running.left(job.deployment)
        begun = await self.transfers.unsettled(job.deployment)
        if begun is None:
            return Accepted(is_tidy=True)
        if not begun.is_accepted:
            _stay(job)
            await self.trying.require_well(left, begun.applications)
            await self.transfers.accept(job.deployment)
        try:
            await self.reverting.drop(left, begun)
        except errors.HostingError as error:
            # The import is done; what is left takes room until something else is.
            telemetry.log.warning("folders_left", deployment=job.deployment, reason=error.in_full)
            return Accepted(is_tidy=False)
        return Accepted(is_tidy=True)

    async def announce_imported(self, job: jobs.Job, tx: Transaction) -> Sequence[Event]:
        """Forget what was before, and say what is now."""
        order = job.asked(ImportOrder)
        # The secrets that came along are those of the applications now.
        await jobs.forget(tx, job.deployment, job.run, kind=job.kind)
        await self.secrets.settle(tx, job.deployment)
        if job.result(HEALTH, Accepted).is_tidy:
            await self.transfers.settle(job.deployment, tx)
        return [
            StateImported(
                deployment=job.deployment,
                run=job.run,
                revision=job.revision,
                export=order.export,
                applications=order.names,
            )
        ]

    async def announce_failure(
        self, job: jobs.Job, fall: jobs.Fall, tx: Transaction
    ) -> Sequence[Event]:
        """Let what was changed be put back, which tells the end; or say that nothing was."""
        await jobs.forget(tx, job.deployment, job.run, kind=job.kind)
        begun = await self.transfers.unsettled(job.deployment, tx)
        is_ours = begun is not None and begun.run == job.run
        if begun and is_ours and not begun.is_accepted:
            await self.reverting.enqueue(job, fall, tx)
            return []
        usual = Outcome.PARTIAL if is_ours else Outcome.UNCHANGED
        return [
            DeploymentFailed(
                deployment=job.deployment,
                run=job.run,
                revision=job.revision,
                failure=fall.failure,
                stage=fall.stage,
                outcome=Outcome(fall.failure.details.get(OUTCOME, usual)),
            )
        ]

    async def _carry(
        self, job: jobs.Job, visit: Visit, verb: StateVerb, package: Application
    ) -> None:
        order = job.asked(ImportOrder)
        saved = order.saved(package.name)
        password = saved.sealed_password
        request = StateRequest(
            application=package.name,
            version=saved.version,
            export=order.export,
            staging=order.staging,
            secret_key=self.keeping.unsealer.unseal(order.staging.granted.sealed_secret_key),
            files_password=self.keeping.unsealer.unseal(password) if password else "",
            sha256=saved.sha256,
        )
        document = request.document(package, visit.machine)
        host = self.hosts.at(visit.machine)
        told = headway.teller(job, package.name)
        await host.carry(visit.boot_id, verb, package.name, document, told)

    def _opened(self, order: ImportOrder) -> list[ApplicationSecret]:
        """Return the secrets that come along, sealed to ourselves.

        Raises:
            InvalidError: one of them cannot be read, or is not what was saved.
        """
        return [
            self._own(saved.application, secret)
            for saved in order.applications
            for secret in saved.secrets
        ]

    def _own(self, application: str, secret: CarriedSecret) -> ApplicationSecret:
        value = self.keeping.unsealer.unseal(secret.sealed)
        if hashlib.sha256(
            value.encode()
        ).hexdigest() != secret.fingerprint or secret.kind not in set(SecretKind):
            raise errors.InvalidError(
                "secret.differs",
                f"the secret {secret.name} of {application} is not the one that was saved; take "
                "another backup",
            )
        return ApplicationSecret(
            application=application,
            name=secret.name,
            kind=SecretKind(secret.kind),
            sealed=self.keeping.sealer.seal(OWNER, value),
            fingerprint=secret.fingerprint,
        )


def _require_match(left: Left, package: Application, saved: SavedApplication) -> None:
    """Refuse an export of another version, or of less than the application has."""
    version = left.version_of(package.name)
    if saved.version != version:
        raise errors.ConflictError(
            "version.differs",
            f"{package.name} was saved as version {saved.version} and is deployed as {version}; "
            f"deploy version {saved.version} first",
        )
    if has_state(package) and not saved.manifest:
        raise errors.ConflictError(
            "export.incomplete",
            f"databases and folders of {package.name} were not saved; take another backup",
        )


def _stay(job: jobs.Job) -> None:
    """Go no further in a cancelled run; the job `revert` says what became of it.

    Raises:
        RunCancelledError: the run was cancelled.
    """
    if job.is_cancelled:
        raise jobs.RunCancelledError("The run was cancelled.", details={})
