"""The inbox of the microblog under those who mean no good: forged letters, false addresses."""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.support import microblog
from tests.support.eventually import eventually
from tests.support.listener import listening
from tests.support.microblog import NETLOC, URL
from tests.support.microblog_peer import KINDS, new_key, pem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.embedded.servers.seaweedfs import SeaweedServer
    from tests.support.microblog import World
    from tests.support.microblog_peer import Letter

pytestmark = pytest.mark.asyncio(loop_scope="module")
SHORT: dict[str, object] = {
    "outgoing.SECONDS": 1.0,
}
SCRIPT = '"><script>alert(1)</script>'


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="running")
async def running_world(object_store: SeaweedServer) -> AsyncIterator[World]:
    async with microblog.world(object_store.access, "peer", "other", limits=SHORT) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="module", name="world")
async def quiet_world(running: World) -> World:
    peer = running["peer"]
    peer.changes, peer.redirect, peer.kind = {}, None, KINDS
    peer.answers.set()
    peer.asked.clear()
    running.door.asked.clear()
    return running


async def refused(world: World, letter: Letter, **changes: str) -> None:
    """Make sure that a letter makes no follower."""
    answer = await world.blog.send(letter, **changes)
    assert answer.status in (400, 401), answer.text
    assert (await world.blog.status())["followers"] == 0


async def test_a_letter_without_a_signature_is_refused_and_nobody_is_asked(world: World) -> None:
    letter = world["peer"].letter(NETLOC)

    for damaged in ("", "nonsense", 'keyId="x",headers="date",signature="AAAA"'):
        await refused(world, letter, signature=damaged)

    assert world.door.asked == []


async def test_a_signature_of_another_key_is_refused(world: World) -> None:
    letter = world["peer"].letter(NETLOC)
    letter.key = new_key()

    await refused(world, letter)


async def test_a_letter_of_yesterday_is_refused(world: World) -> None:
    letter = world["peer"].letter(NETLOC)
    letter.date = formatdate(time.time() - 86400, usegmt=True)

    await refused(world, letter)
    assert world.door.asked == []


async def test_a_letter_to_somebody_else_is_refused(world: World) -> None:
    letter = world["peer"].letter(NETLOC)
    letter.host = "elsewhere.garden.localhost"

    await refused(world, letter)


async def test_a_letter_whose_body_was_exchanged_is_refused(world: World) -> None:
    letter = world["peer"].letter(NETLOC)
    fields = letter.fields()
    letter.activity["id"] = "http://peer.garden.localhost:18080/exchanged"

    answer = await world.blog.ask("POST", "/inbox", fields=fields, data=letter.body)

    assert answer.status == 401
    assert "digest" in answer.text


async def test_the_key_of_another_actor_is_refused(world: World) -> None:
    peer, other = world["peer"], world["other"]
    letter = other.letter(NETLOC, {**peer.letter(NETLOC).activity, "actor": peer.actor_id})

    await refused(world, letter)
    assert world.door.asked == []


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "http://other.garden.localhost:18080/users/ada"},
        {"publicKey": None},
        {"publicKey": {"id": "http://peer.garden.localhost:18080/users/ada#main-key"}},
        {"publicKey": "x"},
        {"inbox": "http://other.garden.localhost:18080/inbox"},
        {"inbox": "http://127.0.0.1:3900/inbox"},
        {"inbox": None},
        {"endpoints": {"sharedInbox": "http://other.garden.localhost:18080/inbox"}},
        {"endpoints": {"sharedInbox": "file:///etc/passwd"}},
        {"endpoints": {"sharedInbox": 7}},
    ],
)
async def test_an_actor_that_speaks_for_others_is_refused(
    world: World, changes: dict[str, Any]
) -> None:
    world["peer"].changes = changes

    await refused(world, world["peer"].letter(NETLOC))


async def test_a_key_that_says_it_belongs_to_another_is_refused(world: World) -> None:
    peer = world["peer"]
    peer.changes = {
        "publicKey": {
            "id": peer.key_id,
            "owner": world["other"].actor_id,
            "publicKeyPem": pem(peer.key),
        }
    }

    await refused(world, peer.letter(NETLOC))


