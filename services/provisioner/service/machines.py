"""Machines from the wish to the answer: reserved, created, started, watched, removed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from shared import errors, jobs, telemetry
from shared.contracts.deployments import Endpoint, GrantedMachine, SecureShell

from .. import policy
from ..domain import Machine, MachineState
from ..ports import Image, MachineOrder, Power, Purpose
from .values import Booted, ChosenImage, Removed, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.database import Database, Transaction

    from ..domain import AddressRange, Placement
    from ..ports import FoundMachine, MachineRepository, RuntimeBackend

PORT_TAKEN: Final = "machine.port_taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """Sees to it that a deployment has the machines it asks for, and that they run."""

    database: Database
    repository: MachineRepository
    backend: RuntimeBackend
    place: policy.Policy
    available: policy.Available
    addresses: AddressRange
    check_hosts: Callable[[Sequence[str]], None]
    """Refuses hosts that nobody here could reach, before a machine is made for them."""

    async def image(self, job: jobs.Job) -> ChosenImage:
        """Reserve machines, and see to the image that those are made from which do not exist."""
        self.check_hosts(job.asked(Wanted).hosts)
        async with self.database.transaction() as tx:
            assignment = await self._assignment(tx, job)
            for machine, placement in assignment.kept:
                if found := await self._find(machine):
                    _check(machine, found, placement)
            await self.repository.reserve(tx, job.deployment, assignment.new)
        pairs = await self._pairs(job)
        if all([await self._find(machine) for machine, _ in pairs]):
            return ChosenImage(key=None)
        packages = sorted({name for _, placement in pairs for name in placement.image_packages})
        image = await self.backend.ensure_image(packages)
        return ChosenImage(key=image.key, packages=image.packages)

    async def machine(self, job: jobs.Job) -> None:
        """Create the machines that do not exist, and give the others the size they need."""
        chosen = job.result("image", ChosenImage)
        for machine, placement in await self._pairs(job):
            found = await self._find(machine)
            if found is None:
                if chosen.key is None:
                    # It was there a moment ago, when no image seemed to be needed.
                    raise jobs.ReenterError("image")
                image = Image(key=chosen.key, packages=chosen.packages)
                await self._create(machine, placement, image)
            else:
                await self._adapt(machine, found, placement)

    async def boot(self, job: jobs.Job) -> Booted:
        """Start the machines, or find them running, and wait until they answer."""
        pairs = await self._pairs(job)
        boots = [asyncio.ensure_future(self._boot(machine)) for machine, _ in pairs]
        # All of them have ended before the step is done again, or an earlier one.
        await asyncio.gather(*boots, return_exceptions=True)
        return Booted(machines=tuple([await it for it in boots]))

    async def ready(self, job: jobs.Job, tx: Transaction) -> Sequence[GrantedMachine]:
        """Record that the machines answered, and look after them from now on."""
        booted = job.result("boot", Booted).machines
        names = [it.machine for it in booted]
        await self.repository.mark(tx, names, MachineState.READY)
        await self._place_once(tx, await self._assignment(tx, job))
        await jobs.start_watch(tx, "processes", job.deployment)
        return booted

    async def is_changing(self, tx: Transaction, deployment: str) -> bool:
        """Say whether a machine may exist in part."""
        machines = await self._existing(tx, deployment)
        return any(it.state is MachineState.CHANGING for it in machines)

    async def look(self, deployment: str) -> None:
        """See to it that machines which should run do, and that those given up are gone."""
        async with self.database.transaction() as tx:
            machines = await self.repository.list_machines(tx, deployment)
        async with asyncio.TaskGroup() as group:
            looks = [group.create_task(self._trouble_with(it)) for it in machines]
        if troubles := [trouble for it in looks if (trouble := it.result())]:
            raise errors.FaultError("machine.not_looked_after", "; ".join(troubles))

    async def _trouble_with(self, machine: Machine) -> str:
        """Look after one machine; what is wrong with it must not keep another from running."""
        try:
            await self._look_at(machine)
        except errors.HostingError as error:
            return f"{machine.name}: {error}"
        return ""

    async def _look_at(self, machine: Machine) -> None:
        match machine.state:
            case MachineState.READY:
                await self._keep_running(machine)
            case MachineState.SURPLUS:
                await self._remove(machine)
                async with self.database.transaction() as tx:
                    await self.repository.forget(tx, [machine.name])
            case MachineState.RESERVED | MachineState.CHANGING | MachineState.REMOVING:
                pass  # a run is at work on it, or failed to do that

    async def take_away(self, tx: Transaction, deployment: str) -> None:
        """Write down that every machine of a deployment is to be gone."""
        machines = await self.repository.list_machines(tx, deployment)
        names = [it.name for it in machines]
        await self.repository.mark(tx, names, MachineState.REMOVING)

    async def remove(self, job: jobs.Job) -> Removed:
        """Remove the machines that are to be gone, and verify that they are."""
        async with self.database.transaction() as tx:
            machines = await self.repository.list_machines(tx, job.deployment)
        names = [await self._remove(it) for it in machines]
        return Removed(machines=tuple(names))

    async def give_up_surplus(
        self, tx: Transaction, deployment: str, applications: Sequence[str]
    ) -> None:
        """Write down which machines hold no application any more; the watch removes them."""
        machines = await self._existing(tx, deployment)
        surplus = [it.name for it in machines if not {*applications} & {*it.placement.applications}]
        await self.repository.mark(tx, surplus, MachineState.SURPLUS)

    async def forget(self, job: jobs.Job, tx: Transaction) -> tuple[str, ...]:
        """Drop the machines that are gone."""
        names = job.result("machine", Removed).machines
        await self.repository.forget(tx, names)
        await jobs.stop_watch(tx, "processes", job.deployment)
        return names

    async def _keep_running(self, machine: Machine) -> None:
        """Start a machine again whose process is gone, on the same addresses and disk."""
        found = await self.backend.find(machine.name)
        if found is not None and found.power is Power.STOPPED:
            telemetry.log.warning("machine_gone", machine=machine.name)
        await self.backend.start(machine.name, machine.identity)

    async def _existing(self, tx: Transaction, deployment: str) -> Sequence[Machine]:
        machines = await self.repository.list_machines(tx, deployment)
        return [it for it in machines if it.state.is_wanted]

    async def _pairs(self, job: jobs.Job) -> Sequence[tuple[Machine, Placement]]:
        """Return each machine of the revision with what it is to offer."""
        async with self.database.transaction() as tx:
            return (await self._assignment(tx, job)).kept

    async def _assignment(self, tx: Transaction, job: jobs.Job) -> policy.Assignment:
        placements = self.place(self.available, job.asked(Wanted).machines)
        return policy.assign(await self._existing(tx, job.deployment), placements)

    async def _place_once(self, tx: Transaction, assignment: policy.Assignment) -> None:
        """Let no other machine hold an application that was placed on a machine of the revision.

        What else such a machine holds stays there: the revision that runs may still need it.
        """
        placed = {name for _, placement in assignment.kept for name in placement.applications}
        for machine in assignment.surplus:
            held = machine.placement
            left = tuple(it for it in held.applications if it not in placed)
            await self.repository.place(tx, machine.name, replace(held, applications=left))

    async def _find(self, machine: Machine) -> FoundMachine | None:
        found = await self.backend.find(machine.name)
        if found is not None and found.identity != machine.identity:
            raise errors.ConflictError(
                "machine.other_identity", f"{machine.name} exists and is not ours; look at it"
            )
        return found

    async def _create(self, machine: Machine, placement: Placement, image: Image) -> None:
        """Make a machine as it is asked for now, whatever was asked for when it was reserved."""
        async with self.database.transaction() as tx:
            await self.repository.place(tx, machine.name, placement)
            await self.repository.mark(tx, [machine.name], MachineState.CHANGING)
            order = MachineOrder(
                name=machine.name,
                identity=machine.identity,
                image=image,
                size=placement.size,
                ssh=machine.ssh or await self._occupy(tx, machine.name, Purpose.SSH),
                http=machine.http or await self._occupy(tx, machine.name, Purpose.HTTP),
                http_port=placement.http_port,
            )
        try:
            await self.backend.create(order)
        except errors.NotFoundError as error:
            # The image was dropped since it was chosen.
            raise jobs.ReenterError("image") from error

    async def _adapt(self, machine: Machine, found: FoundMachine, placement: Placement) -> None:
        """Let an existing machine be what the revision needs."""
        if found.size != placement.size:
            # Ready it stays: if this fails, the watch starts it again, and nobody moves it.
            await self.backend.resize(machine.name, machine.identity, placement.size)
        async with self.database.transaction() as tx:
            await self.repository.place(tx, machine.name, placement)

    async def _boot(self, machine: Machine) -> GrantedMachine:
        try:
            await self.backend.start(machine.name, machine.identity)
            await self.backend.reach(machine.name, machine.identity)
        except errors.NotFoundError as error:
            # It was being moved when this service died.
            raise jobs.ReenterError("image") from error
        except errors.ConflictError as error:
            if error.code == PORT_TAKEN and machine.state is MachineState.CHANGING:
                await self._move(machine)
            raise
        found = await self.backend.find(machine.name)
        if found is None:
            raise errors.UnavailableError("machine.gone", f"{machine.name} is gone")
        return GrantedMachine(
            machine=found.name,
            applications=machine.placement.applications,
            ssh=SecureShell(
                host=found.ssh.host, port=found.ssh.port, host_public_key=found.host_public_key
            ),
            http=found.http,
            guest=self.backend.doors(),
        )

    async def _move(self, machine: Machine) -> None:
        """Make a machine anew at other addresses, while nobody knows the ones it has."""
        telemetry.log.warning("machine_moves", machine=machine.name)
        await self.backend.remove(machine.name, machine.identity)
        async with self.database.transaction() as tx:
            await self.repository.vacate(tx, machine.name)
        raise jobs.ReenterError("image")

    async def _occupy(self, tx: Transaction, name: str, purpose: Purpose) -> Endpoint:
        taken = await self.repository.taken_ports(tx, self.addresses.host)
        for endpoint in self.addresses.candidates(name):
            if (
                endpoint.port not in taken
                and await self.backend.is_free(endpoint)
                and await self.repository.occupy(tx, name, purpose, endpoint)
            ):
                return endpoint
        raise errors.FaultError(
            "machine.no_address",
            f"every address in {self.addresses} is taken; widen the range in the settings",
        )

    async def _remove(self, machine: Machine) -> str:
        await self.backend.remove(machine.name, machine.identity)
        if await self.backend.find(machine.name) is not None:
            raise errors.FaultError("machine.not_removed", f"{machine.name} is still there")
        return machine.name


def _check(machine: Machine, found: FoundMachine, wanted: Placement) -> None:
    """Refuse what a machine cannot become as it exists: what is recorded may lag behind."""
    held = replace(machine.placement, size=found.size, image_packages=found.image.packages)
    replace(machine, placement=held).check(wanted)
