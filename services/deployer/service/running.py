"""What a deployment was left with, and work on its machines in the boot that they are in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from shared import errors
from shared.contracts.deployments import Mode

from ..domain import RebootedError
from .contents import is_strange
from .together import finished
from .verdict import OUTCOME

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from shared.contracts.deployments import GrantedMachine

    from ..domain import Generation, Revision
    from ..ports import Conditions, Revisions
    from .contents import Contents
    from .health import Transactions

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What the last deploy left."""

    revision: Revision
    generations: Sequence[Generation]
    is_still: bool
    """Whether its applications are not meant to run: it is prepared only, or paused."""

    def version_of(self, application: str) -> str:
        """Return the version of an application.

        Raises:
            NotFoundError: it is not part of what was deployed.
        """
        for order in self.revision.wanted.applications:
            if order.application == application:
                return order.version
        raise errors.NotFoundError(
            "application.not_deployed", f"{application} is not part of what was deployed here"
        )

    def narrowed(self, applications: Collection[str]) -> Revision:
        """Return the revision as if these were all of its applications."""
        wanted = self.revision.wanted
        orders = tuple(it for it in wanted.applications if it.application in applications)
        return replace(self.revision, wanted=wanted.model_copy(update={"applications": orders}))

    def reached_at(self, granted: Sequence[GrantedMachine]) -> Left:
        """Return the same on machines that are reached as these are, where they are among them."""
        ssh = {it.machine: it.ssh for it in granted}
        machines = tuple(
            it.model_copy(update={"ssh": ssh.get(it.machine, it.ssh)})
            for it in self.revision.machines
        )
        return replace(self, revision=replace(self.revision, machines=machines))

    def machine_of(self, generation: Generation) -> GrantedMachine:
        """Return the machine of a generation."""
        return next(it for it in self.revision.machines if it.machine == generation.machine)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A machine in the boot that it is in, with all that its units need for that."""

    machine: GrantedMachine
    generation: Generation
    boot_id: str


Do = Callable[[Visit], Awaitable[T]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """Finds what a deployment was left with, and works on all of it."""

    revisions: Revisions
    contents: Contents
    conditions: Conditions
    transaction: Transactions

    async def left(self, deployment: str) -> Left:
        """Return what the last deploy left.

        Raises:
            ConflictError: there is nothing.
        """
        generations = await self.revisions.generations(deployment)
        if not generations:
            raise errors.ConflictError(
                "deployment.nothing_deployed",
                "nothing of this deployment is in place; deploy it first",
                details={OUTCOME: "unchanged"},
            )
        first = generations[0]
        revision = await self.revisions.revision(deployment, first.revision, first.run)
        async with self.transaction() as tx:
            is_paused = await self.conditions.is_paused(tx, deployment)
        is_still = is_paused or revision.wanted.mode is not Mode.ACTIVE
        return Left(revision=revision, generations=generations, is_still=is_still)

    async def everywhere(self, left: Left, do: Do[T]) -> dict[str, T]:
        """Do something with every machine at once, and let all of them finish.

        Each is given first what a boot has taken from it.

        Raises:
            UnavailableError: a machine does not answer, or has booted meanwhile.
        """
        return await finished({it.machine: self._at(left, it, do) for it in left.generations})

    async def require_well(self, left: Left, ask: Callable[[], Awaitable[list[str]]]) -> None:
        """Ask what is wrong, and return when nothing is.

        Raises:
            FaultError: something is.
            UnavailableError: a machine does not answer, or has booted meanwhile.
        """
        boots = await self.everywhere(left, _boot_id)
        wrong = await ask()
        if wrong and await self.everywhere(left, _boot_id) != boots:
            raise errors.UnavailableError("machine.rebooted", "a machine has booted meanwhile")
        if wrong:
            raise errors.FaultError("application.not_healthy", "; ".join(wrong))

    async def without_strangers(self, left: Left, do: Do[None]) -> Left:
        """Return what was left, without the machines that run another system by now.

        Something else is done with those: they are given nothing.
        """
        found = await finished(
            {it.machine: self._is_strange(left, it, do) for it in left.generations}
        )
        return replace(left, generations=[it for it in left.generations if not found[it.machine]])

    async def _is_strange(self, left: Left, generation: Generation, do: Do[None]) -> bool:
        machine = left.machine_of(generation)
        with in_one_boot(machine):
            seen = await self.contents.hosts.at(machine).look()
            if not is_strange(generation, seen):
                return False
            await do(Visit(machine=machine, generation=generation, boot_id=seen.boot_id))
            return True

    async def _at(self, left: Left, generation: Generation, do: Do[T]) -> T:
        machine = left.machine_of(generation)
        with in_one_boot(machine):
            boot_id = await self.contents.restore(left.revision, machine, generation)
            return await do(Visit(machine=machine, generation=generation, boot_id=boot_id))


@contextmanager
def in_one_boot(machine: GrantedMachine) -> Iterator[None]:
    """Do something in one boot of a machine, or raise an UnavailableError."""
    try:
        yield
    except RebootedError as error:
        raise errors.UnavailableError(
            "machine.rebooted", f"{machine.machine} has booted meanwhile"
        ) from error


async def _boot_id(visit: Visit) -> str:
    return visit.boot_id
