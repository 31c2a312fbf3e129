"""The certificates that visitors are shown by a real edge."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from services.deployer.adapters.certificates import EdgeCertificates
from services.provisioner.adapters.caddy import CaddyEdge
from services.provisioner.domain import Maintenance, Route
from shared import errors, http
from shared.contracts.deployments import Endpoint
from shared.embedded.ports import LOOPBACK, free
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from services.deployer.domain import Certificate
    from shared.embedded.servers.caddy import CaddyServer

HOST = "hello.garden.localhost"


async def test_the_certificate_of_a_host_is_read_and_its_absence_is_noticed(
    caddy_server: CaddyServer,
) -> None:
    certificates = EdgeCertificates(Endpoint(host=LOOPBACK, port=caddy_server.tls_port))
    async with http.client(base_url=caddy_server.admin) as admin:
        await CaddyEdge(client=admin, has_tls=True).route(
            [Route(host=HOST, upstream=Maintenance())]
        )
    found: list[Certificate] = []

    async def is_shown() -> bool:
        try:
            shown = await certificates.of(HOST)
        except errors.FaultError:
            return False  # its authority is still at work
        found.extend([shown] if shown else [])
        return bool(found)

    await eventually(is_shown, within=20)
    now = datetime.now(UTC)

    assert found[0].begins < now < found[0].ends
    # The edge's own authority signs for hours: that alone is no reason to warn anybody.
    assert not found[0].is_running_out(now)
    with pytest.raises(errors.FaultError, match="are shown no certificate"):
        await certificates.of("nobody.garden.localhost")


async def test_an_edge_that_is_away_shows_nothing_and_nothing_wrong() -> None:
    assert await EdgeCertificates(Endpoint(host=LOOPBACK, port=free())).of(HOST) is None


async def test_where_visitors_come_by_plain_http_there_is_no_certificate() -> None:
    assert await EdgeCertificates(None).of(HOST) is None
