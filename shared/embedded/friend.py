"""A server of the fediverse outside of the provider: one actor that follows, and checks signatures.

It plays everybody else in the demo: what reaches it has left a machine by the door for that, and
what it sends comes through the front and the edge. Signatures are those of draft-cavage-http-
signatures-12, RSA with SHA-256, as the fediverse uses them.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import re
import socket
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import uvicorn
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared import errors, http
from shared.serving import Server

from .ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from starlette.requests import Request

KIND: Final = "application/activity+json"
SIGNED: Final = "(request-target) host date digest"
PATIENCE_SECONDS: Final = 30.0
ATTEMPTS: Final = 5
AGAIN_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What came into the inbox."""

    activity: dict[str, Any]
    fields: Mapping[str, str]
    body: bytes
    target: str

    def is_signed_by(self, public_key: str) -> bool:
        """Say whether the owner of a key (PEM) signed it, the body included."""
        given = dict(re.findall(r'(\w+)="([^"]*)"', self.fields.get("signature", "")))
        names = given.get("headers", "").split()
        known = {**self.fields, "(request-target)": f"post {self.target}"}
        key = serialization.load_pem_public_key(public_key.encode())
        if not isinstance(key, rsa.RSAPublicKey) or not set(SIGNED.split()) <= set(names):
            return False
        text = "\n".join(f"{name}: {known.get(name, '')}" for name in names)
        signature = base64.b64decode(given.get("signature", ""))
        try:
            key.verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return self.fields.get("digest") == _digest(self.body)


@dataclass(slots=True)
class Friend:
    """The actor `@ada`, and what others sent it."""

    netloc: str
    """Host and port by which the front knows it."""
    address: str = ""
    """Where it truly listens."""
    received: list[Letter] = field(default_factory=list)
    _key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def id(self) -> str:
        """The URL of the actor."""
        return f"http://{self.netloc}/users/ada"

    async def follow(self, actor: str, *, authority: Path | None = None) -> None:
        """Ask to follow an actor, whose inbox is beside it."""
        target = urlsplit(actor)
        activity = {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": f"{self.id}/follows/{len(self.received)}",
            "type": "Follow",
            "actor": self.id,
            "object": actor,
        }
        body = json.dumps(activity).encode()
        known = {
            "(request-target)": "post /inbox",
            "host": target.netloc,
            "date": formatdate(usegmt=True),
            "digest": _digest(body),
        }
        text = "\n".join(f"{name}: {known[name]}" for name in SIGNED.split())
        signature = self._key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        del known["(request-target)"]
        known["signature"] = (
            f'keyId="{self.id}#main-key",algorithm="rsa-sha256",headers="{SIGNED}",'
            f'signature="{base64.b64encode(signature).decode()}"'
        )
        url = f"{target.scheme}://{target.netloc}/inbox"
        fields = {**known, "content-type": KIND}
        async with http.client(authority=authority) as client:
            answer = await client.post(url, content=body, headers=fields)
            for _ in range(ATTEMPTS - 1):
                if answer.is_success:
                    return
                # As servers do: who could not be asked for the key a moment ago can be now.
                await asyncio.sleep(AGAIN_SECONDS)
                answer = await client.post(url, content=body, headers=fields)
        if not answer.is_success:
            raise errors.FaultError(
                "story.follow", f"{url} answered {answer.status_code}: {answer.text[:200]}"
            )

    async def letter(self, kind: str, *, about: str = "") -> Letter | None:
        """Wait for an activity of a kind that says something, or return None when time is up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    self._arrived.clear()
                    for it in self.received:
                        if it.activity.get("type") == kind and about in json.dumps(it.activity):
                            return it
                    await self._arrived.wait()
        return None

    async def show(self, _: Request) -> Response:
        """Answer with the actor."""
        public = self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        key = {"id": f"{self.id}#main-key", "owner": self.id, "publicKeyPem": public.decode()}
        document = {"id": self.id, "type": "Person", "inbox": f"{self.id}/inbox", "publicKey": key}
        return JSONResponse(document, media_type=KIND)

    async def take(self, request: Request) -> Response:
        """Take what is sent; whoever asked for it decides what it is worth."""
        body = await request.body()
        letter = Letter(
            activity=json.loads(body),
            fields=dict(request.headers),
            body=body,
            target=request.url.path,
        )
        self.received.append(letter)
        self._arrived.set()
        return Response(status_code=202)


@contextlib.asynccontextmanager
async def serving(netloc: str) -> AsyncIterator[Friend]:
    """Let a friend answer for the length of a block."""
    friend = Friend(netloc)
    application = Starlette(
        routes=[
            Route("/users/ada", friend.show, methods=["GET"]),
            Route("/users/ada/inbox", friend.take, methods=["POST"]),
        ]
    )
    configuration = uvicorn.Config(application, log_config=None, lifespan="off")
    server = Server(configuration)
    with socket.create_server((LOOPBACK, 0)) as listening:
        host, port = listening.getsockname()[:2]
        friend.address = f"{host}:{port}"
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield friend
        finally:
            server.should_exit = True
            await task


def _digest(body: bytes) -> str:
    return f"SHA-256={base64.b64encode(hashlib.sha256(body).digest()).decode()}"
