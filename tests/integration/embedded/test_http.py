"""Our clients reach `*.localhost` under its own name, with and without TLS."""

import asyncio

import httpx2

from shared import http
from shared.embedded.servers import caddy
from tests.support.eventually import eventually
from tests.support.listener import listening


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with the Host header of the request, once per connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    host = next(line[6:] for line in head.split(b"\r\n") if line.lower().startswith(b"host: "))
    length = str(len(host)).encode()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: " + length + b"\r\n\r\n" + host)
    await writer.drain()
    # Kept open: a client that wants to may send its next request here.
    if await reader.read(1):
        writer.write(b"HTTP/1.1 421 Misdirected Request\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()


def port_of(address: str) -> str:
    return address.partition(":")[2]


async def test_a_localhost_name_is_reached_and_stays_in_the_host_header() -> None:
    async with listening(echo) as address, http.client() as client:
        answer = await client.get(f"http://blog.garden.localhost:{port_of(address)}/")

    assert answer.text == f"blog.garden.localhost:{port_of(address)}"
    assert answer.url.host == "blog.garden.localhost"


async def test_the_synchronous_client_does_the_same() -> None:
    def ask(port: str) -> str:
        with http.sync_client(base_url=f"http://panel.demo.localhost:{port}") as client:
            return client.get("/").text

    async with listening(echo) as address:
        assert (
            await asyncio.to_thread(ask, port_of(address))
            == f"panel.demo.localhost:{port_of(address)}"
        )


async def test_two_names_never_share_a_connection() -> None:
    async with listening(echo) as address, http.client() as client:
        first = await client.get(f"http://one.localhost:{port_of(address)}/")
        second = await client.get(f"http://two.localhost:{port_of(address)}/")

    assert (first.text, second.text) == (
        f"one.localhost:{port_of(address)}",
        f"two.localhost:{port_of(address)}",
    )


async def test_another_name_is_left_to_the_resolver() -> None:
    async with listening(echo) as address, http.client() as client:
        answer = await client.get(f"http://127.0.0.1:{port_of(address)}/")

    assert answer.text == f"127.0.0.1:{port_of(address)}"
    assert not http.is_local("localhost.example.org")


async def test_tls_carries_the_name_and_trusts_the_edges_own_authority(
    caddy_server: caddy.CaddyServer,
) -> None:
    route = {
        "match": [{"host": ["blog.garden.localhost"]}],
        "handle": [{"handler": "static_response", "body": "secure"}],
    }
    async with httpx2.AsyncClient(trust_env=False) as admin:
        await admin.patch(
            f"{caddy_server.admin}/config/apps/http/servers/edge_tls/routes", json=[route]
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
