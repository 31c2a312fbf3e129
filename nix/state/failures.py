"""What can go wrong, as whoever asked gets to know it."""

from __future__ import annotations


class StateError(Exception):
    """Something failed; the message says what, why, and what to do."""

    def __init__(self, code: str, message: str, *, is_retryable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.is_retryable = is_retryable


class RequestError(Exception):
    """The request cannot be read; nothing was changed."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = mistakes
