"""Machines, addresses, records and routes in provisioner's own database."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from shared import errors, ids
from shared.contracts.deployments import Endpoint

from ..domain import (
    ApplicationHost,
    Door,
    Inside,
    Machine,
    MachineState,
    Maintenance,
    Media,
    Placement,
    Route,
    Size,
)
from ..ports import MachineRepository, PublicationRepository

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from shared.database import Row, Transaction

    from ..domain import Upstream

# Whoever applies the list of routes has the newest one, and nobody applies an older one after it.
ROUTES_LOCK: Final = 0x0FED2
_MACHINES: Final = """
select name, deployment, number, identity, state, ports, cpus, memory_mib, disk_gib, image_packages,
    kept_until
from machines where deployment = $1 order by number for no key update
"""
_ADDRESSES: Final = """
select machine, guest_port, host, port from addresses
where machine in (select name from machines where deployment = $1)
"""
_RESERVE: Final = """
insert into machines (name, deployment, number, identity, state, ports, cpus, memory_mib, disk_gib,
    image_packages)
values ($1, $2, $3, $4, 'reserved', $5, $6, $7, $8, $9)
"""


class PostgresMachineRepository(MachineRepository):
    """Machines and their addresses as rows."""

    @override
    async def list_machines(self, tx: Transaction, deployment: str) -> Sequence[Machine]:
        rows = await tx.fetch(_MACHINES, deployment)
        addresses: dict[str, dict[int, Endpoint]] = {}
        for row in await tx.fetch(_ADDRESSES, deployment):
            endpoint = Endpoint(host=row["host"], port=row["port"])
            addresses.setdefault(row["machine"], {})[row["guest_port"]] = endpoint
        return [_machine(row, addresses.get(row["name"], {})) for row in rows]

    @override
    async def reserve(
        self, tx: Transaction, deployment: str, placements: Sequence[Placement]
    ) -> None:
        last = await tx.fetchval(
            "select coalesce(max(number), 0) from machines where deployment = $1", deployment
        )
        for number, placement in enumerate(placements, last + 1):
            name = ids.machine_name(deployment, number)
            values = (name, deployment, number, uuid.uuid4(), *_columns(placement))
            await tx.execute(_RESERVE, *values)

    @override
    async def mark(self, tx: Transaction, names: Sequence[str], state: MachineState) -> None:
        await tx.execute(
            "update machines set state = $2, kept_until = null where name = any($1)",
            names,
            state.value,
        )

    @override
    async def keep(self, tx: Transaction, name: str, days: int) -> None:
        await tx.execute(
            """update machines set state = 'kept',
                kept_until = coalesce(kept_until, now() + make_interval(days => $2))
            where name = $1""",
            name,
            days,
        )

    @override
    async def give_up_due(self, tx: Transaction, deployment: str) -> None:
        await tx.execute(
            """update machines set state = 'surplus', kept_until = null
            where deployment = $1 and state = 'kept' and kept_until <= now()""",
            deployment,
        )

    @override
    async def place(self, tx: Transaction, name: str, placement: Placement) -> None:
        await tx.execute(
            """update machines set ports = $2, cpus = $3, memory_mib = $4, disk_gib = $5,
                image_packages = $6 where name = $1""",
            name,
            *_columns(placement),
        )

    @override
    async def occupy(self, tx: Transaction, machine: str, port: int, endpoint: Endpoint) -> bool:
        tag = await tx.execute(
            """insert into addresses (host, port, machine, guest_port) values ($1, $2, $3, $4)
            on conflict (host, port) do nothing""",
            endpoint.host,
            endpoint.port,
            machine,
            port,
        )
        return tag == "INSERT 0 1"

    @override
    async def vacate(
        self, tx: Transaction, machine: str, *, keep: AbstractSet[int] = frozenset()
    ) -> None:
        await tx.execute(
            "delete from addresses where machine = $1 and guest_port <> all($2)",
            machine,
            list(keep),
        )

    @override
    async def taken_ports(self, tx: Transaction, host: str) -> AbstractSet[int]:
        rows = await tx.fetch("select port from addresses where host = $1", host)
        return {row["port"] for row in rows}

    @override
    async def forget(self, tx: Transaction, names: Sequence[str]) -> None:
        await tx.execute("delete from machines where name = any($1)", names)


class PostgresPublicationRepository(PublicationRepository):
    """Hosts, records and routes as rows."""

    @override
    async def remember_hosts(
        self, tx: Transaction, deployment: str, revision: int, hosts: Sequence[ApplicationHost]
    ) -> None:
        for it in hosts:
            await tx.execute(
                """insert into hosts (deployment, revision, application, host, is_routed, is_media,
                    doors)
                values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing""",
                deployment,
                revision,
                it.application,
                it.host,
                it.is_routed,
                it.is_media,
                sorted(it.doors),
            )

    @override
    async def hosts(
        self, tx: Transaction, deployment: str, revision: int
    ) -> Sequence[ApplicationHost]:
        rows = await tx.fetch(
            """select application, host, is_routed, is_media, doors from hosts
            where deployment = $1 and revision = $2 order by host""",
            deployment,
            revision,
        )
        return [
            ApplicationHost(
                application=it["application"],
                host=it["host"],
                is_routed=it["is_routed"],
                is_media=it["is_media"],
                doors=frozenset(map(Door, it["doors"])),
            )
            for it in rows
        ]

    @override
    async def forget_hosts(self, tx: Transaction, deployment: str) -> None:
        await tx.execute("delete from hosts where deployment = $1", deployment)

    @override
    async def claim_record(self, tx: Transaction, deployment: str, host: str) -> None:
        owner = await tx.fetchval(
            """insert into records (host, deployment) values ($1, $2)
            on conflict (host) do update set host = excluded.host returning deployment""",
            host,
            deployment,
        )
        if owner != deployment:
            raise errors.ConflictError(
                "route.host_taken", f"{host} belongs to another deployment of this provider"
            )

    @override
    async def hold_records(self, tx: Transaction, deployment: str) -> Sequence[str]:
        rows = await tx.fetch(
            "select host from records where deployment = $1 order by host for no key update",
            deployment,
        )
        return [row["host"] for row in rows]

    @override
    async def hold_record(self, tx: Transaction, host: str) -> bool:
        row = await tx.fetchrow(
            "select host from records where host = $1 for no key update skip locked", host
        )
        return row is not None

    @override
    async def next_records(self, tx: Transaction, most: int) -> Sequence[str]:
        rows = await tx.fetch(
            """update records set checked_at = now() where host in (
                select host from records order by checked_at limit $1 for update skip locked)
            returning host""",
            most,
        )
        return [row["host"] for row in rows]

    @override
    async def drop_records(self, tx: Transaction, hosts: Sequence[str]) -> None:
        await tx.execute("delete from records where host = any($1)", hosts)

    @override
    async def put_routes(
        self, tx: Transaction, deployment: str, targets: Mapping[ApplicationHost, Inside | Media]
    ) -> None:
        await tx.execute("delete from routes where deployment = $1", deployment)
        for it, target in targets.items():
            await tx.execute(
                """insert into routes (host, deployment, application, machine, guest_port,
                    media_url)
                values ($1, $2, $3, $4, $5, $6)""",
                it.host,
                deployment,
                it.application,
                target.machine if isinstance(target, Inside) else None,
                target.port if isinstance(target, Inside) else None,
                target.url if isinstance(target, Media) else None,
            )

    @override
    async def maintain(
        self, tx: Transaction, deployment: str, hosts: Sequence[str], *, on: bool
    ) -> None:
        await tx.execute(
            """update routes set in_maintenance = $3
            where deployment = $1 and host = any($2) and media_url is null""",
            deployment,
            list(hosts),
            on,
        )

    @override
    async def list_routes(self, tx: Transaction) -> Sequence[Route]:
        await tx.execute("select pg_advisory_xact_lock($1)", ROUTES_LOCK)
        rows = await tx.fetch(
            """select routes.host, media_url, in_maintenance, addresses.host at, addresses.port
            from routes left join addresses on addresses.machine = routes.machine
                and addresses.guest_port = routes.guest_port
            where media_url is not null or in_maintenance or addresses.port is not null
            order by routes.host"""
        )
        return [Route(host=it["host"], upstream=_upstream(it)) for it in rows]


def _upstream(row: Row) -> Upstream:
    if row["in_maintenance"]:
        return Maintenance()
    if row["media_url"] is not None:
        return Media(url=row["media_url"])
    return Endpoint(host=row["at"], port=row["port"])


def _columns(placement: Placement) -> tuple[object, ...]:
    size = placement.size
    return (
        dict(placement.ports),
        size.cpus,
        size.memory_mib,
        size.disk_gib,
        list(placement.image_packages),
    )


def _machine(row: Row, addresses: Mapping[int, Endpoint]) -> Machine:
    return Machine(
        name=row["name"],
        deployment=row["deployment"],
        number=row["number"],
        identity=str(row["identity"]),
        state=MachineState(row["state"]),
        placement=Placement(
            ports=row["ports"],
            size=Size(cpus=row["cpus"], memory_mib=row["memory_mib"], disk_gib=row["disk_gib"]),
            image_packages=tuple(row["image_packages"]),
        ),
        addresses=addresses,
        kept_until=row["kept_until"],
    )
