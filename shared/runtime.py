"""Run one service: connect, serve until a signal, drain, and end.

    async with runtime.service("storage", settings, schemas=("shared", "services.storage")) as it:
        await it.serve(routes=…, kinds=…, watches=…)

`/healthz` says that the process runs, `/readyz` that database and bus answer; both to whoever asks
the process itself, not through a proxy.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Match, Mount, Route
from typing_extensions import override

from . import database as databases
from . import errors, jobs, telemetry
from .bus import connection as buses
from .bus import consumer, dead_letters, outbox, progress
from .serving import Server

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Awaitable,
        Callable,
        Coroutine,
        Iterator,
        Mapping,
        Sequence,
    )

    from starlette.requests import Request
    from starlette.types import ASGIApp, Scope

    from .database import Database
    from .settings import ServiceSettings

READY_SECONDS: Final = 2.0


@dataclass(slots=True, kw_only=True)
class Service:
    """A connected service; `serve` runs it until the process is told to stop."""

    name: str
    settings: ServiceSettings
    database: Database
    bus: buses.Connection
    digests: Mapping[str, str] = field(default_factory=dict)
    """Shown by /readyz: which configuration this process runs with."""

    async def serve(
        self,
        *,
        routes: consumer.Routes,
        kinds: Sequence[jobs.Kind] = (),
        watches: Sequence[jobs.Watch] = (),
        app: ASGIApp | None = None,
        background: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        """Consume, work, watch and answer HTTP until cancelled."""
        letters = dead_letters.DeadLetters(self.name, self.database, routes)
        worker = jobs.Worker(
            service=self.name,
            database=self.database,
            kinds={kind.name: kind for kind in kinds},
            publish=progress.ProgressPublisher(self.bus).publish,
            park=letters.park,
            settings=self.settings.runtime,
        )
        parts: list[Coroutine[object, object, None]] = [
            outbox.Relay(self.bus, self.database).run(),
            consumer.consume(self.bus, self.database, self.name, {**routes, **letters.routes()}),
            worker.work(),
            self._answer(app),
            *(jobs.Watcher(database=self.database, watch=it).run() for it in watches),
            *(_forever(it) for it in background),
        ]
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(part)

    async def _answer(self, app: ASGIApp | None) -> None:
        """Serve health, and the service's own application where it has one."""
        routes: list[Route | Mount] = [
            _Inside("/healthz", _alive),
            _Inside("/readyz", self._ready),
        ]
        if app is not None:
            routes.append(_everything(app))
        config = uvicorn.Config(
            Starlette(routes=routes),
            host=self.settings.runtime.host,
            port=self.settings.runtime.port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=int(self.settings.runtime.drain_seconds),
        )
        server = Server(config)
        serving = asyncio.ensure_future(server.serve())
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.should_exit = True
            await serving
            raise

    async def _ready(self, _: Request) -> JSONResponse:
        problems = {}
        for name, check in {"database": self.database.check, "bus": self.bus.check}.items():
            try:
                async with asyncio.timeout(READY_SECONDS):
                    await check()
            except (errors.HostingError, TimeoutError) as error:
                # Whoever reaches the port may ask; a driver names hosts, users and databases.
                problems[name] = getattr(error, "code", f"{name}.timeout")
                reason = str(error) or "no answer in time"
                telemetry.log.warning("not_ready", part=name, reason=reason)
        body = {"ready": not problems, "problems": problems, "digests": dict(self.digests)}
        return JSONResponse(body, status_code=503 if problems else 200)


def _everything(app: ASGIApp) -> Mount:
    """Return a route that leads every path to an application."""
    route = Mount("/", app)
    # The usual pattern ends at a line break, which a path may hold.
    route.path_regex = re.compile("^/(?P<path>.*)$", re.DOTALL)
    return route


class _Inside(Route):
    """A route that is not there for the outside: a proxy says for whom it asks, always."""

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match like any route what was asked for directly, and nothing else."""
        if any(name == b"x-forwarded-for" for name, _ in scope["headers"]):
            return Match.NONE, {}
        return super().matches(scope)


@contextlib.asynccontextmanager
async def service(
    name: str, settings: ServiceSettings, *, schemas: Sequence[str]
) -> AsyncIterator[Service]:
    """Connect to database and bus, waiting for them, and yield the service."""
    postgres = settings.postgres.model_copy(
        update={
            "database": settings.postgres.database or name,
            "user": settings.postgres.user or name,
        }
    )
    telemetry.log.info("starting", settings=shown(settings))
    async with (
        databases.connect(postgres, settings.postgres_password, schemas=schemas) as database,
        buses.connect(settings.nats, settings.nats_seed, name) as bus,
    ):
        yield Service(name=name, settings=settings, database=database, bus=bus)


@contextlib.contextmanager
def explained(name: str) -> Iterator[None]:
    """End the process with one clear message when its settings or configuration are wrong."""
    try:
        yield
    except ValidationError as error:
        places = ", ".join(".".join(map(str, it["loc"])) for it in error.errors())
        sys.exit(f"fediversity-{name}: these settings are missing or wrong: {places}")
    except errors.HostingError as error:
        sys.exit(f"fediversity-{name}: {error.in_full}")


def shown(settings: ServiceSettings) -> dict[str, object]:
    """Return the settings without their secrets."""
    return {
        name: value
        for name, value in settings.model_dump(mode="json").items()
        if "**" not in str(value)
    }


def run(name: str, settings: ServiceSettings, main: Coroutine[object, object, None]) -> None:
    """Run a service until it ends or SIGTERM or SIGINT asks it to."""
    telemetry.start(name, settings.telemetry)
    asyncio.run(_until_told(main))


async def _until_told(main: Coroutine[object, object, None]) -> None:
    task = asyncio.ensure_future(main)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task
    telemetry.log.info("stopped")


async def _alive(_: Request) -> JSONResponse:
    return JSONResponse({"alive": True})


async def _forever(work: Callable[[], Awaitable[None]]) -> None:
    await work()
