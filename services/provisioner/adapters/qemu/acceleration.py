"""Does this host's hardware really speed machines up? Only a boot of the real kernel tells.

/dev/kvm may be there and answer, and Linux still never comes up behind it (nested virtualisation
in software). The verdict holds for one boot of the host, one QEMU and one kernel.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shared import telemetry

from . import arguments, commands, images, processes

if TYPE_CHECKING:
    from collections.abc import Mapping

DEVICE: Final = Path("/dev/kvm")
MODULES: Final = Path("/sys/module")
PROBE_SECONDS: Final = 8.0
PROOF: Final = b"FEDIVERSITY-PROBE-OK"


async def choose(image: Path, verdicts: Path) -> str:
    """Return the accelerator that works here, by a verdict of this boot or by a new one."""
    if not may_work():
        return "tcg"
    key = await _key(image)
    known = _read(verdicts)
    if key not in known:
        works = await proves("kvm", image)
        telemetry.log.info("accelerator_probed", works=works)
        known = {key: "kvm" if works else "tcg"}
        _write(verdicts, known)
    return known[key]


def may_work() -> bool:
    """Say no where hardware support is missing for sure; a yes says little."""
    hardware = (MODULES / "kvm_intel").exists() or (MODULES / "kvm_amd").exists()
    return DEVICE.exists() and (hardware or not (MODULES / "kvm_pvm").exists())


async def proves(accelerator: str, image: Path, seconds: float = PROBE_SECONDS) -> bool:
    """Boot the kernel of an image and say whether it came up in time."""
    process = await asyncio.create_subprocess_exec(
        commands.find(arguments.PROGRAM),
        *arguments.of_probe(accelerator),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=image,
    )
    output = b""
    try:
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate()
    except TimeoutError:
        pass
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return PROOF in output


async def _key(image: Path) -> str:
    version = await commands.run((arguments.PROGRAM, "--version"))
    kernel = (image / images.KERNEL).stat()
    words = (processes.host_boot(), version, kernel.st_size, kernel.st_mtime_ns)
    return hashlib.sha256(repr(words).encode()).hexdigest()


def _read(verdicts: Path) -> Mapping[str, str]:
    try:
        found: dict[str, str] = json.loads(verdicts.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found


def _write(verdicts: Path, known: Mapping[str, str]) -> None:
    verdicts.write_text(json.dumps(known))
