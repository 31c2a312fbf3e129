"""The secrets of the blog: the actor's key, the key of the drafts, the administrator's password.

None is ever made here. A proof of each key lies beside the data, so that one which does not belong
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

ACTOR, COLUMN, PASSWORD = "actor-key", "column-key", "administrator"
SMALLEST_BITS = 2048
SHORTEST = 16
"""Nobody guesses that many characters, so that nobody has to be kept from trying."""
NONCE = 12


class UnreadableError(Exception):
    """What was sealed cannot be opened with this key."""


class ActorKey:
    """Signs what the blog says to other servers."""

    def __init__(self, pem: bytes) -> None:
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError) as error:
            raise ConfigurationError("the secret actor-key is not a private key in PEM") from error
        if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < SMALLEST_BITS:
            raise ConfigurationError(f"the secret actor-key is not RSA of {SMALLEST_BITS} bits")
        self._key = key
        kind = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.public_pem = key.public_key().public_bytes(*kind).decode()

    def sign(self, text: bytes) -> bytes:
        """Return the signature of a text."""
        return self._key.sign(text, padding.PKCS1v15(), hashes.SHA256())


class ColumnKey:
    """Seals what nobody but the administrator reads."""

    def __init__(self, secret: bytes) -> None:
        # However deployer writes random bytes down, this is a key of the right length.
        self._cipher = AESGCM(hmac.digest(secret, b"microblog column", "sha256"))

    def seal(self, text: str, place: str) -> bytes:
        """Return a text sealed; it can be opened in the same place only."""
        nonce = os.urandom(NONCE)
        return nonce + self._cipher.encrypt(nonce, text.encode(), place.encode())

    def open(self, sealed: bytes, place: str) -> str:
        """Return the text that was sealed."""
        try:
            return self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], place.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise UnreadableError(f"{place} was sealed with another column-key") from error


class Secrets:
    """All secrets of the blog."""

    def __init__(self, it: Configuration) -> None:
        column, password = it.secret(COLUMN), it.secret(PASSWORD)
        if min(len(column), len(password)) < SHORTEST:
            raise ConfigurationError(f"{COLUMN} and {PASSWORD} have at least {SHORTEST} characters")
        self.actor = ActorKey(it.secret(ACTOR))
        self.column = ColumnKey(column)
        self._password = hashlib.sha256(password).digest()

    def is_administrator(self, user: bytes, password: bytes) -> bool:
        """Say whether this is the administrator."""
        # Digests have one length, so that comparing them says nothing about the password's.
        given = hashlib.sha256(password).digest()
        return hmac.compare_digest(given, self._password) and user == b"admin"

    async def prove(self, pool: asyncpg.Pool) -> None:
        """Leave a proof of each key beside data that has none yet."""
        await pool.executemany(
            "insert into secret_proofs (name, proof) values ($1, $2) on conflict do nothing",
            [(ACTOR, self.actor.public_pem.encode()), (COLUMN, self.column.seal("", COLUMN))],
        )

    async def strangers(self, pool: asyncpg.Pool) -> list[str]:
        """Return the names of the keys that do not belong to this data."""
        rows = await pool.fetch("select name, proof from secret_proofs")
        proofs = {row["name"]: row["proof"] for row in rows}
        found = [] if proofs.get(ACTOR) == self.actor.public_pem.encode() else [ACTOR]
        try:
            self.column.open(proofs.get(COLUMN, b""), COLUMN)
        except UnreadableError:
            found.append(COLUMN)
        return found
