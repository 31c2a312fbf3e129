"""Our clients reach `*.localhost` under its own name, with and without TLS."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

from shared import http
from shared.embedded.servers import caddy
from tests.support.eventually import eventually


@asynccontextmanager
async def echo() -> AsyncIterator[int]:
    """Answer every request with the Host header it came with."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        host = next(line[6:] for line in head.split(b"\r\n") if line.lower().startswith(b"host: "))
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + host)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_localhost_name_is_reached_and_stays_in_the_host_header() -> None:
    async with echo() as port, http.client() as client:
        answer = await client.get(f"http://blog.garden.localhost:{port}/")

    assert answer.text == f"blog.garden.localhost:{port}"
    assert answer.url.host == "blog.garden.localhost"


async def test_the_synchronous_client_does_the_same() -> None:
    def ask(port: int) -> str:
        with http.sync_client(base_url=f"http://panel.demo.localhost:{port}") as client:
            return client.get("/").text

    async with echo() as port:
        assert await asyncio.to_thread(ask, port) == f"panel.demo.localhost:{port}"


async def test_another_name_is_left_to_the_resolver() -> None:
    async with echo() as port, http.client() as client:
        answer = await client.get(f"http://127.0.0.1:{port}/")

    assert answer.text == f"127.0.0.1:{port}"
    assert not http.is_local("localhost.example.org")


async def test_tls_carries_the_name_and_trusts_the_edges_own_authority(
    caddy_server: caddy.CaddyServer,
) -> None:
    route = {
        "match": [{"host": ["blog.garden.localhost"]}],
        "handle": [{"handler": "static_response", "body": "secure"}],
    }
    async with httpx2.AsyncClient(trust_env=False) as admin:
        await admin.post(
            f"{caddy_server.admin}/config/apps/http/servers/edge_tls/routes", json=route
        )
    await eventually(caddy_server.root_certificate.exists, within=10)

    async def is_secure() -> bool:
        async with http.client(authority=caddy_server.root_certificate) as client:
            try:
                answer = await client.get(f"https://blog.garden.localhost:{caddy_server.tls_port}/")
            except httpx2.ConnectError:
                return False
            return answer.text == "secure"

    await eventually(is_secure, within=10)
