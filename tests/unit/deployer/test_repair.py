"""What of a damaged store is sent again: parts of the machine's own system, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from services.deployer.adapters.nix import Nix
from services.deployer.adapters.ssh import SshHost
from services.deployer.domain import System
from tests.unit.deployer.scripted import ScriptedConnection

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SYSTEM = System("/nix/store/00000000000000000000000000000000-system")
PART = "/nix/store/11111111111111111111111111111111-page"
OTHERS = "/nix/store/22222222222222222222222222222222-system-of-somebody"


class Near(ScriptedConnection):
    """Is there from the beginning."""

    @override
    async def open(self) -> None:
        pass


async def repaired(folder: Path, complaint: str) -> list[str]:
    """Return what was read from our store for a machine that complains."""
    read = []

    async def run(argv: Sequence[str], **_: object) -> bytes:
        if "--requisites" in argv:
            return f"{PART}\n{SYSTEM}\n".encode()
        if "--dump" in argv:
            read.append(argv[-1])
        return b"an archive"

    connection = Near(
        machine="machine",
        configuration=folder / "conf",
        socket=folder / "s",
        run=run,
        says=[complaint],
    )
    await SshHost(connection=connection, nix=Nix(store=None)).copy(SYSTEM, verify=True)
    return read


async def test_a_damaged_part_is_sent_again(tmp_path: Path) -> None:
    found = await repaired(tmp_path, f"path '{PART}' was modified! expected hash …")

    assert found == [PART]


async def test_what_is_no_part_of_the_system_is_not_sent(tmp_path: Path) -> None:
    words = f"path '{OTHERS}' was modified; path '/nix/store/..' was too"

    assert await repaired(tmp_path, words) == []
