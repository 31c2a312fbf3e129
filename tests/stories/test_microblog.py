"""An application with state: a blog that is followed from outside and outlives its machine."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import struct
import time
import zlib
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2
import pytest
import pytest_asyncio

from shared import http
from tests.support import stack as stacks
from tests.support import world
from tests.support.eventually import eventually
from tests.support.microblog_peer import is_signed_by, peer_server
from tests.support.world import NOTHING, Counts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.support.microblog_peer import Peer, Received
    from tests.support.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="module")
DOMAIN = "leaf.localhost"
# Of the blog and of its pictures: one host each.
TWO_HOSTS = Counts(machines=1, folders=1, buckets=1, keys=1, routes=2, records=2)
# The first deployment builds the guest image with the blog's runtime.
IMAGE_SECONDS = 600


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    async with stacks.running() as found:
        yield found


def picture() -> bytes:
    """Return a small PNG whose pixels are its own."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" + os.urandom(3))
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@asynccontextmanager
async def outside(stack: Stack) -> AsyncIterator[Peer]:
    """Run another server of the fediverse, under a name that the front knows."""
    port = urlsplit(stack.panel).port
    async with (
        peer_server(f"friend.localhost:{port}") as peer,
        stack.world.published("friend.localhost", peer.address),
    ):
        yield peer


async def deployed(stack: Stack) -> tuple[str, str]:
    """Deploy the blog; return the deployment and the blog's URL."""
    options = {"title": "Leaves", "handle": "news"}
    body = {"domain": DOMAIN, "applications": [{"application": "microblog", "options": options}]}
    deployment = (await stack.answer("POST", "/deployments", json=body))["id"]
    run = await stack.deploy(deployment)
    await stack.ended(run, within=IMAGE_SECONDS)
    await stack.succeeds(run)
    assert await stack.world.counts(deployment, DOMAIN) == TWO_HOSTS
    return deployment, await stack.url(deployment)


async def administrator(stack: Stack, deployment: str) -> tuple[str, str]:
    path = f"/deployments/{deployment}/credentials/microblog/reveal"
    found = await stack.answer("POST", path)
    return found["user"], found["password"]


async def posted(blog: httpx2.AsyncClient, text: str, *, with_picture: bytes) -> dict[str, Any]:
    files = {"picture": ("leaf.png", with_picture, "image/png")}
    answer = await blog.post("/api/posts", data={"text": text}, files=files)
    assert answer.status_code == httpx2.codes.CREATED, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def follow(peer: Peer, blog: httpx2.AsyncClient) -> None:
    """Follow as another server does, and wait until that was accepted."""

    async def is_understood() -> bool:
        letter = peer.letter(urlsplit(str(blog.base_url)).netloc)
        answer = await blog.post("/inbox", content=letter.body, headers=letter.fields())
        return answer.is_success

    # As servers do: who could not be asked for the key a moment ago can be now.
    await eventually(is_understood, within=120, poll=1)
    await eventually(lambda: "Accept" in peer.kinds(), within=300)


async def delivered(peer: Peer, kind: str) -> Received:
    await eventually(lambda: kind in peer.kinds(), within=300)
    return next(it for it in peer.received if it.activity["type"] == kind)


async def assert_read_by_everybody(stack: Stack, post: dict[str, Any], wanted: bytes) -> None:
    url = urlsplit(post["picture"])
    assert url.hostname == f"media-blog.{DOMAIN}"
    async with http.client() as visitor:
        found = await visitor.get(post["picture"])
        assert found.content == wanted
        assert found.headers["content-type"] == "image/png"
        assert "immutable" in found.headers["cache-control"]
        listing = await visitor.get(f"{url.scheme}://{url.netloc}/")
        assert listing.status_code == httpx2.codes.NOT_FOUND
        page = await visitor.get(post["url"])
        assert post["picture"] in page.text
        store = stack.world.provider.object_stores[0].endpoint
        assert store not in page.text


