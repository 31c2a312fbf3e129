"""An edge that leads to a published bucket of a real store, and requests as attackers send."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import httpx2

from services.provisioner.adapters.caddy import CaddyEdge
from services.provisioner.domain import Media, Route
from shared import http, ids
from tests.support import s3
from tests.support.eventually import eventually
from tests.support.servers import running_caddy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.storage.adapters.iam import IamObjectStore
    from shared.embedded.servers import caddy as caddies
    from shared.embedded.servers.seaweedfs import Access

HOST: Final = "media-blog.garden.example"
KEY: Final = "2026/garden of eden.png"
PATH: Final = "/2026/garden%20of%20eden.png"
PICTURE: Final = bytes(range(256)) * 4
ENDING: Final = ("Connection: close", "", "")
PLAIN_TEXT: Final = "text/plain; charset=utf-8"


@dataclass(kw_only=True)
class World:
    """An edge that leads to a published bucket, beside others in the same store."""

    access: Access
    store: IamObjectStore
    caddy: caddies.CaddyServer
    edge: CaddyEdge
    bucket: str
    public_neighbour: str
    closed_neighbour: str

    @property
    def media(self) -> Media:
        """Where the bucket's objects are."""
        return Media(url=f"{self.access.endpoint}/{self.bucket}")

    async def ask(self, request: str, *headers: str, host: str = HOST) -> httpx2.Response:
        """Send a request line as it is to the edge; no client here would."""
        return await ask(self.caddy.port, request, *headers, host=host)


async def ask(port: int, request: str, *headers: str, host: str = HOST) -> httpx2.Response:
    """Send a request line as it is to a port of this computer."""
    message = "\r\n".join((f"{request} HTTP/1.1", f"Host: {host}", *headers, *ENDING)).encode()
    answer = b""
    while not answer:
        # Caddy drops who waited at its old listener while it took over new routes.
        with contextlib.suppress(ConnectionResetError):
            answer = await _exchange(port, message)
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *fields = head.decode().split("\r\n")
    pairs = [(name, value.strip()) for name, _, value in (it.partition(":") for it in fields)]
    return httpx2.Response(int(status.split()[1]), headers=pairs, content=body)


async def _exchange(port: int, message: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(message)
        return await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(ConnectionResetError):
            await writer.wait_closed()


@asynccontextmanager
async def published_media(access: Access) -> AsyncIterator[World]:
    """Run an edge that leads to a published bucket with a picture, beside its neighbours."""
    names = [ids.bucket_name(ids.new_id(), "blog", "media") for _ in range(3)]
    async with AsyncExitStack() as stack:
        caddy = await stack.enter_async_context(running_caddy())
        admin = await stack.enter_async_context(http.client(base_url=caddy.admin))
        store = await stack.enter_async_context(s3.administered(access))
        for name in names:
            await store.ensure_bucket(name)
            await put(access, name)
        for name in names[:2]:
            await store.publish(name)
        found = World(
            access=access,
            store=store,
            caddy=caddy,
            edge=CaddyEdge(client=admin, has_tls=False),
            bucket=names[0],
            public_neighbour=names[1],
            closed_neighbour=names[2],
        )
        await found.edge.route([Route(host=HOST, upstream=found.media)])

        async def is_read() -> bool:
            return (await found.ask(f"GET {PATH}")).content == PICTURE

        await eventually(is_read, within=10)
        yield found


async def put(access: Access, bucket: str) -> None:
    """Write the picture, as an application would."""
    async with s3.client(access, "s3") as administrator:
        await administrator.put_object(
            Bucket=bucket,
            Key=KEY,
            Body=PICTURE,
            ContentType="image/png",
            CacheControl="public, max-age=31536000, immutable",
            Metadata={"owner": "ada"},
        )


def tells_nothing(answer: httpx2.Response) -> bool:
    """Say whether an answer is the edge's own, without a word of the store's."""
    text = f"{answer.headers} {answer.text}".lower()
    is_ours = answer.headers["content-type"] == PLAIN_TEXT and answer.text.endswith(".\n")
    return is_ours and not any(it in text for it in ("fdv-", "<", "amz", "seaweed", "caddy"))
