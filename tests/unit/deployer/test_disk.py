"""A lack of room is named: whose disk it is, and what helps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from services.deployer.adapters import disk, process
from services.deployer.adapters.connection import Connection, failure
from services.deployer.adapters.nix import Nix, NixSystemBuilder
from services.deployer.adapters.ssh import SshHost
from services.deployer.domain import SwitchResult, System
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


@dataclass(slots=True, kw_only=True)
class ScriptedConnection(Connection):
    """Leads to a machine that answers every command with one text, and to which nothing copies."""

    answer: str
    complaint: str = ""

    @override
    async def open(self) -> None:
        return

    @override
    async def do(self, command: str, *, stdin: bytes = b"", seconds: float = 0.0) -> str:
        assert command
        return self.answer

    @override
    async def local(
        self,
        argv: list[str],
        *,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        seconds: float = 0.0,
    ) -> bytes:
        raise errors.CommandError(argv, 1, self.complaint)


def a_host(folder: Path, *, answer: str, complaint: str = "") -> SshHost:
    connection = ScriptedConnection(
        machine="fdv-1",
        configuration=folder / "conf",
        socket=folder / "s",
        run=process.run,
        answer=answer,
        complaint=complaint,
    )
    return SshHost(connection=connection, nix=Nix(store=folder))


@pytest.mark.parametrize(
    ("complaint", "kilobytes_left", "code"),
    [
        ("error: writing to file: No space left on device", "5000", "machine.disk_full"),
        ("executing SQLite statement: disk I/O error", "0", "machine.disk_full"),
        ("executing SQLite statement: disk I/O error", "5000", "command.failed"),
    ],
)
async def test_a_copy_that_fails_for_want_of_room_names_the_machine(
    tmp_path: Path, complaint: str, kilobytes_left: str, code: str
) -> None:
    host = a_host(tmp_path, answer=f"{kilobytes_left}\n", complaint=complaint)

    with pytest.raises(errors.FaultError) as found:
        await host.copy(System("/nix/store/x"), verify=False)

    assert found.value.code == code


async def test_an_activation_that_finds_no_room_says_so_in_one_sentence(tmp_path: Path) -> None:
    reason = "the activation failed: mkdir: can't create directory: No space left on device"
    host = a_host(tmp_path, answer=f"rolled_back 2 {reason}\n")

    switch = await host.switch("boot", System("/nix/store/x"), 60)

    assert switch.result is SwitchResult.ROLLED_BACK
    assert switch.reason == disk.full_in("fdv-1").message


def test_room_is_where_some_is_left(tmp_path: Path) -> None:
    assert not disk.is_full_at(tmp_path)
    assert not disk.is_full_at(tmp_path / "missing")
