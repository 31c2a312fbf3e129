"""Programs of the host are found, run, and named when they are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.provisioner.adapters.qemu import commands
from shared import errors

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("program", "code", "package"),
    [
        ("qemu-system-x86_64", "machine.qemu_missing", "qemu-system-x86"),
        ("nix-build", "machine.nix_missing", "nix-bin"),
        ("mmdebstrap", "machine.mmdebstrap_missing", "mmdebstrap"),
        ("mkfs.ext4", "machine.mkfs_missing", "e2fsprogs"),
    ],
)
def test_a_missing_program_is_named_with_the_command_that_helps(
    program: str, code: str, package: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(commands, "SYSTEM_PATH", str(tmp_path))

    with pytest.raises(errors.FaultError) as caught:
        commands.find(program)

    assert caught.value.code == code
    assert f"apt-get install {package}" in caught.value.message


def test_a_full_disk_is_named_before_anything_begins(tmp_path: Path) -> None:
    commands.check_room(tmp_path, 1)

    with pytest.raises(errors.FaultError) as caught:
        commands.check_room(tmp_path, 2**60)

    assert caught.value.code == "machine.disk_full"
    assert "df -h" in caught.value.message


async def test_a_program_that_runs_out_of_room_says_the_same() -> None:
    with pytest.raises(errors.FaultError) as caught:
        await commands.run(("/bin/sh", "-c", "cat /proc/version > /dev/full"))

    assert caught.value.code == "machine.disk_full"


async def test_a_failed_program_is_shown_with_its_complaint() -> None:
    with pytest.raises(errors.CommandError) as caught:
        await commands.run(("/bin/sh", "-c", "echo because >&2; exit 3"))

    assert (caught.value.status, caught.value.stderr) == (3, "because\n")
