"""Fixtures: the real servers of the embedded default, throwaway and on ports of their own.

A server that needs a missing package of the distribution is a skip with the command that
installs it; where CI is true it is a failure.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from pydantic import SecretStr

from shared import errors
from shared.embedded import files, ports
from shared.embedded.servers import caddy, nats, postgres, seaweedfs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

TRAVERSABLE = 0o711


def require(program: str, package: str) -> None:
    """Skip the test, or fail it where CI is true, when a program of the distribution is missing."""
    if shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin"):
        return
    miss(f"{program} is not installed; run: apt-get install {package}")


def miss(reason: str) -> None:
    """Skip the test for this reason, or fail it where CI is true."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def throwaway_directory() -> Iterator[Path]:
    """Yield a directory that another account may pass through, as PostgreSQL needs under root."""
    # pytest's own temporary folders are closed to other accounts.
    with tempfile.TemporaryDirectory(prefix="fediversity-") as name:
        path = Path(name)
        path.chmod(TRAVERSABLE)
        yield path


def choose_ports(data: Path) -> None:
    """Record public ports for a provider; two that start at once would both prefer the same."""
    first = ports.free(len(ports.PREFERRED))
    chosen = {name: first + number for number, name in enumerate(ports.PREFERRED)}
    files.write(files.directory(data) / "ports.json", json.dumps(chosen))


@pytest.fixture
def data_directory() -> Iterator[Path]:
    """Yield an empty data directory, in reach of the account that PostgreSQL runs as."""
    with throwaway_directory() as path:
        yield path


@pytest.fixture
async def nats_server() -> AsyncIterator[nats.NatsServer]:
    """Yield an empty bus without accounts; `.url` is where clients connect."""
    with throwaway_directory() as path:
        async with nats.running(path) as server:
            yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_server() -> AsyncIterator[postgres.PostgresServer]:
    """Yield the one PostgreSQL of this test process."""
    with throwaway_directory() as path:
        password = SecretStr(secrets.token_urlsafe(18))
        cache = Path(tempfile.gettempdir()) / f"fediversity-programs-{os.getuid()}"
        async with postgres.running(path, password=password, cache=cache) as server:
            yield server


@pytest.fixture(name="postgres")
async def postgres_access(
    postgres_server: postgres.PostgresServer,
) -> AsyncIterator[postgres.Access]:
    """Yield access to an empty database with a role of its own; both go with the test."""
    name = f"test_{secrets.token_hex(6)}"
    access = await postgres_server.ensure_database(name, SecretStr(secrets.token_urlsafe(18)))
    yield access
    await postgres_server.drop_database(name)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def object_store() -> AsyncIterator[seaweedfs.SeaweedServer]:
    """Yield the one object store of this test process; `.access` is its administrator's."""
    with throwaway_directory() as path:
        async with seaweedfs.running(path) as server:
            yield server


@pytest.fixture
async def caddy_server() -> AsyncIterator[caddy.CaddyServer]:
    """Yield an edge without routes; `.admin` is where it is configured."""
    async with running_caddy() as server:
        yield server


@asynccontextmanager
async def running_caddy() -> AsyncIterator[caddy.CaddyServer]:
    """Run an edge without routes for the length of a block."""
    with throwaway_directory() as path:
        try:
            async with caddy.running(path) as server:
                yield server
        except errors.NotFoundError as missing:
            miss(missing.message)
