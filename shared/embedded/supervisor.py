"""The supervisor: starts everything in order, keeps it running, stops it in order.

    async with supervisor.up(options) as it:
        ...                       # every part answers

A part that dies is started again at once, then with growing pauses. One supervisor per data
directory: it holds a lock, and what an earlier one left running is ended first.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final

import httpx2

from shared import errors, http, program

from . import identity, people, processes
from .installation import Installation
from .state import Board, PartState, Phase, State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from .parts import Part
    from .places import Options

FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 10.0
OUTSIDE_SECONDS: Final = 60.0
STABLE_SECONDS: Final = 5.0
"""A part that lived this long before it died is started again without a pause."""
OPEN_TO_ALL: Final = "/api/v1/openapi.json"
"""What panel answers outside to whoever asks; its health is not for them."""


class Supervisor:
    """Keeps the parts of one installation running."""

    def __init__(self, installation: Installation, report: Callable[[str], None]) -> None:
        self.installation = installation
        self._report = report
        self._keepers: list[asyncio.Task[None]] = []
        self.new_token: str | None = None
        """The first person's, when this start made the first person."""
        self.board = Board(
            installation.options.state,
            State(
                supervisor=identity.of(os.getpid()),
                panel_url=installation.panel_url,
                parts={
                    it.name: PartState(ports=dict(it.ports))
                    for it in (*installation.servers, *installation.services)
                },
            ),
        )

    def part(self, name: str) -> Part:
        """Return a part by its name."""
        for it in (*self.installation.servers, *self.installation.services):
            if it.name == name:
                return it
        raise errors.NotFoundError("part.unknown", f"there is no part {name}")

    async def start(self) -> None:
        """Start the servers, then the services; each answers when this returns."""
        self.board.change(Phase.STARTING)
        try:
            # Services of an earlier life would disturb the servers' start.
            await self._end_left_overs(self.installation.services)
            await self._start_all(self.installation.servers)
            for service in self.installation.services:
                await service.make()
            await self._start_all(self.installation.services)
            self.new_token = await people.ensure_first(self.installation)
            await self._await_panel()
        except errors.HostingError as error:
            self.board.change(Phase.FAILED, error=error.in_full)
            raise
        self.board.change(Phase.READY)

    async def _await_panel(self) -> None:
        """Wait until the panel answers as people reach it: by its name, through front and edge."""
        installation = self.installation
        if not {"panel", "provisioner"} <= {it.name for it in installation.services}:
            return
        deadline = time.monotonic() + OUTSIDE_SECONDS
        while not await self._is_panel_outside():
            if time.monotonic() > deadline:
                raise errors.UnavailableError(
                    "panel.unreachable",
                    f"{installation.panel_url} does not answer, although every part does; look "
                    f"at: {program.typed()} logs --data {installation.options.data} provisioner",
                )
            await asyncio.sleep(FIRST_PAUSE_SECONDS)

    async def _is_panel_outside(self) -> bool:
        authority = self.installation.edge_authority if self.installation.options.is_tls else None
        try:
            async with http.client(authority=authority, timeout_seconds=5) as client:
                url = f"{self.installation.panel_url}{OPEN_TO_ALL}"
                return (await client.get(url)).is_success
        except (httpx2.TransportError, OSError):
            return False

    async def _end_left_overs(self, parts: Sequence[Part]) -> None:
        async with asyncio.TaskGroup() as group:
            for it in parts:
                group.create_task(processes.end_recorded(it.child.record))

    async def _start_all(self, parts: Sequence[Part]) -> None:
        outcomes = await asyncio.gather(*map(self._start, parts), return_exceptions=True)
        self._keepers += [
            asyncio.create_task(self._keep(part))
            for part, outcome in zip(parts, outcomes, strict=True)
            if outcome is None
        ]
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def _start(self, part: Part) -> None:
        began = time.monotonic()
        self.board.part(part.name, "starting")
        await part.start()
        self._show_running(part)
        self._report(f"{part.name} answers after {time.monotonic() - began:.1f} s")

    def _show_running(self, part: Part) -> None:
        who = part.child.identity
        self.board.part(part.name, "running", pid=who.pid if who else None)

    async def _keep(self, part: Part) -> None:
        """Start a part again whenever it ends."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            began = time.monotonic()
            status = await part.child.ended()
            if time.monotonic() - began > STABLE_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            self._report(f"{part.name} ended with status {status}; starting it again")
            self.board.part(part.name, "restarting")
            while not await self._is_restarted(part):
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _is_restarted(self, part: Part) -> bool:
        try:
            await part.start()
        except errors.HostingError as error:
            self._report(f"{part.name} could not be started again: {error.in_full}")
            self.board.part(part.name, "restarting", error=error.in_full)
            return False
        self._show_running(part)
        self._report(f"{part.name} answers again")
        return True

    async def stop(self) -> None:
        """Stop the services, do what they want done at the stop, then stop the servers."""
        if self.board.state.phase is not Phase.FAILED:
            self.board.change(Phase.STOPPING)
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await self._stop_all(self.installation.services)
        if all(it.child.is_running for it in self.installation.servers):
            await self.finish_services()
        await self._stop_all(self.installation.servers)
        self.board.end()

    async def finish(self) -> None:
        """Stop everything that a supervisor left when it died."""
        self.board.change(Phase.STOPPING)
        await self._end_left_overs(self.installation.services)
        try:
            # What the services want done at the stop needs the servers once more.
            await self._start_all(self.installation.servers)
        except errors.HostingError as error:
            self._report(f"the servers did not start for the stop: {error.in_full}")
        await self.stop()

    async def finish_services(self) -> None:
        """Run the one-shots of the services for when everything stops."""
        for service in self.installation.services:
            for command in service.program.at_stop:
                try:
                    await service.do_once(command, log=command)
                except (errors.HostingError, TimeoutError) as error:
                    self._report(f"{service.name} {command} failed: {error}")

    async def _stop_all(self, parts: Sequence[Part]) -> None:
        await asyncio.gather(*map(self._stop, parts))

    async def _stop(self, part: Part) -> None:
        await part.stop()
        self.board.part(part.name, "stopped")


@asynccontextmanager
async def up(options: Options, report: Callable[[str], None]) -> AsyncIterator[Supervisor]:
    """Keep everything running for the length of a block; whatever happens, it is stopped."""
    with lock(options):
        supervisor = Supervisor(Installation(options), report)
        try:
            await supervisor.start()
            yield supervisor
        finally:
            await supervisor.stop()


async def clean_up(options: Options, report: Callable[[str], None]) -> None:
    """Bring an unclean stop to its end: stop what was left, machines included."""
    with lock(options):
        supervisor = Supervisor(Installation(options), report)
        await supervisor.finish()


@contextmanager
def lock(options: Options) -> Iterator[None]:
    """Be the only supervisor of a data directory; the kernel lets go when we die."""
    options.data.mkdir(parents=True, exist_ok=True)
    with options.lock.open("w", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise errors.ConflictError(
                "supervisor.running", f"it is up already, with its data in {options.data}"
            ) from error
        yield
