"""Who follows the blog, and what their servers still have to be told.

Nothing is believed because it was sent. A request has to be signed, fresh, and about itself; then
the actor it is about is asked for its key, at the actor's own address and nowhere else.

A server is told everything in order, one thing at a time. One that does not answer is asked ever
more rarely, and after all others, so that it holds up nobody. After a week it is told nothing more,
and its followers are forgotten.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

import documents
import forms
import outside
from aiohttp import web
from configuration import log
from database import AWAY
from outside import LONGEST, DoorError, OutsideError, host_of

if TYPE_CHECKING:
    import asyncpg
    from configuration import Configuration
    from outside import Outside, Signed
    from posts import Blog

LIMIT = 128 << 10
AT_ONCE = 4
"""Actors of one server that are asked who they are."""
MOST_FOLLOWERS, MOST_FOLLOWERS_PER_HOST = 5000, 500
OTHERS = "select count(*) filter (where host = $2), count(*) from followers where actor <> $1"
# A server that asks is there again, whatever was thought of it.
HOST = """
    insert into hosts (host) values ($1)
    on conflict (host) do update set failures = 0, failing_since = null
"""
FOLLOW = """
    insert into followers (actor, host, inbox, shared_inbox, follow) values ($1, $2, $3, $4, $5)
    on conflict (actor) do update set inbox = $3, shared_inbox = $4, follow = $5
"""
UNDO = "delete from followers where actor = $1 and (follow = $2 or $3)"
FORGET_SIGNATURES = """
    delete from seen_signatures where seen_at < now() - make_interval(secs => $1)
"""
SEE_SIGNATURE = "insert into seen_signatures (hash) values ($1) on conflict do nothing"
PAUSES = (5, 30, 180, 900, 3600, 21600, *[86400] * 6)
"""Seconds after each failure; after the last one there is no other try."""
PLACES = 16
REST_SECONDS = 5.0
MOST_WAITING = 1000
"""For one server; what comes on top of it is not told."""
SUCCESS = range(200, 300)
REFUSALS = frozenset((400, 404, 405, 406, 410, 413, 415, 422))
"""Answers that would be the same tomorrow."""
TELL_ALL = """
    insert into deliveries (host, inbox, post) select host, inbox, $1
    from (select distinct host, coalesce(shared_inbox, inbox) as inbox from followers) as it
    where not exists (select from deliveries where host = it.host offset $2)
"""
TELL = """
    insert into deliveries (host, inbox, body) select $1, $2, $3
    where not exists (select from deliveries where host = $1 offset $4)
"""
DUE = """
    select due.host, due.failures, first.*
    from (
        select host, failures from hosts where due_at <= now() and host <> all($1::text[])
        order by failures > 0, due_at limit $2
    ) as due
    cross join lateral (
        select id, inbox, post, body from deliveries where host = due.host order by id limit 1
    ) as first
"""
ANSWERED = """
    update hosts set failures = 0, failing_since = null, answered_at = now(),
    due_at = case when exists (select from deliveries where host = $1) then now() end
    where host = $1
"""
FAILED = """
    update hosts set failures = failures + 1, failing_since = coalesce(failing_since, now()),
    due_at = now() + make_interval(secs => $2) where host = $1
"""
# When nobody has answered since, it is not this server that cannot be reached.
FORGET_LOST = """
    delete from hosts as lost where host = $1
    and exists (select from hosts where answered_at > lost.failing_since)
"""
FORGET_UNFOLLOWED = """
    delete from hosts where host = $1 and not exists (select from followers where host = $1)
