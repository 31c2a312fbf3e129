"""The microblog among other servers: followers are told, and whoever lies is refused."""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.support import microblog
from tests.support.eventually import eventually
from tests.support.microblog import NETLOC, URL
from tests.support.microblog_peer import KINDS, is_signed_by, new_key, pem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.embedded.servers.seaweedfs import SeaweedServer
    from tests.support.microblog import World
    from tests.support.microblog_peer import Letter, Peer

pytestmark = pytest.mark.asyncio(loop_scope="module")
PAUSES = [0.1, 0.1, 0.1]
LIMITS: dict[str, object] = {
    "followers.PAUSES": PAUSES,
    "followers.REST_SECONDS": 0.05,
    "followers.MOST_WAITING": 3,
    "followers.MOST_FOLLOWERS": 3,
    "followers.MOST_FOLLOWERS_PER_HOST": 2,
    # Whoever does not answer here does so on purpose, and is not given up meanwhile.
    "outside.SECONDS": 60.0,
}
SCRIPT = '"><script>alert(1)</script>'
OTHER = "http://other.garden.localhost:18080"


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="running")
async def running_world(object_store: SeaweedServer) -> AsyncIterator[World]:
    names = ("peer", "other", "sick")
    async with microblog.world(object_store.access, *names, limits=LIMITS) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="module", name="world")
async def world_without_followers(running: World) -> AsyncIterator[World]:
    """Yield the world as it was in the beginning."""
    for peer in running.peers.values():
        peer.inbox_status, peer.changes, peer.redirect, peer.kind = 202, {}, None, KINDS
        peer.refusals = []
    await running.blog.forget("hosts", "seen_signatures")
    for peer in running.peers.values():
        peer.received.clear()
        peer.asked.clear()
    running.door.asked.clear()
    yield running
    for peer in running.peers.values():
        peer.inbox_answers.set()
        peer.answers.set()


async def follow(world: World, *peers: Peer) -> None:
    for peer in peers:
        answer = await world.blog.send(peer.letter(NETLOC))
        assert answer.status == 202, answer.text
        await eventually(lambda peer=peer: "Accept" in peer.kinds(), within=20)


async def followers(world: World) -> int:
    return int((await world.blog.status())["followers"])


async def drained(world: World) -> None:
    async def is_drained() -> bool:
        return not (await world.blog.status())["pending_deliveries"]

    await eventually(is_drained, within=20)


async def refused(world: World, letter: Letter, **changes: str) -> None:
    """Make sure that a letter makes no follower."""
    answer = await world.blog.send(letter, **changes)
    assert answer.status in (401, 422), (answer.text, letter.activity)
    assert await followers(world) == 0


async def test_a_follower_is_accepted_and_told_of_a_post_with_a_signature_that_holds(
    world: World,
) -> None:
    peer = world["peer"]
    await follow(world, peer)
    assert "1 follower<" in (await world.blog.ask("GET", "/")).text
    assert (await world.blog.ask("GET", "/followers")).document["totalItems"] == 1

    post = await world.blog.publish("Hello, followers <3")
    await eventually(lambda: "Create" in peer.kinds(), within=20)

    key = (await world.blog.ask("GET", "/actor")).document["publicKey"]
    assert key["owner"] == f"{URL}/actor"
    for it in peer.received:
        assert is_signed_by(key["publicKeyPem"], "POST", it.path, it.fields)
        assert f'keyId="{key["id"]}"' in it.fields["signature"]
    accept, create = (it.activity for it in peer.received)
    assert accept["object"]["actor"] == peer.actor_id
    assert create["object"]["id"] == post["url"]
    assert create["object"]["content"] == "<p>Hello, followers &lt;3</p>"
    assert [it.path for it in peer.received] == ["/users/ada/inbox", "/inbox"]
    # A server that wants to know who asks for its actor is told as well.
    assert is_signed_by(key["publicKeyPem"], "GET", "/users/ada", peer.asked[-1])


