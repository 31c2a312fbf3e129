"""The world outside, as far as a plain HTTP client sees it: names, edge, application."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import httpx2

from shared import errors, http

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT_SECONDS: Final = 10.0


class HttpOutsideView:
    """Look at applications through their public URLs."""

    def __init__(
        self, authority: Path | None = None, *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._authority = authority
        self._timeout_seconds = timeout_seconds

    async def look(self, url: str) -> None:
        """Ask for a URL from outside; its status is enough, its body is left unread.

        Raises:
            UnavailableError: it did not answer with success; the message says what it did.
        """
        try:
            # The client's own timeout begins anew with every byte that comes.
            async with (
                asyncio.timeout(self._timeout_seconds),
                http.client(authority=self._authority, timeout_seconds=None) as client,
                client.stream("GET", url) as response,
            ):
                status, is_success = response.status_code, response.is_success
        except TimeoutError as error:
            raise errors.UnavailableError(
                "outside.no_answer", f"{url} does not answer within {self._timeout_seconds:g} s"
            ) from error
        except httpx2.HTTPError as error:
            raise errors.UnavailableError(
                "outside.no_answer", f"{url} does not answer: {type(error).__name__} {error}"
            ) from error
        if not is_success:
            raise errors.UnavailableError(
                "outside.unhealthy", f"{url} answers with status {status}"
            )
