"""Prove on a real server that nobody can do more on the bus than `streams.py` declares.

Every service tries everything: what it may do must succeed, and what it may not do counts as
denied only when the server says so, never because nothing happened in time.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final, Self

import nats
import nats.errors
import pytest
from nats.aio.client import Client

from shared.bus import keys, streams
from tests.support.bus import SERVICES, Bus, running_bus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

    from shared.bus.accounts import Json

# What each service may do, written down once more: not derived from what is being checked.
DURABLES: Final = {
    "panel": ("EV", "PROGRESS"),
    "provisioner": ("EV",),
    "storage": ("EV",),
    "deployer": ("EV",),
}
VERBS: Final = [
    "CREATE",
    "UPDATE",
    "DELETE",
    "PURGE",
    "INFO",
    "PAUSE",
    "RESET",
    "MSG.GET",
    "MSG.NEXT",
    "MSG.DELETE",
]
PLACES: Final = tuple(f"{it}.{name}" for name, found in DURABLES.items() for it in found)
EARS: Final = (
    *[
        ">",
        "*",
        "ev.>",
        "progress.>",
        "pub.>",
        "feed.>",
        "ingress.>",
        "js.>",
        "$JS.>",
        "$SYS.>",
        "_R_.>",
        "_INBOX.>",
    ],
    *(f"_INBOX.{name}.>" for name in DURABLES),
)
# Both forms of ack subject overlap here: the first place is the durable that is meant.
CROSSED_ACKS: Final = {
    f"$JS.ACK.{meant}.{another}.1.1.1": meant for meant in PLACES for another in PLACES
}
ATTEMPTS: Final = tuple(
    dict.fromkeys(
        (
            *(f"ev.{name}.1.Fact" for name in DURABLES),
            *(f"ev.{name}" for name in DURABLES),
            *(f"ev.x.{name}.1" for name in DURABLES),
            *(f"_INBOX.{name}.1" for name in DURABLES),
            *(f"{api}.STREAM.{verb}.{it}" for api in ("$JS.API", "js") for verb in VERBS
              for it in ("EV", "PROGRESS")),
            *(f"{api}.CONSUMER.{verb}.{it}" for api in ("$JS.API", "js") for verb in VERBS
              for it in PLACES),
            *(f"{api}.{it}" for api in ("$JS.API", "js")
              for it in ("INFO", "STREAM.LIST", "STREAM.NAMES", "CONSUMER.LIST.EV")),
            *(f"$JS.ACK.{it}.1.1.1.1.1" for it in PLACES),
            *(f"$JS.ACK.1.1.{it}.1.1.1.1.1" for it in PLACES),
            *CROSSED_ACKS,
            *("progress.1.1", "progress.1", "ev.>", "ingress.acme.1", "feed.1", "pub.1.1.1"),
            *("events.1", "_R_.1", "$SYS.REQ.SERVER.PING", "$JS.FC.EV.panel.1", "x"),
        )
    )
)  # fmt: skip


def rights(name: str) -> frozenset[str]:
    """Return which of the attempts are this service's right."""
    own = [f"{it}.{name}" for it in DURABLES[name]]
    return frozenset(
        (
            f"ev.{name}.1.Fact",
            "progress.1.1",
            *(f"js.CONSUMER.{verb}.{it}" for verb in ("MSG.NEXT", "INFO") for it in own),
            *(f"$JS.ACK.{way}{it}.1.1.1.1.1" for way in ("", "1.1.") for it in own),
            *(subject for subject, meant in CROSSED_ACKS.items() if meant in own),
        )
    )


@dataclass(slots=True)
class Matrix:
    """What was tried by whom, and whether the outcome was the declared one."""

    cells: dict[tuple[str, str], bool] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def check(self, who: str, row: str, *, allowed: bool, wanted: bool) -> None:
        self.cells[row, who] = allowed
        if allowed != wanted:
            self.wrong.append(f"{who} {'can' if allowed else 'cannot'} {row}")

    @property
    def rows(self) -> int:
        return len({row for row, _ in self.cells})

    @property
    def columns(self) -> int:
        return len({who for _, who in self.cells})

    def summary(self) -> str:
        allowed = sum(self.cells.values())
        return (
            f"{self.rows} rows x {self.columns} columns: {len(self.cells)} cells, "
            f"{allowed} allowed, {len(self.cells) - allowed} refused by the server, "
            f"{len(self.wrong)} wrong"
        )


