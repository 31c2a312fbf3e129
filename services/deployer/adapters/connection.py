"""One multiplexed SSH connection to one machine, and only to the host key it was given.

The connection is a child of ours that ends with us, also when we are killed. What must not be
seen travels on standard input, never as an argument.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from shared import errors, telemetry

from . import disk, process

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

BUSY: Final = 75
UNREACHABLE: Final = 255
"""The status with which ssh itself gives up."""
CONNECT_SECONDS: Final = 10.0
COMMAND_SECONDS: Final = 30.0


def failure(machine: str, error: errors.CommandError) -> errors.HostingError:
    """Say what the failure of a command in a machine means."""
    text = error.stderr
    if "Host key verification failed" in text or "HOST IDENTIFICATION HAS CHANGED" in text:
        return errors.FaultError(
            "machine.host_key_changed",
            "something answers with another host key than this machine was given; nothing was "
            "sent to it. If the machine was replaced by hand, remove the deployment and order anew",
        )
    if "Permission denied" in text:
        return errors.FaultError(
            "machine.access_denied", "the machine does not let deployer's SSH key in"
        )
    if error.status == BUSY:
        return errors.UnavailableError("machine.busy", "an earlier switch waits for its verdict")
    if error.status == UNREACHABLE and disk.is_full(text):
        return disk.full_here("ssh")
    if error.status == UNREACHABLE or "failed to start SSH connection" in text:
        telemetry.log.info("machine_unreachable", machine=machine, complaint=text.strip()[-600:])
        return errors.UnavailableError(
            "machine.unreachable", f"{machine} does not answer over SSH; it may be starting"
        )
    return error


@dataclass(slots=True, kw_only=True)
class Connection:
    """The way to one machine; `configuration` is an ssh_config file that knows all of it."""

    machine: str
    configuration: Path
    socket: Path
    run: process.Run
    stream: process.Stream = process.stream
    _master: asyncio.subprocess.Process | None = None
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def open(self) -> None:
        """Connect, unless the connection is there already."""
        async with self._opening:
            if not self._master or self._master.returncode is not None:
                await self._replace_master()

    async def renew(self) -> None:
        """Connect anew; what there was is only let go of when that has succeeded."""
        async with self._opening:
            await self._replace_master()

    async def _replace_master(self) -> None:
        fresh = self.socket.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        # `cat` ends when our end of its pipe is closed: with us, however we end.
        options = ("-o", "ControlMaster=yes", "-o", f"ControlPath={fresh}")
        argv = [*self.ssh(*options), "echo ready; exec cat > /dev/null"]
        master = await process.start(argv)
        try:
            await self._until_ready(master, argv)
        except BaseException:
            await process.stop(master)
            raise
        if self._master:
            await process.stop(self._master)
        fresh.replace(self.socket)
        self._master = master

    async def _until_ready(self, master: asyncio.subprocess.Process, argv: list[str]) -> None:
        if master.stdout is None or master.stderr is None:
            raise errors.FaultError("ssh.no_pipes", "ssh was started without pipes")
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                line = await master.stdout.readline()
        except TimeoutError as error:
            raise errors.UnavailableError(
                "machine.unreachable",
                f"{self.machine} did not answer over SSH within {CONNECT_SECONDS:g} s",
            ) from error
        if line != b"ready\n":
            complaints = (await master.stderr.read()).decode(errors="replace")
            raise failure(self.machine, errors.CommandError(argv, await master.wait(), complaints))

    async def close(self) -> None:
        """Disconnect."""
        async with self._opening:
            if self._master:
                await process.stop(self._master)
                self._master = None
            self.socket.unlink(missing_ok=True)

    def ssh(self, *options: str) -> list[str]:
        """Return the start of a command line that leads into the machine."""
        return ["ssh", "-F", str(self.configuration), *options, self.machine, "--"]

    async def do(
        self,
        command: str,
        *,
        stdin: bytes = b"",
        seconds: float = COMMAND_SECONDS,
    ) -> str:
        """Run a shell command in the machine and return its output."""
        await self.open()
        try:
            output = await self.local([*self.ssh(), command], stdin=stdin, seconds=seconds)
        except errors.CommandError as error:
            if disk.is_full(error.stderr):
                raise disk.full_in(self.machine) from error
            raise
        return output.decode(errors="replace")

    async def tell(
        self,
        command: str,
        told: Callable[[bytes], Awaitable[None]],
        *,
        stdin: bytes,
        seconds: float,
    ) -> tuple[int, str]:
        """Run a shell command in the machine and tell its output line by line.

        Returns:
            Its status and the last that it complained about.
        """
        await self.open()
        return await self.stream([*self.ssh(), command], told, stdin=stdin, seconds=seconds)

    async def local(
        self,
        argv: list[str],
        *,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        seconds: float = COMMAND_SECONDS,
    ) -> bytes:
        """Run a command on this side that talks to the machine."""
        try:
            return await self.run(argv, stdin=stdin, environment=environment, seconds=seconds)
        except errors.CommandError as error:
            raise failure(self.machine, error) from error
