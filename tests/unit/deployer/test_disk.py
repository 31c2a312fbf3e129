"""A lack of room is named: whose disk it is, and what helps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.deployer.adapters import disk, process
from services.deployer.adapters.connection import failure
from services.deployer.adapters.nix import Nix, NixSystemBuilder
from shared import errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FULL = Path("/dev/full")
FILL_UP = ("/bin/sh", "-c", f"cat /proc/version > {FULL}")


async def out_of_room(
    argv: Sequence[str],
    *,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
    seconds: float = 60.0,
) -> bytes:
    """Run a program that runs out of room, whatever was to be run."""
    assert argv
    return await process.run(FILL_UP, stdin=stdin, environment=environment, seconds=seconds)


async def test_a_build_that_runs_out_of_room_names_deployer_s_own_disk(tmp_path: Path) -> None:
    builder = NixSystemBuilder(
        nix=Nix(store=None), expression=tmp_path, work_directory=tmp_path, run=out_of_room
    )

    with pytest.raises(errors.FaultError, match=r"deployer\.disk_full") as found:
        await builder.build("machine", "{}")

    assert "deployer's host is full (nix-build)" in found.value.message
    assert "nix-collect-garbage" in found.value.message


def test_a_file_that_does_not_fit_names_deployer_s_own_disk() -> None:
    with pytest.raises(errors.FaultError, match=r"deployer\.disk_full"), disk.writing(FULL):
        FULL.write_text("text")


def test_a_file_that_cannot_be_written_for_another_reason_is_tried_again(tmp_path: Path) -> None:
    file = tmp_path / "missing" / "file"

    with pytest.raises(errors.UnavailableError, match=r"unwritable"), disk.writing(file):
        file.write_text("text")


def test_a_connection_that_finds_no_room_for_its_socket_names_deployer_s_own_disk() -> None:
    error = errors.CommandError(("ssh",), 255, "unix_listener: No space left on device")

    assert failure("machine", error).code == "deployer.disk_full"


def test_room_is_where_some_is_left(tmp_path: Path) -> None:
    assert not disk.is_full_at(tmp_path)
    assert not disk.is_full_at(tmp_path / "missing")
