"""AWS Signature Version 4, as far as a bucket needs it; starts quickly, for small programs."""

from __future__ import annotations

import hashlib
import hmac
import time

ALGORITHM = "AWS4-HMAC-SHA256"
PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")
SLASH = frozenset(b"/")


class Signer:
    """Signs requests to one host with one key."""

    def __init__(self, key: tuple[str, str], region: str, host: str) -> None:
        """Remember what every signature is made of.

        Args:
            key: access key id and secret.
            region: where the key is good.
            host: host and port, as they stand in the request.
        """
        self._key_id, self._secret = key
        self._region = region
        self.host = host

    def fields(
        self, request: tuple[str, str, str], digest: str, now: float | None = None
    ) -> dict[str, str]:
        """Return the header fields that sign a request.

        Args:
            request: method, path and query as they are sent.
            digest: SHA-256 of what is sent along.
            now: seconds since the epoch.
        """
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        fields = {"host": self.host, "x-amz-content-sha256": digest, "x-amz-date": moment}
        names = ";".join(fields)
        lines = [*request, *(f"{name}:{it}" for name, it in fields.items()), "", names, digest]
        scope = f"{moment[:8]}/{self._region}/s3/aws4_request"
        summary = digest_of("\n".join(lines).encode())
        signature = self._signature(f"{ALGORITHM}\n{moment}\n{scope}\n{summary}", scope)
        fields["authorization"] = (
            f"{ALGORITHM} Credential={self._key_id}/{scope}, SignedHeaders={names}, "
            f"Signature={signature}"
        )
        return fields

    def _signature(self, text: str, scope: str) -> str:
        key = f"AWS4{self._secret}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.digest(key, text.encode(), "sha256").hex()


def digest_of(body: bytes) -> str:
    """Return the digest of what is sent along."""
    return hashlib.sha256(body).hexdigest()


def path_of(bucket: str, key: str) -> str:
    """Return the path of an object, or of the bucket, in the spelling that is signed."""
    return f"/{bucket}" + (f"/{quote(key, PLAIN | SLASH)}" if key else "")


def query_string(query: dict[str, str]) -> str:
    """Return a query in the one order and spelling that can be signed."""
    encoded = {quote(name): quote(it) for name, it in query.items()}
    return "&".join(f"{name}={encoded[name]}" for name in sorted(encoded))


def quote(text: str, plain: frozenset[int] = PLAIN) -> str:
    """Return a text as it may stand in a URL; `urllib.parse` takes a while to start."""
    return "".join(chr(it) if it in plain else f"%{it:02X}" for it in text.encode())