@pytest.mark.parametrize("how", ["written out", "by its name"])
async def test_whoever_stops_following_is_told_nothing_more(world: World, how: str) -> None:
    peer, other = world["peer"], world["other"]
    letter = peer.letter(NETLOC)
    await follow(world, peer, other)
    written = {"type": "Follow", "actor": peer.actor_id, "object": f"{URL}/actor"}
    meant = written if how == "written out" else letter.activity["id"]
    undone = {"id": "x", "type": "Undo", "actor": peer.actor_id, "object": meant}

    assert (await world.blog.send(peer.letter(NETLOC, undone))).status == 202

    assert await followers(world) == 1
    await world.blog.publish("For those who stayed")
    await eventually(lambda: "Create" in other.kinds(), within=20)
    assert "Create" not in peer.kinds()


async def test_a_letter_counts_once_and_for_its_sender_only(world: World) -> None:
    peer, other = world["peer"], world["other"]
    letter = peer.letter(NETLOC)
    undone = {"type": "Undo", "id": "x", "object": letter.activity["id"]}
    await world.blog.send(letter)

    await world.blog.send(other.letter(NETLOC, {**undone, "actor": other.actor_id}))
    assert await followers(world) == 1
    await world.blog.send(peer.letter(NETLOC, {**undone, "actor": peer.actor_id}))
    assert (await world.blog.send(letter)).status == 202

    assert await followers(world) == 0


async def test_whatever_else_is_well_signed_is_nodded_at(world: World) -> None:
    peer = world["peer"]
    before = await world.blog.status()
    for kind in ("Create", "Like", "Delete", "Block", "Nonsense", ["Follow"], None):
        known = {"id": "x", "type": kind, "actor": peer.actor_id, "object": f"{URL}/actor"}
        assert (await world.blog.send(peer.letter(NETLOC, known))).status == 202
    known = {"id": "x", "type": "Follow", "actor": peer.actor_id, "object": f"{URL}/other"}
    assert (await world.blog.send(peer.letter(NETLOC, known))).status == 202

    assert await world.blog.status() == before


async def test_a_follower_who_does_not_answer_holds_up_nobody(world: World) -> None:
    sick, peer = world["sick"], world["peer"]
    await follow(world, sick, peer)
    sick.inbox_answers.clear()

    for number in range(3):
        await world.blog.publish(f"News {number}")

    await eventually(lambda: peer.kinds().count("Create") == 3, within=20)
    assert sick.kinds().count("Create") == 1
    assert await world.blog.count(f"deliveries where host = '{sick.netloc}'") == 3


async def test_a_delivery_that_fails_is_tried_again_until_it_arrives(world: World) -> None:
    sick = world["sick"]
    await follow(world, sick)
    sick.refusals = [503, 503]
    await world.blog.publish("First")
    await world.blog.publish("Second")

    await drained(world)

    assert not sick.refusals
    texts = [it.activity["object"]["content"] for it in sick.received if "Create" in str(it)]
    assert texts[-1] == "<p>Second</p>"
    assert texts.index("<p>Second</p>") > texts.index("<p>First</p>")


async def test_a_server_that_never_answers_is_given_up_and_its_followers_are_forgotten(
    world: World,
) -> None:
    sick, peer = world["sick"], world["peer"]

    async def is_told() -> bool:
        return not await world.blog.count(f"deliveries where host = '{peer.netloc}'")

    await follow(world, sick, peer)
    sick.inbox_status = 503
    sick.inbox_answers.clear()
    await world.blog.publish("In vain")
    await eventually(lambda: sick.kinds().count("Create") == 1, within=20)
    # This one is answered; the next has to wait until somebody else has been reached.
    sick.inbox_answers.set()
    sick.inbox_answers.clear()
    await eventually(lambda: sick.kinds().count("Create") == 2, within=20)
    await world.blog.publish("To others")
    await eventually(is_told, within=20)
    sick.inbox_answers.set()

    await drained(world)

    assert sick.kinds().count("Create") == len(PAUSES) + 1
    assert "given up" in world.blog.log("server")
    assert await followers(world) == 1
    assert peer.kinds().count("Create") == 2


