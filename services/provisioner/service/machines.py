"""Machines from the wish to the answer: reserved, created, started, watched, removed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from shared import errors, jobs, telemetry
from shared.contracts.deployments import GrantedMachine, SecureShell

from .. import policy
from ..domain import SSH_PORT, Door, Machine, MachineState
from ..ports import Image, MachineOrder, Power
from .values import Booted, ChosenImage, ChosenImages, Removed, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from shared.contracts.deployments import Endpoint
    from shared.database import Database, Transaction

    from ..domain import AddressRange, ApplicationHost, Placement
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
    retention_days: int
    """How long a machine is kept that nothing of the revision that runs is on."""
    check_hosts: Callable[[Sequence[str]], None]
    """Refuses hosts that nobody here could reach, before a machine is made for them."""

    async def image(self, job: jobs.Job) -> ChosenImages:
        """Reserve machines, and see to the images that those are made from which do not exist."""
        self.check_hosts(job.asked(Wanted).hosts)
        async with self.database.transaction() as tx:
            assignment = await self._assignment(tx, job)
            await self._take_back(tx, assignment)
            await self.repository.reserve(tx, job.deployment, assignment.new)
        images = {}
        for machine, placement in await self._pairs(job):
            if await self._find(machine) is None:
                image = await self.backend.ensure_image(placement.image_packages)
                images[machine.name] = ChosenImage(key=image.key, packages=image.packages)
        return ChosenImages(images=images)

    async def machine(self, job: jobs.Job) -> None:
        """Create the machines that do not exist, and let the others be what they are to be."""
        images = job.result("image", ChosenImages).images
        for machine, placement in await self._pairs(job):
            found = await self._find(machine)
            if found is not None:
                await self._adapt(machine, found, placement)
            elif chosen := images.get(machine.name):
                image = Image(key=chosen.key, packages=chosen.packages)
                await self._create(machine, placement, image)
            else:
                # It was there a moment ago, when no image seemed to be needed.
                raise jobs.ReenterError("image")

    async def boot(self, job: jobs.Job) -> Booted:
        """Start the machines, or find them running, and wait until they answer."""
        pairs = await self._pairs(job)
        boots = [asyncio.ensure_future(self._boot(*it)) for it in pairs]
        # All of them have ended before the step is done again, or an earlier one.
        await asyncio.gather(*boots, return_exceptions=True)
        return Booted(machines=tuple([await it for it in boots]))

    async def ready(self, job: jobs.Job, tx: Transaction) -> Sequence[GrantedMachine]:
        """Record that the machines answered, and look after them from now on."""
        booted = job.result("boot", Booted).machines
        names = [it.machine for it in booted]
        await self.repository.mark(tx, names, MachineState.READY)
        await self._place_once(tx, job)
        await jobs.start_watch(tx, "processes", job.deployment)
        return booted

    async def is_changing(self, tx: Transaction, deployment: str) -> bool:
        """Say whether a machine may exist in part."""
        machines = await self._existing(tx, deployment)
        return any(it.state is MachineState.CHANGING for it in machines)

    async def look(self, deployment: str) -> None:
        """See to it that machines run, are switched off or are gone, as each is meant to."""
        async with self.database.transaction() as tx:
            await self.repository.give_up_due(tx, deployment)
            machines = await self.repository.list_machines(tx, deployment)
        # What is wrong with one of them, whatever it is, must not keep another from running.
        looks = (self._look_at(it) for it in machines)
        found = await asyncio.gather(*looks, return_exceptions=True)
        failed = [(it.name, error) for it, error in zip(machines, found, strict=True) if error]
        if failed:
            troubles = (f"{name}: {str(error) or repr(error)}" for name, error in failed)
            _, first = failed[0]
            raise errors.FaultError("machine.not_looked_after", "; ".join(troubles)) from first

    async def _look_at(self, machine: Machine) -> None:
        match machine.state:
            case MachineState.READY:
                await self._keep_running(machine)
            case MachineState.KEPT:
                await self._switch_off(machine)
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

    async def settle(self, tx: Transaction, deployment: str, applications: Sequence[str]) -> None:
        """Write down that nothing but these applications is on the deployment's machines any more.

        The watch closes the ways to the others, and sees to machines that hold none.
        """
        for machine in await self._existing(tx, deployment):
            left = _only(machine.placement, applications)
            if left.ports:
                needed = {SSH_PORT, *left.ports.values()}
                await self.repository.place(tx, machine.name, left)
                await self.repository.vacate(tx, machine.name, keep=needed)
            elif machine.holds_data:
                # As it is: whoever left may return, and a run that follows may still fail.
                await self.repository.keep(tx, machine.name, self.retention_days)
            else:
                await self.repository.mark(tx, [machine.name], MachineState.SURPLUS)

    async def open_doors(self, job: jobs.Job, hosts: Sequence[ApplicationHost]) -> None:
        """Let machines out through the doors that those hosts' applications on them need."""
        needed = {it.application: it.doors for it in hosts if not it.is_media}
        async with self.database.transaction() as tx:
            machines = await self._existing(tx, job.deployment)
        for machine in machines:
            # One that was lost has no doors; the run that makes it anew opens them.
            if machine.state is MachineState.READY and await self._find(machine):
                wanted = (needed.get(it, frozenset()) for it in machine.placement.applications)
                doors = frozenset[Door]().union(*wanted)
                await self.backend.open_doors(machine.name, machine.identity, doors)

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
        if found is not None and found.addresses != machine.addresses:
            await self.backend.forward(machine.name, machine.identity, machine.addresses)

    async def _switch_off(self, machine: Machine) -> None:
        found = await self._find(machine)
        if found is not None and found.power is Power.RUNNING:
            await self.backend.stop(machine.name, machine.identity)
            until = str(machine.kept_until)
            telemetry.log.info("machine_switched_off", machine=machine.name, kept_until=until)

    async def _take_back(self, tx: Transaction, assignment: policy.Assignment) -> None:
        """Let kept machines run again that hold what the revision asks for."""
        kept = [it.name for it, _ in assignment.kept if it.state is MachineState.KEPT]
        await self.repository.mark(tx, kept, MachineState.READY)

    async def _existing(self, tx: Transaction, deployment: str) -> Sequence[Machine]:
        machines = await self.repository.list_machines(tx, deployment)
        return [it for it in machines if it.state.is_wanted]

    async def _pairs(self, job: jobs.Job) -> Sequence[tuple[Machine, Placement]]:
        """Return each machine of the revision with what it is to offer."""
        async with self.database.transaction() as tx:
            return (await self._assignment(tx, job)).kept

    async def _assignment(self, tx: Transaction, job: jobs.Job) -> policy.Assignment:
        machines = await self._existing(tx, job.deployment)
        made = []
        for machine in machines:
            # What is recorded may lag behind.
            if found := await self._find(machine):
                placement = replace(
                    machine.placement, size=found.size, image_packages=found.image.packages
                )
                made.append(replace(machine, placement=placement))
        names = {it.name for it in made}
        return policy.assign(
            self.place,
            replace(self.available, machines=tuple(made)),
            job.asked(Wanted).machines,
            unmade=[it for it in machines if it.name not in names],
        )

    async def _place_once(self, tx: Transaction, job: jobs.Job) -> None:
        """Let no other machine hold an application that was placed on a machine of the revision.

        What else such a machine holds stays there: the revision that runs may still need it.
        """
        assignment = await self._assignment(tx, job)
        places = {name: it.name for it, placement in assignment.kept for name in placement.ports}
        for machine in await self._existing(tx, job.deployment):
            held = machine.placement
            here = [it for it in held.ports if places.get(it, machine.name) == machine.name]
            await self.repository.place(tx, machine.name, _only(held, here))

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
            addresses = await self._occupy(tx, machine, placement)
            await self.repository.vacate(tx, machine.name, keep=addresses.keys())
        order = MachineOrder(
            name=machine.name,
            identity=machine.identity,
            image=image,
            size=placement.size,
            addresses=addresses,
        )
        try:
            await self.backend.create(order)
        except errors.NotFoundError as error:
            # The image was dropped since it was chosen.
            raise jobs.ReenterError("image") from error

    async def _adapt(self, machine: Machine, found: FoundMachine, placement: Placement) -> None:
        """Let an existing machine be what the revision needs, besides what runs on it now."""
        if found.size != placement.size:
            # Ready it stays: if this fails, the watch starts it again, and nobody moves it.
            await self.backend.resize(machine.name, machine.identity, placement.size)
        elif found.is_outdated:
            await self.backend.stop(machine.name, machine.identity)
        ports = {**machine.placement.ports, **placement.ports}
        async with self.database.transaction() as tx:
            await self.repository.place(tx, machine.name, replace(placement, ports=ports))
            needed = await self._occupy(tx, machine, placement)
        addresses = {**machine.addresses, **needed}
        try:
            await self.backend.forward(machine.name, machine.identity, addresses)
        except errors.ConflictError:
            lost = {it for it in addresses if addresses[it] != found.addresses.get(it)}
            if all([await self.backend.is_free(addresses[it]) for it in lost]):
                raise
            async with self.database.transaction() as tx:
                await self.repository.vacate(tx, machine.name, keep=addresses.keys() - lost)
            # Somebody else was faster; there are other addresses.
            raise jobs.ReenterError("machine") from None

    async def _boot(self, machine: Machine, placement: Placement) -> GrantedMachine:
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
        if found.size != placement.size:
            # The watch, or an attempt that was cut short, was told so.
            raise errors.FaultError(
                "machine.memory_full",
                f"{machine.name} runs with {found.size}, as before: this host lacks the memory to "
                f"start it with {placement.size}; see: free -m",
            )
        return _granted(found, placement)

    async def _move(self, machine: Machine) -> None:
        """Make a machine anew at other addresses, while nobody knows the ones it has."""
        telemetry.log.warning("machine_moves", machine=machine.name)
        await self.backend.remove(machine.name, machine.identity)
        async with self.database.transaction() as tx:
            await self.repository.vacate(tx, machine.name)
        raise jobs.ReenterError("image")

    async def _occupy(
        self, tx: Transaction, machine: Machine, placement: Placement
    ) -> Mapping[int, Endpoint]:
        """Return an address for SSH and for each application; those that it has stay the same."""
        ports = (SSH_PORT, *placement.ports.values())
        had = machine.addresses
        return {it: had.get(it) or await self._occupy_one(tx, machine.name, it) for it in ports}

    async def _occupy_one(self, tx: Transaction, name: str, port: int) -> Endpoint:
        taken = await self.repository.taken_ports(tx, self.addresses.host)
        for endpoint in self.addresses.candidates(name):
            if (
                endpoint.port not in taken
                and await self.backend.is_free(endpoint)
                and await self.repository.occupy(tx, name, port, endpoint)
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


def _only(placement: Placement, applications: Iterable[str]) -> Placement:
    """Return a placement without the applications that are not among these."""
    kept = {*applications}
    ports = {name: port for name, port in placement.ports.items() if name in kept}
    return replace(placement, ports=ports)


def _granted(found: FoundMachine, placement: Placement) -> GrantedMachine:
    """Return what is announced of a machine: what it is, not what is configured by now."""
    endpoints = {name: found.addresses[port] for name, port in placement.ports.items()}
    ssh = found.addresses[SSH_PORT]
    return GrantedMachine(
        machine=found.name,
        applications=placement.applications,
        ssh=SecureShell(host=ssh.host, port=ssh.port, host_public_key=found.host_public_key),
        http=endpoints[placement.applications[0]],
        guest=found.doors,
        endpoints=endpoints,
    )
