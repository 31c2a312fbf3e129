"""What deployer remembers, in PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from shared import errors
from shared.catalogue import SecretKind
from shared.contracts.panel import DeploymentRequested
from shared.contracts.provisioner import VMReady
from shared.contracts.storage import StorageReady

from ..domain import FIRST_EPOCH, ApplicationSecret, Generation, Revision, System, held_elsewhere
from ..ports import ApplicationSecrets, Revisions

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from shared.contracts.deployments import GrantedMachine
    from shared.contracts.messages import RevisionEvent
    from shared.database import Database, Row, Transaction

_WANT: Final = """
insert into deployments (deployment, run, revision) values ($1, $2, $3)
on conflict (deployment) do update set run = excluded.run, revision = excluded.revision
-- Ids of runs rise with time: a message that comes late does not bring an older wish back.
where deployments.run <= excluded.run
"""
_LEARN: Final = """
insert into facts (deployment, revision, run, name, payload) values ($1, $2, $3, $4, $5)
on conflict (deployment, revision, run, name) do update set payload = excluded.payload
"""
# Facts of one deployment are joined one after the other: of two that arrive at once, the second has
# to see the first.
_ALONE: Final = "select pg_advisory_xact_lock(hashtextextended($1, 0))"
_COMPLETE: Final = """
select count(*) = 3 from facts join deployments wish using (deployment, revision, run)
where deployment = $1 and revision = $2 and run = $3
"""
_LACKING: Final = """
select revision from deployments wish where deployment = $1 and run = $2 and revision is not null
    and (select count(*) from facts
         where facts.deployment = wish.deployment and facts.revision = wish.revision
             and facts.run = wish.run) < 3
"""
_REVISION: Final = """
select name, payload from facts where deployment = $1 and revision = $2 and run = $3
"""
_MACHINES: Final = """
select payload from facts where deployment = $1 and name = 'VMReady'
"""
_GENERATIONS: Final = """
select machine, number, system, boot_id, revision, run, epoch, refusal from generations
where deployment = $1 order by machine
"""
_KEEP: Final = """
insert into generations (deployment, machine, number, system, boot_id, revision, run, epoch)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (deployment, machine) do update set number = excluded.number,
    system = excluded.system, boot_id = excluded.boot_id, revision = excluded.revision,
    run = excluded.run, epoch = excluded.epoch, refusal = ''
"""
_TIDY: Final = """
delete from facts where deployment = $1
    and run not in (select run from generations where deployment = $1)
    and run <> (select run from deployments where deployment = $1)
"""
_BOOTED: Final = """
update generations set boot_id = $3, refusal = '' where deployment = $1 and machine = $2
"""
_REFUSED: Final = "update generations set refusal = $3 where deployment = $1 and machine = $2"
_EPOCH: Final = """
insert into epochs (domain, host, deployment, epoch) values ($1, $2, $3, $4)
on conflict (domain, host) do update set epoch = epochs.epoch
where epochs.deployment = excluded.deployment returning epoch
"""
_SECRETS: Final = """
select application, name, kind, sealed, fingerprint from application_secrets
where deployment = $1 order by application, name
"""
_FIRST: Final = """
insert into application_secrets (deployment, application, name, kind, sealed, fingerprint)
values ($1, $2, $3, $4, $5, $6) on conflict (deployment, application, name) do nothing
"""
_BEGIN_EXCHANGE: Final = """
insert into exchanges (deployment) values ($1) on conflict do nothing returning deployment
"""
_SET_ASIDE: Final = """
insert into earlier_secrets (deployment, application, name, kind, sealed, fingerprint, created_at,
    announced_at)
select deployment, application, name, kind, sealed, fingerprint, created_at, announced_at
from application_secrets where deployment = $1
"""
# Sealed again, the same value would look like another one, and make another system.
_EXCHANGE: Final = """
insert into application_secrets as kept (deployment, application, name, kind, sealed, fingerprint)
values ($1, $2, $3, $4, $5, $6) on conflict (deployment, application, name) do update set
    kind = excluded.kind, sealed = excluded.sealed, fingerprint = excluded.fingerprint,
    created_at = excluded.created_at, announced_at = null
