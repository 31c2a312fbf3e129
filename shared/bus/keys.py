"""Nkeys: what a service proves its name to the bus with.

The server knows public keys only. A seed is a secret: keep it in a file of mode 0400.
"""

from __future__ import annotations

import base64
from typing import Final

import nkeys
from nacl.signing import SigningKey

_POLYNOMIAL: Final = 0x1021
_TOP_BIT: Final = 0x8000
_WORD: Final = 0xFFFF


def new_seed() -> tuple[str, str]:
    """Return the public key and the seed of a new user."""
    kind: int = nkeys.PREFIX_BYTE_USER
    # The first two bytes hold two values of five bits each, so that the seed starts with "SU".
    head = bytes([nkeys.PREFIX_BYTE_SEED | kind >> 5, (kind & 0b11111) << 3])
    body = head + bytes(SigningKey.generate())
    seed = base64.b32encode(body + _crc16(body).to_bytes(2, "little")).rstrip(b"=")
    public: bytes = nkeys.from_seed(bytearray(seed)).public_key
    return public.decode(), seed.decode()


def _crc16(data: bytes) -> int:
    """Return the CRC-16/XMODEM checksum, which ends every encoded nkey."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (_POLYNOMIAL if crc & _TOP_BIT else 0)) & _WORD
    return crc
