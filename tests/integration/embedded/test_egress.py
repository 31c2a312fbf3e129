"""The egress proxy leads to the front, and nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from shared.embedded import ports
from shared.embedded.servers import squid
from tests.support.eventually import eventually
from tests.support.servers import require

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

Heard = list[bytes]


@asynccontextmanager
async def listener(heard: Heard) -> AsyncIterator[int]:
    """Keep the head of each request that comes, and answer it."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The proxy also connects just to see whether somebody is there.
        with contextlib.suppress(asyncio.IncompleteReadError):
            heard.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
        writer.close()

    port = ports.free()
    async with await asyncio.start_server(answer, ports.LOOPBACK, port):
        yield port


@asynccontextmanager
async def asked(
    proxy: squid.SquidServer, head: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Yield the connection on which a request was sent."""
    reader, writer = await asyncio.open_connection(ports.LOOPBACK, proxy.port)
    try:
        async with asyncio.timeout(20):
            writer.write(f"{head}\r\nHost: of.the.proxy\r\nConnection: close\r\n\r\n".encode())
            yield reader, writer
    finally:
        writer.close()


@pytest.fixture
def directory(data_directory: Path) -> Path:
    require("squid", "squid")
    return data_directory / "egress"


async def test_only_names_and_ports_of_the_front_are_passed_on(directory: Path) -> None:
    plain: Heard = []
    tls: Heard = []
    other: Heard = []
    async with (
        listener(plain) as front,
        listener(tls) as front_tls,
        listener(other) as elsewhere,
        squid.running(directory, front=front, front_tls=front_tls) as proxy,
    ):
        url = f"http://blog.garden.localhost:{front}/actor"
        async with asked(proxy, f"GET {url} HTTP/1.1") as (reader, _):
            assert (await reader.read()).endswith(b"hi")
        request = plain.pop()
        assert request.startswith(b"GET /actor HTTP/1.1\r\n")
        assert f"Host: blog.garden.localhost:{front}".encode() in request
        assert b"Forwarded" not in request
        assert b"Via" not in request

        tunnel = f"CONNECT blog.garden.localhost:{front_tls} HTTP/1.1"
        async with asked(proxy, tunnel) as (reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"what is inside goes through as it is\r\n\r\n")
            assert (await reader.read()).endswith(b"hi")
        assert tls.pop().startswith(b"what is inside")

        for head in (
            f"GET http://127.0.0.1:{front}/ HTTP/1.1",
            f"GET http://[::1]:{front}/ HTTP/1.1",
            f"GET http://10.0.0.1:{front}/ HTTP/1.1",
            f"GET http://garden.example:{front}/ HTTP/1.1",
            f"GET http://blog.garden.localhost:{elsewhere}/ HTTP/1.1",
            f"CONNECT blog.garden.localhost:{elsewhere} HTTP/1.1",
            f"CONNECT 127.0.0.1:{front} HTTP/1.1",
            f"GET cache_object://blog.garden.localhost:{front}/info HTTP/1.1",
            f"GET ftp://blog.garden.localhost:{front}/ HTTP/1.1",
        ):
            async with asked(proxy, head) as (reader, _):
                assert (await reader.readline()).split(b" ")[1].startswith(b"4"), head
        assert (plain, tls, other) == ([], [], [])


async def test_the_proxy_starts_again_after_a_crash(directory: Path) -> None:
    heard: Heard = []
    async with (
        listener(heard) as front,
        squid.running(directory, front=front, front_tls=ports.free()) as proxy,
    ):
        await proxy.kill()
        await proxy.start()

        url = f"http://blog.garden.localhost:{front}/"
        async with asked(proxy, f"GET {url} HTTP/1.1") as (reader, _):
            assert (await reader.read()).endswith(b"hi")
        assert len(heard) == 1


async def test_what_failed_is_written_down_without_its_path(directory: Path) -> None:
    heard: Heard = []
    async with (
        listener(heard) as front,
        squid.running(directory, front=front, front_tls=ports.free()) as proxy,
    ):
        fine = f"http://blog.garden.localhost:{front}/secret"
        async with asked(proxy, f"GET {fine} HTTP/1.1") as (reader, _):
            await reader.read()

        away = f"http://blog.garden.localhost:{proxy.front_tls}/secret"
        async with asked(proxy, f"GET {away} HTTP/1.1") as (reader, _):
            assert (await reader.readline()).split(b" ")[1].startswith(b"5")
            await reader.read()

        failures = directory / "failures.log"
        # It may write after it has answered.
        await eventually(lambda: failures.exists() and failures.read_text(), within=10)
        log = failures.read_text(encoding="utf-8")
    assert [it.split()[2:4] for it in log.splitlines()] == [
        ["GET", f"blog.garden.localhost:{proxy.front_tls}"]
    ]
    assert "secret" not in log
