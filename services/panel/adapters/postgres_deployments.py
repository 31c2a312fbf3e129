"""Deployments, their names, configurations and revisions in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter

from shared.contracts.deployer import Ailment
from shared.contracts.deployments import ApplicationOrder, Mode, PublishedRoute, Resource

from ..domain import names
from ..domain.deployments import Configuration, Deployment, PastRevision, Revision

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from shared.database import Row, Transaction

    from ..domain.records import Page

_ORDERS: Final = TypeAdapter(tuple[ApplicationOrder, ...])
_RESOURCES: Final = TypeAdapter(tuple[Resource, ...])
_ROUTES: Final = TypeAdapter(tuple[PublishedRoute, ...])
_AILMENTS: Final = TypeAdapter(tuple[Ailment, ...])
_DEPLOYMENT: Final = """
select id, operator, domain, version, deployed_revision, running_revision, routes, created_at,
    removal_requested_at, removed_at, paused_at, ailments, ailing_at
from deployments
"""
_REVISION: Final = """
select deployment, number, configuration, applications, resources, created_at, deployed_at, mode
from revisions
"""
# Two claims at once could each miss the other's name above or below: one at a time.
_CLAIM_LOCK: Final = 0x0FED2
# Whether a domain, or one above or below it, is another operator's.
RELATED: Final = """
select exists (
    select from domains
    where operator <> $1 and (name = any($2) or right(name, length($3) + 1) = '.' || $3)
)
"""


class PostgresDeploymentRegister:
    """Keep deployments, what they occupy, and their configurations and revisions."""

    async def add(self, tx: Transaction, deployment: Deployment) -> None:
        """Keep a new deployment."""
        await tx.execute(
            """insert into deployments (id, operator, domain, version, created_at)
            values ($1, $2, $3, $4, $5)""",
            deployment.id,
            deployment.operator,
            deployment.domain,
            deployment.version,
            deployment.created_at,
        )

    async def find(self, tx: Transaction, deployment: str) -> Deployment | None:
        """Return a deployment, or None."""
        row = await tx.fetchrow(f"{_DEPLOYMENT} where id = $1", deployment)
        return _deployment(row) if row else None

    async def lock(self, tx: Transaction, deployment: str) -> Deployment | None:
        """Return a deployment that nobody else changes until the transaction ends, or None."""
        # The weaker lock: FOR UPDATE would also keep out foreign-key checks of other transactions,
        # which they make while they hold the lock of a run: a deadlock.
        row = await tx.fetchrow(f"{_DEPLOYMENT} where id = $1 for no key update", deployment)
        return _deployment(row) if row else None

    async def list_newest(
        self, tx: Transaction, operator: str, page: Page, *, removed: bool
    ) -> Sequence[Deployment]:
        """Return an operator's deployments, those that were removed only if asked for."""
        rows = await tx.fetch(
            f"""{_DEPLOYMENT} where operator = $1 and ($2::text is null or id < $2)
                and (removed_at is null or $4)
            order by id desc limit $3""",
            operator,
            page.before,
            page.limit,
            removed,
        )
        return [_deployment(row) for row in rows]

    async def save(self, tx: Transaction, deployment: Deployment) -> None:
        """Write what can change of a deployment."""
        await tx.execute(
            """update deployments set version = $2, deployed_revision = $3, routes = $4,
                removal_requested_at = $5, removed_at = $6, paused_at = $7, ailments = $8,
                running_revision = $9
            where id = $1""",
            deployment.id,
            deployment.version,
            deployment.deployed_revision,
            _ROUTES.dump_python(deployment.routes, mode="json"),
            deployment.removal_requested_at,
            deployment.removed_at,
            deployment.paused_at,
            _AILMENTS.dump_python(deployment.ailments, mode="json"),
            deployment.running_revision,
        )

    async def claim_domain(self, tx: Transaction, operator: str, domain: str) -> None:
        """Make the domain the operator's, or raise ConflictError when any of it is another's."""
        await tx.execute("select pg_advisory_xact_lock($1)", _CLAIM_LOCK)
        above = list(names.lookup_names(domain))
        if await tx.fetchval(RELATED, operator, above, domain):
            raise names.taken(domain)
        await tx.execute(
            "insert into domains (name, operator) values ($1, $2) on conflict (name) do nothing",
            domain,
            operator,
        )

    async def reserve_hosts(
        self, tx: Transaction, deployment: str, hosts: Mapping[str, str]
    ) -> Sequence[str]:
        """Let a deployment hold exactly these hosts (host → application); return those taken."""
        wanted = list(hosts)
        await tx.execute("delete from hosts where deployment = $1", deployment)
        await tx.execute(
            """insert into hosts (host, deployment, application)
            select host, $1, application
            from unnest($2::text[], $3::text[]) as it (host, application)
            order by host
            on conflict (host) do nothing""",
            deployment,
            wanted,
            list(hosts.values()),
        )
        rows = await tx.fetch(
            "select host from hosts where host = any($1) and deployment <> $2", wanted, deployment
        )
        return [row["host"] for row in rows]

    async def release_names(self, tx: Transaction, deployment: Deployment) -> None:
        """Free the deployment's hosts, and its domain when nothing else of the operator uses it."""
        await tx.execute("delete from hosts where deployment = $1", deployment.id)
        await tx.execute(
            """delete from domains where name = $1 and not exists (
                select from deployments
                where domain = $1 and id <> $2 and removed_at is null)""",
            deployment.domain,
            deployment.id,
        )

    async def stage(self, tx: Transaction, configuration: Configuration) -> None:
        """Replace what is staged."""
        await tx.execute(
            """insert into configurations (deployment, version, applications, staged_at, staged_by)
            values ($1, $2, $3, $4, $5)
            on conflict (deployment) do update set version = excluded.version,
                applications = excluded.applications, staged_at = excluded.staged_at,
                staged_by = excluded.staged_by""",
            configuration.deployment,
            configuration.version,
            _ORDERS.dump_python(configuration.applications, mode="json"),
            configuration.staged_at,
            configuration.staged_by,
        )

    async def find_configuration(self, tx: Transaction, deployment: str) -> Configuration | None:
        """Return what is staged, or None."""
        return (await self.find_configurations(tx, [deployment])).get(deployment)

    async def find_configurations(
        self, tx: Transaction, deployments: Sequence[str]
    ) -> Mapping[str, Configuration]:
        """Return what is staged for each of several deployments."""
        rows = await tx.fetch(
            """select deployment, version, applications, staged_at, staged_by
            from configurations where deployment = any($1)""",
            list(deployments),
        )
        return {row["deployment"]: _configuration(row) for row in rows}

    async def add_revision(self, tx: Transaction, revision: Revision, *, by: str) -> None:
        """Keep a new revision."""
        await tx.execute(
            """insert into revisions (deployment, number, configuration, applications, resources,
                created_at, mode, created_by)
            values ($1, $2, $3, $4, $5, $6, $7, $8)""",
            revision.deployment,
            revision.number,
            revision.configuration,
            _ORDERS.dump_python(revision.applications, mode="json"),
            _RESOURCES.dump_python(revision.resources, mode="json"),
            revision.created_at,
            revision.mode.value,
            by,
        )

    async def find_revision(
        self, tx: Transaction, deployment: str, number: int | None = None
    ) -> Revision | None:
        """Return a revision, the newest without a number, or None."""
        row = await tx.fetchrow(
            f"""{_REVISION} where deployment = $1 and ($2::integer is null or number = $2)
            order by number desc limit 1""",
            deployment,
            number,
        )
        return _revision(row) if row else None

    async def list_revisions(
        self, tx: Transaction, deployment: str, *, since: int, also: Sequence[int]
    ) -> Sequence[Revision]:
        """Return the revisions from a number on, and those of some other numbers, in order."""
        rows = await tx.fetch(
            f"""{_REVISION} where deployment = $1 and (number >= $2 or number = any($3))
            order by number""",
            deployment,
            since,
            list(also),
        )
        return [_revision(row) for row in rows]

    async def list_history(
        self, tx: Transaction, deployment: str, *, limit: int, before: int | None = None
    ) -> Sequence[PastRevision]:
        """Return the revisions of a deployment with who made them, newest first."""
        rows = await tx.fetch(
            """select r.deployment, r.number, r.configuration, r.applications, r.resources,
                r.created_at, r.deployed_at, r.mode, p.name as by,
                exists (
                    select from runs
                    where runs.deployment = r.deployment and runs.revision = r.number
                        and runs.kind = 'deploy' and runs.ended_at is null) as is_on_its_way
            from revisions r join people p on p.id = r.created_by
            where r.deployment = $1 and ($2::integer is null or r.number < $2)
            order by r.number desc limit $3""",
            deployment,
            before,
            limit,
        )
        return [
            PastRevision(revision=_revision(row), by=row["by"], is_on_its_way=row["is_on_its_way"])
            for row in rows
        ]

    async def mark_deployed(self, tx: Transaction, deployment: str, revision: int) -> None:
        """Record that this revision is what answers from outside now."""
        await tx.execute(
            "update deployments set deployed_revision = $2 where id = $1", deployment, revision
        )
        await tx.execute(
            "update revisions set deployed_at = now() where deployment = $1 and number = $2",
            deployment,
            revision,
        )

    async def note_running(self, tx: Transaction, deployment: str, revision: int, run: str) -> None:
        """Record that a run brought this revision to run, unless a later one brought another."""
        await tx.execute(
            """update deployments set running_revision = $2, running_since_run = $3
            where id = $1 and removed_at is null
                and (running_since_run is null or running_since_run <= $3)""",
            deployment,
            revision,
            run,
        )

    async def note_health(
        self, tx: Transaction, deployment: str, ailments: Sequence[Ailment], at: datetime
    ) -> None:
        """Record what is wrong with a deployment, unless something newer is known."""
        await tx.execute(
            """update deployments set ailments = $2, ailing_at = $3
            where id = $1 and removed_at is null and (ailing_at is null or ailing_at < $3)""",
            deployment,
            _AILMENTS.dump_python(tuple(ailments), mode="json"),
            at,
        )


def _deployment(row: Row) -> Deployment:
    return Deployment(
        id=row["id"],
        operator=row["operator"],
        domain=row["domain"],
        created_at=row["created_at"],
        version=row["version"],
        deployed_revision=row["deployed_revision"],
        running_revision=row["running_revision"],
        removal_requested_at=row["removal_requested_at"],
        removed_at=row["removed_at"],
        routes=_ROUTES.validate_python(row["routes"]),
        paused_at=row["paused_at"],
        ailments=_AILMENTS.validate_python(row["ailments"]),
        ailing_at=row["ailing_at"],
    )


def _configuration(row: Row) -> Configuration:
    return Configuration(
        deployment=row["deployment"],
        version=row["version"],
        applications=_ORDERS.validate_python(row["applications"]),
        staged_at=row["staged_at"],
        staged_by=row["staged_by"],
    )


def _revision(row: Row) -> Revision:
    return Revision(
        deployment=row["deployment"],
        number=row["number"],
        configuration=row["configuration"],
        applications=_ORDERS.validate_python(row["applications"]),
        resources=_RESOURCES.validate_python(row["resources"]),
        created_at=row["created_at"],
        deployed_at=row["deployed_at"],
        mode=Mode(row["mode"]),
    )
