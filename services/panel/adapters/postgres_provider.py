"""Quotas, runs in trouble, machines and notices in PostgreSQL."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from ..domain.provider import (
    Housed,
    KnownMachine,
    Notice,
    OperatorStanding,
    Quota,
    Trouble,
    TroubledRun,
    Usage,
)
from .postgres_runs import COLUMNS, run_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from shared.contracts.provisioner import VMReady
    from shared.database import Row, Transaction

    from ..domain.records import Page

# The disks of machines and the quotas of buckets that each newest revision asks for; backups are
# the operator's also where their deployment is gone.
_USAGE: Final = """
select operators.id as operator, count(deployments.id) as deployments,
    coalesce(sum(jsonb_array_length(configurations.applications)), 0) as applications,
    coalesce(sum(asked.gib), 0) as storage_gib,
    (select count(*) from backups where backups.operator = operators.id
        and backups.state in ('making', 'complete', 'removing')) as backups
from operators
left join deployments on deployments.operator = operators.id
    and deployments.removed_at is null and ($2::text is null or deployments.id <> $2)
left join configurations on configurations.deployment = deployments.id
left join lateral (
    select resources from revisions
    where revisions.deployment = deployments.id order by number desc limit 1
) as newest on true
left join lateral (
    select sum(coalesce((it ->> 'disk_gib')::integer, (it ->> 'quota_gib')::integer, 0)) as gib
    from jsonb_array_elements(newest.resources) as it
) as asked on true
where operators.id = any($1)
group by operators.id
"""
_OPERATOR: Final = """
select operators.id, operators.name, operators.created_at, coalesce(quotas.version, 0) as version,
    quotas.deployments, quotas.applications, quotas.storage_gib, quotas.backups
from operators
left join quotas on quotas.operator = operators.id
"""
_TROUBLED: Final = f"""
select {COLUMNS},
    operators.name as operator_name, deployments.domain,
    case when runs.ended_at is not null then 'failed'
         when runs.held_by is not null then 'held' else 'long' end as trouble
from runs
join operators on operators.id = runs.operator
join deployments on deployments.id = runs.deployment
where ($1::text is null or runs.id < $1) and (
    (runs.ended_at is null and (runs.held_by is not null or runs.started_at < $3))
    or (runs.state = 'failed' and runs.ended_at > $4)
)
order by runs.id desc limit $2
"""  # noqa: S608 - constants
_HOUSED: Final = """
select deployments.id, deployments.operator, operators.name as operator_name, deployments.domain,
    known_machines.machine, known_machines.applications, known_machines.ssh_address,
    known_machines.http_address, known_machines.told_at
from (
    select distinct deployment from known_machines where $1::text is null or deployment < $1
    order by deployment desc limit $2
) as housed
join deployments on deployments.id = housed.deployment
join operators on operators.id = deployments.operator
join known_machines on known_machines.deployment = deployments.id
order by deployments.id desc, known_machines.machine
"""


class PostgresQuotaRegister:
    """Keep how much operators may have, and count what they have."""

    async def lock(self, tx: Transaction, operator: str) -> Quota:
        """Return an operator's quota; nobody else counts for it until the transaction ends."""
        row = await tx.fetchrow(
            f"{_OPERATOR} where operators.id = $1 for no key update of operators", operator
        )
        return _quota(row) if row else Quota()

    async def usage(self, tx: Transaction, operator: str, *, besides: str | None = None) -> Usage:
        """Count what an operator has, besides one deployment if that is named."""
        row = await tx.fetchrow(_USAGE, [operator], besides)
        return _usage(row) if row else Usage()

    async def save(self, tx: Transaction, operator: str, quota: Quota, *, by: str) -> None:
        """Replace an operator's quota."""
        await tx.execute(
            """insert into quotas
                (operator, version, deployments, applications, storage_gib, backups, set_by)
            values ($1, $2, $3, $4, $5, $6, $7)
            on conflict (operator) do update set version = excluded.version,
                deployments = excluded.deployments, applications = excluded.applications,
                storage_gib = excluded.storage_gib, backups = excluded.backups,
                set_by = excluded.set_by, set_at = now()""",
            operator,
            quota.version,
            quota.deployments,
            quota.applications,
            quota.storage_gib,
            quota.backups,
            by,
        )

    async def find_operator(self, tx: Transaction, operator: str) -> OperatorStanding | None:
        """Return an operator with what it may have and has, or None."""
        row = await tx.fetchrow(f"{_OPERATOR} where operators.id = $1", operator)
        return _operator(row, await self.usage(tx, operator)) if row else None

    async def list_operators(self, tx: Transaction, page: Page) -> Sequence[OperatorStanding]:
        """Return operators, newest first."""
        rows = await tx.fetch(
            f"""{_OPERATOR} where $1::text is null or operators.id < $1
            order by operators.id desc limit $2""",
            page.before,
            page.limit,
        )
        counted = await tx.fetch(_USAGE, [row["id"] for row in rows], None)
        usage = {row["operator"]: _usage(row) for row in counted}
        return [_operator(row, usage.get(row["id"], Usage())) for row in rows]


