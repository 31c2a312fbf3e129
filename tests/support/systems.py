"""The programs of a system, run on this computer below a folder that plays the machine's root."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from services.deployer.adapters.nix import Nix
from tests.support.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PROGRAMS: Final = ROOT / "nix/standalone/programs"
BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
DEPLOYMENT: Final = "01k0000000000000000000000a"


@dataclass(frozen=True, kw_only=True)
class System:
    """A built system in a root of its own."""

    root: Path
    path: Path

    def run(
        self, program: str, *arguments: str, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[str]:
        """Run one of the system's programs and return what came of it."""
        done = subprocess.run(
            (str(self.path / "bin" / program), *arguments),
            input=stdin,
            env=os.environ
            | {
                "FEDIVERSITY_ROOT": str(self.root),
                "FEDIVERSITY_LOG_BYTES": "2000",
                "FEDIVERSITY_LOG_CHECK_SECONDS": "0.1",
            },
            capture_output=True,
            check=False,
            timeout=60,
        )
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    def permit(self) -> None:
        """Allow the units to start."""
        done = self.run("place-permit", "1", BOOT_ID.read_text().strip())
        assert done.returncode == 0, done.stderr

    def file(self, path: str) -> Path:
        """Return a place below the root."""
        return self.root / path

    def units(self) -> dict[str, str]:
        """Return the state of each unit."""
        lines = self.run("units", "status").stdout.splitlines()
        return {line.split()[0]: line.split()[1] for line in lines}


def built(
    root: Path,
    units: Mapping[str, str],
    *,
    note: str = "",
    deployment: str = DEPLOYMENT,
    prepare: str = "true",
) -> System:
    """Build a system whose one application has these units: name → shell script.

    Args:
        root: the folder that plays the machine's root.
        units: what the units do.
        note: part of the configuration, to get another system with the same units.
        deployment: whose system it is.
        prepare: what is done before a unit starts.
    """
    package = root.parent / "package"
    (package / "standalone").mkdir(parents=True, exist_ok=True)
    application = {
        "name": "thing",
        "package": str(package),
        "configuration": {"note": note},
        "units": [
            {
                "name": name,
                "prepare": ["/bin/busybox", "sh", "-c", prepare],
                "command": ["/bin/busybox", "sh", "-c", script, name, "{state}", "{secrets}"],
            }
            for name, script in units.items()
        ],
    }
    document = {
        "name": "machine",
        "deployment": deployment,
        "applications": [application] if units else [],
    }
    file = root.parent / "arguments.json"
    file.write_text(json.dumps(document))
    nix = Nix.usual(root.parent)
    argv = nix.build(ROOT / "nix/standalone", file, root.parent / "result")
    done = subprocess.run(
        argv, env=os.environ | dict(nix.environment), stdout=subprocess.PIPE, check=True
    )
    root.mkdir(exist_ok=True)
    return System(root=root, path=Path(done.stdout.decode().strip()))


def soon(condition: Callable[[], bool], within: float = 10.0) -> bool:
    """Say whether a condition comes to hold in time."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def archive(files: Mapping[str, bytes]) -> bytes:
    """Return files as a tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as found:
        for name, value in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(value)
            found.addfile(entry, io.BytesIO(value))
    return buffer.getvalue()