async def test_nobody_is_forgotten_while_nobody_can_be_reached(world: World) -> None:
    sick = world["sick"]
    await follow(world, sick)
    # A redirect is no answer, and nobody is told elsewhere.
    sick.inbox_status, sick.redirect = 307, f"{OTHER}/inbox"
    await world.blog.publish("In vain")
    await drained(world)
    assert await followers(world) == 1
    assert world["other"].received == []

    sick.inbox_status = 202
    await world.blog.publish("Heard again")

    await drained(world)
    assert sick.received[-1].activity["object"]["content"] == "<p>Heard again</p>"


async def test_an_inbox_that_is_gone_for_good_is_forgotten(world: World) -> None:
    sick = world["sick"]
    sick.changes = {"endpoints": None}
    await follow(world, sick)
    sick.inbox_status = 410

    await world.blog.publish("Anybody there?")

    await drained(world)
    assert await followers(world) == 0


async def test_a_server_can_fill_neither_the_list_of_followers_nor_the_queue(world: World) -> None:
    sick, other = world["sick"], world["other"]
    sick.inbox_answers.clear()

    async def asked_by(peer: Peer, name: str) -> int:
        return (await world.blog.send(peer.letter(NETLOC, name=name))).status

    assert [await asked_by(sick, f"u{it}") for it in range(4)] == [202, 202, 403, 403]
    assert [await asked_by(other, f"u{it}") for it in range(2)] == [202, 403]
    # Whoever follows already may say so again, until too much waits for them.
    assert [await asked_by(sick, "u1") for _ in range(4)][-1] == 503

    for number in range(6):
        await world.blog.publish(f"Much {number}")

    assert await world.blog.count(f"deliveries where host = '{sick.netloc}'") <= 5


async def test_whoever_has_gone_leaves_nothing_behind(world: World) -> None:
    sick = world["sick"]
    sick.inbox_answers.clear()
    letter = sick.letter(NETLOC)
    await world.blog.send(letter)
    await world.blog.publish("Not for you")
    undone = {"type": "Undo", "id": "x", "actor": sick.actor_id, "object": letter.activity["id"]}

    await world.blog.send(sick.letter(NETLOC, undone))

    left = [await world.blog.count(it) for it in ("hosts", "followers", "deliveries")]
    assert left == [0, 0, 0]


async def test_what_was_to_be_told_is_told_after_a_crash(world: World) -> None:
    peer = world["peer"]
    await follow(world, peer)
    peer.inbox_answers.clear()
    await world.blog.publish("Said before the crash")
    await eventually(lambda: "Create" in peer.kinds(), within=20)

    world.blog.kill("server")
    peer.inbox_answers.set()
    await world.blog.start()

    await eventually(lambda: peer.kinds().count("Create") == 2, within=20)
    first, second = (it.activity["id"] for it in peer.received if "Create" in str(it.activity))
    assert first == second
    await drained(world)


async def test_a_server_with_tls_is_reached_through_a_tunnel(world: World) -> None:
    letter = world["peer"].letter(NETLOC)
    letter.activity["actor"] = "https://secure.garden.localhost/users/ada"
    letter.key_id = "https://secure.garden.localhost/users/ada#main-key"

    await refused(world, letter)

    assert world.door.asked == ["CONNECT secure.garden.localhost:443"]


async def test_a_letter_that_is_not_signed_well_is_refused_and_nobody_is_asked(
    world: World,
) -> None:
    peer, other = world["peer"], world["other"]
    for damaged in ("", "nonsense", 'keyId="x",headers="date",signature="AAAA"'):
        await refused(world, peer.letter(NETLOC), signature=damaged)
    late, astray, stolen = peer.letter(NETLOC), peer.letter(NETLOC), other.letter(NETLOC)
    late.date = formatdate(time.time() - 86400, usegmt=True)
    astray.host = "elsewhere.garden.localhost"
    stolen.activity["actor"] = peer.actor_id
    for letter in (late, astray, stolen):
        await refused(world, letter)
    for body in (b"", b"[]", b"{", b"[" * 50_000, b'{"actor": "\\ud800"}'):
        letter = peer.letter(NETLOC)
        letter.raw = body
        await refused(world, letter)

    assert world.door.asked == []


