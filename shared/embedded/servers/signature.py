"""AWS signature 4 for the probe requests of the object store, from the standard library."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from .seaweedfs import Access

SIGNED: Final = "host;x-amz-content-sha256;x-amz-date"


def headers(access: Access, method: str, url: str, body: bytes = b"") -> dict[str, str]:
    """Return the headers that make this request the access key's own."""
    target = urlsplit(url)
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(body).hexdigest()
    canonical = "\n".join(
        (
            method,
            quote(target.path or "/"),
            target.query,
            f"host:{target.netloc}",
            f"x-amz-content-sha256:{digest}",
            f"x-amz-date:{moment}",
            "",
            SIGNED,
            digest,
        )
    )
    scope = f"{moment[:8]}/{access.region}/s3/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{access.secret_access_key.get_secret_value()}".encode()
    for part in (*scope.split("/"), f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashed}"):
        key = hmac.digest(key, part.encode(), "sha256")
    return {
        "x-amz-content-sha256": digest,
        "x-amz-date": moment,
        "authorization": f"AWS4-HMAC-SHA256 Credential={access.access_key_id}/{scope}, "
        f"SignedHeaders={SIGNED}, Signature={key.hex()}",
    }
