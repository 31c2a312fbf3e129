"""Who may write: the administrator, by a session of a browser or by a password with each request.

Of a session only a hash is kept. Whoever guesses passwords is slowed down by address, which is
what the edge says it is. Nobody is locked out for long: behind some edges all visitors have the
same address.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    import asyncpg
    from configuration import Configuration

USER = "admin"
DAYS = 7
FAILURES = 10
RECOVERY_SECONDS = 3.0
MOST_SOURCES = 4096


class Throttle:
    """Allows each address some failures, and then one every few seconds."""

    def __init__(self) -> None:
        # When all failures of an address will be forgiven.
        self._forgiven: dict[str, float] = {}

    def check(self, source: str) -> None:
        """Refuse whoever has failed too often.

        Raises:
            HTTPException: this address has.
        """
        ahead = self._forgiven.get(source, 0.0) - time.monotonic()
        if ahead > (FAILURES - 1) * RECOVERY_SECONDS:
            fields = {"retry-after": str(int(RECOVERY_SECONDS))}
            raise web.HTTPTooManyRequests(text="Too many wrong passwords.\n", headers=fields)

    def count(self, source: str) -> None:
        """Remember a failure."""
        begin = max(self._forgiven.pop(source, 0.0), time.monotonic())
        self._forgiven[source] = begin + RECOVERY_SECONDS
        if len(self._forgiven) > MOST_SOURCES:
            del self._forgiven[next(iter(self._forgiven))]


class Doorman:
    """Lets in the administrator and nobody else."""

    def __init__(self, configuration: Configuration, pool: asyncpg.Pool, password: bytes) -> None:
        self._origin = configuration.url
        self._is_safe = configuration.url.startswith("https://")
        # Browsers accept this name from this very host only.
        self._cookie = "__Host-session" if self._is_safe else "session"
        self._pool = pool
        self._password = password
        self._throttle = Throttle()

    def check_origin(self, request: web.Request) -> None:
        """Refuse what another site made a browser send.

        Raises:
            HTTPException: it was another site.
        """
        origin = request.headers.get("origin")
        site = request.headers.get("sec-fetch-site", "same-origin" if origin else "none")
        if origin not in (None, self._origin) or site not in ("same-origin", "none"):
            raise web.HTTPForbidden(text="Other sites' forms are not accepted here.\n")

    async def is_in(self, request: web.Request) -> bool:
        """Say whether a browser has a session."""
        token = request.cookies.get(self._cookie, "")
        if not token:
            return False
        query = "select true from sessions where token_hash = $1 and expires_at > now()"
        return bool(await self._pool.fetchval(query, _hash(token)))

    async def let_in(self, request: web.Request, user: str, password: str) -> web.Response:
        """Begin a session and lead to the blog.

        Raises:
            HTTPException: this is not the administrator.
        """
        self._check_password(request, user, password)
        token = secrets.token_urlsafe(32)
        await self._pool.execute("delete from sessions where expires_at < now()")
        await self._pool.execute(
            "insert into sessions (token_hash, expires_at)"
            " values ($1, now() + make_interval(days => $2))",
            *(_hash(token), DAYS),
        )
        answer = web.Response(status=303, headers={"location": "/"})
        answer.set_cookie(
            self._cookie,
            token,
            max_age=DAYS * 86400,
            secure=self._is_safe,
            httponly=True,
            samesite="Strict",
        )
        return answer

    async def let_out(self, request: web.Request) -> web.Response:
        """End a session."""
        token = request.cookies.get(self._cookie, "")
        await self._pool.execute("delete from sessions where token_hash = $1", _hash(token))
        answer = web.Response(status=303, headers={"location": "/"})
        answer.del_cookie(self._cookie)
        return answer

    def check_program(self, request: web.Request) -> None:
        """Let a program in that knows the password.

        Raises:
            HTTPException: it does not.
        """
        self.check_origin(request)
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        try:
            user, _, password = base64.b64decode(given, validate=True).decode().partition(":")
        except ValueError as error:
            raise self._refusal() from error
        if kind.lower() != "basic":
            raise self._refusal()
        self._check_password(request, user, password)

    def _check_password(self, request: web.Request, user: str, password: str) -> None:
        source = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
        source = source[:64] or request.remote or ""
        self._throttle.check(source)
        # Digests have one length, so that comparing them says nothing about the password's.
        given = hashlib.sha256(password.encode("utf-8", "replace")).digest()
        is_right = hmac.compare_digest(given, hashlib.sha256(self._password).digest())
        if not is_right or user != USER:
            self._throttle.count(source)
            raise self._refusal()

    @staticmethod
    def _refusal() -> web.HTTPUnauthorized:
        fields = {"www-authenticate": 'Basic realm="microblog", charset="UTF-8"'}
        return web.HTTPUnauthorized(text="This is for the administrator.\n", headers=fields)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
