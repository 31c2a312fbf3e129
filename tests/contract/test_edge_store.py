"""What the edge makes of a store of media: its name, its certificate, its troubles."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx2
import pytest
import pytest_asyncio
from typing_extensions import override

from services.provisioner.adapters.caddy import CaddyEdge
from services.provisioner.domain import Media, Route
from shared import http
from shared.contracts.deployments import Endpoint
from shared.embedded import parts, ports
from shared.embedded.servers.caddy import CaddyServer
from tests.support.eventually import eventually
from tests.support.listener import listening
from tests.support.media import HOST, PATH, PICTURE, World, ask, published_media, tells_nothing
from tests.support.servers import throwaway_directory

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

    from shared.embedded.processes import Command
    from shared.embedded.servers.seaweedfs import SeaweedServer


# One edge for all of these tests; each of them writes its own routes.
pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(object_store: SeaweedServer) -> AsyncIterator[World]:
    async with published_media(object_store.access) as found:
        yield found


async def test_an_edge_that_restarted_reads_again_once_it_has_its_routes(world: World) -> None:
    wanted = [Route(host=HOST, upstream=world.media)]
    await world.caddy.kill()
    await world.caddy.start()
    before = await world.ask(f"GET {PATH}")

    await world.edge.route(wanted)

    async def is_read() -> bool:
        return (await world.ask(f"GET {PATH}")).content == PICTURE

    assert before.status_code == 503
    await eventually(is_read, within=10)
    assert list(await world.edge.routes()) == wanted


async def test_where_public_urls_are_https_media_are_read_by_tls_alone(world: World) -> None:
    host, caddy = "media-blog.garden.localhost", world.caddy
    async with (
        http.client(base_url=caddy.admin) as admin,
        http.client(authority=caddy.root_certificate) as visitor,
    ):
        secured = CaddyEdge(
            client=admin, has_tls=True, secure_url=lambda it: f"https://{it}:{caddy.tls_port}"
        )
        wanted = [Route(host=host, upstream=world.media)]
        await secured.route(wanted)
        await secured.route(wanted)
        url = f"https://{host}:{caddy.tls_port}{PATH}"

        async def is_read() -> bool:
            with contextlib.suppress(OSError, httpx2.ConnectError):
                answer = await visitor.get(url)
                return (
                    answer.content == PICTURE
                    and answer.headers["strict-transport-security"] == "max-age=300"
                    and answer.headers["x-content-type-options"] == "nosniff"
                )
            return False

        await eventually(is_read, within=20)
        assert list(await secured.routes()) == wanted

    plain = await world.ask(f"GET {PATH}?x=1", host=host)
    assert (plain.status_code, plain.headers["location"]) == (308, f"{url}?x=1")


class TrustingCaddy(CaddyServer):
    """An edge that trusts its own authority in the stores that it reads from."""

    @override
    async def prepare(self) -> Command:
        command = await super().prepare()
        trust = {**command.environment, "SSL_CERT_FILE": str(self.root_certificate)}
        return replace(command, environment=trust)


async def test_a_store_is_read_by_tls_when_it_proves_its_name(world: World) -> None:
    first = ports.free(3)
    address = world.access.endpoint.removeprefix("http://").partition(":")
    store = Endpoint(host=address[0], port=int(address[2]))
    with throwaway_directory() as path:
        caddy = TrustingCaddy(path, admin_port=first, port=first + 1, tls_port=first + 2)
        async with parts.running(caddy), http.client(base_url=caddy.admin) as admin:
            # The edge is its own store with TLS: both have a certificate of the same authority.
            media = Media(url=f"https://localhost:{caddy.tls_port}/{world.bucket}")
            nameless = Media(url=f"https://127.0.0.1:{caddy.tls_port}/{world.bucket}")
            wanted = [
                Route(host="localhost", upstream=store),
                Route(host=HOST, upstream=media),
                Route(host="media-nameless.garden.example", upstream=nameless),
            ]
            await CaddyEdge(client=admin, has_tls=True).route(wanted)

            async def is_read() -> bool:
                return (await ask(caddy.port, f"GET {PATH}")).content == PICTURE

            await eventually(is_read, within=20)
            other = await ask(caddy.port, f"GET {PATH}", host="media-nameless.garden.example")
            assert other.status_code == 502
            assert tells_nothing(other)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("204 No Content", 404),
        ("301 Moved", 404),
        ("307 Moved", 404),
        ("400 Bad", 404),
        ("403 Forbidden", 404),
        ("416 Range", 404),
        ("500 Trouble", 502),
        ("501 No", 502),
        ("503 Slow Down", 503),
    ],
)
async def test_what_goes_wrong_in_a_store_is_told_in_the_edges_own_words(
    world: World, theirs: str, ours: int
) -> None:
    asked: list[bytes] = []

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        head = (
            f"HTTP/1.1 {theirs}\r\nLocation: http://fdv-x.store/\r\nx-amz-bucket-region: x\r\n"
            "Server: SeaweedFS\r\nContent-Type: application/xml\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode())
        writer.write(b"" if theirs.startswith("204") else b"<Error>fdv-x</Error>")
        await writer.drain()

    async with listening(respond) as address:
        media = Media(url=f"http://{address}/fdv-x-blog-media")
        await world.edge.route([Route(host=HOST, upstream=media)])
        # For a moment Caddy answers by its old routes as well.
        while not asked:
            answer = await world.ask(f"GET {PATH}")

    assert answer.status_code == ours
    assert "location" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert tells_nothing(answer)


async def test_a_store_that_is_away_is_told_in_the_edges_own_words(world: World) -> None:
    media = Media(url="http://127.0.0.1:9/fdv-x-blog-media")
    await world.edge.route([Route(host=HOST, upstream=media)])

    answer = await world.ask(f"GET {PATH}")

    assert answer.status_code == 502
    assert tells_nothing(answer)


async def test_a_store_is_asked_for_the_object_by_its_own_name_and_told_no_secret(
    world: World,
) -> None:
    asked: list[str] = []

    async def remember(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(
            b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nX-Rgw-Object-Type: x\r\nContent-Length: 0\r\n"
            b"Access-Control-Allow-Credentials: true\r\nConnection: close\r\n\r\n"
        )
        await writer.drain()

    async with listening(remember) as address:
        media = Media(url=f"http://{address}/objects/fdv-x-blog-media")
        await world.edge.route([Route(host=HOST, upstream=media)])
        while not asked:
            answer = await world.ask(
                "GET /why%3F%23.png?x=%2e%2e/..",
                "Authorization: x",
                "Cookie: x",
                "x-amz-date: x",
                "X-Goog-Date: x",
                "Range: bytes=0-1",
            )

    [line, *headers] = asked[0].strip().splitlines()
    assert line == "GET /objects/fdv-x-blog-media/why%3F%23.png HTTP/1.1"
    assert sorted(headers) == [f"Host: {address}", "Range: bytes=0-1"]
    assert not {"set-cookie", "x-rgw-object-type", "access-control-allow-credentials"} & {
        it.lower() for it in answer.headers
    }
