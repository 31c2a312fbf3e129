"""Health over HTTP: an application is asked in its machine, under its own name."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import httpx2
from typing_extensions import override

from shared import http

from ..ports import HealthProbe
from . import words

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.contracts.deployments import Endpoint

ANSWER_SECONDS: Final = 3.0
EXCERPT: Final = 200


@dataclass(frozen=True, slots=True)
class HttpHealthProbe(HealthProbe):
    """Asks with GET; any status from 200 to 299 is good."""

    client: httpx2.AsyncClient

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls) -> AsyncIterator[HttpHealthProbe]:
        """Yield a probe and close its connections at the end."""
        async with http.client(timeout_seconds=ANSWER_SECONDS) as client:
            yield cls(client)

    @override
    async def ask(self, at: Endpoint, host: str, path: str) -> str:
        headers = {"Host": host}
        try:
            # The client's own limit is per read: bytes that drip would hold us for ever.
            async with (
                asyncio.timeout(ANSWER_SECONDS),
                self.client.stream("GET", f"http://{at}{path}", headers=headers) as response,
            ):
                if response.is_success:
                    return ""
                chunk = await anext(response.aiter_bytes(EXCERPT), b"")
        except (httpx2.HTTPError, TimeoutError) as error:
            return f"no answer ({type(error).__name__})"
        is_text = response.headers.get("content-type", "").startswith("text/plain")
        excerpt = chunk.decode(errors="replace") if is_text else ""
        return " ".join([f"status {response.status_code}", *words.said(excerpt).split()])