class Peer(Client):
    """A service that tries what it should not."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.refusals: list[str] = []

    async def enter(self, bus: Bus) -> Self:
        await self.connect(
            bus.url,
            nkeys_seed_str=bus.seeds[self.name].get_secret_value(),
            inbox_prefix=f"_INBOX.{self.name}",
            error_cb=self._on_error,
            allow_reconnect=False,
        )
        return self

    async def _on_error(self, error: Exception) -> None:
        self.refusals.append(str(error))

    async def settled(self) -> None:
        """Return when the server has read all that was sent before; a PING overtakes a buffer."""
        await self.flush()
        await self.flush()

    async def may_publish(self, subject: str) -> bool:
        self.refusals.clear()
        await self.publish(subject)
        await self.settled()
        return not self._is_refused("publish to", subject)

    async def may_subscribe(self, subject: str) -> bool:
        self.refusals.clear()
        subscription = await self.subscribe(subject)
        await self.settled()
        refused = self._is_refused("subscription to", subject)
        await subscription.unsubscribe()
        return not refused

    def _is_refused(self, what: str, subject: str) -> bool:
        """Say whether the server refused exactly this; the library reports it in lower case."""
        return any(f'permissions violation for {what} "{subject.lower()}"' in it
                   for it in self.refusals)  # fmt: skip

    async def pull(self, stream: str) -> Msg:
        request = f"js.CONSUMER.MSG.NEXT.{stream}.{self.name}"
        return await self.request(request, b'{"no_wait": true}', timeout=5, old_style=True)

    async def drained(self, stream: str) -> list[str]:
        """Take and ack all that waits; return the subjects."""
        found = []
        while (message := await self.pull(stream)).reply:
            found.append(message.subject)
            await message.ack_sync()
        return sorted(found)


async def entered(bus: Bus, stack: AsyncExitStack, name: str) -> Peer:
    peer = Peer(name)
    stack.push_async_callback(peer.close)
    return await peer.enter(bus)


async def fill(bus: Bus, stack: AsyncExitStack) -> Matrix:
    """Try everything as everybody."""
    matrix = Matrix()
    peers = {name: await entered(bus, stack, name) for name in DURABLES}
    await _duties(matrix, peers)
    for name, peer in peers.items():
        for subject in ATTEMPTS:
            allowed = await peer.may_publish(subject)
            matrix.check(
                name, f"publish {subject}", allowed=allowed, wanted=subject in rights(name)
            )
        for subject in EARS:
            allowed = await peer.may_subscribe(subject)
            matrix.check(
                name, f"subscribe {subject}", allowed=allowed, wanted=subject == f"_INBOX.{name}.>"
            )
    return matrix


async def _duties(matrix: Matrix, peers: Mapping[str, Peer]) -> None:
    """The positive control: what is allowed is not only unrefused, it works."""
    events = {
        subject.split(".")[-1]
        for it in streams.consumers()
        for subject in it.filter_subjects
        if it.stream == "EV"
    } - {"*"}
    sent = [(name, f"ev.{name}.1.{event}", "EV") for name in peers for event in sorted(events)]
    sent += [(name, "progress.1.1", "PROGRESS") for name in peers]
    for who, subject, stream in sent:
        ack = await peers[who].jetstream().publish(subject, b"{}")
        row = f"store {subject.replace(who, '<own>')}"
        matrix.check(who, row, allowed=ack.stream == stream, wanted=True)
    for who, stream in ((who, stream) for who, found in DURABLES.items() for stream in found):
        [filters] = [it.filter_subjects for it in streams.consumers()
                     if (it.stream, it.name) == (stream, who)]  # fmt: skip
        wanted = sorted(it for _, it, _ in sent if any(fnmatchcase(it, one) for one in filters))
        assert wanted
        got = await peers[who].drained(stream)
        matrix.check(who, f"pull all of {stream}, no more", allowed=got == wanted, wanted=True)
        info = await peers[who].jetstream(prefix="js", timeout=5).consumer_info(stream, who)
        done = info.num_pending == info.num_ack_pending == 0
        matrix.check(who, f"ack {stream}", allowed=done, wanted=True)


async def test_every_service_can_do_what_is_declared_and_nothing_else(
    record_property: Callable[[str, object], None],
) -> None:
    async with running_bus() as bus, AsyncExitStack() as stack:
        matrix = await fill(bus, stack)

    record_property("figure", f"bus permissions: {matrix.summary()}")
    assert set(DURABLES) == set(SERVICES)
    assert matrix.wrong == []
    assert matrix.rows >= len(ATTEMPTS) + len(EARS)
    assert matrix.columns == len(SERVICES)


def _one_too_many(config: dict[str, Json]) -> None:
    """Let storage state provisioner's facts."""
    accounts = config["accounts"]
    assert isinstance(accounts, dict)
    subject = "ev.provisioner.*.*"
    [export] = [it for it in accounts["BUS"]["exports"] if it["service"] == subject]
    export["accounts"].append("SVC_storage")
    storage = accounts["SVC_storage"]
    storage["imports"].append({"service": {"account": "BUS", "subject": subject}, "to": subject})
    storage["users"][0]["permissions"]["publish"]["allow"].append(subject)


