"""The front understands the first bytes of HTTP and TLS, and refuses everything else."""

import asyncio
import ssl

import pytest

from shared.embedded import wire


def fed(data: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=wire.HEAD_BYTES)
    reader.feed_data(data)
    reader.feed_eof()
    return reader


def client_hello(name: str | None) -> bytes:
    """Return what a real TLS client says first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


async def test_a_request_is_passed_on_with_its_host_and_for_one_request_only() -> None:
    opening = await wire.read_head(
        fed(b"GET /a HTTP/1.1\r\nHost: Blog.Localhost:80\r\nConnection: keep-alive\r\nA: b\r\n\r\n")
    )

    assert opening.host == "Blog.Localhost:80"
    assert opening.passed_on == (
        b"GET /a HTTP/1.1\r\nHost: Blog.Localhost:80\r\nA: b\r\nConnection: close\r\n\r\n"
    )


async def test_an_upgrade_is_passed_on_as_it_is() -> None:
    request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

    assert (await wire.read_head(fed(request))).passed_on == request


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nhost : b\r\n\r\n",
        b"GET / HTTP/2\r\nHost: a\r\n\r\n",
        b"\r\n\r\n",
    ],
)
async def test_what_names_no_single_host_is_refused(request_bytes: bytes) -> None:
    with pytest.raises(wire.UnreadableError):
        await wire.read_head(fed(request_bytes))


async def test_a_tls_client_is_read_without_being_changed() -> None:
    hello = client_hello("safe.garden.localhost")

    opening = await wire.read_hello(fed(hello))

    assert opening == wire.Opening("safe.garden.localhost", hello)


async def test_a_hello_in_several_records_is_put_together() -> None:
    hello = client_hello("safe.garden.localhost")
    body = hello[5:]
    split = b"".join(
        b"\x16\x03\x01" + len(part).to_bytes(2) + part for part in (body[:50], body[50:])
    )

    assert (await wire.read_hello(fed(split))).host == "safe.garden.localhost"


@pytest.mark.parametrize(
    "hello",
    [client_hello(None), b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03"],
)
async def test_a_client_that_names_no_server_is_refused(hello: bytes) -> None:
    with pytest.raises(wire.UnreadableError):
        await wire.read_hello(fed(hello))
