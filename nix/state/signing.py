"""AWS Signature Version 4, as far as a bucket needs it."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

ALGORITHM: Final = "AWS4-HMAC-SHA256"


def path_of(bucket: str, key: str) -> str:
    """Return the path of an object, or of the bucket, in the spelling that is signed."""
    return f"/{bucket}" + (f"/{quote(key, safe='/-_.~')}" if key else "")


def query_string(query: Mapping[str, str]) -> str:
    """Return a query in the one order and spelling that can be signed."""
    return "&".join(f"{it}={quote(query[it], safe='-_.~')}" for it in sorted(query))


class Signer:
    """Signs requests to one host with one key."""

    def __init__(self, key_id: str, secret: str, region: str, host: str) -> None:
        self._key_id = key_id
        self._secret = secret
        self._region = region
        self._host = host

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
        fields = {"host": self._host, "x-amz-content-sha256": digest, "x-amz-date": moment}
        names = ";".join(fields)
        lines = [*request, *(f"{name}:{it}" for name, it in fields.items()), "", names, digest]
        scope = f"{moment[:8]}/{self._region}/s3/aws4_request"
        summary = hashlib.sha256("\n".join(lines).encode()).hexdigest()
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
