"""When does a machine answer? Its console says so first, a banner on its SSH port proves it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Final

from shared import errors

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shared.contracts.deployments import Endpoint

READY: Final = b"Server listening on"
NO_ROOT: Final = b"FEDIVERSITY-NO-ROOT"
BANNER: Final = b"SSH-"
LOOK_SECONDS: Final = 0.05
UNPROMPTED_SECONDS: Final = 1.0
BANNER_SECONDS: Final = 2.0
TAIL: Final = 600


async def banner(ssh: Endpoint, console: Callable[[], Awaitable[bytes]], *, within: float) -> None:
    """Return when SSH answers.

    Knocking costs an emulated guest more than starting: until the console says that somebody
    listens, it is done rarely (an earlier reader may have taken what the console said).

    Raises:
        UnavailableError: nothing answered in time.
        FaultError: the machine cannot find its disk.
    """
    deadline = time.monotonic() + within
    said, knocked = b"", 0.0
    while time.monotonic() < deadline:
        said = (said + await console())[-TAIL * 10 :]
        if NO_ROOT in said:
            raise errors.FaultError("machine.no_disk", f"the machine found no disk: {_tail(said)}")
        if READY in said or time.monotonic() - knocked > UNPROMPTED_SECONDS:
            knocked = time.monotonic()
            if await answers(ssh):
                return
        await asyncio.sleep(LOOK_SECONDS)
    raise errors.UnavailableError(
        "machine.not_reachable",
        f"no SSH at {ssh} within {within:.0f} s; the console said: {_tail(said)}",
    )


async def answers(ssh: Endpoint) -> bool:
    """Say whether an SSH server greets at an address."""
    writer = None
    try:
        async with asyncio.timeout(BANNER_SECONDS):
            reader, writer = await asyncio.open_connection(ssh.host, ssh.port)
            return (await reader.readexactly(len(BANNER))) == BANNER
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False
    finally:
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def _tail(said: bytes) -> str:
    return said[-TAIL:].decode(errors="replace").strip() or "nothing"
