"""Each server survives crashes and restarts with its data."""

import asyncio
import os
import secrets
import signal
from pathlib import Path

import asyncpg
import httpx2
import nats as nats_client
import pytest
from pydantic import SecretStr

from shared.embedded import accounts, identity
from shared.embedded.servers import caddy, nats, seaweedfs, signature
from shared.embedded.servers import postgres as postgresql


async def crash(
    server: nats.NatsServer | postgresql.PostgresServer | seaweedfs.SeaweedServer,
) -> int:
    """Kill a server behind our back and return the pid it had."""
    who = server.child.identity
    assert who is not None
    os.kill(who.pid, signal.SIGKILL)
    assert await server.child.ended() == -signal.SIGKILL
    return who.pid


async def test_the_bus_keeps_its_messages_through_a_crash(nats_server: nats.NatsServer) -> None:
    client = await nats_client.connect(nats_server.url)
    await client.jetstream().add_stream(name="EV", subjects=["ev.>"])
    await client.jetstream().publish("ev.one", b"kept")
    await client.close()

    before = await crash(nats_server)
    await nats_server.start()

    client = await nats_client.connect(nats_server.url)
    assert (await client.jetstream().get_msg("EV", 1)).data == b"kept"
    await client.close()
    assert nats_server.child.identity is not None
    assert nats_server.child.identity.pid != before


async def test_postgres_keeps_its_rows_through_a_crash_and_a_restart(
    postgres_server: postgresql.PostgresServer, data_directory: Path
) -> None:
    password = SecretStr(secrets.token_urlsafe(12))
    async with postgresql.running(data_directory, password=password) as server:
        access = await server.ensure_database("panel", password)
        async with postgresql.connected(access) as connection:
            await connection.execute("create table kept as select 7 as value")

        await crash(server)
        await server.start()
        await server.restart()

        async with postgresql.connected(access) as connection:
            assert await connection.fetchval("select value from kept") == 7
    assert postgres_server.child.is_running


async def test_postgres_starts_over_the_lock_of_a_recycled_pid(data_directory: Path) -> None:
    password = SecretStr(secrets.token_urlsafe(12))
    async with postgresql.running(data_directory, password=password) as server:
        await crash(server)
        lock = server.data / "postmaster.pid"
        # Same owner as the server, so that PostgreSQL itself would believe the lock.
        stranger = await asyncio.create_subprocess_exec("sleep", "60", user=lock.stat().st_uid)
        lines = lock.read_text().splitlines()
        lock.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")

        await server.start()

        assert server.child.is_running
        assert stranger.returncode is None
        stranger.kill()
        await stranger.wait()


async def test_a_role_reaches_its_own_database_only(
    postgres_server: postgresql.PostgresServer, postgres: postgresql.Access
) -> None:
    other = await postgres_server.ensure_database("other_service", SecretStr("unused"))

    for database in (other.database, "postgres", "template1"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(
                host=postgres.host,
                port=postgres.port,
                database=database,
                user=postgres.user,
                password=postgres.password.get_secret_value(),
            )

    await postgres_server.drop_database(other.database)


async def test_a_wrong_password_is_refused(postgres: postgresql.Access) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(
            host=postgres.host,
            port=postgres.port,
            database=postgres.database,
            user=postgres.user,
            password="wrong",  # noqa: S106 - that is the test
        )


async def store_request(
    store: seaweedfs.SeaweedServer, method: str, path: str, body: bytes = b""
) -> httpx2.Response:
    url = f"{store.access.endpoint}{path}"
    signed = signature.headers(store.access, method, url, body)
    async with httpx2.AsyncClient(trust_env=False) as client:
        return await client.request(method, url, content=body, headers=signed)


async def test_the_object_store_keeps_its_objects_through_a_crash(data_directory: Path) -> None:
    async with seaweedfs.running(data_directory) as store:
        await store_request(store, "PUT", "/fdv-kept")
        await store_request(store, "PUT", "/fdv-kept/a", b"kept")

        await crash(store)
        await store.start()

        assert (await store_request(store, "GET", "/fdv-kept/a")).content == b"kept"
        listed = (await store_request(store, "GET", "/")).text
        assert "fdv-kept" in listed
        assert seaweedfs.PROBE_BUCKET not in listed


async def test_the_object_store_listens_on_loopback_only_and_wants_a_key(
    object_store: seaweedfs.SeaweedServer,
) -> None:
    async with httpx2.AsyncClient(trust_env=False) as client:
        anonymous = await client.get(f"{object_store.access.endpoint}/")

    assert anonymous.status_code == 403
    assert object_store.child.identity is not None
    assert listening(object_store.child.identity.pid) <= {"0100007F"}


def listening(pid: int) -> set[str]:
    """Return the addresses, as the kernel writes them, on which a process listens."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            inodes.add(str(link.readlink()))
        except FileNotFoundError:
            continue
    lines = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
    ]
    return {
        line[1].partition(":")[0]
        for line in lines
        if line[3] == "0A" and f"socket:[{line[9]}]" in inodes
    }


async def test_a_new_edge_has_its_first_routes_and_ports_again(
    caddy_server: caddy.CaddyServer,
) -> None:
    routes = f"{caddy_server.admin}/config/apps/http/servers/edge/routes"
    async with httpx2.AsyncClient(trust_env=False) as client:
        first = (await client.get(routes)).json()
        await client.patch(routes, json=[])
        assert (await client.get(routes)).json() == []

        await caddy_server.kill()
        await caddy_server.start()

        assert (await client.get(routes)).json() == first


async def test_the_edge_does_not_run_as_root_and_takes_over_what_root_left(
    data_directory: Path,
) -> None:
    left = data_directory / "storage" / "pki" / "left"
    left.mkdir(parents=True)
    wanted, _ = accounts.unprivileged() or (os.getuid(), os.getgid())

    async with caddy.running(data_directory) as server:
        assert server.child.identity is not None
        assert users(server.child.identity.pid) == {wanted}
        assert left.stat().st_uid == wanted
        assert "BEGIN CERTIFICATE" in server.root_certificate.read_text()


def users(pid: int) -> set[int]:
    """Return the real, effective, saved and file system user of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {int(it) for line in lines if line.startswith("Uid:") for it in line.split()[1:]}


async def test_what_a_dirty_stop_left_running_is_ended_before_a_new_start(
    nats_server: nats.NatsServer,
) -> None:
    first = nats.NatsServer(nats_server.directory, port=nats_server.port)
    left_over = nats_server.child.identity
    assert left_over is not None

    await first.start()

    assert await left_over.is_gone(within=1)
    assert nats_server.child.status is not None
    assert identity.load(first.child.record) == first.child.identity
    await first.kill()
