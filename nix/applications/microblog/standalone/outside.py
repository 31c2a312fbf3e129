"""Other servers: which of them the blog talks to, and how, through the egress door only.

The door refuses private networks too. This is the first line: an address that is refused here never
leaves the machine. An answer is bounded, and a redirect is never followed.
"""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import signatures
from documents import ACTIVITY
from yarl import URL

if TYPE_CHECKING:
    from configuration import Configuration
    from keys import ActorKey

LONGEST = 1024
PLAIN = re.compile(r"[!-~]+")
HOST = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
USUAL = {"http": 80, "https": 443}
# Names that only mean something inside one network.
INSIDE = frozenset(("localhost", "local", "internal", "lan", "home", "corp", "arpa", "onion"))
ANSWER_LIMIT = 256 << 10
CONNECT_SECONDS, SECONDS = 5.0, 10.0
KINDS = (ACTIVITY, "application/ld+json")
ACCEPTED = f'{ACTIVITY}, application/ld+json; profile="https://www.w3.org/ns/activitystreams"'


class OutsideError(Exception):
    """Another server is not to be asked, could not be, or gave no usable answer."""


class DoorError(OutsideError):
    """No server at all can be asked at the moment."""


def host_of(url: object, own: str) -> str:
    """Return the host and port of an address that the blog, whose own is given, may talk to."""
    if not isinstance(url, str) or len(url) > LONGEST or not PLAIN.fullmatch(url):
        raise OutsideError("an address is a text of printable characters")
    try:
        parts, blog = urlsplit(url), urlsplit(own)
        port = parts.port
    except ValueError as error:
        raise OutsideError("this is not an address") from error
    # Over plain HTTP anybody on the way could put a key of their own in an actor's place.
    schemes = ("https",) if blog.scheme == "https" else tuple(USUAL)
    if parts.scheme not in schemes or not parts.path.startswith("/"):
        raise OutsideError(f"an address begins with {' or '.join(schemes)}, and has a path")
    if "@" in parts.netloc or port not in (None, blog.port, USUAL[parts.scheme]):
        raise OutsideError("no names and no unusual ports in an address")
    host, own_host = parts.netloc.partition(":")[0], blog.hostname or ""
    end = host.rpartition(".")[2]
    if not HOST.fullmatch(host) or host == own_host:
        raise OutsideError("an address needs the full name of another host")
    if end in INSIDE and end != own_host.rpartition(".")[2]:
        raise OutsideError("this host is inside somebody's network")
    return parts.netloc


class Outside:
    """Everything beyond this machine."""

    def __init__(self, session: aiohttp.ClientSession, it: Configuration, key: ActorKey) -> None:
        self._it = it
        self._session = session
        self._key = key

    def host(self, url: object) -> str:
        """Return the host and port of an address, or refuse it."""
        return host_of(url, self._it.url)

    async def get(self, url: str) -> dict[str, Any]:
        """Return a document."""
        status, kind, body = await self._ask("GET", url, None)
        # A file that somebody could upload there has another kind.
        if status != HTTPStatus.OK or kind not in KINDS:
            raise OutsideError(f"answered {status} with something that is no activity")
        try:
            found = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise OutsideError("answered something that is not JSON") from error
        if not isinstance(found, dict):
            raise OutsideError("answered something that is not a document")
        return found

    async def post(self, url: str, body: bytes) -> int:
        """Send an activity and return the status of the answer."""
        status, _, _ = await self._ask("POST", url, body)
        return status

    async def _ask(self, method: str, url: str, body: bytes | None) -> tuple[int, str, bytes]:
        self.host(url)
        if "#" in url or not self._it.egress:
            raise OutsideError("this cannot be asked for")
        fields = signatures.sign(self._key, f"{self._it.url}/actor#main-key", method, url, body)
        fields |= {
            "accept": ACCEPTED,
            "accept-encoding": "identity",
            "user-agent": f"microblog/{self._it.version} (+{self._it.url}/)",
            **({"content-type": ACTIVITY} if body is not None else {}),
        }
        try:
            async with self._session.request(
                method,
                URL(url, encoded=True),
                data=body,
                headers=fields,
                proxy=f"http://{self._it.egress}",
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=SECONDS, connect=CONNECT_SECONDS),
            ) as answer:
                found = bytearray()
                async for chunk in answer.content.iter_any():
                    found += chunk
                    if len(found) > ANSWER_LIMIT:
                        raise OutsideError(f"answered more than {ANSWER_LIMIT} bytes")
                return answer.status, answer.content_type, bytes(found)
        except aiohttp.ClientProxyConnectionError as error:
            raise DoorError("the door to other servers does not answer") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise OutsideError(f"{type(error).__name__}: {error}") from error
