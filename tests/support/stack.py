"""The whole embedded default for story tests: started by its command, used through REST only."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import asyncpg
import httpx2

from shared import http
from shared.embedded import state
from shared.embedded.servers import caddy
from shared.provider import read_secret
from tests.support.eventually import eventually
from tests.support.servers import choose_ports, throwaway_directory
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

ENDED = frozenset({"succeeded", "failed", "cancelled", "superseded"})
RUN_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Stack:
    """A running provider, as an operator's program sees it."""

    data: Path
    panel: str
    token: str
    world: World
    authority: Path | None = None
    """The edge's own, where public URLs are https."""

    def api(self) -> httpx2.AsyncClient:
        headers = {"authorization": f"Bearer {self.token}"}
        base = f"{self.panel}/api/v1"
        return http.client(base_url=base, headers=headers, authority=self.authority)

    def visitor(self, url: str) -> httpx2.AsyncClient:
        """Return a client for an application's public URL."""
        return http.client(base_url=url, authority=self.authority)

    async def ask(self, method: str, path: str, **more: Any) -> httpx2.Response:  # noqa: ANN401 - handed on
        async with self.api() as api:
            return await api.request(method, path, **more)

    async def answer(self, method: str, path: str, **more: Any) -> Any:  # noqa: ANN401 - handed on
        response = await self.ask(method, path, **more)
        assert response.is_success, response.text
        return response.json()

    async def stage(self, domain: str, **options: object) -> str:
        """Create a deployment of hello and return its id."""
        body = {"domain": domain, "applications": [{"application": "hello", "options": options}]}
        return str((await self.answer("POST", "/deployments", json=body))["id"])

    async def deploy(self, deployment: str) -> str:
        """Begin a run and return its id."""
        return str((await self.answer("POST", f"/deployments/{deployment}/deploy"))["id"])

    async def run(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.answer("GET", f"/runs/{run}")
        return found

    async def ended(self, run: str, within: float = RUN_SECONDS) -> dict[str, Any]:
        """Wait for the end of a run, across any absence of the panel."""
        last: dict[str, Any] = {}

        async def has_ended() -> bool:
            with contextlib.suppress(httpx2.TransportError):
                response = await self.ask("GET", f"/runs/{run}")
                if response.is_success:
                    last.update(response.json())
            return last.get("state") in ENDED

        try:
            await eventually(has_ended, within=within, poll=0.1)
        except AssertionError as error:
            raise AssertionError(f"the run did not end: {_shown(last)}\n{self.logs()}") from error
        return last

    async def succeeds(self, run: str) -> dict[str, Any]:
        found = await self.ended(run)
        assert found["state"] == "succeeded", f"{_shown(found)}\n{self.logs()}"
        return found

    async def at_step(self, run: str, service: str, step: str) -> None:
        """Wait until a step of a run is being done."""

        async def is_there() -> bool:
            found = await self.run(run)
            assert found["state"] not in ENDED, f"ended before {step}: {_shown(found)}"
            steps = found["steps"]
            return any(
                (it["service"], it["name"], it["status"]) == (service, step, "running")
                for it in steps
            )

        await eventually(is_there, within=RUN_SECONDS, poll=0.05)

    async def url(self, deployment: str) -> str:
        found = await self.answer("GET", f"/deployments/{deployment}")
        return str(found["applications"][0]["url"])

    def plain(self, url: str) -> str:
        """Return what a visitor asks for who leaves the s of https away."""
        found = state.load(self.data / "state.json")
        assert found is not None
        return f"http://{urlsplit(url).hostname}:{found.parts['front'].ports['front']}"

    def pid(self, part: str) -> int | None:
        """Pid of a server or service; None while it is being started again."""
        found = state.load(self.data / "state.json")
        assert found is not None
        return found.parts[part].pid

    def port(self, part: str) -> int:
        """First port of a server or service."""
        found = state.load(self.data / "state.json")
        assert found is not None
        return next(iter(found.parts[part].ports.values()))

    @asynccontextmanager
    async def database(self, service: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """Connect to the database of a service, as that service."""
        secret = self.data / "secrets" / "services" / service / f"{service}_postgres_password"
        connection = await asyncpg.connect(
            host="127.0.0.1",
            port=self.port("postgres"),
            user=service,
            database=service,
            password=read_secret(secret).get_secret_value(),
        )
        try:
            yield connection
        finally:
            await connection.close()

    def logs(self, lines: int = 12) -> str:
        """What the parts said last, for the report of a failing test."""
        found = []
        for file in sorted(self.data.glob("*/*.log")):
            tail = file.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
            found += [f"--- {file.name}", *(it[:400] for it in tail)]
        return "\n".join(found)


def _shown(run: Mapping[str, Any]) -> str:
    steps = [f"{it['name']}={it['status']}" for it in run.get("steps", ())]
    return f"{run.get('state')} failure={run.get('failure')} {' '.join(steps)}"


@asynccontextmanager
async def running(*flags: str, **environment: str) -> AsyncIterator[Stack]:
    """Start everything in a throwaway directory by the command, and stop it by the command."""
    with throwaway_directory() as data:
        choose_ports(data)
        await command("up", data, *flags, **environment)
        try:
            yield around(data, caddy.root_certificate(data / "caddy") if "--tls" in flags else None)
        finally:
            await command("down", data)


def around(data: Path, authority: Path | None = None) -> Stack:
    found = state.load(data / "state.json")
    assert found is not None
    return Stack(
        data=data,
        panel=found.panel_url,
        token=(data / "secrets" / "token").read_text(encoding="utf-8").strip(),
        world=World.around(data / "provider.toml"),
        authority=authority,
    )


async def command(name: str, data: Path, *flags: str, **environment: str) -> str:
    """Run one of the embedded default's commands and return what it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shared.embedded", name, "--data", str(data), *flags),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **environment},
    )
    output, _ = await process.communicate()
    text = output.decode(errors="replace")
    assert process.returncode == 0, text
    return text