"""


async def tell_all(connection: asyncpg.Connection, post: str) -> None:
    """Queue a post for all followers, in the transaction that makes it."""
    # Two of these at once would wait for each other.
    await connection.execute("select pg_advisory_xact_lock(2)")
    await connection.execute(TELL_ALL, post, MOST_WAITING)
    await connection.execute("update hosts set due_at = now() where due_at is null")


async def tell(connection: asyncpg.Connection, host: str, inbox: str, body: str) -> bool:
    """Queue an activity for one inbox; False: too much waits for this server already."""
    done = await connection.execute(TELL, host, inbox, body, MOST_WAITING)
    await connection.execute("update hosts set due_at = now() where host = $1", host)
    return str(done) == "INSERT 0 1"


async def lock(connection: asyncpg.Connection, host: str) -> None:
    """Wait until nobody else changes what is kept about a server, and see all of it afterwards."""
    await connection.execute("select from hosts where host = $1 for update", host)


@dataclass
class Queue:
    """Deliveries that survive a restart."""

    it: Configuration
    pool: asyncpg.Pool
    outside: Outside
    blog: Blog
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by whoever has committed something."""
    busy: set[str] = field(default_factory=set)
    """Servers that are being told something."""

    async def run(self) -> None:
        """Deliver until cancelled; whatever is not foreseen here ends all of it."""
        async with asyncio.TaskGroup() as tasks:
            while self.it.egress:
                self.news.clear()
                try:
                    rows = await self.pool.fetch(DUE, list(self.busy), PLACES - len(self.busy))
                except AWAY as error:
                    log(f"the queue cannot be read: {type(error).__name__}")
                    rows = []
                for row in rows:
                    self.busy.add(row["host"])
                    tasks.create_task(self._deliver(row))
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.news.wait(), REST_SECONDS)

    async def _deliver(self, row: asyncpg.Record) -> None:
        try:
            post = await self.blog.find(row["post"])
            body = json.dumps(documents.create(self.it, post)) if post else row["body"]
            await self._record(row, await self._status(row["inbox"], body))
        except (DoorError, *AWAY) as error:
            # Not this server's fault. It stays due, and is told twice at worst: its id is the same.
            log(f"a delivery has to wait: {type(error).__name__}: {error}")
            await asyncio.sleep(REST_SECONDS)
        finally:
            self.busy.remove(row["host"])
            self.news.set()

    async def _status(self, inbox: str, body: str) -> int:
        """Return the status that a server answers with; 0: it does not answer."""
        try:
            return await self.outside.post(inbox, body.encode())
        except DoorError:
            raise
        except OutsideError as error:
            log(f"delivery to {inbox!a}: {str(error)!a}")
            return 0

    async def _record(self, row: asyncpg.Record, status: int) -> None:
        host, inbox, failures = row["host"], row["inbox"], row["failures"]
        async with self.pool.acquire() as connection, connection.transaction():
            do = connection.execute
            await lock(connection, host)
            if status == HTTPStatus.GONE:
                query = "delete from followers where host = $1 and $2 in (inbox, shared_inbox)"
                await do(query, host, inbox)
                await do(FORGET_UNFOLLOWED, host)
            if status in SUCCESS or status in REFUSALS:
                await do("delete from deliveries where id = $1", row["id"])
                await do(ANSWERED, host)
            elif failures < len(PAUSES):
                await do(FAILED, host, float(PAUSES[failures]))
            else:
                await do("delete from deliveries where host = $1", host)
                await do("update hosts set due_at = null where host = $1", host)
                await do(FORGET_LOST, host)
        if status not in SUCCESS:
            is_over = status in REFUSALS or failures >= len(PAUSES)
            log(f"delivery to {inbox!a}: {status}, {'given up' if is_over else 'again later'}")


class Sender(NamedTuple):
    """An actor of another server that has proved to be who it is."""

    actor: str
    host: str
    inbox: str
    shared_inbox: str | None


