"""Threads: whatever waits for somebody's name server, nobody waits to sign in."""

from __future__ import annotations

from pydantic import SecretStr

from services.panel.adapters.argon2_passwords import Argon2PasswordHasher
from tests.support.threads import no_thread_free

PASSWORD = SecretStr("correct mules paint bridges")


async def test_a_password_is_checked_while_everything_else_waits() -> None:
    hasher = Argon2PasswordHasher()
    async with no_thread_free():
        kept = await hasher.hash(PASSWORD, "here")

        assert await hasher.verify(kept, PASSWORD, "here")
