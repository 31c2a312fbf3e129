"""Checking passwords in turn: nobody who asks often keeps the others out."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import SecretStr

from services.panel.adapters.argon2_passwords import OF_ONE, Argon2PasswordHasher
from services.panel.domain.throttling import TooManyAttemptsError

GUESS = SecretStr("a wrong guess")


async def test_one_asker_has_a_few_turns_and_others_have_theirs() -> None:
    hasher = Argon2PasswordHasher()
    crowd = [asyncio.create_task(hasher.verify(None, GUESS, "here")) for _ in range(OF_ONE)]
    await asyncio.sleep(0)

    with pytest.raises(TooManyAttemptsError) as refused:
        await hasher.verify(None, GUESS, "here")
    elsewhere = await hasher.verify(None, GUESS, "there")
    answers = await asyncio.gather(*crowd)
    afterwards = await hasher.verify(None, GUESS, "here")

    assert refused.value.seconds == 1
    assert not any((elsewhere, afterwards, *answers))
