"""When does a machine answer? Its console says so first, a banner on its SSH port proves it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from shared import errors

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from shared.contracts.deployments import Endpoint

READY: Final = b"Server listening on"
NO_ROOT: Final = b"FEDIVERSITY-NO-ROOT"
BANNER: Final = b"SSH-"
LOOK_SECONDS: Final = 0.05
UNPROMPTED_SECONDS: Final = 1.0
BANNER_SECONDS: Final = 2.0
TAIL: Final = 600
KEPT_BYTES: Final = 8192


async def banner(ssh: Endpoint, console: Callable[[], Awaitable[bytes]], *, within: float) -> None:
    """Return when SSH answers.

    Raises:
        UnavailableError: nothing answered in time.
        FaultError: the machine cannot find its disk.
    """
    said: list[bytes] = []
    knocking = asyncio.create_task(_knock_rarely(ssh))
    listening = asyncio.create_task(_listen(ssh, console, said))
    try:
        await asyncio.wait(
            {knocking, listening}, timeout=within, return_when=asyncio.FIRST_COMPLETED
        )
        for task in (listening, knocking):
            if task.done():
                task.result()
                return
    finally:
        knocking.cancel()
        listening.cancel()
        await asyncio.gather(knocking, listening, return_exceptions=True)
    raise errors.UnavailableError(
        "machine.not_reachable",
        f"no SSH at {ssh} within {within:.0f} s; the console said: {_tail(said)}",
    )


async def _knock_rarely(ssh: Endpoint) -> None:
    """Knock unprompted: an earlier reader may have taken what the console said.

    Knocking costs an emulated guest more than starting does.
    """
    while not await answers(ssh):  # noqa: ASYNC110 - a machine raises no event here
        await asyncio.sleep(UNPROMPTED_SECONDS)


async def _listen(
    ssh: Endpoint, console: Callable[[], Awaitable[bytes]], said: list[bytes]
) -> None:
    """Knock as soon as the console says that somebody listens."""
    while READY not in (text := b"".join(said)):
        if NO_ROOT in text:
            raise errors.FaultError("machine.no_disk", f"the machine found no disk: {_tail(said)}")
        said[:] = [text[-KEPT_BYTES:], await console()]
        await asyncio.sleep(LOOK_SECONDS)
    while not await answers(ssh):  # noqa: ASYNC110 - as above
        await asyncio.sleep(LOOK_SECONDS)


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


def _tail(said: Sequence[bytes]) -> str:
    return b"".join(said)[-TAIL:].decode(errors="replace").strip() or "nothing"
