"""The microblog among other servers: who follows is told, and one that is sick holds up nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.support import microblog
from tests.support.eventually import eventually
from tests.support.microblog import NETLOC, URL
from tests.support.microblog_peer import is_signed_by

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.embedded.servers.seaweedfs import SeaweedServer
    from tests.support.microblog import World
    from tests.support.microblog_peer import Peer

pytestmark = pytest.mark.asyncio(loop_scope="module")
PAUSES = [0.2, 0.2, 0.2]


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="running")
async def running_world(object_store: SeaweedServer) -> AsyncIterator[World]:
    names = ("peer", "other", "sick")
    limits = {
        "deliveries.PAUSES": PAUSES,
        "deliveries.REST_SECONDS": 0.05,
        "deliveries.MOST_WAITING": 3,
        "inbox.MOST_FOLLOWERS": 3,
        "inbox.MOST_FOLLOWERS_THERE": 2,
    }
    async with microblog.world(object_store.access, *names, limits=limits) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="module", name="world")
async def world_without_followers(running: World) -> AsyncIterator[World]:
    """Yield the world as it was in the beginning."""
    for peer in running.peers.values():
        peer.inbox_answers.set()
        peer.inbox_status, peer.changes, peer.redirect = 202, {}, None
    connection = await running.blog.connection()
    await connection.execute("truncate hosts, seen_signatures cascade")
    await connection.close()
    for peer in running.peers.values():
        peer.received.clear()
    running.door.asked.clear()
    yield running
    for peer in running.peers.values():
        peer.inbox_answers.set()


async def follow(world: World, *peers: Peer) -> None:
    for peer in peers:
        answer = await world.blog.send(peer.letter(NETLOC))
        assert answer.status == 202, answer.text
        await eventually(lambda peer=peer: "Accept" in peer.kinds(), within=10)


async def pending(world: World) -> int:
    return int((await world.blog.status())["pending_deliveries"])


async def test_a_follower_is_accepted_and_told_of_a_post_with_a_signature_that_holds(
    world: World,
) -> None:
    peer = world["peer"]
    await follow(world, peer)
    assert "1 follower<" in (await world.blog.ask("GET", "/")).text
    assert (await world.blog.ask("GET", "/followers")).document["totalItems"] == 1

    post = await world.blog.publish("Hello, followers <3")
    await eventually(lambda: "Create" in peer.kinds(), within=10)

    key = (await world.blog.ask("GET", "/actor")).document["publicKey"]
    assert key["owner"] == f"{URL}/actor"
    for it in peer.received:
        assert is_signed_by(key["publicKeyPem"], "POST", it.path, it.fields)
        assert f'keyId="{key["id"]}"' in it.fields["signature"]
    create = peer.received[-1].activity
    assert create["object"]["id"] == post["url"]
    assert create["object"]["content"] == "<p>Hello, followers &lt;3</p>"
    accept = peer.received[0].activity
    assert accept["object"]["actor"] == peer.actor_id
    assert peer.received[0].path == "/users/ada/inbox"
    assert peer.received[-1].path == "/inbox"


async def test_a_server_that_wants_to_know_who_asks_is_told(world: World) -> None:
    peer = world["peer"]
    await follow(world, peer)

    key = (await world.blog.ask("GET", "/actor")).document["publicKey"]["publicKeyPem"]
    assert is_signed_by(key, "GET", "/users/ada", peer.asked[-1])


async def test_whoever_stops_following_is_told_nothing_more(world: World) -> None:
    peer, other = world["peer"], world["other"]
    await follow(world, peer, other)
    undone = {
        "id": f"{peer.url}/undo/1",
        "type": "Undo",
        "actor": peer.actor_id,
        "object": {"type": "Follow", "actor": peer.actor_id, "object": f"{URL}/actor"},
    }

    assert (await world.blog.send(peer.letter(NETLOC, undone))).status == 202

    assert (await world.blog.status())["followers"] == 1
    await world.blog.publish("For those who stayed")
    await eventually(lambda: "Create" in other.kinds(), within=10)
    assert "Create" not in peer.kinds()


async def test_a_follow_that_is_undone_by_its_name_is_undone(world: World) -> None:
    peer = world["peer"]
    letter = peer.letter(NETLOC)
    await world.blog.send(letter)
    undone = {
        "id": f"{peer.url}/undo/2",
        "type": "Undo",
        "actor": peer.actor_id,
        "object": letter.activity["id"],
    }

    await world.blog.send(peer.letter(NETLOC, undone))

    assert (await world.blog.status())["followers"] == 0


async def test_nobody_can_undo_what_another_did(world: World) -> None:
    peer, other = world["peer"], world["other"]
    letter = peer.letter(NETLOC)
    await world.blog.send(letter)
    follow_: dict[str, Any] = {**letter.activity}
    undone = {"type": "Undo", "id": "x", "actor": other.actor_id, "object": follow_}

    assert (await world.blog.send(other.letter(NETLOC, undone))).status == 202

    assert (await world.blog.status())["followers"] == 1


@pytest.mark.parametrize("kind", ["Create", "Like", "Announce", "Delete", "Block", "Nonsense"])
async def test_whatever_else_is_well_signed_is_nodded_at(world: World, kind: str) -> None:
    peer = world["peer"]
    activity = {"id": "x", "type": kind, "actor": peer.actor_id, "object": {"id": f"{URL}/actor"}}
    before = await world.blog.status()

    assert (await world.blog.send(peer.letter(NETLOC, activity))).status == 202

    assert await world.blog.status() == before


async def test_following_somebody_else_here_makes_no_follower(world: World) -> None:
    peer = world["peer"]
    activity = {"id": "x", "type": "Follow", "actor": peer.actor_id, "object": f"{URL}/other"}

    assert (await world.blog.send(peer.letter(NETLOC, activity))).status == 202

    assert (await world.blog.status())["followers"] == 0


async def test_a_letter_that_comes_twice_counts_once(world: World) -> None:
    peer = world["peer"]
    letter = peer.letter(NETLOC)
    undone = {"type": "Undo", "id": "x", "actor": peer.actor_id, "object": letter.activity["id"]}
    await world.blog.send(letter)
    await world.blog.send(peer.letter(NETLOC, undone))

    assert (await world.blog.send(letter)).status == 202

    assert (await world.blog.status())["followers"] == 0


async def test_a_follower_who_does_not_answer_holds_up_nobody(world: World) -> None:
    sick, peer = world["sick"], world["peer"]
    await follow(world, sick, peer)
    sick.inbox_answers.clear()

    for number in range(3):
        await world.blog.publish(f"News {number}")

    await eventually(lambda: peer.kinds().count("Create") == 3, within=5)
    assert sick.kinds().count("Create") == 1
    assert await pending(world) == 3


async def test_a_delivery_that_fails_is_tried_again_until_it_arrives(world: World) -> None:
    sick = world["sick"]
    await follow(world, sick)
    sick.inbox_status = 503
    await world.blog.publish("First")
    await world.blog.publish("Second")
    await eventually(lambda: sick.kinds().count("Create") >= 2, within=10)

    sick.inbox_status = 202
    await eventually(lambda: _drained(world), within=10)

    texts = [it.activity["object"]["content"] for it in sick.received if "Create" in str(it)]
    assert texts[-1] == "<p>Second</p>"
    assert texts.index("<p>Second</p>") > texts.index("<p>First</p>")


async def _drained(world: World) -> bool:
    return await pending(world) == 0


async def test_a_server_that_never_answers_is_given_up_and_its_followers_are_forgotten(
    world: World,
) -> None:
    sick, peer = world["sick"], world["peer"]
    await follow(world, sick, peer)
    sick.inbox_status = 503
    await world.blog.publish("In vain")
    await eventually(lambda: sick.kinds().count("Create") == 1, within=10)
    await world.blog.publish("To others")

    await eventually(lambda: _drained(world), within=20)

    assert sick.kinds().count("Create") == len(PAUSES) + 1
    assert "given up" in world.blog.log("server")
    assert (await world.blog.status())["followers"] == 1
    assert peer.kinds().count("Create") == 2


async def test_nobody_is_forgotten_while_nobody_can_be_reached(world: World) -> None:
    sick = world["sick"]
    await follow(world, sick)
    sick.inbox_status = 503
    await world.blog.publish("In vain")
    await eventually(lambda: _drained(world), within=20)
    assert (await world.blog.status())["followers"] == 1

    sick.inbox_status = 202
    await world.blog.publish("Heard again")

    await eventually(lambda: _drained(world), within=10)
    assert sick.received[-1].activity["object"]["content"] == "<p>Heard again</p>"


async def test_a_server_can_fill_neither_the_list_of_followers_nor_the_queue(world: World) -> None:
    sick, other = world["sick"], world["other"]
    sick.inbox_answers.clear()
    statuses = [
        (await world.blog.send(sick.letter(NETLOC, name=f"u{it}"))).status for it in range(4)
    ]
    assert statuses == [202, 202, 403, 403]
    assert (await world.blog.send(other.letter(NETLOC, name="u1"))).status == 202
    assert (await world.blog.send(other.letter(NETLOC, name="u2"))).status == 403
    # Whoever follows already may say so again, until too much waits for them.
    for _ in range(4):
        last = await world.blog.send(sick.letter(NETLOC, name="u1"))
    assert last.status == 503

    for number in range(6):
        await world.blog.publish(f"Much {number}")

    connection = await world.blog.connection()
    waiting = await connection.fetchval(
        "select count(*) from deliveries where host = $1", sick.netloc
    )
    await connection.close()
    assert waiting <= 5


async def test_whoever_has_gone_leaves_nothing_behind(world: World) -> None:
    sick = world["sick"]
    sick.inbox_answers.clear()
    letter = sick.letter(NETLOC)
    await world.blog.send(letter)
    await world.blog.publish("Not for you")
    undone = {"type": "Undo", "id": "x", "actor": sick.actor_id, "object": letter.activity["id"]}

    await world.blog.send(sick.letter(NETLOC, undone))

    connection = await world.blog.connection()
    tables = ("hosts", "followers", "deliveries")
    left = [await connection.fetchval(f"select count(*) from {it}") for it in tables]  # noqa: S608 - our own tables
    await connection.close()
    assert left == [0, 0, 0]


async def test_an_inbox_that_is_gone_for_good_is_forgotten(world: World) -> None:
    sick = world["sick"]
    sick.changes = {"endpoints": None}
    await follow(world, sick)
    sick.inbox_status = 410

    await world.blog.publish("Anybody there?")

    await eventually(lambda: _drained(world), within=10)
    assert (await world.blog.status())["followers"] == 0


async def test_a_redirect_of_an_inbox_is_not_followed(world: World) -> None:
    sick = world["sick"]
    await follow(world, sick)
    sick.inbox_status, sick.redirect = 307, f"{world['other'].url}/inbox"
    await world.blog.publish("Elsewhere?")

    await eventually(lambda: _drained(world), within=10)

    assert "Create" in sick.kinds()
    assert world["other"].received == []


async def test_what_was_to_be_told_is_told_after_a_crash(world: World) -> None:
    peer = world["peer"]
    await follow(world, peer)
    peer.inbox_answers.clear()
    await world.blog.publish("Said before the crash")
    await eventually(lambda: "Create" in peer.kinds(), within=10)

    world.blog.kill("server")
    peer.inbox_answers.set()
    await world.blog.start()

    await eventually(lambda: peer.kinds().count("Create") == 2, within=10)
    first, second = (it.activity["id"] for it in peer.received if "Create" in str(it.activity))
    assert first == second
    await eventually(lambda: _drained(world), within=10)


async def test_a_server_with_tls_is_reached_through_a_tunnel(world: World) -> None:
    peer = world["peer"]
    letter = peer.letter(NETLOC)
    actor = "https://secure.garden.localhost/users/ada"
    letter.activity["actor"] = actor
    letter.key_id = f"{actor}#main-key"

    assert (await world.blog.send(letter)).status == 401

    assert world.door.asked == ["CONNECT secure.garden.localhost:443"]
