"""The world outside, as far as a plain HTTP client sees it: names, edge, application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import httpx2

from shared import errors, http

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT_SECONDS: Final = 10.0


class HttpOutsideView:
    """Look at applications through their public URLs."""

    def __init__(self, authority: Path | None = None) -> None:
        self._authority = authority

    async def look(self, url: str) -> None:
        """Fetch a URL from outside.

        Raises:
            UnavailableError: it did not answer with success; the message says what it did.
        """
        try:
            async with http.client(
                authority=self._authority, timeout_seconds=TIMEOUT_SECONDS
            ) as client:
                response = await client.get(url)
        except httpx2.HTTPError as error:
            raise errors.UnavailableError(
                "outside.no_answer", f"{url} does not answer: {type(error).__name__} {error}"
            ) from error
        if not response.is_success:
            raise errors.UnavailableError(
                "outside.unhealthy", f"{url} answers with status {response.status_code}"
            )
