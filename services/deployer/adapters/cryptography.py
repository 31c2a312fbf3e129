"""Secrets from this computer's randomness, in the forms that applications take."""

from __future__ import annotations

import asyncio
import secrets
import string
from typing import Final, assert_never

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr
from typing_extensions import override

from shared.catalogue import SecretKind

from ..ports import SecretMaker

TYPEABLE: Final = "".join(it for it in string.ascii_letters + string.digits if it not in "01OIloi")
"""Without what looks alike on paper."""
PASSWORD_LENGTH: Final = 24
RANDOM_BYTES: Final = 32
RSA_BITS: Final = 2048
RSA_EXPONENT: Final = 65537


class CryptographySecretMaker(SecretMaker):
    """Makes keys with the library cryptography, the rest with the standard library."""

    @override
    async def make(self, kind: SecretKind) -> SecretStr:
        match kind:
            case SecretKind.RSA_2048:
                # A search for primes takes long enough to keep everything else waiting.
                return await asyncio.to_thread(_rsa_key)
            case SecretKind.RANDOM_32:
                return SecretStr(secrets.token_urlsafe(RANDOM_BYTES))
            case SecretKind.PASSWORD:
                return SecretStr("".join(secrets.choice(TYPEABLE) for _ in range(PASSWORD_LENGTH)))
            case _:
                assert_never(kind)


def _rsa_key() -> SecretStr:
    key = rsa.generate_private_key(RSA_EXPONENT, RSA_BITS)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return SecretStr(pem.decode("ascii"))
