"""The QEMU machine protocol: who runs behind a socket, how it is, and how it is asked to end."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import re
from typing import TYPE_CHECKING, Final, cast

from qemu.qmp import ConnectError, ExecInterruptedError, ExecuteError, QMPClient, QMPError

from shared import errors
from shared.contracts.deployments import Endpoint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

SOCKET: Final = "qmp.sock"
CONSOLE: Final = "console"
NETWORK: Final = "network"
CONSOLE_BYTES: Final = 64 * 2**10
CONNECT_SECONDS: Final = 5.0
COMMAND_SECONDS: Final = 10.0
PAUSED_FOR_ROOM: Final = "io-error"
# Such as: TCP[HOST_FORWARD]  13  127.0.0.1 24001  10.0.2.15  22  0  0
_FORWARD: Final = re.compile(r"TCP\[HOST_FORWARD\]\s+\d+\s+(\S+)\s+(\d+)\s+\S+\s+(\d+)\s")
_LOST: Final = (ConnectError, ExecInterruptedError, EOFError, ConnectionError, FileNotFoundError)


class Monitor:
    """A connection to one machine whose identity was checked."""

    def __init__(self, client: QMPClient) -> None:
        self._client = client

    async def status(self) -> str:
        """Return QEMU's own word for how the machine is, such as `running`."""
        found = cast("dict[str, object]", await self._execute("query-status"))
        return str(found["status"])

    async def resume(self) -> None:
        """Let a machine go on that was paused."""
        await self._execute("cont")

    async def pause(self) -> None:
        """Let a machine stand still."""
        await self._execute("stop")

    async def press_power_button(self) -> None:
        """Ask the guest to shut down; whether it does is its own decision."""
        await self._execute("system_powerdown")

    async def quit(self) -> None:
        """End QEMU at once, with its disk's data written."""
        with contextlib.suppress(errors.UnavailableError):  # it may be gone before it answers
            await self._execute("quit")

    async def console(self) -> bytes:
        """Return what the guest wrote to its console since this was asked last."""
        found = await self._execute(
            "ringbuf-read", {"device": CONSOLE, "size": CONSOLE_BYTES, "format": "base64"}
        )
        return base64.b64decode(str(found))

    async def addresses(self) -> dict[int, Endpoint]:
        """Return which ports of the machine are reached, and where."""
        found = _FORWARD.findall(await self._ask("info usernet"))
        return {int(inside): Endpoint(host=host, port=port) for host, port, inside in found}

    async def open(self, port: int, endpoint: Endpoint) -> bool:
        """Let a port of the machine be reached at an address; say whether that was to be had."""
        return not await self._ask(f"hostfwd_add {NETWORK} tcp:{endpoint}-:{port}")

    async def close(self, endpoint: Endpoint) -> None:
        """Let nothing be reached at an address any more; connections that are open stay so."""
        await self._ask(f"hostfwd_remove {NETWORK} tcp:{endpoint}")

    async def _ask(self, line: str) -> str:
        # What the protocol has no command for; QEMU answers in words, or with none.
        return str(await self._execute("human-monitor-command", {"command-line": line}))

    async def identity(self) -> str:
        """Return the UUID that QEMU was started with."""
        found = cast("dict[str, object]", await self._execute("query-uuid"))
        return str(found["UUID"])

    async def _execute(self, command: str, values: dict[str, object] | None = None) -> object:
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                return await self._client.execute(command, values)
        except ExecuteError as error:
            raise errors.FaultError("machine.qmp", f"QEMU refused {command}: {error}") from error
        except (*_LOST, TimeoutError, QMPError) as error:
            raise errors.UnavailableError(
                "machine.unreachable", f"QEMU did not answer {command}: {error!r}"
            ) from error


@contextlib.asynccontextmanager
async def connected(folder: Path, identity: str) -> AsyncIterator[Monitor]:
    """Connect to the machine of a folder and check that it is the one that is meant.

    Raises:
        ConflictError: another machine answers there.
        UnavailableError: nothing answers there.
    """
    client = QMPClient("provisioner")
    try:
        with _reachable(folder) as path:
            async with asyncio.timeout(CONNECT_SECONDS):
                await client.connect(path)
    except (*_LOST, TimeoutError, QMPError) as error:
        raise errors.UnavailableError(
            "machine.unreachable", f"QEMU of {folder.name} does not answer: {error!r}"
        ) from error
    try:
        monitor = Monitor(client)
        if (found := await monitor.identity()) != identity:
            raise errors.ConflictError(
                "machine.other_identity", f"{folder.name} runs with identity {found}, not ours"
            )
        yield monitor
    finally:
        with contextlib.suppress(*_LOST, TimeoutError, QMPError):
            async with asyncio.timeout(CONNECT_SECONDS):
                await client.disconnect()


@contextlib.contextmanager
def _reachable(folder: Path) -> Iterator[str]:
    """Yield a path of the socket that is short enough, wherever the folder is."""
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{handle}/{SOCKET}"
    finally:
        os.close(handle)
