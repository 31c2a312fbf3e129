"""What goes on while a part is killed, and what has to be there afterwards.

A scene begins a run, and counts in the world and in the application what came of it. Nothing here
asks our own databases.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Final

import httpx2
from typing_extensions import override

from shared import http
from tests.chaos.cells import Kind
from tests.support.eventually import eventually
from tests.support.world import NOTHING, ONE_EACH, Counts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.stack import Stack

ENTRY: Final = "kept through everything"
TWO_HOSTS: Final = Counts(machines=1, folders=1, buckets=1, keys=1, routes=2, records=2)
"""Of the blog and of its pictures: one host each."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a kill cost: things that are missing, that are there twice, that stay for ever."""

    lost: int = 0
    doubled: int = 0
    leaked: int = 0

    @classmethod
    def between(cls, wanted: Counts, seen: Counts) -> Cost:
        """Compare what there should be with what there is."""
        pairs = [(asdict(wanted)[name], value) for name, value in asdict(seen).items()]
        return cls(
            lost=sum(max(0, one - other) for one, other in pairs),
            doubled=sum(max(0, other - one) for one, other in pairs),
        )

    def __add__(self, other: Cost) -> Cost:
        """Return both together."""
        return Cost(
            self.lost + other.lost, self.doubled + other.doubled, self.leaked + other.leaked
        )


@dataclass
class Scene(ABC):
    """One deployment, and a run of it during which something is killed."""

    stack: Stack
    domain: str
    deployment: str = field(default="", init=False)

    async def set_up(self, before: Scene | None = None) -> None:
        """Make what has to be there before the run, or take it over from an earlier scene."""
        if before is None:
            self.deployment = await self.stack.stage(self.domain, title="Before")
        else:
            self.deployment = before.deployment

    async def _set_up_running(self, before: Scene | None) -> None:
        await Scene.set_up(self, before)
        if before is None:
            await self.stack.succeeds(await self.stack.deploy(self.deployment))

    @abstractmethod
    async def begin(self) -> str:
        """Begin the run and return its id."""

    async def cost(self) -> Cost:
        """Count what there is after the run."""
        seen = await self.stack.world.counts(self.deployment, self.domain)
        return Cost.between(ONE_EACH, seen)

    async def clear(self) -> Cost:
        """Remove everything, and count what stays nevertheless."""
        with contextlib.suppress(AssertionError):
            removal = await self.stack.answer("DELETE", f"/deployments/{self.deployment}")
            await self.stack.succeeds(removal["id"])
        # What a run left that failed elsewhere goes a few seconds later.
        with contextlib.suppress(AssertionError):
            await eventually(self._is_gone, within=15, poll=0.5)
        left = await self.stack.world.counts(self.deployment, self.domain)
        letters = await self.stack.answer("GET", "/dead-letters")
        waiting = [it for it in letters["items"] if it["state"] == "waiting"]
        return Cost(leaked=sum(asdict(left).values()) + len(waiting))

    async def _is_gone(self) -> bool:
        return await self.stack.world.counts(self.deployment, self.domain) == NOTHING


class Deploy(Scene):
    """A first deployment."""

    @override
    async def begin(self) -> str:
        return await self.stack.deploy(self.deployment)

    @override
    async def cost(self) -> Cost:
        return await super().cost() + await self._pages("Before")

    async def _pages(self, title: str) -> Cost:
        async with http.client(base_url=await self.stack.url(self.deployment)) as visitor:
            page = await visitor.get("/")
        return Cost(lost=0 if title in page.text else 1)


class Update(Deploy):
    """A changed configuration of what runs, with an entry in the visitors' book."""

    @override
    async def set_up(self, before: Scene | None = None) -> None:
        await self._set_up_running(before)
        url = await self.stack.url(self.deployment)
        async with http.client(base_url=url) as visitor:
            entry = {"name": "Somebody", "text": ENTRY}
            signed = await visitor.post("/book", data=entry, headers={"origin": url})
            assert signed.is_redirect or signed.is_success, signed.text
        change = {"applications": [{"application": "hello", "options": {"title": "After"}}]}
        await self.stack.answer(
            "POST",
            f"/deployments/{self.deployment}/configuration",
            json=change,
            headers={"If-Match": "*"},
        )

    @override
    async def cost(self) -> Cost:
        async with http.client(base_url=await self.stack.url(self.deployment)) as visitor:
            entries = (await visitor.get("/book.json")).text.count(ENTRY)
        found = Cost(lost=int(entries < 1), doubled=max(0, entries - 1))
        return await Scene.cost(self) + await self._pages("After") + found


