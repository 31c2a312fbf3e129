"""The stories of the demo, told through the REST API alone, as an operator's own program would.

deploy   `hello` and `microblog` on one domain: sign the visitors' book, write, be followed from
         outside, and read everything back through public URLs
restore  save the blog, destroy all that it had, and bring it back
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import httpx2

from shared import errors, http

from . import files
from .blog import Blog
from .checks import Check
from .friend import Friend

if TYPE_CHECKING:
    from pathlib import Path

    from .blog import Written

DOMAIN: Final = "garden.localhost"
HEALTH: Final = "/healthz"
"""As both packages say."""
TITLE: Final = "Garden friends"
GUEST: Final = "A first visitor"
AGAIN_SECONDS: Final = 0.5
APPLICATIONS: Final = [
    {"application": "hello", "options": {"title": TITLE, "languages": ["en", "de"]}},
    {"application": "microblog", "options": {"title": TITLE, "handle": "garden"}},
]

Say = Callable[[str], None]
Outside = Callable[[], AbstractAsyncContextManager[Friend]]
"""Lets a friend answer outside of the provider for the length of a block."""


@dataclass(slots=True)
class Told:
    """How the deploy story went."""

    run: str
    seconds: float
    deployment: str
    urls: dict[str, str]
    is_new: bool
    """Whether the story made the deployment; else it deployed again what was there."""
    stages: list[tuple[str, float]]
    checks: list[Check] = field(default_factory=list)
    blog: Blog | None = None
    written: Written | None = None

    @property
    def ok(self) -> bool:
        """Whether everything that has to be true is."""
        return all(it.ok for it in self.checks)


@dataclass(slots=True)
class Restored:
    """How the restore story went."""

    backup: str
    saved_seconds: float
    run: str
    seconds: float
    """Of the restore, without the backup of what was there before it."""
    checks: list[Check] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything that has to be true is."""
        return all(it.ok for it in self.checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Storyteller:
    """Tells the stories against one panel."""

    panel: str
    """URL of the panel, without a path."""
    token: str
    say: Say
    keep: Path
    """Where the blog's first password is kept, which the panel tells once."""
    authority: Path | None = None
    """The edge's own certificate authority, where the story is told over TLS."""

    async def tell(self, outside: Outside) -> Told:
        """Deploy, write, read back.

        Raises:
            FaultError: the panel refused something or the run did not succeed.
        """
        async with self._api() as api:
            deployment, is_new = await self.stage(api)
            accepted = await _answer(api.post(f"/deployments/{deployment}/deploy"))
            names = " and ".join(str(it["application"]) for it in APPLICATIONS)
            self.say(f"deploying {names} for {DOMAIN} (run {accepted['id']})")
            ended = await self._followed(api, accepted["id"])
            found = await _answer(api.get(f"/deployments/{deployment}"))
            password = await self._password(api, deployment, is_new=is_new)
        told = Told(
            run=ended["id"],
            seconds=float(ended["seconds"]),
            deployment=deployment,
            urls={str(it["application"]): str(it["url"]) for it in found["applications"]},
            is_new=is_new,
            stages=[(it["name"], float(it["seconds"] or 0)) for it in ended["steps"]],
        )
        await self._visit(told)
        told.blog = Blog(
            url=told.urls["microblog"], user="admin", password=password, authority=self.authority
        )
        async with outside() as friend:
            self.say("writing in the blog, and following it from outside")
            told.written, checks = await told.blog.write(friend)
        told.checks += checks
        return told

    async def restore(self, told: Told, ruin: Callable[[], Awaitable[None]]) -> Restored:
        """Save what a story wrote, let it be ruined, and bring it back.

        Raises:
            FaultError: the panel refused something or a run did not succeed.
        """
        if told.blog is None or told.written is None:
            raise errors.FaultError("story.nothing_written", "there is nothing to save")
        async with self._api() as api:
            saving = await _answer(api.post(f"/deployments/{told.deployment}/backups"))
            self.say(f"saving it (run {saving['id']})")
            saved = await self._followed(api, saving["id"])
            self.say("destroying rows, files and pictures")
            await ruin()
            lost = await told.blog.is_lost(told.written)
            # The id of a backup is that of the run that made it.
            accepted = await _answer(api.post(f"/backups/{saved['id']}/restore", json={}))
            runs = [str(it["id"]) for it in accepted["runs"]]
            self.say(f"saving what is left, then restoring (runs {', '.join(runs)})")
            for run in runs:
                ended = await self._followed(api, run)
        return Restored(
            backup=str(saved["id"]),
            saved_seconds=float(saved["seconds"]),
            run=str(ended["id"]),
            seconds=float(ended["seconds"]),
            checks=[lost, *await told.blog.look(told.written)],
        )

    async def clear(self, told: Told) -> None:
        """Remove the deployment of a story with its backups, and all that belongs to it.

        Raises:
            FaultError: the panel refused, or a run did not succeed.
        """
        async with self._api() as api:
            found = await _answer(api.get(f"/deployments/{told.deployment}/backups"))
            for it in found["items"]:
                accepted = await _answer(api.delete(f"/backups/{it['id']}"))
                await self._followed(api, accepted["id"])
            accepted = await _answer(api.delete(f"/deployments/{told.deployment}"))
            self.say(f"removing everything for {DOMAIN} (run {accepted['id']})")
            await self._followed(api, accepted["id"])

    def _api(self) -> httpx2.AsyncClient:
        return http.client(
            base_url=f"{self.panel}/api/v1",
            headers={"authorization": f"Bearer {self.token}"},
            authority=self.authority,
        )

    async def stage(self, api: httpx2.AsyncClient) -> tuple[str, bool]:
        """Stage a configuration: of a new deployment, or of the one that is there already.

        Raises:
            FaultError: the panel refused it.
        """
        wish: dict[str, Any] = {"applications": APPLICATIONS}
        known = await _answer(api.get("/deployments"))
        found = [str(it["id"]) for it in known["items"] if it["domain"] == DOMAIN]
        if found:
            path = f"/deployments/{found[0]}/configuration"
            # Whatever is staged there: an earlier demo's, or what somebody changed since.
            await _answer(api.post(path, json=wish, headers={"if-match": "*"}))
            return found[0], False
        made = await _answer(api.post("/deployments", json={"domain": DOMAIN} | wish))
        return str(made["id"]), True

    async def _password(self, api: httpx2.AsyncClient, deployment: str, *, is_new: bool) -> str:
        """Return the blog's first password, which the panel tells once."""
        if not is_new and self.keep.exists():
            return self.keep.read_text(encoding="utf-8").strip()
        path = f"/deployments/{deployment}/credentials/microblog/reveal"
        password = str((await _answer(api.post(path)))["password"])
        files.write(self.keep, f"{password}\n", mode=0o600)
        return password

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
        """Use `hello` as a visitor does, through its public URL."""
        url = told.urls["hello"]
        async with http.client(base_url=url, authority=self.authority) as visitor:
            page = await visitor.get("/", headers={"accept-language": "de"})
            shows = page.status_code == httpx2.codes.OK and TITLE in page.text
            told.checks.append(Check("the page shows the title", shows, f"{page.status_code}"))
            entry = {"name": GUEST, "text": f"seen by run {told.run}"}
            signed = await visitor.post("/book", data=entry, headers={"origin": url})
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
