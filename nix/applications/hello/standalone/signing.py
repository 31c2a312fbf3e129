"""AWS Signature Version 4, as far as reading and writing objects needs it."""

from __future__ import annotations

import hashlib
import hmac

ALGORITHM = "AWS4-HMAC-SHA256"
SERVICE = "s3"
PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")


class Key:
    """An access key, and the region it is good for."""

    def __init__(self, key_id: str, secret: str, region: str) -> None:
        self.key_id = key_id
        self.region = region
        self._secret = secret

    def signature(self, text: str, day: str) -> str:
        """Return the signature of a text, which is good for one day."""
        key = b"AWS4" + self._secret.encode()
        for part in (day, self.region, SERVICE, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.digest(key, text.encode(), "sha256").hex()


def quote(text: str) -> str:
    """Return a text as it may stand in a query; `urllib.parse` takes a while to start."""
    return "".join(chr(it) if it in PLAIN else f"%{it:02X}" for it in text.encode())


def query_string(query: dict[str, str]) -> str:
    """Return a query in the one order and spelling that can be signed."""
    encoded = {quote(name): quote(it) for name, it in query.items()}
    return "&".join(f"{name}={encoded[name]}" for name in sorted(encoded))


def signed(
    key: Key, request: tuple[str, str, str], host: str, body: bytes, moment: str
) -> dict[str, str]:
    """Return the header fields of a signed request.

    Args:
        key: whose signature it is.
        request: method, encoded path and encoded query.
        host: host and port, as they stand in the request.
        body: what is sent along.
        moment: such as 20260131T120000Z.
    """
    digest = hashlib.sha256(body).hexdigest()
    fields = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": moment}
    names = ";".join(fields)
    canonical = [*request, *(f"{name}:{it}" for name, it in fields.items()), "", names, digest]
    day = moment[:8]
    scope = f"{day}/{key.region}/{SERVICE}/aws4_request"
    summary = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    signature = key.signature(f"{ALGORITHM}\n{moment}\n{scope}\n{summary}", day)
    credential = f"Credential={key.key_id}/{scope}"
    fields["authorization"] = (
        f"{ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"
    )
    return fields
