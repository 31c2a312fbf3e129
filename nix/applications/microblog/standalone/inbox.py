"""What other servers say to the blog: they follow, and stop following. All else is nodded at.

Nothing is believed because it was sent. A request has to be signed, fresh, and about itself; then
the actor it is about is asked for its key, at the actor's own address and nowhere else.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import deliveries
import forms
import signatures
from addresses import LONGEST, RefusedAddressError, host_of
from aiohttp import web
from outgoing import OutgoingError
from signatures import BadSignatureError

if TYPE_CHECKING:
    import asyncpg
    from addresses import Rules
    from deliveries import Queue
    from documents import Document, Documents
    from outgoing import Outside

LIMIT = 128 << 10
AT_ONCE = 16
AT_ONCE_PER_HOST = 4
MOST_FOLLOWERS = 5000
MOST_FOLLOWERS_THERE = 500
"""On one server."""
OTHERS = """
    select count(*) filter (where host = $2), count(*) from followers where actor <> $1
"""
# A server that asks is there again, whatever was thought of it.
HOST = """
    insert into hosts (host) values ($1)
    on conflict (host) do update set failures = 0, failing_since = null
"""


@dataclass(frozen=True)
class Sender:
    """An actor of another server that has proved to be who it is."""

    actor: str
    inbox: str
    shared_inbox: str | None


class Inbox:
    """The one door for other servers."""

    def __init__(
        self, pool: asyncpg.Pool, outside: Outside, queue: Queue, documents: Documents, rules: Rules
    ) -> None:
        self._pool = pool
        self._outside = outside
        self._queue = queue
        self._documents = documents
        self._rules = rules
        self._asked: Counter[str] = Counter()

    async def take(self, request: web.Request) -> web.Response:
        """Answer a request to the inbox."""
        body = await forms.body(request, LIMIT)
        try:
            signed = signatures.read(
                (request.method, request.raw_path), _once(request), body, self._documents.hosts
            )
            activity = forms.document(body)
            sender = await self._sender(signed, activity.get("actor"))
        except (BadSignatureError, RefusedAddressError, OutgoingError) as error:
            return web.Response(status=HTTPStatus.UNAUTHORIZED, text=f"{error}\n")
        except forms.RefusedError as error:
            return web.Response(status=HTTPStatus.BAD_REQUEST, text=f"{error}\n")
        await self._heed(sender, activity, hashlib.sha256(signed.signature).digest())
        return web.Response(status=HTTPStatus.ACCEPTED)

    async def _sender(self, signed: signatures.Signed, actor: object) -> Sender:
        host = self._rules.check(actor)
        # A key that lies elsewhere is not the actor's, so that nobody has to be asked for it.
        if not isinstance(actor, str) or self._rules.check(signed.key_id) != host:
            raise BadSignatureError("the key is not on the server of the actor")
        found = await self._ask(actor, host)
        key = found.get("publicKey")
        if found.get("id") != actor or not isinstance(key, dict):
            raise BadSignatureError("there is another actor at this address, or one without a key")
        if key.get("id") != signed.key_id or key.get("owner") != actor:
            raise BadSignatureError("this key is not the actor's")
        signatures.verify(signed, key.get("publicKeyPem"))
        return self._described(actor, host, found)

    async def _ask(self, actor: str, host: str) -> dict[str, Any]:
        """Return who an actor says it is; a server that is slow has no more than its places."""
        is_full = self._asked.total() >= AT_ONCE or self._asked[host] >= AT_ONCE_PER_HOST
        if is_full or not self._outside.is_reachable:
            raise web.HTTPServiceUnavailable(text="No actor can be asked for a key now.\n")
        self._asked[host] += 1
        try:
            return await self._outside.get(actor)
        finally:
            self._asked[host] -= 1
            self._asked += Counter()  # forgets those that are at nought

    def _described(self, actor: str, host: str, found: dict[str, Any]) -> Sender:
        """Return the actor with its inboxes, which are on its own server: nobody is volunteered."""
        endpoints = found.get("endpoints")
        shared = endpoints.get("sharedInbox") if isinstance(endpoints, dict) else None
        inbox = found.get("inbox")
        for it in (inbox, shared or inbox):
            if self._rules.check(it) != host:
                raise BadSignatureError("the actor's inbox is on another server")
        return Sender(actor, str(inbox), str(shared) if shared else None)

    async def _heed(self, sender: Sender, activity: dict[str, Any], signature: bytes) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            # Older ones are refused for their date.
            await deliveries.lock(connection, host_of(sender.actor))
            await connection.execute(
                "delete from seen_signatures where seen_at < now() - make_interval(secs => $1)",
                signatures.WINDOW_SECONDS * 3,
            )
            done = await connection.execute(
                "insert into seen_signatures (hash) values ($1) on conflict do nothing", signature
            )
            if done == "INSERT 0 1":
                await self._act(connection, sender, activity)
        self._queue.nudge()

    async def _act(
        self, connection: asyncpg.Connection, sender: Sender, activity: dict[str, Any]
    ) -> None:
        meant = activity.get("object")
        match activity.get("type"):
            case "Follow" if _name(meant) == self._documents.actor_id:
                await self._follow(connection, sender, _name(activity))
            case "Undo":
                await connection.execute(
                    "delete from followers where actor = $1 and (follow = $2 or $3)",
                    *(sender.actor, _name(meant), self._is_follow(meant)),
                )
                await deliveries.forget_unfollowed(connection, host_of(sender.actor))
            case _:
                pass

    def _is_follow(self, meant: object) -> bool:
        return (
            isinstance(meant, dict)
            and meant.get("type") == "Follow"
            and _name(meant.get("object")) == self._documents.actor_id
        )

    async def _follow(self, connection: asyncpg.Connection, sender: Sender, name: str) -> None:
        host = host_of(sender.actor)
        there, in_all = await connection.fetchrow(OTHERS, sender.actor, host)
        if there >= MOST_FOLLOWERS_THERE or in_all >= MOST_FOLLOWERS:
            raise web.HTTPForbidden(text="There are too many followers already.\n")
        await connection.execute(HOST, host)
        await connection.execute(
            "insert into followers (actor, host, inbox, shared_inbox, follow)"
            " values ($1, $2, $3, $4, $5) on conflict (actor) do update set inbox = $3,"
            " shared_inbox = $4, follow = $5",
            *(sender.actor, host, sender.inbox, sender.shared_inbox, name),
        )
        follow: Document = {
            "id": name,
            "type": "Follow",
            "actor": sender.actor,
            "object": self._documents.actor_id,
        }
        answer = self._documents.accept(secrets.token_hex(8), follow)
        if not await deliveries.tell(connection, host, sender.inbox, answer):
            raise web.HTTPServiceUnavailable(text="Too much waits for this server already.\n")


def _once(request: web.Request) -> dict[str, str]:
    """Return the header fields; of those that come twice nobody knows which one is meant."""
    found = {name.lower(): it for name, it in request.headers.items()}
    if any(len(request.headers.getall(name)) > 1 for name in found):
        raise BadSignatureError("a header field comes twice")
    return found


def _name(it: object) -> str:
    """Return the id of something that may be written out or only named."""
    found = it.get("id") if isinstance(it, dict) else it
    is_usable = isinstance(found, str) and len(found) <= LONGEST and found.isprintable()
    return str(found) if is_usable else ""
