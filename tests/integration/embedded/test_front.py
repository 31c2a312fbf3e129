"""The front routes by name, streams, passes TLS through and keeps its records."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr

from shared import http
from shared.embedded.servers import caddy, front
from tests.support.eventually import eventually
from tests.support.listener import listening

TOKEN = SecretStr("a token of the tests")


@pytest.fixture
async def server(data_directory: Path) -> AsyncIterator[front.FrontServer]:
    async with front.running(data_directory / "front", token=TOKEN) as started:
        yield started


def provider(answer: bytes, more: asyncio.Event | None = None) -> AbstractAsyncContextManager[str]:
    """Answer each connection with these bytes, and with more when the event allows it."""

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + answer)
        await writer.drain()
        if more is not None:
            await more.wait()
            writer.write(b"more")

    return listening(respond)


async def publish(server: front.FrontServer, host: str, **record: str) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {TOKEN.get_secret_value()}"}
    async with http.client(base_url=server.api, headers=headers) as client:
        return await client.put(f"/records/{host}", json=record)


async def get(server: front.FrontServer, host: str) -> httpx2.Response:
    async with http.client() as client:
        return await client.get(f"http://{host}:{server.port}/")


async def test_each_name_leads_to_its_own_address(server: front.FrontServer) -> None:
    async with provider(b"one") as one, provider(b"two") as two:
        await publish(server, "one.localhost", address=one)
        await publish(server, "Two.localhost.", address=two)

        assert (await get(server, "one.localhost")).text == "one"
        assert (await get(server, "two.localhost")).text == "two"


async def test_an_unknown_name_gets_a_page_that_says_so(server: front.FrontServer) -> None:
    answer = await get(server, "nobody.localhost")

    assert answer.status_code == 404
    assert "No hosting provider has published nobody.localhost" in answer.text


async def test_a_provider_that_is_away_is_a_bad_gateway(server: front.FrontServer) -> None:
    await publish(server, "away.localhost", address="127.0.0.1:9")

    answer = await get(server, "away.localhost")

    assert answer.status_code == 502
    assert "does not answer" in answer.text


async def test_a_stream_arrives_while_it_is_written(server: front.FrontServer) -> None:
    more = asyncio.Event()
    async with provider(b"first", more) as address, http.client() as client:
        await publish(server, "live.localhost", address=address)
        url = f"http://live.localhost:{server.port}/"
        async with client.stream("GET", url) as answer, asyncio.timeout(30):
            chunks = answer.aiter_raw()
            assert await anext(chunks) == b"first"
            more.set()
            assert await anext(chunks) == b"more"


async def test_records_survive_a_crash(server: front.FrontServer) -> None:
    async with provider(b"kept") as address:
        await publish(server, "kept.localhost", address=address)

        await server.kill()
        await server.start()

        assert (await get(server, "kept.localhost")).text == "kept"


@pytest.mark.parametrize("given", ["", "Bearer wrong", "a token of the tests"])
async def test_a_wrong_token_changes_nothing(server: front.FrontServer, given: str) -> None:
    async with http.client(base_url=server.api, headers={"Authorization": given}) as client:
        assert (await client.get("/records")).status_code == 401
        body = {"address": "127.0.0.1:9"}
        assert (await client.put("/records/x.localhost", json=body)).status_code == 401
        assert (await client.delete("/records/x.localhost")).status_code == 401

    assert (await get(server, "x.localhost")).status_code == 404


async def test_a_record_that_is_no_address_is_refused(server: front.FrontServer) -> None:
    assert (await publish(server, "x.localhost", address="example.org")).status_code == 422
    assert (await publish(server, "a_b", address="127.0.0.1:9")).status_code == 422
    assert (await publish(server, "x.localhost", adress="127.0.0.1:9")).status_code == 422


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: a.localhost\r\nHost: b.localhost\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a.localhost\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", b"431"),
    ],
)
async def test_a_request_that_cannot_be_routed_is_refused(
    server: front.FrontServer, request_bytes: bytes, status: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request_bytes)

    assert (await reader.readline()).split()[1] == status
    writer.close()
    await writer.wait_closed()


async def test_tls_is_passed_through_by_its_server_name(
    server: front.FrontServer, caddy_server: caddy.CaddyServer
) -> None:
    route = {
        "match": [{"host": ["safe.garden.localhost"]}],
        "handle": [{"handler": "static_response", "body": "safe"}],
    }
    async with http.client(base_url=caddy_server.admin) as admin:
        await admin.patch("/config/apps/http/servers/edge_tls/routes", json=[route])
    edge = f"127.0.0.1:{caddy_server.port}"
    tls = f"127.0.0.1:{caddy_server.tls_port}"
    await publish(server, "safe.garden.localhost", address=edge, tls_address=tls)
    await eventually(caddy_server.root_certificate.exists, within=10)

    async def arrives() -> bool:
        async with http.client(authority=caddy_server.root_certificate) as client:
            try:
                url = f"https://safe.garden.localhost:{server.tls_port}/"
                return (await client.get(url)).text == "safe"
            except httpx2.TransportError:
                return False

    await eventually(arrives, within=10)


async def test_an_unknown_server_name_is_refused_in_the_words_of_tls(
    server: front.FrontServer,
) -> None:
    context = ssl.create_default_context()

    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        await asyncio.open_connection(
            "127.0.0.1", server.tls_port, ssl=context, server_hostname="nobody.localhost"
        )
