"""What other servers say to the blog: they follow, and stop following. All else is nodded at.

Nothing is believed because it was sent. A request has to be signed, fresh, and about itself; then
the actor it is about is asked for its key, at the actor's own address and nowhere else.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import Counter
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import deliveries
import documents
import forms
import signatures
from aiohttp import web
from outside import LONGEST, OutsideError
from signatures import BadSignatureError

if TYPE_CHECKING:
    import asyncpg
    from configuration import Configuration
    from deliveries import Queue
    from outside import Outside

LIMIT = 128 << 10
AT_ONCE, AT_ONCE_PER_HOST = 16, 4
"""Actors that are asked who they are."""
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


@dataclass(frozen=True)
class Sender:
    """An actor of another server that has proved to be who it is."""

    actor: str
    host: str
    inbox: str
    shared_inbox: str | None


class Inbox:
    """The one door for other servers."""

    def __init__(
        self, it: Configuration, pool: asyncpg.Pool, outside: Outside, queue: Queue
    ) -> None:
        self._it = it
        self._pool = pool
        self._outside = outside
        self._queue = queue
        self._asked: Counter[str] = Counter()

    async def take(self, request: web.Request) -> web.Response:
        """Answer a request to the inbox."""
        body = await forms.body(request, LIMIT)
        try:
            target = (request.method, request.raw_path)
            signed = signatures.read(target, _once(request), body, self._it.hosts)
            activity = forms.document(body)
            sender = await self._sender(signed, activity.get("actor"))
        except (BadSignatureError, OutsideError) as error:
            return web.Response(status=HTTPStatus.UNAUTHORIZED, text=f"{error}\n")
        async with self._pool.acquire() as connection, connection.transaction():
            await deliveries.lock(connection, sender.host)
            # Older ones are refused for their date.
            await connection.execute(FORGET_SIGNATURES, signatures.WINDOW_SECONDS * 3)
            seen = hashlib.sha256(signed.signature).digest()
            if await connection.execute(SEE_SIGNATURE, seen) == "INSERT 0 1":
                await self._heed(connection, sender, activity)
        self._queue.nudge()
        return web.Response(status=HTTPStatus.ACCEPTED)

    async def _sender(self, signed: signatures.Signed, actor: object) -> Sender:
        """Return who has signed: an actor whose key and inboxes are on its own server."""
        host = self._outside.host(actor)
        # A key that lies elsewhere is not the actor's, so that nobody has to be asked for it.
        if not isinstance(actor, str) or self._outside.host(signed.key_id) != host:
            raise BadSignatureError("the key is not on the server of the actor")
        found = await self._ask(actor, host)
        key = found.get("publicKey")
        if found.get("id") != actor or not isinstance(key, dict):
            raise BadSignatureError("there is another actor at this address, or one without a key")
        if key.get("id") != signed.key_id or key.get("owner") != actor:
            raise BadSignatureError("this key is not the actor's")
        signatures.verify(signed, key.get("publicKeyPem"))
        endpoints = found.get("endpoints")
        shared = endpoints.get("sharedInbox") if isinstance(endpoints, dict) else None
        inbox = found.get("inbox")
        # Nobody is volunteered.
        if {self._outside.host(inbox), self._outside.host(shared or inbox)} != {host}:
            raise BadSignatureError("the actor's inbox is on another server")
        return Sender(actor, host, str(inbox), shared or None)

    async def _ask(self, actor: str, host: str) -> dict[str, Any]:
        """Return who an actor says it is; a server that is slow has no more than its places."""
        is_full = self._asked.total() >= AT_ONCE or self._asked[host] >= AT_ONCE_PER_HOST
        if is_full or not self._it.egress:
            raise web.HTTPServiceUnavailable(text="No actor can be asked for a key now.\n")
        self._asked[host] += 1
        try:
            return await self._outside.get(actor)
        finally:
            self._asked[host] -= 1
            self._asked += Counter()  # forgets those that are at nought

    async def _heed(
        self, connection: asyncpg.Connection, sender: Sender, activity: dict[str, Any]
    ) -> None:
        me, kind, meant = f"{self._it.url}/actor", activity.get("type"), activity.get("object")
        if kind == "Follow" and _name(meant) == me:
            await self._follow(connection, sender, _name(activity))
        if kind == "Undo":
            known = meant if isinstance(meant, dict) else {}
            is_follow = known.get("type") == "Follow" and _name(known.get("object")) == me
            await connection.execute(UNDO, sender.actor, _name(meant), is_follow)
            await connection.execute(deliveries.FORGET_UNFOLLOWED, sender.host)

    async def _follow(self, connection: asyncpg.Connection, sender: Sender, name: str) -> None:
        there, in_all = await connection.fetchrow(OTHERS, sender.actor, sender.host)
        if there >= MOST_FOLLOWERS_PER_HOST or in_all >= MOST_FOLLOWERS:
            raise web.HTTPForbidden(text="There are too many followers already.\n")
        await connection.execute(HOST, sender.host)
        known = (sender.actor, sender.host, sender.inbox, sender.shared_inbox, name)
        await connection.execute(FOLLOW, *known)
        me = f"{self._it.url}/actor"
        follow = {"id": name, "type": "Follow", "actor": sender.actor, "object": me}
        own = f"{me}#accept-{secrets.token_hex(8)}"
        answer = json.dumps(documents.activity(self._it, "Accept", own, follow))
        if not await deliveries.tell(connection, sender.host, sender.inbox, answer):
            raise web.HTTPServiceUnavailable(text="Too much waits for this server already.\n")


def _once(request: web.Request) -> dict[str, str]:
    """Return the header fields; of those that come twice nobody knows which one is meant."""
    found = {name.lower(): it for name, it in request.headers.items()}
    if len(found) != len(request.headers):
        raise BadSignatureError("a header field comes twice")
    return found


def _name(it: object) -> str:
    """Return the id of something that may be written out or only named."""
    found = it.get("id") if isinstance(it, dict) else it
    is_usable = isinstance(found, str) and len(found) <= LONGEST and found.isprintable()
    return str(found) if is_usable else ""
