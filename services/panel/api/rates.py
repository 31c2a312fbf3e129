"""How often anybody may ask: buckets per token, and one per address for who is not known yet.

Each process counts for itself. A token has a bucket of its own once it was found to be good; until
then, and without one, the address counts: so wrong tokens cannot be tried for ever, nor fill
memory.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..domain.buckets import Buckets, Rate, Take
from . import problems

MINUTE: Final = 60
KNOWN: Final = "is_known"
"""Where a request's state says that its token was found to be good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How often a token, and an address without a known one, may ask in a minute."""

    tokens: int = 3000
    addresses: int = 600


class Meter:
    """Refuse who asks too often, and tell everybody how often is left."""

    def __init__(
        self, app: ASGIApp, rates: Rates, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._clock = clock
        self._tokens = Buckets(Rate(name="api", times=rates.tokens, seconds=MINUTE))
        self._addresses = Buckets(Rate(name="unknown", times=rates.addresses, seconds=MINUTE))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        credential = Headers(scope=scope).get("authorization", "")
        digest = hashlib.sha256(credential.encode("latin-1")).hexdigest()
        is_known = digest in self._tokens
        buckets, key = (self._tokens, digest) if is_known else (self._addresses, _address(scope))
        take = buckets.take(key, self._clock())
        state = scope.setdefault("state", {})

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                _tell(MutableHeaders(scope=message), take)
                if state.get(KNOWN):
                    self._tokens.open(digest, self._clock())
            await send(message)

        if take.is_allowed:
            await self._app(scope, receive, send_counted)
            return
        detail = f"Too many requests. Ask again in {take.wait_seconds} s."
        refusal = problems.document(
            scope, problems.TOO_MANY, detail, hints=problems.Hints(retry_after=take.wait_seconds)
        )
        await refusal(scope, receive, send_counted)


def _tell(headers: MutableHeaders, take: Take) -> None:
    rate = take.rate
    headers["RateLimit-Policy"] = f'"{rate.name}";q={rate.times};w={rate.seconds}'
    headers["RateLimit"] = f'"{rate.name}";r={take.left};t={take.full_in_seconds}'


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""
