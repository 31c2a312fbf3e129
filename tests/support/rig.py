"""A service in this process, on a real database: what one deployment asks of it, and hears."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from shared import database as databases
from shared import ids, jobs
from shared.bus.dead_letters import DeadLetters
from shared.contracts import registry
from shared.contracts.messages import Event, RunEvent
from shared.contracts.panel import CancelRequested, DeploymentRemovalRequested
from shared.settings import PostgresSettings, RuntimeSettings
from tests.support import messaging
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Sequence
    from contextlib import AbstractAsyncContextManager

    from shared.contracts.progress import Progress
    from shared.database import Database, Transaction
    from shared.embedded.servers.postgres import Access

E = TypeVar("E", bound=RunEvent)
WITHIN = 60.0
WATCH_SECONDS = 0.1


def tables(
    access: Access, *schemas: str, connections: int = 12
) -> AbstractAsyncContextManager[Database]:
    """Connect to a test's database, with these schemas applied."""
    settings = PostgresSettings(
        host=access.host,
        port=access.port,
        database=access.database,
        user=access.user,
        connections=connections,
    )
    return databases.connect(settings, access.password, schemas=schemas)


class Service(Protocol):
    """What a rig needs of a service."""

    async def on_removal_requested(
        self, event: DeploymentRemovalRequested, tx: Transaction
    ) -> None: ...

    async def on_cancel_requested(self, event: CancelRequested, tx: Transaction) -> None: ...

    def kinds(self) -> Sequence[jobs.Kind]: ...

    def watches(self) -> Sequence[jobs.Watch]: ...


@dataclass(kw_only=True)
class ServiceRig(ABC):
    """One deployment's view of a service."""

    database: Database
    deployment: str = field(default_factory=ids.new_id)
    reports: list[Progress] = field(default_factory=list)

    @property
    @abstractmethod
    def service(self) -> Service:
        """The service, put together on this database."""

    def background(self) -> Sequence[Coroutine[object, object, None]]:
        """Return what the service does all the time."""
        return ()

    async def remove(self) -> str:
        """Ask for the removal; return the run."""
        event = DeploymentRemovalRequested(
            deployment=self.deployment, run=ids.new_id(), operator=ids.new_id()
        )
        async with self.database.transaction() as tx:
            await self.service.on_removal_requested(event, tx)
        return event.run

    async def cancel(self, run: str) -> None:
        """Let the service hear that a run is cancelled."""
        async with self.database.transaction() as tx:
            event = CancelRequested(deployment=self.deployment, run=run)
            await self.service.on_cancel_requested(event, tx)

    async def said(self, run: str) -> list[Event]:
        """Return what the service announced in a run."""
        async with self.database.transaction() as tx:
            rows = await tx.fetch(
                "select type, payload from outbox where run = $1 order by position", run
            )
        kinds = [(registry.find(row["type"]), row["payload"]) for row in rows]
        return [kind.model_validate_json(payload) for kind, payload in kinds if kind]

    async def answer(self, run: str, kind: type[E], *, number: int = 1) -> E:
        """Return the last of so many answers to a run, which must be of this kind."""

        async def answered() -> bool:
            return len(await self.said(run)) >= number

        await eventually(answered, within=WITHIN)
        found = await self.said(run)
        assert len(found) == number
        event = found[-1]
        assert isinstance(event, kind), event
        return event

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Do the service's jobs and watches for the length of a block."""

        async def publish(progress: Progress) -> None:
            self.reports.append(progress)

        name = type(self.service).__name__.lower()
        worker = jobs.Worker(
            service=name,
            database=self.database,
            kinds={it.name: it for it in self.service.kinds()},
            publish=publish,
            park=DeadLetters(name, self.database, {}).park,
            settings=RuntimeSettings(lease_seconds=0.6),
        )
        watches = [
            jobs.Watch(it.name, it.look, every_seconds=WATCH_SECONDS)
            for it in self.service.watches()
        ]
        watchers = [jobs.Watcher(database=self.database, watch=it) for it in watches]
        async with messaging.running(
            worker.work(), *(it.run() for it in watchers), *self.background()
        ):
            yield
