"""What machines say about an application's state, and what their refusals mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.deployer.adapters import ssh
from services.deployer.domain import (
    Carried,
    Folder,
    FolderVerb,
    Headway,
    Permit,
    RebootedError,
    System,
    UnitVerb,
)
from shared import errors

from .scripted import BOOT, DOCUMENT, ScriptedConnection, carried

if TYPE_CHECKING:
    from services.deployer.adapters.ssh import SshHost

PROGRESS = {"progress": {"what": "rows", "done": 1, "total": None, "unit": "rows"}}
RESULT = {
    "result": {
        "manifest": "manifest.json",
        "sha256": "0" * 64,
        "export": "one",
        "rows": 3,
        "files": 2,
        "bytes": 17,
        "not_included": ["table sessions"],
        "notes": [],
    }
}


async def test_progress_is_told_and_the_result_returned(
    host: SshHost, connection: ScriptedConnection
) -> None:
    connection.says = [PROGRESS, RESULT]

    found, heard = await carried(host)

    assert heard == [Headway(what="rows", done=1, total=None, unit="rows")]
    assert found == Carried(
        manifest="manifest.json",
        sha256="0" * 64,
        rows=3,
        files=2,
        bytes=17,
        not_included=("table sessions",),
    )


async def test_credentials_travel_on_standard_input_and_nowhere_else(
    host: SshHost, connection: ScriptedConnection
) -> None:
    connection.says = [RESULT]

    await carried(host)

    [(command, stdin)] = connection.asked
    assert stdin.decode() == DOCUMENT
    assert "the-key" not in command
    assert command.endswith("exec /run/current-system/bin/fediversity-state export garden")
    assert BOOT in command


@pytest.mark.parametrize(
    ("status", "kind"),
    [(75, errors.UnavailableError), (1, errors.FaultError), (2, errors.FaultError)],
)
async def test_an_error_keeps_its_code_and_says_whether_another_try_may_help(
    host: SshHost, connection: ScriptedConnection, status: int, kind: type[errors.HostingError]
) -> None:
    connection.says = [PROGRESS, {"error": {"code": "store.away", "message": "no answer"}}]
    connection.status = status

    with pytest.raises(errors.HostingError) as found:
        await carried(host)

    assert type(found.value) is kind
    assert (found.value.code, found.value.message) == ("store.away", "no answer")


@pytest.mark.parametrize(
    "said",
    [
        b"Traceback (most recent call last)\n",
        b"\xff\xfe\n",
        b"{\n",
        b"[]\n",
        b"{}\n",
        {"result": {"manifest": "manifest.json"}},
        {"progress": {"what": "rows"}},
        {"error": "in words"},
        {"more": 1},
    ],
)
async def test_what_cannot_be_read_is_an_error(
    host: SshHost, connection: ScriptedConnection, said: object
) -> None:
    connection.says = [said, RESULT]

    with pytest.raises(errors.FaultError, match=r"state\.unreadable"):
        await carried(host)


async def test_without_a_result_nothing_was_carried(
    host: SshHost, connection: ScriptedConnection
) -> None:
    connection.says = [PROGRESS]

    with pytest.raises(errors.FaultError, match=r"state\.unreadable"):
        await carried(host)


async def test_a_result_of_a_program_that_failed_is_none(
    host: SshHost, connection: ScriptedConnection
) -> None:
    connection.says, connection.status = [RESULT], 1

    with pytest.raises(errors.CommandError):
        await carried(host)


@pytest.mark.parametrize(
    ("status", "complaint", "kind"),
    [
        (255, "Connection closed by remote host", errors.UnavailableError),
        (97, "", RebootedError),
        (127, "not found", errors.CommandError),
        (-9, "", errors.CommandError),
    ],
)
async def test_a_machine_that_is_lost_or_another_one_is_told_apart(
    host: SshHost,
    connection: ScriptedConnection,
    status: int,
    complaint: str,
    kind: type[Exception],
) -> None:
    connection.says, connection.status, connection.complaint = [PROGRESS], status, complaint

    with pytest.raises(kind):
        await carried(host)


async def test_units_are_named_one_by_one_in_the_boot_that_is_meant(
    host: SshHost, connection: ScriptedConnection
) -> None:
    await host.units(BOOT, UnitVerb.STOP, ["two", "one"])

    [(command, _)] = connection.asked
    assert BOOT in command
    assert "units stop two" in command
    assert command.index("two") < command.index("one", command.index("two"))


@pytest.mark.parametrize("status", [1, 3, 75, 255])
async def test_what_a_command_of_a_package_complains_about_is_returned(
    host: SshHost, connection: ScriptedConnection, status: int
) -> None:
    # Whatever it ends with, the shell around it ends with the one status that means just that.
    connection.status, connection.complaint = ssh.FAILED, "x" * 500 + " the avatar is missing\n"

    said = await host.perform(BOOT, "garden", ["/bin/check", "{state}", f"exit {status}"])

    assert said.endswith("the avatar is missing")
    assert len(said) <= ssh.LAST_WORDS
    [(command, _)] = connection.asked
    assert f"|| exit {ssh.FAILED}" in command


async def test_a_folder_is_what_the_machine_says(
    host: SshHost, connection: ScriptedConnection
) -> None:
    connection.says = ["imported\n"]
    assert await host.folder(BOOT, FolderVerb.STATUS, "garden", "one") is Folder.IMPORTED

    connection.says = ["something else"]
    with pytest.raises(errors.FaultError, match=r"machine\.unreadable"):
        await host.folder(BOOT, FolderVerb.STATUS, "garden", "one")


@pytest.mark.parametrize("status", [2, 126, 127])
async def test_a_folder_of_what_a_system_does_not_have_is_looked_for_on_the_disk(
    host: SshHost, connection: ScriptedConnection, status: int
) -> None:
    connection.failures = [errors.CommandError(("ssh",), status, "no application garden")]
    connection.says = ["none\n"]

    assert await host.folder(BOOT, FolderVerb.STATUS, "garden", "one") is Folder.NONE

    [_, (command, _)] = connection.asked
    assert "/var/lib/fediversity/aside/garden/one" in command
    assert BOOT in command


@pytest.mark.parametrize(("verb", "status"), [(FolderVerb.PUT_BACK, 2), (FolderVerb.STATUS, 1)])
async def test_another_failure_with_a_folder_is_one(
    host: SshHost, connection: ScriptedConnection, verb: FolderVerb, status: int
) -> None:
    connection.failures = [errors.CommandError(("ssh",), status, "no")]

    with pytest.raises(errors.CommandError):
        await host.folder(BOOT, verb, "garden", "one")


async def test_a_disk_of_another_time_is_a_conflict_that_says_why(
    host: SshHost, connection: ScriptedConnection
) -> None:
    connection.status, connection.complaint = ssh.OTHER_TIME, "this disk is an old copy\n"

    with pytest.raises(errors.ConflictError, match="was not started: this disk is an old copy"):
        await host.place(System("/nix/store/abc"), Permit(epoch=2, boot_id=BOOT, known=2), {})

    [(command, _)] = connection.asked
    assert f"/bin/place-permit 2 {BOOT} 2 && " in command
