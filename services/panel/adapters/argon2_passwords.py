"""Passwords by argon2id, in threads, few at a time: each takes 64 MiB for a moment."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from shared import errors

from ..domain.throttling import TooManyAttemptsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr

T = TypeVar("T")
AT_ONCE: Final = 4
WAITING: Final = 60
OF_ONE: Final = AT_ONCE + 3
"""How many of one asker are at work or wait, so that nobody keeps out the others."""
SOON: Final = timedelta(seconds=1)


class Argon2PasswordHasher:
    """Make and check what is kept of passwords."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting: Counter[str] = Counter()
        # The process's own threads may all wait for something slow.
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="passwords")
        # To compare to where there is nothing: nobody's password is not faster than somebody's.
        self._nobodys = self._hasher.hash(secrets.token_urlsafe())

    async def hash(self, password: SecretStr, asker: str) -> str:
        """Return what is kept of a password.

        Raises:
            TooManyAttemptsError: too many of this asker wait.
            UnavailableError: too many wait.
        """
        return await self._in_turn(asker, lambda: self._hasher.hash(password.get_secret_value()))

    async def verify(self, kept: str | None, password: SecretStr, asker: str) -> bool:
        """Say whether a password is the one; without one to compare to it takes as long.

        Raises:
            TooManyAttemptsError: too many of this asker wait.
            UnavailableError: too many wait.
        """

        def is_right() -> bool:
            try:
                return self._hasher.verify(kept or self._nobodys, password.get_secret_value())
            except (VerificationError, InvalidHashError):
                return False

        return await self._in_turn(asker, is_right) and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Say whether a hash was made with less than what is asked for today."""
        return self._hasher.check_needs_rehash(kept)

    async def _in_turn(self, asker: str, work: Callable[[], T]) -> T:
        if self._waiting[asker] >= OF_ONE:
            raise TooManyAttemptsError(SOON)
        if self._waiting.total() >= WAITING:
            raise errors.UnavailableError("password.busy", "too many passwords are being checked")
        self._waiting[asker] += 1
        try:
            async with self._turns:
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= Counter({asker: 1})  # keeps no asker of whom nothing waits
