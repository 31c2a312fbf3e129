"""Other servers as the microblog meets them: one that follows, and the door on the way to it.

Signing and verifying are written anew here, so that the blog is not compared with itself.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aiohttp import web
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from .listener import listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

KINDS = "application/activity+json"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
SIGNED = "(request-target) host date digest"


def new_key() -> rsa.RSAPrivateKey:
    """Make a key as a server of the fediverse has one."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: rsa.RSAPrivateKey) -> str:
    """Return the public half of a key."""
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def private_pem(key: rsa.RSAPrivateKey) -> bytes:
    """Return a whole key."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@dataclass
class Letter:
    """A signed request to an inbox, of which a test can change every part before it is sent."""

    key: rsa.RSAPrivateKey
    key_id: str
    host: str
    activity: dict[str, Any]
    path: str = "/inbox"
    date: str = field(default_factory=lambda: formatdate(usegmt=True))
    names: str = SIGNED
    raw: bytes | None = None

    @property
    def body(self) -> bytes:
        """What is sent."""
        return self.raw if self.raw is not None else json.dumps(self.activity).encode()

    def fields(self) -> dict[str, str]:
        """Return its header fields, signed as they are."""
        digest = base64.b64encode(hashlib.sha256(self.body).digest()).decode()
        known = {
            "(request-target)": f"post {self.path}",
            "host": self.host,
            "date": self.date,
            "digest": f"SHA-256={digest}",
        }
        text = "\n".join(f"{it}: {known[it]}" for it in self.names.split())
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        known["signature"] = (
            f'keyId="{self.key_id}",algorithm="rsa-sha256",headers="{self.names}",'
            f'signature="{base64.b64encode(signature).decode()}"'
        )
        del known["(request-target)"]
        return {**known, "content-type": KINDS}


def is_signed_by(public_pem: str, method: str, path: str, fields: Mapping[str, str]) -> bool:
    """Say whether a request carries a signature that this key made."""
    given = dict(re.findall(r'(\w+)="([^"]*)"', fields["signature"]))
    known = {**fields, "(request-target)": f"{method.lower()} {path}"}
    text = "\n".join(f"{name}: {known[name]}" for name in given["headers"].split())
    key = serialization.load_pem_public_key(public_pem.encode())
    assert isinstance(key, rsa.RSAPublicKey)
    # Raises where it is not.
    key.verify(
        base64.b64decode(given["signature"]), text.encode(), padding.PKCS1v15(), hashes.SHA256()
    )
    return {"(request-target)", "host", "date"} <= set(given["headers"].split())


@dataclass(frozen=True)
class Received:
    """What came into an inbox."""

    activity: dict[str, Any]
    path: str
    fields: dict[str, str]
    body: bytes


class Peer:
    """A server of which every actor has the same key, and which does as a test tells it."""

    def __init__(self, netloc: str) -> None:
        self.netloc = netloc
        self.url = f"http://{netloc}"
        self.actor_id = f"{self.url}/users/ada"
        self.key_id = f"{self.actor_id}#main-key"
        self.key = new_key()
        self.received: list[Received] = []
        self.inbox_status = 202
        # What it answers before that, one after the other.
        self.refusals: list[int] = []
        self.inbox_answers = asyncio.Event()
        self.inbox_answers.set()
        self.changes: dict[str, Any] = {}
        self.redirect: str | None = None
        self.asked: list[dict[str, str]] = []
        self.address = ""
        self.kind = KINDS
        self.answers = asyncio.Event()
        self.answers.set()

    def letter(
        self, to: str, activity: dict[str, Any] | None = None, *, name: str = "ada"
    ) -> Letter:
        """Return a request to another server's inbox, by default that somebody wants to follow."""
        actor = f"{self.url}/users/{name}"
        follow = {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": f"{self.url}/follows/{len(self.asked)}",
            "type": "Follow",
            "actor": actor,
            "object": f"http://{to}/actor",
        }
        return Letter(self.key, f"{actor}#main-key", to, activity or follow)

    async def actor(self, request: web.Request) -> web.Response:
        """Say who it is."""
        self.asked.append({name.lower(): it for name, it in request.headers.items()})
        await self.answers.wait()
        if self.redirect:
            return web.Response(status=302, headers={"location": self.redirect})
        actor = f"{self.url}{request.path}"
        document = {
            "id": actor,
            "type": "Person",
            "inbox": f"{actor}/inbox",
            "endpoints": {"sharedInbox": f"{self.url}/inbox"},
            "publicKey": {
                "id": f"{actor}#main-key",
                "owner": actor,
                "publicKeyPem": pem(self.key),
            },
            **self.changes,
        }
        return web.json_response(document, content_type=self.kind)

    async def inbox(self, request: web.Request) -> web.Response:
        """Take what is sent."""
        body = await request.read()
        fields = {name.lower(): it for name, it in request.headers.items()}
        self.received.append(Received(json.loads(body), request.raw_path, fields, body))
        await self.inbox_answers.wait()
        fields = {"location": self.redirect} if self.redirect else {}
        status = self.refusals.pop(0) if self.refusals else self.inbox_status
        return web.Response(status=status, headers=fields)

    def kinds(self) -> list[str]:
        """Return what kinds of activities have come."""
        return [it.activity["type"] for it in self.received]


@asynccontextmanager
async def peer_server(netloc: str) -> AsyncIterator[Peer]:
    """Run a peer for the length of a block."""
    peer = Peer(netloc)
    application = web.Application()
    application.add_routes(
        [
            web.get("/users/{name}", peer.actor),
            web.post("/users/{name}/inbox", peer.inbox),
            web.post("/inbox", peer.inbox),
        ]
    )
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        peer.address = f"{host}:{port}"
        yield peer
    finally:
        peer.inbox_answers.set()
        peer.answers.set()
        await runner.cleanup()


@asynccontextmanager
async def connected(host: str, port: int) -> AsyncIterator[Streams]:
    """Keep a connection for the length of a block."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


class Door:
    """A forward proxy: the only way out, which knows a few names and writes down all of them."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self.asked: list[str] = []
        self.address = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one request on, in the absolute form that proxies are asked in."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *fields = head[:-4].split("\r\n")
        method, target, _ = line.split(" ")
        self.asked.append(f"{method} {target}")
        parts = urlsplit(target)
        place = self.known.get(parts.netloc)
        if place is None:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()
            return
        host, _, port = place.partition(":")
        async with connected(host, int(port)) as (remote_reader, remote):
            await self._pass(line, fields, (reader, writer), (remote_reader, remote))

    async def _pass(self, line: str, fields: list[str], here: Streams, there: Streams) -> None:
        (reader, writer), (remote_reader, remote) = here, there
        method, target, _ = line.split(" ")
        parts = urlsplit(target)
        kept = [it for it in fields if not it.lower().startswith(("connection:", "proxy-"))]
        path = f"{parts.path}{'?' if parts.query else ''}{parts.query}"
        opening = [f"{method} {path} HTTP/1.1", *kept, "connection: close", "", ""]
        remote.write("\r\n".join(opening).encode("latin-1"))
        lengths = [it for it in fields if it.lower().startswith("content-length:")]
        for it in lengths:
            remote.write(await reader.readexactly(int(it.partition(":")[2])))
        await remote.drain()
        while chunk := await remote_reader.read(1 << 16):
            writer.write(chunk)
            await writer.drain()


@asynccontextmanager
async def door() -> AsyncIterator[Door]:
    """Keep a door open for the length of a block."""
    found = Door()
    async with listening(found.answer) as found.address:
        yield found
