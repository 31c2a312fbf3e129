"""What deployer gives the blog: its place on the network, its options, and its secrets.

No secret is ever made here. A proof of the actor's key and of the key of the drafts lies beside the
data, so that one which does not belong to it is noticed: followers would refuse another actor key,
and drafts cannot be read with another column key.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    import asyncpg

BUCKET_SECRET = "bucket-media"  # noqa: S105 - the name of one
ACTOR, COLUMN, PASSWORD = "actor-key", "column-key", "administrator"
SMALLEST_BITS = 2048
SHORTEST = 16
"""Nobody guesses that many characters, so that nobody has to be kept from trying."""
NONCE = 12


class ConfigurationError(Exception):
    """The blog cannot start like this; says what a person has to change."""


class Refusal(Exception):  # noqa: N818 - what somebody is answered
    """Something that is not done; says why, and with which status."""

    status = 422


class Configuration:
    """Everything the blog is told from outside, in the file that deployer wrote."""

    def __init__(self, path: str) -> None:
        try:
            found = json.loads(Path(path).read_text(encoding="utf-8"))
            self.version: str = found["version"]
            # Where the world finds the blog and its pictures, on the operator's own domain.
            self.url: str = found["url"].rstrip("/")
            self.media_url: str = found["media_url"].rstrip("/")
            self.port: int = found["port"]
            self.state = Path(found["state"])
            self.avatars = self.state / "avatars"
            self.options: dict[str, Any] = found["options"]
            self.picture_limit = int(self.options["picture_limit_mib"]) << 20
            self.bucket: dict[str, str] = found["buckets"]["media"]
            self._secrets = {**found["secrets"], BUCKET_SECRET: self.bucket["secret_key_file"]}
            # The proxy through which anything outside is reached; None: nothing outside is.
            self.egress: str | None = found["doors"]["egress"]
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise ConfigurationError(f"{path} does not configure the blog: {error}") from error
        # The public name, with its port when that is an unusual one.
        self.netloc = urlsplit(self.url).netloc
        self.hosts = frozenset((self.netloc, self.netloc.partition(":")[0]))
        self.account = f"{self.options['handle']}@{self.netloc}"

    def secret(self, name: str) -> bytes:
        """Return what a secret's file holds; the blog never makes one itself."""
        try:
            content = Path(self._secrets[name]).read_bytes().strip()
        except (KeyError, OSError) as error:
            raise ConfigurationError(
                f"the secret {name} cannot be read ({error}); deploy again, or restore it"
            ) from error
        if not content:
            raise ConfigurationError(f"the secret {name} is empty; deploy again")
        return content


def log(line: str) -> None:
    """Write a line to the unit's log."""
    sys.stderr.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {line}\n")


class UnreadableError(Refusal):
    """What was sealed cannot be opened with this key."""

    status = 503


class Secrets:
    """All secrets of the blog."""

    def __init__(self, it: Configuration) -> None:
        column, password = it.secret(COLUMN), it.secret(PASSWORD)
        if min(len(column), len(password)) < SHORTEST:
            raise ConfigurationError(f"{COLUMN} and {PASSWORD} have at least {SHORTEST} characters")
        # However deployer writes random bytes down, this is a key of the right length.
        self._column = AESGCM(hmac.digest(column, b"microblog column", "sha256"))
        self._password = hashlib.sha256(password).digest()
        try:
            actor = serialization.load_pem_private_key(it.secret(ACTOR), password=None)
        except (ValueError, TypeError) as error:
            raise ConfigurationError("the secret actor-key is not a private key in PEM") from error
        if not isinstance(actor, rsa.RSAPrivateKey) or actor.key_size < SMALLEST_BITS:
            raise ConfigurationError(f"the secret actor-key is not RSA of {SMALLEST_BITS} bits")
        self._actor = actor
        kind = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.public_pem = actor.public_key().public_bytes(*kind).decode()

    def sign(self, text: bytes) -> bytes:
        """Return the actor's signature of a text."""
        return self._actor.sign(text, padding.PKCS1v15(), hashes.SHA256())

    def seal(self, text: str, place: str) -> bytes:
        """Return a text sealed; it can be opened in the same place only."""
        nonce = os.urandom(NONCE)
        return nonce + self._column.encrypt(nonce, text.encode(), place.encode())

    def open(self, sealed: bytes, place: str) -> str:
        """Return the text that was sealed."""
        try:
            return self._column.decrypt(sealed[:NONCE], sealed[NONCE:], place.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise UnreadableError(f"{place} was sealed with another column-key") from error

    def is_administrator(self, user: bytes, password: bytes) -> bool:
        """Say whether this is the administrator."""
        # Digests have one length, so that comparing them says nothing about the password's.
        given = hashlib.sha256(password).digest()
        return hmac.compare_digest(given, self._password) and user == b"admin"

    async def prove(self, pool: asyncpg.Pool) -> None:
        """Leave a proof of each key beside data that has none yet."""
        await pool.executemany(
            "insert into secret_proofs (name, proof) values ($1, $2) on conflict do nothing",
            [(ACTOR, self.public_pem.encode()), (COLUMN, self.seal("", COLUMN))],
        )

    async def strangers(self, pool: asyncpg.Pool) -> list[str]:
        """Return the names of the keys that do not belong to this data."""
        proofs = dict(await pool.fetch("select name, proof from secret_proofs"))
        found = [] if proofs.get(ACTOR) == self.public_pem.encode() else [ACTOR]
        try:
            self.open(proofs.get(COLUMN, b""), COLUMN)
        except UnreadableError:
            found.append(COLUMN)
        return found