where kept.fingerprint <> excluded.fingerprint
"""
_TAKE_BACK: Final = """
insert into application_secrets (deployment, application, name, kind, sealed, fingerprint,
    created_at, announced_at)
select deployment, application, name, kind, sealed, fingerprint, created_at, announced_at
from earlier_secrets where deployment = $1
"""
_ANNOUNCE: Final = """
update application_secrets set announced_at = now()
where deployment = $1 and announced_at is null
    and (application, name) in (
        select it.application, it.name from unnest($2::text[], $3::text[]) as it (application, name)
    )
returning application, name, kind, sealed, fingerprint
"""


@dataclass(frozen=True, slots=True)
class PostgresRevisions(Revisions):
    """The tables of schema/."""

    database: Database

    @override
    async def want(self, tx: Transaction, event: DeploymentRequested) -> None:
        await tx.execute(_ALONE, event.deployment)
        await tx.execute(_WANT, event.deployment, event.run, event.revision)

    @override
    async def learn(self, tx: Transaction, fact: RevisionEvent) -> bool:
        key = (fact.deployment, fact.revision, fact.run)
        await tx.execute(_ALONE, fact.deployment)
        await tx.execute(_LEARN, *key, fact.event_name(), fact.model_dump(mode="json"))
        return bool(await tx.fetchval(_COMPLETE, *key))

    @override
    async def lacking(self, deployment: str, run: str, tx: Transaction | None = None) -> int | None:
        if tx is None:
            async with self.database.transaction() as own:
                return await self.lacking(deployment, run, own)
        await tx.execute(_ALONE, deployment)
        found: int | None = await tx.fetchval(_LACKING, deployment, run)
        return found

    @override
    async def part(self, tx: Transaction, deployment: str, run: str) -> None:
        await tx.execute(_ALONE, deployment)
        await tx.execute(_WANT, deployment, run, None)

    @override
    async def revision(
        self, deployment: str, number: int, run: str, tx: Transaction | None = None
    ) -> Revision:
        if tx is None:
            async with self.database.transaction() as own:
                return await self.revision(deployment, number, run, own)
        rows = await tx.fetch(_REVISION, deployment, number, run)
        found = {row["name"]: row["payload"] for row in rows}
        try:
            return Revision(
                wanted=DeploymentRequested.model_validate(found[DeploymentRequested.event_name()]),
                machines=VMReady.model_validate(found[VMReady.event_name()]).machines,
                buckets=StorageReady.model_validate(found[StorageReady.event_name()]).buckets,
            )
        except KeyError as error:
            raise errors.NotFoundError(
                "revision.incomplete", f"revision {number} has no {error.args[0]} for this run"
            ) from error

    @override
    async def machines(self, deployment: str) -> Sequence[GrantedMachine]:
        async with self.database.transaction() as tx:
            rows = await tx.fetch(_MACHINES, deployment)
        known = [it for row in rows for it in VMReady.model_validate(row["payload"]).machines]
        return list({it.machine: it for it in known}.values())

    @override
    async def generations(self, deployment: str) -> Sequence[Generation]:
        async with self.database.transaction() as tx:
            return await _generations(tx, deployment)

    @override
    async def keep(
        self, tx: Transaction, deployment: str, generations: Sequence[Generation]
    ) -> bool:
        before = {it.machine: it.system for it in await _generations(tx, deployment)}
        machines = [it.machine for it in generations]
        await tx.execute(
            "delete from generations where deployment = $1 and machine <> all($2)",
            deployment,
            machines,
        )
        for it in generations:
            values = (it.number, it.system, it.boot_id, it.revision, it.run, it.epoch)
            await tx.execute(_KEEP, deployment, it.machine, *values)
        await tx.execute(_TIDY, deployment)
        return before != {it.machine: it.system for it in generations}

    @override
    async def booted(self, deployment: str, machine: str, boot_id: str) -> None:
        async with self.database.transaction() as tx:
            await tx.execute(_BOOTED, deployment, machine, boot_id)

    @override
    async def refused(self, deployment: str, machine: str, reason: str) -> None:
        async with self.database.transaction() as tx:
            await tx.execute(_REFUSED, deployment, machine, reason)

    @override
    async def epoch(self, deployment: str, domain: str, hosts: Sequence[str]) -> int:
        async with self.database.transaction() as tx:
            values = [
                (host, await tx.fetchval(_EPOCH, domain, host, deployment, FIRST_EPOCH))
                for host in sorted(hosts)
            ]
            taken = [host for host, epoch in values if epoch is None]
            if taken:
                raise held_elsewhere(taken)
        return max((epoch for _, epoch in values), default=FIRST_EPOCH)

    @override
    async def forget(self, tx: Transaction, deployment: str) -> None:
        for table in ("facts", "generations", "epochs", "deployments"):
            await tx.execute(f"delete from {table} where deployment = $1", deployment)  # noqa: S608 - our own names


@dataclass(frozen=True, slots=True)
class PostgresApplicationSecrets(ApplicationSecrets):
    """The table application_secrets."""

    database: Database

    @override
    async def of(self, deployment: str) -> Sequence[ApplicationSecret]:
        async with self.database.transaction() as tx:
            return [_secret(row) for row in await tx.fetch(_SECRETS, deployment)]

    @override
    async def keep(
        self, deployment: str, made: Sequence[ApplicationSecret]
    ) -> Sequence[ApplicationSecret]:
        async with self.database.transaction() as tx:
            # In one order, so that two that make the same do not wait for each other.
            for it in sorted(made, key=lambda it: (it.application, it.name)):
                values = (it.application, it.name, it.kind.value, it.sealed, it.fingerprint)
                await tx.execute(_FIRST, deployment, *values)
            return [_secret(row) for row in await tx.fetch(_SECRETS, deployment)]

    @override
    async def exchange(self, deployment: str, given: Sequence[ApplicationSecret]) -> None:
        async with self.database.transaction() as tx:
            if await tx.fetchval(_BEGIN_EXCHANGE, deployment):
                await tx.execute(_SET_ASIDE, deployment)
            for it in given:
                values = (it.application, it.name, it.kind.value, it.sealed, it.fingerprint)
                await tx.execute(_EXCHANGE, deployment, *values)

    @override
    async def put_back(self, deployment: str) -> None:
        async with self.database.transaction() as tx:
            if await tx.fetchval("select true from exchanges where deployment = $1", deployment):
                await self._delete(tx, deployment)
                await tx.execute(_TAKE_BACK, deployment)
                await self.settle(tx, deployment)

    @override
    async def settle(self, tx: Transaction, deployment: str) -> None:
        await tx.execute("delete from exchanges where deployment = $1", deployment)

    @override
    async def announce(
        self, tx: Transaction, deployment: str, names: Collection[tuple[str, str]]
    ) -> Sequence[ApplicationSecret]:
        columns = [[name[column] for name in names] for column in (0, 1)]
        found = [_secret(row) for row in await tx.fetch(_ANNOUNCE, deployment, *columns)]
        return sorted(found, key=lambda it: (it.application, it.name))

    @override
    async def forget(self, tx: Transaction, deployment: str) -> None:
        await self.settle(tx, deployment)
        await self._delete(tx, deployment)

    async def _delete(self, tx: Transaction, deployment: str) -> None:
        await tx.execute("delete from application_secrets where deployment = $1", deployment)


def _secret(row: Row) -> ApplicationSecret:
    return ApplicationSecret(
        application=row["application"],
        name=row["name"],
        kind=SecretKind(row["kind"]),
        sealed=row["sealed"],
        fingerprint=row["fingerprint"],
    )


async def _generations(tx: Transaction, deployment: str) -> list[Generation]:
    return [
        Generation(
            machine=row["machine"],
            number=row["number"],
            system=System(row["system"]),
            boot_id=row["boot_id"],
            revision=row["revision"],
            run=row["run"],
            epoch=row["epoch"],
            refusal=row["refusal"],
        )
        for row in await tx.fetch(_GENERATIONS, deployment)
    ]