@pytest.mark.parametrize(
    "actor",
    [
        *("http://127.0.0.1/", "http://127.0.0.1:18080/users/ada", "http://[::1]/users/ada"),
        *("http://10.0.0.1/users/ada", "http://10.0.2.2/x", "http://169.254.169.254/latest/"),
        *("http://0x7f000001/", "http://2130706433/", "http://localhost:18080/users/ada"),
        *("file:///etc/passwd", "gopher://peer.garden.localhost/", "ftp://peer.garden.localhost/"),
        *("http://user@peer.garden.localhost:18080/users/ada", "http://10.0.0.1.:18080/"),
        *("http://peer.garden.localhost:22/users/ada", f"{URL}/actor", "//peer", "x", ""),
        *(7, None, ["http://peer.garden.localhost:18080/users/ada"], {"id": "x"}),
    ],
)
async def test_no_address_makes_the_blog_ask_inside_a_network(world: World, actor: object) -> None:
    letter = world["peer"].letter(NETLOC)
    letter.activity["actor"] = actor
    letter.key_id = str(actor)

    await refused(world, letter)

    assert world.door.asked == []


async def test_a_redirect_of_an_actor_is_not_followed(world: World) -> None:
    world["peer"].redirect = f"{world['other'].url}/users/ada"

    await refused(world, world["peer"].letter(NETLOC))

    assert world.door.asked == [f"GET {world['peer'].actor_id}"]


@pytest.mark.parametrize("kind", ["application/json", "text/html", "image/png"])
async def test_a_file_that_says_it_is_an_actor_is_none(world: World, kind: str) -> None:
    world["peer"].kind = kind

    await refused(world, world["peer"].letter(NETLOC))


async def test_a_part_of_a_document_is_no_actor(world: World) -> None:
    letter = world["peer"].letter(NETLOC)
    letter.activity["actor"] = f"{world['peer'].actor_id}#me"

    await refused(world, letter)
    assert world.door.asked == []


async def test_a_server_that_is_slow_to_say_who_it_is_keeps_no_other_waiting(world: World) -> None:
    peer, other = world["peer"], world["other"]
    peer.answers.clear()

    slow = [asyncio.create_task(world.blog.send(peer.letter(NETLOC))) for _ in range(20)]
    await eventually(lambda: len(peer.asked) >= 4, within=5)
    like = {"id": "x", "type": "Like", "actor": other.actor_id, "object": "y"}
    assert (await world.blog.send(other.letter(NETLOC, like))).status == 202

    assert sorted({(await it).status for it in slow}) == [401, 503]
    assert len(world.door.asked) == 5


async def test_an_actor_of_boundless_size_is_refused(world: World) -> None:
    world["peer"].changes = {"summary": "x" * 400_000}

    await refused(world, world["peer"].letter(NETLOC))


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 50_000, b'{"actor": "\\ud800"}'])
async def test_a_letter_that_is_no_activity_is_refused(world: World, body: bytes) -> None:
    letter = world["peer"].letter(NETLOC)
    letter.raw = body

    await refused(world, letter)


async def test_a_follower_that_drips_its_answer_is_left_alone(world: World) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{")
        for _ in range(100):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    slow = "slow.garden.localhost:18080"
    letter = world["peer"].letter(NETLOC)
    letter.activity["actor"] = f"http://{slow}/users/ada"
    letter.key_id = f"http://{slow}/users/ada#main-key"
    began = time.monotonic()

    async with listening(drip) as world.door.known[slow]:
        await refused(world, letter)

        assert time.monotonic() - began < 4


async def test_a_follower_cannot_write_where_it_should_not(world: World) -> None:
    peer = world["peer"]
    letter = peer.letter(NETLOC)
    letter.activity["id"] = {"deep": [SCRIPT]}
    letter.activity["type"] = ["Follow"]
    assert (await world.blog.send(letter)).status == 202
    assert (await world.blog.status())["followers"] == 0

    letter = peer.letter(NETLOC)
    letter.activity["id"] = "x" * 100_000 + "\0"
    assert (await world.blog.send(letter)).status == 202

    await eventually(lambda: "Accept" in peer.kinds(), within=10)
    assert len(peer.received[-1].body) < 4096
    undone = {"type": "Undo", "id": "x", "actor": peer.actor_id, "object": letter.activity}
    await world.blog.send(peer.letter(NETLOC, undone))
    assert (await world.blog.status())["followers"] == 0