def assert_signed(received: Received, public_key: str) -> None:
    assert is_signed_by(public_key, "POST", received.path, received.fields)
    digest = base64.b64encode(hashlib.sha256(received.body).digest()).decode()
    assert received.fields["digest"] == f"SHA-256={digest}"


async def actor_of(blog: httpx2.AsyncClient) -> dict[str, Any]:
    answer = await blog.get("/actor", headers={"accept": "application/activity+json"})
    found: dict[str, Any] = answer.json()
    return found


async def back_after_a_power_cut(
    deployment: str, blog: httpx2.AsyncClient, post: dict[str, Any]
) -> float:
    """Kill the machine; return the seconds until everything is there again by itself."""
    began = time.monotonic()
    [machine] = world.machines(f"fdv-{deployment}-")
    os.kill(machine, signal.SIGKILL)
    await eventually(lambda: is_whole(blog, post), within=300)
    return time.monotonic() - began


async def removed(stack: Stack, deployment: str) -> None:
    removal = await stack.answer("DELETE", f"/deployments/{deployment}")
    await stack.succeeds(removal["id"])


async def back_from_a_backup(stack: Stack, deployment: str) -> str:
    """Back a deployment up, remove it, and bring it back; return the new one."""
    backup = (await stack.answer("POST", f"/deployments/{deployment}/backups"))["id"]
    await stack.succeeds(backup)
    await removed(stack, deployment)
    assert await stack.world.counts(deployment, DOMAIN) == replace(NOTHING, buckets=1)

    wish = {"domain": DOMAIN}
    asked = await stack.answer("POST", f"/backups/{backup}/restore", json=wish)
    for it in asked["runs"]:
        await stack.succeeds(it["id"])
    assert asked["deployment"] != deployment
    assert await stack.world.counts(asked["deployment"], DOMAIN) == TWO_HOSTS
    return str(asked["deployment"])


async def test_a_blog_is_followed_and_outlives_its_machine_and_its_deployment(
    stack: Stack, record_property: Callable[[str, object], None]
) -> None:
    deployment, url = await deployed(stack)
    leaf, face = picture(), picture()
    async with outside(stack) as peer, stack.visitor(url) as blog:
        blog.auth = await administrator(stack, deployment)
        avatar = (await blog.put("/api/avatar", content=face)).json()["url"]
        await blog.post("/api/drafts", json={"text": "Not for anybody yet"})
        await follow(peer, blog)
        post = await posted(blog, "The first leaf <b>falls</b>", with_picture=leaf)
        await assert_read_by_everybody(stack, post, leaf)

        actor, received = await actor_of(blog), await delivered(peer, "Create")
        assert received.activity["actor"] == actor["id"] == f"{url}/actor"
        assert_signed(received, actor["publicKey"]["publicKeyPem"])

        seconds = await back_after_a_power_cut(deployment, blog, post)
        record_property("figure", f"blog whole again after a power cut: {seconds:.1f} s")
        assert (await blog.get(avatar)).content == face
        assert (await actor_of(blog))["publicKey"] == actor["publicKey"]

        deployment = await back_from_a_backup(stack, deployment)
        assert await is_whole(blog, post)
        assert (await blog.get(avatar)).content == face
        await assert_read_by_everybody(stack, post, leaf)
        await posted(blog, "The second leaf", with_picture=leaf)
        await eventually(lambda: peer.kinds().count("Create") == 2, within=300)
        assert_signed(peer.received[-1], actor["publicKey"]["publicKeyPem"])

    await removed(stack, deployment)
    assert await stack.world.counts(deployment, DOMAIN) == NOTHING


async def is_whole(blog: httpx2.AsyncClient, post: dict[str, Any]) -> bool:
    """Say whether the blog answers with everything it had."""
    try:
        status = await blog.get("/api/status")
        posts = await blog.get("/api/posts")
    except httpx2.TransportError:
        return False
    if not (status.is_success and posts.is_success):
        return False
    found = status.json()
    assert (found["posts"], found["drafts"], found["followers"]) == (1, 1, 1)
    assert found["drafts_readable"]
    return [it["id"] for it in posts.json()["posts"]] == [post["id"]]
