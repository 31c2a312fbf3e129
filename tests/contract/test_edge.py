"""What provisioner may rely on in every edge: the one in memory and Caddy."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import httpx2
import pytest

from services.provisioner.adapters.caddy import CaddyEdge
from services.provisioner.domain import Maintenance, Media, Route
from shared import errors, http
from shared.contracts.deployments import Endpoint
from tests.support.eventually import eventually
from tests.support.fakes.edge import FakeEdge
from tests.support.listener import listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from services.provisioner.ports import Edge
    from shared.embedded.servers.caddy import CaddyServer

HELLO = Route(host="hello.garden.localhost", upstream=Endpoint(host="127.0.0.1", port=25001))
PANEL = Route(host="panel.demo.localhost", upstream=Endpoint(host="127.0.0.1", port=25002))
OTHER = Route(host="hello.meadow.localhost", upstream=Endpoint(host="127.0.0.1", port=25003))
MEDIA = Route(
    host="media-blog.garden.localhost",
    upstream=Media(url="http://127.0.0.1:25004/fdv-x-blog-media"),
)

STILL = Route(host=HELLO.host, upstream=Maintenance())


@pytest.fixture
async def caddy(caddy_server: CaddyServer) -> AsyncIterator[CaddyEdge]:
    async with http.client(base_url=caddy_server.admin) as client:
        yield CaddyEdge(client=client, has_tls=True)


@pytest.fixture(params=["fake", "caddy"])
def edge(request: pytest.FixtureRequest, caddy: CaddyEdge) -> Edge:
    return FakeEdge() if request.param == "fake" else caddy


async def test_a_new_edge_routes_nothing(edge: Edge) -> None:
    assert list(await edge.routes()) == []


async def test_exactly_what_is_wanted_is_routed_in_its_order(edge: Edge) -> None:
    await edge.route([PANEL, HELLO])
    await edge.route([PANEL, STILL, OTHER, MEDIA])

    assert list(await edge.routes()) == [PANEL, STILL, OTHER, MEDIA]


async def test_the_same_list_twice_leaves_no_double(edge: Edge) -> None:
    await edge.route([PANEL, HELLO, MEDIA])
    await edge.route([PANEL, HELLO, MEDIA])

    assert list(await edge.routes()) == [PANEL, HELLO, MEDIA]


async def test_nothing_may_be_wanted(edge: Edge) -> None:
    await edge.route([HELLO])
    await edge.route([])

    assert list(await edge.routes()) == []


async def test_caddy_hands_a_host_to_its_application_by_both_listeners(
    caddy: CaddyEdge, caddy_server: CaddyServer
) -> None:
    async with listening(greet) as address:
        await caddy.route([a_route(HELLO.host, address)])

        async with http.client() as client:
            answer = await client.get(f"http://{HELLO.host}:{caddy_server.port}/")
            stranger = await client.get(f"http://{OTHER.host}:{caddy_server.port}/")

        async def by_tls() -> bool:
            with contextlib.suppress(OSError):
                authority = caddy_server.root_certificate
                async with http.client(authority=authority) as secure:
                    answer = await secure.get(f"https://{HELLO.host}:{caddy_server.tls_port}/")
                    return answer.text == HELLO.host
            return False

        # The certificate of its own authority is made after the route was accepted.
        await eventually(by_tls, within=20)

    assert answer.text == HELLO.host
    assert stranger.status_code == 404


async def test_where_public_urls_are_https_the_plain_listener_only_sends_visitors_there(
    caddy_server: CaddyServer,
) -> None:
    async with (
        listening(greet) as address,
        http.client(base_url=caddy_server.admin) as admin,
        http.client() as visitor,
    ):
        edge = secured(admin, caddy_server)
        wanted = [a_route(PANEL.host, address), a_route(HELLO.host, address)]
        await edge.route(wanted)
        await edge.route(wanted)

        plain = f"http://{{}}:{caddy_server.port}/book?page=2&of=a%20b"
        answers = [await visitor.get(plain.format(it.host)) for it in wanted]
        posted = await visitor.post(plain.format(HELLO.host), data={"name": "Ada"})
        stranger = await visitor.get(plain.format(OTHER.host))

        assert list(await edge.routes()) == wanted
        await eventually(lambda: is_secure(caddy_server), within=20)

    assert [(it.status_code, it.headers["location"]) for it in (*answers, posted)] == [
        (308, f"https://{host}:{caddy_server.tls_port}/book?page=2&of=a%20b")
        for host in (PANEL.host, HELLO.host, HELLO.host)
    ]
    assert stranger.status_code == 404


async def test_browsers_are_told_to_come_by_https_for_a_year_where_ports_are_the_usual_ones(
    caddy_server: CaddyServer,
) -> None:
    async with http.client(base_url=caddy_server.admin) as admin:
        edge = CaddyEdge(client=admin, has_tls=True, secure_url="https://{}".format)
        await edge.route([HELLO])
        written = (await admin.get("/config/apps/http/servers/edge_tls/routes")).text

    assert '"max-age=31536000"' in written


async def test_no_listener_sends_visitors_away_where_public_urls_are_http(
    caddy: CaddyEdge, caddy_server: CaddyServer
) -> None:
    await caddy.route([HELLO])
    async with http.client(base_url=caddy_server.admin) as admin:
        written = (await admin.get("/config/apps/http/servers")).text

    assert '"Location"' not in written
    assert "Strict-Transport-Security" not in written


async def test_a_stream_goes_on_while_routes_change(
    caddy: CaddyEdge, caddy_server: CaddyServer
) -> None:
    await stream_while_routes_change(caddy, f"http://{PANEL.host}:{caddy_server.port}/")


async def test_a_stream_goes_on_over_tls_too(caddy_server: CaddyServer) -> None:
    url = f"https://{PANEL.host}:{caddy_server.tls_port}/"
    async with http.client(base_url=caddy_server.admin) as admin:
        edge = secured(admin, caddy_server)
        async with listening(greet) as address:
            await edge.route([a_route(PANEL.host, address)])
            await eventually(lambda: is_secure(caddy_server, PANEL.host), within=20)
        await stream_while_routes_change(edge, url, caddy_server.root_certificate)


def secured(admin: httpx2.AsyncClient, server: CaddyServer) -> CaddyEdge:
    """Return an edge of a provider whose public URLs are https."""
    return CaddyEdge(
        client=admin, has_tls=True, secure_url=lambda host: f"https://{host}:{server.tls_port}"
    )


async def is_secure(server: CaddyServer, host: str = HELLO.host) -> bool:
    """Say whether a host answers by TLS, and tells browsers to come that way."""
    with contextlib.suppress(OSError, httpx2.ConnectError):
        async with http.client(authority=server.root_certificate) as visitor:
            answer = await visitor.get(f"https://{host}:{server.tls_port}/")
            hints = answer.headers.get_list("strict-transport-security")
            return answer.text == host and hints == ["max-age=300"]
    return False


async def stream_while_routes_change(
    edge: CaddyEdge, url: str, authority: Path | None = None
) -> None:
    more = asyncio.Event()

    async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        writer.write(head + b"data: before\n\n")
        await writer.drain()
        await more.wait()
        writer.write(b"data: after\n\n")
        await writer.drain()

    async with listening(tell) as address:
        route = a_route(PANEL.host, address)
        await edge.route([route])
        async with (
            http.client(authority=authority) as client,
            client.stream("GET", url) as answer,
        ):
            pieces = answer.aiter_text()
            first = await anext(pieces)
            for extra in (HELLO, OTHER):
                await edge.route([route, extra])
            more.set()
            second = await anext(pieces)

    assert (first, second) == ("data: before\n\n", "data: after\n\n")


async def test_an_equal_list_is_not_written(caddy: CaddyEdge, caddy_server: CaddyServer) -> None:
    await caddy.route([PANEL, HELLO, MEDIA])
    log = caddy_server.child.log
    before = log.read_text().count("PATCH")
    assert before > 0

    await caddy.route([PANEL, HELLO, MEDIA])

    assert log.read_text().count("PATCH") == before


async def test_caddy_that_lost_its_routes_gets_them_back(
    caddy: CaddyEdge, caddy_server: CaddyServer
) -> None:
    await caddy.route([PANEL, HELLO])
    await caddy_server.kill()
    with pytest.raises(errors.UnavailableError):
        await caddy.routes()
    await caddy_server.start()

    assert list(await caddy.routes()) == []
    await caddy.route([PANEL, HELLO])

    assert list(await caddy.routes()) == [PANEL, HELLO]


async def test_an_edge_without_our_servers_is_named(caddy_server: CaddyServer) -> None:
    async with http.client(base_url=caddy_server.admin) as client:
        await client.delete("/config/apps/http/servers/edge_tls")
        with pytest.raises(errors.FaultError) as caught:
            await CaddyEdge(client=client, has_tls=True).route([PANEL])

    assert "edge_tls" in caught.value.message


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("automatic HTTPS: managing certificates for [a.example]", errors.UnavailableError),
        ("module: unknown handler", errors.FaultError),
    ],
)
async def test_a_certificate_that_is_half_written_is_waited_for(
    said: str, meant: type[errors.HostingError]
) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 500 Trouble\r\nConnection: close\r\n\r\n" + said.encode())
        await writer.drain()

    async with listening(refuse) as address, http.client(base_url=f"http://{address}") as client:
        with pytest.raises(meant, match=r"certificate|handler"):
            await CaddyEdge(client=client, has_tls=False).routes()


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with the host that was asked for."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    host = next(it for it in head.splitlines() if it.lower().startswith("host:"))
    name = host.partition(":")[2].strip().partition(":")[0].encode()
    writer.write(b"HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=1\r\n")
    writer.write(b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(name))
    writer.write(name)
    await writer.drain()


def a_route(host: str, address: str) -> Route:
    at, _, port = address.rpartition(":")
    return Route(host=host, upstream=Endpoint(host=at, port=int(port)))


async def test_a_name_without_a_route_is_never_answered_with_success(
    caddy: CaddyEdge, caddy_server: CaddyServer
) -> None:
    async with http.client(base_url=f"http://127.0.0.1:{caddy_server.port}") as visitor:
        before = await visitor.get("/", headers={"host": HELLO.host})
        await caddy.route([PANEL])
        after = await visitor.get("/", headers={"host": HELLO.host})

    assert (before.status_code, after.status_code) == (503, 404)


@pytest.mark.parametrize("header", [{}, {"Connection": "X-Forwarded-For"}, {"X-Forwarded-For": ""}])
async def test_what_comes_through_the_edge_always_says_for_whom(
    caddy: CaddyEdge, caddy_server: CaddyServer, header: dict[str, str]
) -> None:
    asked: list[str] = []

    async def remember(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
        writer.write(b"HTTP/1.1 204 None\r\nConnection: close\r\n\r\n")
        await writer.drain()

    async with (
        listening(remember) as address,
        http.client(base_url=f"http://127.0.0.1:{caddy_server.port}") as visitor,
    ):
        await caddy.route([a_route(PANEL.host, address)])
        answer = await visitor.get("/readyz", headers={"host": PANEL.host, **header})

    assert answer.status_code == 204
    assert "\r\nx-forwarded-for: 127.0.0.1\r\n" in asked[0]
