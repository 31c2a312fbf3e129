"""Secrets as applications take them."""

from __future__ import annotations

import asyncio
import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from services.deployer.adapters.cryptography import CryptographySecretMaker
from shared.catalogue import SecretKind


async def made(kind: SecretKind) -> str:
    return (await CryptographySecretMaker().make(kind)).get_secret_value()


async def test_a_key_is_rsa_with_2048_bits_as_pkcs8_in_pem() -> None:
    pem = await made(SecretKind.RSA_2048)

    assert pem.startswith("-----BEGIN PRIVATE KEY-----\n")
    key = load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, RSAPrivateKey)
    assert key.key_size == 2048
    assert key.private_numbers().public_numbers.e == 65537


async def test_a_key_keeps_nothing_else_waiting() -> None:
    making = asyncio.create_task(made(SecretKind.RSA_2048))
    turns = 0
    while not making.done():
        turns += 1
        await asyncio.sleep(0.001)

    assert turns > 3


async def test_random_bytes_are_thirty_two_in_base64url() -> None:
    text = await made(SecretKind.RANDOM_32)

    assert len(text) == 43
    assert len(base64.urlsafe_b64decode(f"{text}=")) == 32


async def test_a_password_can_be_typed_from_paper() -> None:
    passwords = [await made(SecretKind.PASSWORD) for _ in range(200)]

    assert {len(it) for it in passwords} == {24}
    used = set("".join(passwords))
    assert all(it.isascii() and it.isalnum() for it in used)
    assert not used & set("01OIloi")
    assert len(used) == 55


@pytest.mark.parametrize("kind", SecretKind)
async def test_no_value_is_made_twice_or_shown(kind: SecretKind) -> None:
    maker = CryptographySecretMaker()

    first, second = await maker.make(kind), await maker.make(kind)

    assert first != second
    assert first.get_secret_value() not in f"{first} {first!r}"
