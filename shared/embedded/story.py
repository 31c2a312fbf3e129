"""The deploy story, told through the REST API alone, as an operator's own program would do it.

Deploys `hello`, shows what happens live, signs its visitors' book and reads it back through the
public URL.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import httpx2

from shared import errors, http

if TYPE_CHECKING:
    from pathlib import Path

DOMAIN: Final = "garden.localhost"
HEALTH: Final = "/healthz"
"""As the package of `hello` says."""
TITLE: Final = "Garden friends"
GUEST: Final = "A first visitor"
AGAIN_SECONDS: Final = 0.5

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Check:
    """Something that has to be true in the end, and what was seen."""

    name: str
    ok: bool
    seen: str


@dataclass(slots=True)
class Told:
    """How the story went."""

    run: str
    seconds: float
    deployment: str
    url: str
    is_new: bool
    """Whether the story made the deployment; else it deployed again what was there."""
    stages: list[tuple[str, float]]
    checks: list[Check] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything that has to be true is."""
        return all(it.ok for it in self.checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Storyteller:
    """Tells the story against one panel."""

    panel: str
    """URL of the panel, without a path."""
    token: str
    say: Say
    authority: Path | None = None
    """The edge's own certificate authority, where the story is told over TLS."""

    async def tell(self) -> Told:
        """Deploy, sign, read back.

        Raises:
            FaultError: the panel refused something or the run did not succeed.
        """
        async with self._api() as api:
            deployment, is_new = await self._deployment(api)
            accepted = await _answer(api.post(f"/deployments/{deployment}/deploy"))
            self.say(f"deploying hello for {DOMAIN} (run {accepted['id']})")
            ended = await self._followed(api, accepted["id"])
            found = await _answer(api.get(f"/deployments/{deployment}"))
        told = Told(
            run=ended["id"],
            seconds=float(ended["seconds"]),
            deployment=deployment,
            url=str(found["applications"][0]["url"]),
            is_new=is_new,
            stages=[(it["name"], float(it["seconds"] or 0)) for it in ended["steps"]],
        )
        await self._visit(told)
        return told

    async def clear(self, told: Told) -> None:
        """Remove the deployment of a story, and all that belongs to it.

        Raises:
            FaultError: the panel refused, or the run did not succeed.
        """
        async with self._api() as api:
            accepted = await _answer(api.delete(f"/deployments/{told.deployment}"))
            self.say(f"removing hello for {DOMAIN} (run {accepted['id']})")
            await self._followed(api, accepted["id"])

    def _api(self) -> httpx2.AsyncClient:
        return http.client(
            base_url=f"{self.panel}/api/v1",
            headers={"authorization": f"Bearer {self.token}"},
            authority=self.authority,
        )

    async def _deployment(self, api: httpx2.AsyncClient) -> tuple[str, bool]:
        """Stage a configuration: of a new deployment, or of the one that is there already."""
        wish = {
            "applications": [
                {"application": "hello", "options": {"title": TITLE, "languages": ["en", "de"]}}
            ]
        }
        known = await _answer(api.get("/deployments"))
        found = [str(it["id"]) for it in known["items"] if it["domain"] == DOMAIN]
        if found:
            await _answer(api.post(f"/deployments/{found[0]}/configuration", json=wish))
            return found[0], False
        made = await _answer(api.post("/deployments", json={"domain": DOMAIN} | wish))
        return str(made["id"]), True

    async def _followed(self, api: httpx2.AsyncClient, run: str) -> dict[str, Any]:
        """Follow a run to its end, across any interruption of the stream; return how it ended."""
        began, seen, is_over = time.monotonic(), 0, False
        while not is_over:
            try:
                async for number, kind, data in _events(api, run, seen):
                    seen = number
                    self._show(kind, data, time.monotonic() - began)
                    is_over = is_over or kind == "end"
            except (httpx2.HTTPError, errors.UnavailableError):
                await asyncio.sleep(AGAIN_SECONDS)
        ended = await _answer(api.get(f"/runs/{run}"))
        if ended["state"] != "succeeded":
            failure = ended["failure"] or {}
            raise errors.FaultError(
                "story.failed",
                f"run {run} ended {ended['state']}: {failure.get('what')}: {failure.get('why')} "
                f"{failure.get('next')}",
            )
        return ended

    def _show(self, kind: str, data: dict[str, Any], seconds: float) -> None:
        match kind:
            case "step":
                step, state = data.get("step", ""), data.get("state") or data.get("status", "")
                self.say(f"{seconds:6.1f} s  {step:<8} {state}")
            case "log":
                for line in data.get("lines", ()):
                    self.say(f"{seconds:6.1f} s  {data.get('step', ''):<8}   {line}")
            case _:
                pass

    async def _visit(self, told: Told) -> None:
        """Use the application as a visitor does, through its public URL."""
        async with http.client(base_url=told.url, authority=self.authority) as visitor:
            page = await visitor.get("/", headers={"accept-language": "de"})
            shows = page.status_code == httpx2.codes.OK and TITLE in page.text
            told.checks.append(Check("the page shows the title", shows, f"{page.status_code}"))
            entry = {"name": GUEST, "text": f"seen by run {told.run}"}
            signed = await visitor.post("/book", data=entry, headers={"origin": told.url})
            told.checks.append(
                Check(
                    "the visitors' book is signed",
                    signed.is_redirect or signed.is_success,
                    f"{signed.status_code}",
                )
            )
            book = await visitor.get("/book.json")
            found = told.run in book.text
            told.checks.append(Check("the entry is read back", found, f"{book.status_code}"))


async def _answer(request: Any) -> dict[str, Any]:  # noqa: ANN401 - an awaitable of the client's
    response: httpx2.Response = await request
    if response.is_error:
        raise errors.FaultError("story.refused", f"the panel answered {response.text}")
    found: dict[str, Any] = response.json()
    return found


async def _events(
    api: httpx2.AsyncClient, run: str, after: int
) -> AsyncIterator[tuple[int, str, dict[str, Any]]]:
    """Yield number, kind and data of each event of a run's stream."""
    headers = {"accept": "text/event-stream", "last-event-id": str(after)}
    async with api.stream("GET", f"/runs/{run}/events", headers=headers) as response:
        if response.is_error:
            raise errors.UnavailableError("story.no_stream", f"{response.status_code}")
        fields: dict[str, str] = {}
        async for line in response.aiter_lines():
            if line:
                name, _, value = line.partition(":")
                fields[name] = value.strip()
            elif "data" in fields:
                number = int(fields.get("id", after))
                yield number, fields.get("event", ""), json.loads(fields["data"])
                fields = {}
