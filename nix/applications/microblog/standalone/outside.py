"""Other servers: which of them the blog talks to, how, and how both sides sign what they say.

It talks through the egress door only, which refuses private networks too. This is the first line:
an address that is refused here never leaves the machine. An answer is bounded, and a redirect is
never followed. Signatures are those of draft-cavage-12 with rsa-sha256, as everybody uses them.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import aiohttp
import forms
from configuration import Refusal
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from documents import ACTIVITY
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from configuration import Configuration, Secrets

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
WINDOW_SECONDS = 300.0
NEEDED = frozenset(("(request-target)", "host", "date", "digest"))
KNOWN = NEEDED | {"content-type", "content-length", "user-agent", "accept"}
PARAMETER = re.compile(r'(\w+)="([^"]*)"')
LONGEST_KEY = 4096
KEY_BITS = range(2048, 8193)


class OutsideError(Refusal):
    """Another server is not to be asked, could not be, or gave no usable answer."""

    status = 401


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


class Signed(NamedTuple):
    """A request whose signature is well formed, fresh, and about this very request."""

    key_id: str
    signature: bytes
    text: bytes


def sign(keys: Secrets, key_id: str, method: str, url: str, body: bytes | None) -> dict[str, str]:
    """Return the header fields of a signed request."""
    parts = urlsplit(url)
    target = f"{parts.path}{'?' if parts.query else ''}{parts.query}"
    fields = {"host": parts.netloc, "date": formatdate(usegmt=True)}
    if body is not None:
        fields["digest"] = _digest(body)
    names = ["(request-target)", *fields]
    signature = base64.b64encode(keys.sign(_signing_text(names, (method, target), fields))).decode()
    fields["signature"] = (
        f'keyId="{key_id}",algorithm="rsa-sha256",headers="{" ".join(names)}",'
        f'signature="{signature}"'
    )
    return fields


def read(
    request: tuple[str, str], fields: Mapping[str, str], body: bytes, hosts: frozenset[str]
) -> Signed:
    """Check everything that needs no key about a request (its method and target) to these hosts."""
    found = PARAMETER.findall(fields.get("signature", "")[:LONGEST_KEY])
    given = dict(found)
    names = given.get("headers", "").lower().split()
    is_once = len(given) == len(found) and len(set(names)) == len(names)
    if not is_once or not NEEDED <= set(names) <= KNOWN:
        raise OutsideError(f"{', '.join(sorted(NEEDED))} have to be signed, each once")
    if given.get("algorithm", "hs2019").lower() not in ("rsa-sha256", "hs2019"):
        raise OutsideError("only rsa-sha256 is known here")
    if not set(names) <= {*fields, "(request-target)"} or fields["host"] not in hosts:
        raise OutsideError("this was signed for another request")
    try:
        moment = parsedate_to_datetime(fields["date"]).timestamp()
        signature = base64.b64decode(given.get("signature", ""), validate=True)
    except (ValueError, OverflowError) as error:
        raise OutsideError("the date or the signature is not one") from error
    if abs(moment - time.time()) > WINDOW_SECONDS:
        raise OutsideError(f"the date is more than {WINDOW_SECONDS:.0f} s away")
    if fields["digest"].partition("=")[2] != _digest(body).partition("=")[2]:
        raise OutsideError("the digest is not that of the body")
    return Signed(given.get("keyId", ""), signature, _signing_text(names, request, fields))


def verify(signed: Signed, public_pem: object) -> None:
    """Make sure that a request was signed with this key."""
    if not isinstance(public_pem, str) or len(public_pem) > LONGEST_KEY:
        raise OutsideError("the actor has no usable key")
    try:
        key = serialization.load_pem_public_key(public_pem.encode())
        if not isinstance(key, rsa.RSAPublicKey) or key.key_size not in KEY_BITS:
            raise OutsideError("the actor's key is not RSA of a usual size")
        key.verify(signed.signature, signed.text, padding.PKCS1v15(), hashes.SHA256())
    except (ValueError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise OutsideError("the signature is not that of the actor's key") from error


def _digest(body: bytes) -> str:
    return f"SHA-256={base64.b64encode(hashlib.sha256(body).digest()).decode()}"


def _signing_text(names: list[str], request: tuple[str, str], fields: Mapping[str, str]) -> bytes:
    """Return what is signed: the named parts of a request, one per line."""
    known = {**fields, "(request-target)": f"{request[0].lower()} {request[1]}"}
    return "\n".join(f"{name}: {known[name]}" for name in names).encode("utf-8", "surrogateescape")


@dataclass
class Outside:
    """Everything beyond this machine."""

    it: Configuration
    session: aiohttp.ClientSession
    keys: Secrets

    async def get(self, url: str) -> dict[str, Any]:
        """Return a document."""
        status, kind, body = await self._ask("GET", url, None)
        # A file that somebody could upload there has another kind.
        if status != HTTPStatus.OK or kind not in KINDS:
            raise OutsideError(f"answered {status} with something that is no activity")
        return forms.document(body)

    async def post(self, url: str, body: bytes) -> int:
        """Send an activity and return the status of the answer."""
        status, _, _ = await self._ask("POST", url, body)
        return status

    async def _ask(self, method: str, url: str, body: bytes | None) -> tuple[int, str, bytes]:
        host_of(url, self.it.url)
        if "#" in url or not self.it.egress:
            raise OutsideError("this cannot be asked for")
        fields = sign(self.keys, f"{self.it.url}/actor#main-key", method, url, body)
        fields |= {
            "accept": ACCEPTED,
            "accept-encoding": "identity",
            "user-agent": f"microblog/{self.it.version} (+{self.it.url}/)",
            **({"content-type": ACTIVITY} if body is not None else {}),
        }
        try:
            async with self.session.request(
                method,
                URL(url, encoded=True),
                data=body,
                headers=fields,
                proxy=f"http://{self.it.egress}",
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
