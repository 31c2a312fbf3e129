"""The demonstration as a script runs it: told to its end, or interrupted; nothing is left."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.embedded import state
from tests.support import world
from tests.support.eventually import eventually
from tests.support.servers import choose_ports

if TYPE_CHECKING:
    from asyncio.subprocess import Process

TELL_SECONDS = 600
STOP_SECONDS = 120
PARTS = (
    *("nats", "postgres", "objects", "caddy", "squid", "aiosmtpd"),
    *("qemu", "nix", "ssh", "python"),
)


async def demo(data: Path, *flags: str) -> Process:
    choose_ports(data)
    # A session of its own, so that a terminal's Ctrl-C is ours to send.
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shared.embedded", "demo", "--data", str(data), *flags),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )


async def said(process: Process) -> str:
    output, _ = await process.communicate()
    return output.decode(errors="replace")


def around(data: Path) -> list[str]:
    """Every process of this computer that names the data directory, works in it or has it open.

    A machine is a daemon with relative paths: only its open disk shows where it belongs.
    """
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            opened = [it.readlink() for it in (process / "cwd", *(process / "fd").iterdir())]
            if str(data) in words or any(it.is_relative_to(data) for it in opened):
                found.append(f"{process.name} {words}")
    return found


def types(document: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a document with each value replaced by the name of its type."""
    match document:
        case dict():
            return {name: types(value) for name, value in document.items()}
        case list():
            return [types(document[0])]
        case _:
            return type(document).__name__


async def test_the_demo_ends_by_itself_and_leaves_nothing(data_directory: Path) -> None:
    data, report = data_directory / "data", data_directory / "report.json"

    process = await demo(data, "--exit", "--json", str(report))
    async with asyncio.timeout(TELL_SECONDS):
        text = await said(process)

    assert process.returncode == 0, text
    found = json.loads(report.read_text(encoding="utf-8"))
    assert {name: type(version) for name, version in found.pop("parts").items()} == dict.fromkeys(
        PARTS, str
    )
    assert types(found) == {
        "ok": "bool",
        "stories": {
            "deploy": {
                "seconds": "float",
                "run": "str",
                "bare": dict.fromkeys(("boot", "copy", "switch", "sum"), "float"),
                "stages": [{"name": "str", "seconds": "float"}],
                "checks": [{"name": "str", "ok": "bool", "seen": "str"}],
            },
            "restore": {
                "backup": {"id": "str", "seconds": "float"},
                "seconds": "float",
                "run": "str",
                "checks": [{"name": "str", "ok": "bool", "seen": "str"}],
            },
        },
    }
    checks = [it for story in found["stories"].values() for it in story["checks"]]
    assert [it["name"] for it in checks if not it["ok"]] == []
    assert len(checks) == 18
    assert found["ok"] is True
    assert around(data_directory) == []
    assert [*(data / "provisioner" / "machines").glob("fdv-*")] == []


async def test_ctrl_c_in_the_middle_of_the_deployment_leaves_nothing(data_directory: Path) -> None:
    data = data_directory / "data"
    process = await demo(data)
    ours: set[int] = set()

    async def deploys() -> bool:
        assert process.returncode is None, await said(process)
        ours.update(int(it.partition(" ")[0]) for it in around(data_directory))
        return bool(ours & set(world.machines("fdv-")))

    try:
        await eventually(deploys, within=TELL_SECONDS, poll=0.1)
        interrupted = time.monotonic()
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
    async with asyncio.timeout(STOP_SECONDS):
        text = await said(process)

    assert time.monotonic() - interrupted < STOP_SECONDS
    assert process.returncode == 130, text
    assert "deployed in" not in text
    assert around(data_directory) == []
    left = state.load(data / "state.json")
    assert left is not None
    assert left.is_stopped
