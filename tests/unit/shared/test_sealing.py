"""Sealing keeps a value readable for one service and for nobody else."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from shared import errors, sealing

IDENTITY, RECIPIENT = sealing.new_identity()
SEALER = sealing.Sealer({"deployer": RECIPIENT})


@given(st.text())
def test_the_addressee_reads_exactly_what_was_sealed(plaintext: str) -> None:
    assert sealing.Unsealer(IDENTITY).unseal(SEALER.seal("deployer", plaintext)) == plaintext


def test_a_sealed_value_is_printable_ascii_and_does_not_hold_the_plaintext() -> None:
    sealed = SEALER.seal("deployer", "correct horse battery staple")

    assert sealed.isascii()
    assert sealed.isprintable()
    assert b"horse" not in base64.b64decode(sealed)
    assert sealing.is_sealed(sealed)


def test_sealing_twice_gives_two_texts() -> None:
    assert SEALER.seal("deployer", "x") != SEALER.seal("deployer", "x")


def test_another_identity_cannot_read_it() -> None:
    stranger, _ = sealing.new_identity()

    with pytest.raises(errors.InvalidError, match="cannot be read"):
        sealing.Unsealer(stranger).unseal(SEALER.seal("deployer", "x"))


@pytest.mark.parametrize(
    "damaged",
    ["", "plain text", "ééé", base64.b64encode(b"age-encryption.org/v1\n").decode()],
)
def test_a_value_that_is_not_sealed_is_refused(damaged: str) -> None:
    with pytest.raises(errors.InvalidError, match="sealed"):
        sealing.Unsealer(IDENTITY).unseal(damaged)


def test_one_flipped_bit_is_noticed() -> None:
    raw = bytearray(base64.b64decode(SEALER.seal("deployer", "x")))
    raw[-1] ^= 1

    with pytest.raises(errors.InvalidError):
        sealing.Unsealer(IDENTITY).unseal(base64.b64encode(raw).decode())


def test_sealing_to_a_service_without_a_recipient_says_which() -> None:
    with pytest.raises(errors.NotFoundError, match="migrator"):
        SEALER.seal("migrator", "x")
    with pytest.raises(errors.NotFoundError, match="migrator"):
        SEALER.require("deployer", "migrator")


def test_every_wrong_recipient_is_named_at_once() -> None:
    with pytest.raises(errors.InvalidError) as raised:
        sealing.Sealer({"deployer": "age1", "panel": "nonsense", "storage": RECIPIENT})

    assert set(raised.value.details) == {"deployer", "panel"}


def test_a_wrong_identity_is_refused_without_being_repeated() -> None:
    with pytest.raises(errors.InvalidError) as raised:
        sealing.Unsealer(SecretStr("AGE-SECRET-KEY-1NOTREALLY"))

    assert "NOTREALLY" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_an_identity_file_may_end_with_a_newline() -> None:
    unsealer = sealing.Unsealer(SecretStr(IDENTITY.get_secret_value() + "\n"))

    assert unsealer.recipient == RECIPIENT
