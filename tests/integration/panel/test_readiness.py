"""What panel tells whoever asks whether it is ready."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from shared import http
from tests.support.bus import running_bus
from tests.support.eventually import eventually
from tests.support.panel import running_panel

if TYPE_CHECKING:
    from pathlib import Path

    from shared.embedded.servers.postgres import PostgresServer
    from tests.support.panel import Json, PanelRig


async def test_what_is_not_ready_is_named_and_its_details_are_only_logged(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    name = f"panel_{secrets.token_hex(6)}"
    access = await postgres_server.ensure_database(name, SecretStr(secrets.token_urlsafe(18)))
    found: Json = {}
    async with running_bus() as bus, running_panel(bus, access, tmp_path) as panel:
        async with bus.administrator() as administrator:
            await administrator.jetstream().delete_consumer("EV", "panel")
        async with http.client() as client:

            async def is_unready() -> bool:
                answer = await client.get(f"{panel.url}/readyz")
                found.update(answer.json())
                return answer.status_code == 503

            await eventually(is_unready, within=10)
        log = panel.child.tail(100)
    await postgres_server.drop_database(name)

    assert found["ready"] is False
    assert found["problems"] == {"bus": "bus.no_consumer"}
    assert "consumer EV.panel does not exist" in log


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_is_nothing_for_the_outside(panel: PanelRig, path: str) -> None:
    async with http.client(base_url=panel.url) as client:
        direct = await client.get(path)
        through = await client.get(path, headers={"X-Forwarded-For": "192.0.2.7"})

    assert direct.status_code == 200
    # As any other address at which there is no page.
    assert through.status_code == 404
    assert through.headers["content-type"].startswith("text/html")