class Remove(Scene):
    """A removal."""

    @override
    async def set_up(self, before: Scene | None = None) -> None:
        await self._set_up_running(before)

    @override
    async def begin(self) -> str:
        return str((await self.stack.answer("DELETE", f"/deployments/{self.deployment}"))["id"])

    @override
    async def cost(self) -> Cost:
        seen = await self.stack.world.counts(self.deployment, self.domain)
        return Cost.between(NOTHING, seen)


@dataclass
class Backup(Scene):
    """A backup of a blog with a post."""

    who: tuple[str, str] = field(default=("", ""), init=False)
    backup: str = field(default="", init=False)

    @override
    async def set_up(self, before: Scene | None = None) -> None:
        options = {"title": "Leaves", "handle": "news"}
        wish = {"application": "microblog", "options": options}
        body = {"domain": self.domain, "applications": [wish]}
        self.deployment = str((await self.stack.answer("POST", "/deployments", json=body))["id"])
        await self.stack.succeeds(await self.stack.deploy(self.deployment))
        path = f"/deployments/{self.deployment}/credentials/microblog/reveal"
        found = await self.stack.answer("POST", path)
        self.who = (found["user"], found["password"])
        async with self._blog(await self.stack.url(self.deployment)) as blog:
            answer = await blog.post("/api/posts", json={"text": ENTRY})
            assert answer.is_success, answer.text

    @override
    async def begin(self) -> str:
        path = f"/deployments/{self.deployment}/backups"
        # The id of a backup is that of the run that made it.
        self.backup = str((await self.stack.answer("POST", path))["id"])
        return self.backup

    @override
    async def cost(self) -> Cost:
        # First the posts: a machine that was killed last comes back a moment after the run's end.
        return await self._posts() + await self._world(backups=1)

    async def _world(self, backups: int) -> Cost:
        wanted = Counts(**{**asdict(TWO_HOSTS), "buckets": 1 + backups})
        seen = await self.stack.world.counts(self.deployment, self.domain)
        return Cost.between(wanted, seen)

    async def _posts(self) -> Cost:
        async with self._blog(await self.stack.url(self.deployment)) as blog:
            await eventually(lambda: _answers(blog), within=300)
            status = (await blog.get("/api/status")).json()
            texts = [it["text"] for it in (await blog.get("/api/posts")).json()["posts"]]
        entries = sum(ENTRY in it for it in texts)
        lost = int(entries < 1) + int(not status["drafts_readable"])
        return Cost(lost=lost, doubled=max(0, entries - 1))

    def _blog(self, url: str) -> httpx2.AsyncClient:
        client = http.client(base_url=url)
        client.auth = self.who
        return client

    @override
    async def clear(self) -> Cost:
        with contextlib.suppress(AssertionError):
            backups = await self.stack.answer("GET", f"/deployments/{self.deployment}/backups")
            for it in backups["items"]:
                removal = await self.stack.answer("DELETE", f"/backups/{it['id']}")
                await self.stack.succeeds(removal["id"])
        return await super().clear()


class Restore(Backup):
    """A restore of a backup, after a post that the backup does not have."""

    @override
    async def set_up(self, before: Scene | None = None) -> None:
        if isinstance(before, Backup):
            self.deployment, self.who, self.backup = before.deployment, before.who, before.backup
        else:
            await super().set_up()
            await self.stack.succeeds(await super().begin())
        async with self._blog(await self.stack.url(self.deployment)) as blog:
            answer = await blog.post("/api/posts", json={"text": "Later"})
            assert answer.is_success, answer.text

    @override
    async def begin(self) -> str:
        path = f"/backups/{self.backup}/restore"
        found = await self.stack.answer("POST", path, json={})
        automatic, restore = [str(it["id"]) for it in found["runs"]]
        await self.stack.succeeds(automatic)
        return restore

    @override
    async def cost(self) -> Cost:
        async with self._blog(await self.stack.url(self.deployment)) as blog:
            await eventually(lambda: _answers(blog), within=300)
            texts = [it["text"] for it in (await blog.get("/api/posts")).json()["posts"]]
        later = sum("Later" in it for it in texts)
        return await self._world(backups=2) + await self._posts() + Cost(doubled=later)


async def _answers(blog: httpx2.AsyncClient) -> bool:
    try:
        return (await blog.get("/api/status")).is_success
    except httpx2.TransportError:
        return False


SCENES: Final[Mapping[Kind, type[Scene]]] = {
    Kind.DEPLOY: Deploy,
    Kind.UPDATE: Update,
    Kind.BACKUP: Backup,
    Kind.RESTORE: Restore,
    Kind.REMOVE: Remove,
}
