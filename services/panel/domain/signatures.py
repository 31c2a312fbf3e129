"""Signatures of webhooks, as Standard Webhooks 1.0.0 has them.

What is signed is `id.timestamp.body`. Every message carries two signatures per key pair: `v1`,
HMAC-SHA256 with a secret that both sides know, and `v1a`, ed25519, which needs only the public key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from nacl.signing import SigningKey
from pydantic import SecretStr

if TYPE_CHECKING:
    from collections.abc import Sequence

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what the standard calls it, not a secret
PRIVATE_PREFIX: Final = "whsk_"
PUBLIC_PREFIX: Final = "whpk_"
SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeys:
    """What signs the messages to one endpoint."""

    secret: SecretStr
    """`whsec_…`: told once, to whoever made the endpoint."""
    private_key: SecretStr
    """`whsk_…`: told to nobody."""

    @classmethod
    def new(cls) -> Self:
        """Return new keys."""
        return cls(
            secret=SecretStr(_written(SECRET_PREFIX, secrets.token_bytes(SECRET_BYTES))),
            private_key=SecretStr(_written(PRIVATE_PREFIX, bytes(SigningKey.generate()))),
        )

    @classmethod
    def of_text(cls, text: str) -> Self:
        """Return the keys that `as_text` wrote."""
        secret, private_key = text.split(" ")
        return cls(secret=SecretStr(secret), private_key=SecretStr(private_key))

    def as_text(self) -> str:
        """Return the keys as one text, to be sealed."""
        return f"{self.secret.get_secret_value()} {self.private_key.get_secret_value()}"

    @property
    def public_key(self) -> str:
        """`whpk_…`: what verifies `v1a`; anybody may know it."""
        return _written(PUBLIC_PREFIX, bytes(self._signer().verify_key))

    def sign(self, content: bytes) -> str:
        """Return both signatures of some content."""
        secret = _read(SECRET_PREFIX, self.secret)
        shared = hmac.new(secret, content, hashlib.sha256).digest()
        own = self._signer().sign(content).signature
        return f"v1,{_base64(shared)} v1a,{_base64(own)}"

    def _signer(self) -> SigningKey:
        return SigningKey(_read(PRIVATE_PREFIX, self.private_key))


def headers(
    keys: Sequence[SigningKeys], message: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """Return the headers of a message, signed with every key that is good now."""
    content = b".".join((message.encode(), str(timestamp).encode(), body))
    return {
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(it.sign(content) for it in keys),
    }


def _written(prefix: str, value: bytes) -> str:
    return prefix + _base64(value)


def _read(prefix: str, text: SecretStr) -> bytes:
    return base64.b64decode(text.get_secret_value().removeprefix(prefix), validate=True)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
