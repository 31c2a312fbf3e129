"""Fixtures for what `fediversity-state` carries: a server known by its socket, and a bucket."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from pydantic import SecretStr

from shared.embedded import parts, ports
from tests.support import restic_repositories, state
from tests.support.servers import require, throwaway_directory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from shared.embedded.servers.seaweedfs import SeaweedServer


POSTS = "create table posts as select i, md5(i::text) from generate_series(1, 100) i"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def socket_server() -> AsyncIterator[state.SocketPostgresServer]:
    """Yield the one server of this test process that is reached by its socket."""
    with throwaway_directory() as path:
        password = SecretStr(secrets.token_urlsafe(18))
        server = state.SocketPostgresServer(path, port=ports.free(), password=password)
        async with parts.running(server) as started:
            yield started


@pytest.fixture
async def stateless(
    socket_server: state.SocketPostgresServer, object_store: SeaweedServer, tmp_path: Path
) -> state.Carrier:
    """Return what carries the state of an application that has none yet.

    Of an earlier attempt, there is a place for its files already.
    """
    require("restic", "restic")
    bucket = await state.create_bucket(object_store)
    carrier = state.Carrier(socket_server, object_store, bucket, tmp_path / "work")
    carrier.password = restic_repositories.PASSWORD
    made = restic_repositories.an_empty_one()
    await carrier.add({f"{carrier.prefix}/files/{name}": it for name, it in made.items()})
    return carrier


@pytest.fixture
async def blog(stateless: state.Carrier, tmp_path: Path) -> AsyncIterator[state.Carrier]:
    """Return what carries a table of posts and a folder of avatars."""
    folder = tmp_path / "garden" / "avatars"
    folder.mkdir(parents=True)
    (folder / "one").write_text("one")
    stateless.path(folder)
    async with state.with_database(stateless):
        await stateless.owned.run_as_owner(stateless.name, POSTS)
        yield stateless
