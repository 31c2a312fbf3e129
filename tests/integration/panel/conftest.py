"""One panel process for all tests of a worker; each test has operators of its own."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest_asyncio
from pydantic import SecretStr

from services.panel.domain.identity import Scope
from tests.integration.panel.command_line import shell
from tests.support.bus import running_bus
from tests.support.panel import running_panel
from tests.support.servers import throwaway_directory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from shared.embedded.servers.postgres import Access, PostgresServer
    from tests.integration.panel.command_line import CommandLine
    from tests.support.panel import PanelRig


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def panel(postgres_server: PostgresServer) -> AsyncIterator[PanelRig]:
    """Yield a panel that runs; the test plays the other services."""
    name = f"panel_{secrets.token_hex(6)}"
    access = await postgres_server.ensure_database(name, SecretStr(secrets.token_urlsafe(18)))
    with throwaway_directory() as directory:
        async with running_bus() as bus, running_panel(bus, access, directory) as rig:
            yield rig
    await postgres_server.drop_database(name)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def empty(postgres_server: PostgresServer) -> AsyncIterator[Access]:
    """Yield access to a database with panel's schema, and no panel on it."""
    name = f"empty_{secrets.token_hex(6)}"
    yield await postgres_server.ensure_database(name, SecretStr(secrets.token_urlsafe(18)))
    await postgres_server.drop_database(name)


@pytest_asyncio.fixture
async def signed_in(panel: PanelRig, tmp_path: Path) -> CommandLine:
    """Return the shell of somebody who may do everything."""
    token = tmp_path / "token"
    token.write_text(await panel.token(scopes=tuple(Scope)))
    return shell(tmp_path, FEDIVERSITY_URL=panel.url, FEDIVERSITY_TOKEN_FILE=str(token))