class PostgresTroubleRegister:
    """Find runs that are worth a look."""

    async def list_troubled(
        self, tx: Transaction, page: Page, *, begun_before: datetime, failed_since: datetime
    ) -> Sequence[TroubledRun]:
        """Return runs that are held, that began before one time, or that failed since another."""
        rows = await tx.fetch(_TROUBLED, page.before, page.limit, begun_before, failed_since)
        return [
            TroubledRun(
                run=run_of(row),
                operator_name=row["operator_name"],
                domain=row["domain"],
                trouble=Trouble(row["trouble"]),
            )
            for row in rows
        ]


class PostgresMachineRegister:
    """Keep which machines deployments have, as provisioner tells."""

    async def keep(self, tx: Transaction, event: VMReady) -> None:
        """Keep the machines of a deployment, unless a later run told of them."""
        newer = "select exists (select from known_machines where deployment = $1 and run > $2)"
        if await tx.fetchval(newer, event.deployment, event.run):
            return
        await self.forget(tx, event.deployment)
        for it in event.machines:
            await tx.execute(
                """insert into known_machines
                    (machine, deployment, run, applications, ssh_address, http_address)
                values ($1, $2, $3, $4, $5, $6)""",
                it.machine,
                event.deployment,
                event.run,
                list(it.applications),
                f"{it.ssh.host}:{it.ssh.port}",
                f"{it.http.host}:{it.http.port}",
            )

    async def forget(self, tx: Transaction, deployment: str) -> None:
        """Keep no machine of a deployment any more."""
        await tx.execute("delete from known_machines where deployment = $1", deployment)

    async def list_housed(self, tx: Transaction, page: Page) -> Sequence[Housed]:
        """Return deployments with their machines, newest first."""
        rows = await tx.fetch(_HOUSED, page.before, page.limit)
        return [
            _housed(list(of_one)) for _, of_one in groupby(rows, key=lambda row: str(row["id"]))
        ]


class PostgresNoticeRegister:
    """Keep what the provider tells everybody: a notice, and what cannot be chosen."""

    async def find_notice(self, tx: Transaction) -> Notice | None:
        """Return what every page says, or None."""
        row = await tx.fetchrow("select message, set_at from notices")
        return Notice(message=row["message"], set_at=row["set_at"]) if row else None

    async def set_notice(self, tx: Transaction, message: str, *, by: str) -> None:
        """Let every page say this."""
        await tx.execute(
            """insert into notices (message, set_by) values ($1, $2)
            on conflict (is_the_one) do update set message = excluded.message,
                set_by = excluded.set_by, set_at = now()""",
            message,
            by,
        )

    async def withdraw_notice(self, tx: Transaction) -> None:
        """Let pages say nothing."""
        await tx.execute("delete from notices")

    async def withheld(self, tx: Transaction) -> Mapping[str, str]:
        """Return the applications that cannot be chosen anew, and why."""
        rows = await tx.fetch("select application, reason from withheld_applications")
        return {row["application"]: row["reason"] for row in rows}

    async def withhold(self, tx: Transaction, application: str, reason: str, *, by: str) -> None:
        """Let nobody choose an application anew."""
        await tx.execute(
            """insert into withheld_applications (application, reason, withheld_by)
            values ($1, $2, $3)
            on conflict (application) do update set reason = excluded.reason,
                withheld_by = excluded.withheld_by, withheld_at = now()""",
            application,
            reason,
            by,
        )

    async def offer_again(self, tx: Transaction, application: str) -> None:
        """Let everybody choose an application."""
        await tx.execute("delete from withheld_applications where application = $1", application)


def _quota(row: Row) -> Quota:
    return Quota(
        version=row["version"],
        deployments=row["deployments"],
        applications=row["applications"],
        storage_gib=row["storage_gib"],
        backups=row["backups"],
    )


def _usage(row: Row) -> Usage:
    return Usage(
        deployments=row["deployments"],
        applications=int(row["applications"]),
        storage_gib=int(row["storage_gib"]),
        backups=row["backups"],
    )


def _operator(row: Row, usage: Usage) -> OperatorStanding:
    return OperatorStanding(
        id=row["id"],
        name=row["name"],
        created_at=row["created_at"],
        quota=_quota(row),
        usage=usage,
    )


def _housed(rows: Sequence[Row]) -> Housed:
    first = rows[0]
    return Housed(
        id=first["id"],
        operator=first["operator"],
        operator_name=first["operator_name"],
        domain=first["domain"],
        machines=[
            KnownMachine(
                machine=row["machine"],
                applications=tuple(row["applications"]),
                ssh_address=row["ssh_address"],
                http_address=row["http_address"],
                told_at=row["told_at"],
            )
            for row in rows
        ],
    )
