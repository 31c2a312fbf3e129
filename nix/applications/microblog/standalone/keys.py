"""The secrets that the data depends on: the key of the actor, and the key of the drafts.

Neither is ever made here. A proof of each lies beside the data, so that a key which does not belong
to it is noticed: followers would refuse another actor key, and drafts cannot be read with another
column key.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import TYPE_CHECKING

from configuration import ConfigurationError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    import asyncpg
    from configuration import Configuration

SMALLEST = 2048
SHORTEST = 16
NONCE = 12
PROOF = "microblog"
ACTOR, COLUMN = "actor-key", "column-key"


class UnreadableError(Exception):
    """What was sealed cannot be opened with this key."""


class ActorKey:
    """Signs what the blog says to other servers."""

    def __init__(self, pem: bytes) -> None:
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError) as error:
            raise ConfigurationError("the secret actor-key is not a private key in PEM") from error
        if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < SMALLEST:
            raise ConfigurationError(f"the secret actor-key must be RSA, at least {SMALLEST} bits")
        self._key = key
        public = key.public_key()
        self.public_pem = public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()
        self.fingerprint = hashlib.sha256(self.public_pem.encode()).digest()

    def sign(self, text: bytes) -> bytes:
        """Return the signature of a text."""
        return self._key.sign(text, padding.PKCS1v15(), hashes.SHA256())


class ColumnKey:
    """Seals what nobody but the administrator reads."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < SHORTEST:
            raise ConfigurationError(f"the secret column-key has less than {SHORTEST} bytes")
        # However deployer writes random bytes down, this is a key of the right length.
        self._cipher = AESGCM(hmac.digest(secret, b"microblog column", "sha256"))

    def seal(self, text: str, place: str) -> bytes:
        """Return a text sealed; it can be opened in the same place only."""
        nonce = os.urandom(NONCE)
        return nonce + self._cipher.encrypt(nonce, text.encode(), place.encode())

    def open(self, sealed: bytes, place: str) -> str:
        """Return the text that was sealed.

        Raises:
            UnreadableError: it was sealed with another key, or for another place.
        """
        try:
            return self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], place.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise UnreadableError(f"{place} was sealed with another column-key") from error


class Secrets:
    """All secrets of the blog."""

    def __init__(self, configuration: Configuration) -> None:
        self.actor = ActorKey(configuration.secret(ACTOR))
        self.column = ColumnKey(configuration.secret(COLUMN))
        self.password = configuration.secret("administrator")

    async def prove(self, connection: asyncpg.Connection) -> None:
        """Leave the proofs beside data that has none yet."""
        await connection.executemany(
            "insert into secret_proofs (name, proof) values ($1, $2) on conflict do nothing",
            [(ACTOR, self.actor.fingerprint), (COLUMN, self.column.seal(PROOF, COLUMN))],
        )

    async def strangers(self, connection: asyncpg.Connection) -> list[str]:
        """Return the names of the secrets that do not belong to this data."""
        rows = await connection.fetch("select name, proof from secret_proofs")
        proofs = {row["name"]: row["proof"] for row in rows}
        fits = {
            ACTOR: proofs.get(ACTOR) == self.actor.fingerprint,
            COLUMN: COLUMN in proofs and self._opens(proofs[COLUMN]),
        }
        return [name for name, it in fits.items() if not it]

    def _opens(self, proof: bytes) -> bool:
        try:
            return self.column.open(proof, COLUMN) == PROOF
        except UnreadableError:
            return False