@pytest.mark.parametrize(
    "actor",
    [
        *("http://127.0.0.1:18080/users/ada", "http://[::1]/users/ada", "http://0x7f000001/"),
        *("http://10.0.2.2/x", "http://169.254.169.254/latest/", "http://localhost:18080/users/a"),
        *("file:///etc/passwd", "http://user@peer.garden.localhost:18080/users/ada"),
        *("http://peer.garden.localhost:22/users/ada", f"{URL}/actor", "//peer", ""),
        *("http://peer.garden.localhost:18080/users/ada#me", 7, None, {"id": "x"}),
    ],
)
async def test_no_address_makes_the_blog_ask_inside_a_network(world: World, actor: object) -> None:
    letter = world["peer"].letter(NETLOC)
    letter.activity["actor"], letter.key_id = actor, str(actor)

    await refused(world, letter)

    assert world.door.asked == []


async def test_a_signature_of_another_key_is_refused(world: World) -> None:
    letter = world["peer"].letter(NETLOC)
    letter.key = new_key()

    await refused(world, letter)


async def test_an_actor_that_speaks_for_others_is_refused(world: World) -> None:
    peer = world["peer"]
    stolen = {"id": peer.key_id, "owner": f"{OTHER}/users/ada", "publicKeyPem": pem(peer.key)}
    changes: list[dict[str, Any]] = [
        {"id": f"{OTHER}/users/ada"},
        *({"publicKey": it} for it in (None, "x", {"id": peer.key_id}, stolen)),
        *({"inbox": it} for it in (None, f"{OTHER}/inbox", "http://127.0.0.1:3900/inbox")),
        *({"endpoints": {"sharedInbox": it}} for it in (f"{OTHER}/inbox", "file:///etc/passwd", 7)),
        {"summary": "x" * 400_000},
    ]
    for peer.changes in changes:
        await refused(world, peer.letter(NETLOC))


async def test_what_is_no_answer_of_an_actor_is_refused(world: World) -> None:
    peer = world["peer"]
    for peer.kind in ("application/json", "text/html", "image/png"):
        await refused(world, peer.letter(NETLOC))
    peer.kind, peer.redirect = KINDS, f"{OTHER}/users/ada"

    await refused(world, peer.letter(NETLOC))

    assert world["other"].asked == []


async def test_a_server_that_is_slow_to_say_who_it_is_keeps_no_other_waiting(world: World) -> None:
    peer, other = world["peer"], world["other"]
    peer.answers.clear()

    slow = [asyncio.create_task(world.blog.send(peer.letter(NETLOC))) for _ in range(20)]
    await eventually(lambda: len(peer.asked) >= 4, within=20)
    like = {"id": "x", "type": "Like", "actor": other.actor_id, "object": "y"}
    assert (await world.blog.send(other.letter(NETLOC, like))).status == 202

    assert len(world.door.asked) == 5
    peer.answers.set()
    assert sorted({(await it).status for it in slow}) == [202, 503]


async def test_a_follower_cannot_write_where_it_should_not(world: World) -> None:
    peer = world["peer"]
    letter = peer.letter(NETLOC)
    letter.activity["id"] = "x" * 100_000 + f"\0{SCRIPT}"
    assert (await world.blog.send(letter)).status == 202

    await eventually(lambda: "Accept" in peer.kinds(), within=20)
    assert len(peer.received[-1].body) < 4096
    undone = {"type": "Undo", "id": "x", "actor": peer.actor_id, "object": letter.activity}
    await world.blog.send(peer.letter(NETLOC, undone))
    assert await followers(world) == 0