@dataclass
class Inbox:
    """The one door for other servers."""

    it: Configuration
    pool: asyncpg.Pool
    outside: Outside
    queue: Queue
    asked: Counter[str] = field(default_factory=Counter)
    """How many actors of a server are being asked who they are."""

    async def take(self, request: web.Request) -> web.Response:
        """Answer a request to the inbox."""
        body = await forms.body(request, LIMIT)
        fields = {name.lower(): it for name, it in request.headers.items()}
        target = (request.method, request.raw_path)
        signed = outside.read(target, fields, body, self.it.hosts)
        activity = forms.document(body)
        sender = await self._sender(signed, activity.get("actor"))
        async with self.pool.acquire() as connection, connection.transaction():
            await lock(connection, sender.host)
            # Older ones are refused for their date.
            await connection.execute(FORGET_SIGNATURES, outside.WINDOW_SECONDS * 3)
            seen = hashlib.sha256(signed.signature).digest()
            if await connection.execute(SEE_SIGNATURE, seen) == "INSERT 0 1":
                await self._heed(connection, sender, activity)
        self.queue.news.set()
        return web.Response(status=202)

    async def _sender(self, signed: Signed, actor: object) -> Sender:
        """Return who has signed: an actor whose key and inboxes are on its own server."""
        host = host_of(actor, self.it.url)
        # A key that lies elsewhere is not the actor's, so that nobody has to be asked for it.
        if not isinstance(actor, str) or host_of(signed.key_id, self.it.url) != host:
            raise OutsideError("the key is not on the server of the actor")
        found = await self._ask(actor, host)
        key = found.get("publicKey")
        if found.get("id") != actor or not isinstance(key, dict):
            raise OutsideError("there is another actor at this address, or one without a key")
        if key.get("id") != signed.key_id or key.get("owner") != actor:
            raise OutsideError("this key is not the actor's")
        outside.verify(signed, key.get("publicKeyPem"))
        endpoints = found.get("endpoints")
        shared = endpoints.get("sharedInbox") if isinstance(endpoints, dict) else None
        inbox = found.get("inbox")
        # Nobody is volunteered.
        if {host_of(it, self.it.url) for it in (inbox, shared or inbox)} != {host}:
            raise OutsideError("the actor's inbox is on another server")
        return Sender(actor, host, str(inbox), shared or None)

    async def _ask(self, actor: str, host: str) -> dict[str, Any]:
        """Return who an actor says it is; a server that is slow has no more than its places."""
        if self.asked[host] >= AT_ONCE or not self.it.egress:
            raise web.HTTPServiceUnavailable(text="No actor can be asked for a key now.\n")
        self.asked[host] += 1
        try:
            return await self.outside.get(actor)
        finally:
            self.asked[host] -= 1
            self.asked += Counter()  # forgets those that are at nought

    async def _heed(
        self, connection: asyncpg.Connection, sender: Sender, activity: dict[str, Any]
    ) -> None:
        me, kind, meant = f"{self.it.url}/actor", activity.get("type"), activity.get("object")
        if kind == "Follow" and _name(meant) == me:
            await self._follow(connection, sender, _name(activity))
        if kind == "Undo":
            known = meant if isinstance(meant, dict) else {}
            is_follow = known.get("type") == "Follow" and _name(known.get("object")) == me
            await connection.execute(UNDO, sender.actor, _name(meant), is_follow)
            await connection.execute(FORGET_UNFOLLOWED, sender.host)

    async def _follow(self, connection: asyncpg.Connection, sender: Sender, name: str) -> None:
        there, in_all = await connection.fetchrow(OTHERS, sender.actor, sender.host)
        if there >= MOST_FOLLOWERS_PER_HOST or in_all >= MOST_FOLLOWERS:
            raise web.HTTPForbidden(text="There are too many followers already.\n")
        await connection.execute(HOST, sender.host)
        await connection.execute(FOLLOW, *sender, name)
        me = f"{self.it.url}/actor"
        follow = {"id": name, "type": "Follow", "actor": sender.actor, "object": me}
        own = f"{me}#accept-{secrets.token_hex(8)}"
        answer = json.dumps(documents.activity(self.it, "Accept", own, follow))
        if not await tell(connection, sender.host, sender.inbox, answer):
            raise web.HTTPServiceUnavailable(text="Too much waits for this server already.\n")


def _name(it: object) -> str:
    """Return the id of something that may be written out or only named."""
    found = it.get("id") if isinstance(it, dict) else it
    is_usable = isinstance(found, str) and len(found) <= LONGEST and found.isprintable()
    return str(found) if is_usable else ""