async def test_one_permission_too_many_makes_the_matrix_fail() -> None:
    async with running_bus(change=_one_too_many) as bus, AsyncExitStack() as stack:
        matrix = await fill(bus, stack)

    assert matrix.wrong == ["storage can publish ev.provisioner.1.Fact"]


def _deaf(config: dict[str, Json]) -> None:
    """Take deployer's durable away from it."""
    accounts = config["accounts"]
    assert isinstance(accounts, dict)
    allowed = accounts["SVC_deployer"]["users"][0]["permissions"]["publish"]["allow"]
    allowed.remove("js.CONSUMER.INFO.EV.deployer")


async def test_one_permission_too_few_makes_the_matrix_fail() -> None:
    async with running_bus(change=_deaf) as bus, AsyncExitStack() as stack:
        with pytest.raises(nats.errors.TimeoutError):
            await fill(bus, stack)


@pytest.mark.parametrize("way", ["an event", "progress", "a pull", "an ack"])
async def test_no_answer_of_the_server_reaches_a_subject_that_a_service_names(way: str) -> None:
    who = "storage"
    aims = [
        f"$JS.API.STREAM.{verb}.{it}" for verb in ("DELETE", "PURGE") for it in ("EV", "PROGRESS")
    ]
    aims += [f"ev.{it}.9.Fact" for it in DURABLES if it != who]
    aims += [f"_INBOX.{it}.9" for it in DURABLES if it != who]
    aims += [f"$JS.ACK.{it}.9.9.9.9.9" for it in PLACES if who not in it]

    async with (
        running_bus() as bus,
        bus.administrator() as administrator,
        AsyncExitStack() as stack,
    ):
        panel, storage = await Peer("panel").enter(bus), await Peer(who).enter(bus)
        stack.push_async_callback(panel.close)
        stack.push_async_callback(storage.close)
        for _ in aims:
            await panel.jetstream().publish("ev.panel.1.DeadLetterReplayRequested", b"{}")
        tap = await administrator.subscribe(">")
        before = await _sizes(administrator)
        for aim in aims:
            await _deputise(storage, way, aim)
        await storage.settled()
        landed = await _heard(tap)
        stored = {name: it - before[name] for name, it in (await _sizes(administrator)).items()}

    assert not landed & set(aims)
    # A reply below $JS.ACK is refused together with its message.
    sent = sum(not it.startswith("$JS.ACK") for it in aims)
    wanted = {"an event": {"EV": sent, "PROGRESS": 0}, "progress": {"EV": 0, "PROGRESS": sent}}
    assert stored == wanted.get(way, {"EV": 0, "PROGRESS": 0})


async def _deputise(storage: Peer, way: str, aim: str) -> None:
    subjects = {
        "an event": "ev.storage.1.Fact",
        "progress": "progress.1.1",
        "a pull": "js.CONSUMER.MSG.NEXT.EV.storage",
    }
    subject = subjects.get(way) or (await storage.pull("EV")).reply
    assert subject
    await storage.publish(subject, reply=aim)


async def _sizes(administrator: Client) -> dict[str, int]:
    """Return the last sequence of every stream; fails when one has been deleted."""
    context = administrator.jetstream()
    return {it: (await context.stream_info(it)).state.last_seq for it in ("EV", "PROGRESS")}


async def _heard(tap: Subscription) -> set[str]:
    """Return what reached the account of the streams, once it has gone quiet."""
    found = set()
    while True:
        try:
            found.add((await tap.next_msg(timeout=0.3)).subject)
        except (TimeoutError, nats.errors.TimeoutError):
            return found


async def test_strangers_are_refused() -> None:
    async with running_bus() as bus:
        _, seed = keys.new_seed()
        for stranger in (seed, None):
            client = Client()
            with pytest.raises(nats.errors.Error, match="Authorization Violation"):
                await client.connect(bus.url, allow_reconnect=False, nkeys_seed_str=stranger)
            await client.close()
