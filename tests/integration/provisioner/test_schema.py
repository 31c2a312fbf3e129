"""What an earlier version wrote down is read by this one."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final

import services.provisioner
from services.provisioner.adapters.postgres import (
    PostgresMachineRepository,
    PostgresPublicationRepository,
)
from services.provisioner.domain import SSH_PORT, Media, Route
from shared import ids
from shared.contracts.deployments import Endpoint
from tests.support.rig import tables

if TYPE_CHECKING:
    from shared.database import Transaction
    from shared.embedded.servers.postgres import Access

SCHEMA: Final = Path(services.provisioner.__file__).parent / "schema"
SSH: Final = Endpoint(host="127.0.0.1", port=24001)
HTTP: Final = Endpoint(host="127.0.0.1", port=24002)
URL: Final = "http://127.0.0.1:8333/fdv-x-blog-media"


async def apply(tx: Transaction, first: int, last: int) -> None:
    for path in sorted(SCHEMA.glob("*.sql")):
        if first <= int(path.name[:4]) <= last:
            await tx.execute(path.read_text(encoding="utf-8"))


async def write_as_before(tx: Transaction, deployment: str, name: str) -> None:
    await tx.execute(
        """insert into machines (name, deployment, number, identity, state, applications, cpus,
            memory_mib, disk_gib, http_port, image_packages)
        values ($1, $2, 1, $3, 'ready', '{blog,hello}', 1, 256, 4, 80, '{python3}'),
            ($4, $2, 2, $5, 'reserved', '{}', 1, 256, 4, 80, '{}')""",
        name,
        deployment,
        uuid.uuid4(),
        f"{name}0",
        uuid.uuid4(),
    )
    for purpose, endpoint in (("ssh", SSH), ("http", HTTP)):
        await tx.execute(
            "insert into addresses (host, port, machine, purpose) values ($1, $2, $3, $4)",
            endpoint.host,
            endpoint.port,
            name,
            purpose,
        )
    await tx.execute(
        """insert into routes (host, deployment, application, machine, media_url)
        values ('hello.localhost', $1, 'hello', $2, null), ('media.localhost', $1, 'blog', null, $3)
        """,
        deployment,
        name,
        URL,
    )


async def test_machines_addresses_and_routes_are_kept_when_ports_become_many(
    postgres: Access,
) -> None:
    deployment = ids.new_id()
    name = ids.machine_name(deployment, 1)
    async with tables(postgres) as database, database.transaction() as tx:
        await apply(tx, 1, 3)
        await write_as_before(tx, deployment, name)

        await apply(tx, 4, 9999)

        machine, empty = await PostgresMachineRepository().list_machines(tx, deployment)
        assert machine.placement.ports == {"blog": 80, "hello": 80}
        assert machine.addresses == {SSH_PORT: SSH, 80: HTTP}
        assert (empty.placement.ports, empty.addresses) == ({}, {})
        assert await PostgresPublicationRepository().list_routes(tx) == [
            Route(host="hello.localhost", upstream=HTTP),
            Route(host="media.localhost", upstream=Media(url=URL)),
        ]
