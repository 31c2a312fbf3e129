"""Requests to other servers: through the egress door only, bounded, and never redirected."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp
import signatures
from addresses import RefusedAddressError
from yarl import URL

if TYPE_CHECKING:
    from addresses import Rules
    from configuration import Configuration
    from keys import ActorKey

ANSWER_LIMIT = 256 << 10
CONNECT_SECONDS, SECONDS = 5.0, 10.0
ACTIVITY = "application/activity+json"
DOCUMENTS = (ACTIVITY, "application/ld+json")
ACCEPTED = f'{ACTIVITY}, application/ld+json; profile="https://www.w3.org/ns/activitystreams"'


class OutgoingError(Exception):
    """Another server could not be asked, or gave no usable answer."""


class DoorError(OutgoingError):
    """Nobody outside can be asked at the moment."""


class Outside:
    """Everything beyond this machine."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        configuration: Configuration,
        rules: Rules,
        key: ActorKey,
    ) -> None:
        self._session = session
        self._proxy = f"http://{configuration.egress}" if configuration.egress else None
        self._agent = f"microblog/{configuration.version} (+{configuration.url}/)"
        self._key = key
        self._key_id = f"{configuration.url}/actor#main-key"
        self._rules = rules

    @property
    def is_reachable(self) -> bool:
        """Whether there is a door at all."""
        return self._proxy is not None

    async def get(self, url: str) -> dict[str, Any]:
        """Return a document.

        Raises:
            OutgoingError: there is none to be had.
        """
        status, kind, body = await self._ask("GET", url, None)
        if status != HTTPStatus.OK:
            raise OutgoingError(f"answered {status}")
        if kind not in DOCUMENTS:
            # A file that somebody could upload there is no actor.
            raise OutgoingError("answered something that is no activity")
        try:
            found = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise OutgoingError("answered something that is not JSON") from error
        if not isinstance(found, dict):
            raise OutgoingError("answered something that is not a document")
        return found

    async def post(self, url: str, body: bytes) -> int:
        """Send an activity and return the status of the answer.

        Raises:
            OutgoingError: there was no answer.
        """
        status, _, _ = await self._ask("POST", url, body)
        return status

    async def _ask(self, method: str, url: str, body: bytes | None) -> tuple[int, str, bytes]:
        try:
            self._rules.check(url)
        except RefusedAddressError as error:
            raise OutgoingError(str(error)) from error
        if "#" in url:
            raise OutgoingError("a part of a document cannot be asked for")
        if self._proxy is None:
            raise OutgoingError("this machine has no door to other servers")
        fields = signatures.sign(self._key, self._key_id, method, url, body)
        fields |= {"accept": ACCEPTED, "accept-encoding": "identity", "user-agent": self._agent}
        if body is not None:
            fields["content-type"] = ACTIVITY
        try:
            async with self._session.request(
                method,
                URL(url, encoded=True),
                data=body,
                headers=fields,
                proxy=self._proxy,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=SECONDS, connect=CONNECT_SECONDS),
            ) as answer:
                return answer.status, answer.content_type, await _bounded(answer)
        except aiohttp.ClientProxyConnectionError as error:
            raise DoorError("the door to other servers does not answer") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise OutgoingError(f"{type(error).__name__}: {error}") from error


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    found = bytearray()
    async for chunk in answer.content.iter_any():
        found += chunk
        if len(found) > ANSWER_LIMIT:
            raise OutgoingError(f"answered more than {ANSWER_LIMIT} bytes")
    return bytes(found)
