"""HTTP signatures as servers of the fediverse use them: draft-cavage-12 with rsa-sha256."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keys import ActorKey

WINDOW_SECONDS = 300.0
NEEDED = frozenset(("(request-target)", "host", "date", "digest"))
KNOWN = NEEDED | {"content-type", "content-length", "user-agent", "accept"}
PARAMETER = re.compile(r'(\w+)="([^"]*)"')
LONGEST = LONGEST_KEY = 4096
KEY_BITS = range(2048, 8193)


class BadSignatureError(Exception):
    """A request is not signed, or not by whom it says."""


@dataclass(frozen=True)
class Signed:
    """A request whose signature is well formed, fresh, and about this very request."""

    key_id: str
    signature: bytes
    text: bytes


def sign(key: ActorKey, key_id: str, method: str, url: str, body: bytes | None) -> dict[str, str]:
    """Return the header fields of a signed request."""
    parts = urlsplit(url)
    target = f"{parts.path}{'?' if parts.query else ''}{parts.query}"
    fields = {"host": parts.netloc, "date": formatdate(usegmt=True)}
    if body is not None:
        fields["digest"] = _digest(body)
    names = ["(request-target)", *fields]
    signature = base64.b64encode(key.sign(_signing_text(names, (method, target), fields))).decode()
    fields["signature"] = (
        f'keyId="{key_id}",algorithm="rsa-sha256",headers="{" ".join(names)}",'
        f'signature="{signature}"'
    )
    return fields


def read(
    request: tuple[str, str], fields: Mapping[str, str], body: bytes, hosts: frozenset[str]
) -> Signed:
    """Check everything about a signed request that needs no key.

    Args:
        request: its method and target.
        fields: its header fields by their lower-case name.
        body: what came with it.
        hosts: the names under which it may have been sent to us.
    """
    found = PARAMETER.findall(fields.get("signature", "")[:LONGEST])
    given = dict(found)
    names = given.get("headers", "").lower().split()
    is_once = len(given) == len(found) and len(set(names)) == len(names)
    if not is_once or not NEEDED <= set(names) <= KNOWN:
        raise BadSignatureError(f"{', '.join(sorted(NEEDED))} have to be signed, each once")
    if given.get("algorithm", "hs2019").lower() not in ("rsa-sha256", "hs2019"):
        raise BadSignatureError("only rsa-sha256 is known here")
    if not set(names) <= {*fields, "(request-target)"} or fields["host"] not in hosts:
        raise BadSignatureError("this was signed for another request")
    try:
        moment = parsedate_to_datetime(fields["date"]).timestamp()
        signature = base64.b64decode(given.get("signature", ""), validate=True)
    except (ValueError, OverflowError) as error:
        raise BadSignatureError("the date or the signature is not one") from error
    if abs(moment - time.time()) > WINDOW_SECONDS:
        raise BadSignatureError(f"the date is more than {WINDOW_SECONDS:.0f} s away")
    if fields["digest"].partition("=")[2] != _digest(body).partition("=")[2]:
        raise BadSignatureError("the digest is not that of the body")
    return Signed(given.get("keyId", ""), signature, _signing_text(names, request, fields))


def verify(signed: Signed, public_pem: object) -> None:
    """Make sure that a request was signed with this key."""
    if not isinstance(public_pem, str) or len(public_pem) > LONGEST_KEY:
        raise BadSignatureError("the actor has no usable key")
    try:
        key = serialization.load_pem_public_key(public_pem.encode())
        if not isinstance(key, rsa.RSAPublicKey) or key.key_size not in KEY_BITS:
            raise BadSignatureError("the actor's key is not RSA of a usual size")
        key.verify(signed.signature, signed.text, padding.PKCS1v15(), hashes.SHA256())
    except (ValueError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise BadSignatureError("the signature is not that of the actor's key") from error


def _digest(body: bytes) -> str:
    return f"SHA-256={base64.b64encode(hashlib.sha256(body).digest()).decode()}"


def _signing_text(names: list[str], request: tuple[str, str], fields: Mapping[str, str]) -> bytes:
    """Return what is signed: the named parts of a request, one per line."""
    method, target = request
    known = {**fields, "(request-target)": f"{method.lower()} {target}"}
    return "\n".join(f"{name}: {known[name]}" for name in names).encode("utf-8", "surrogateescape")
