"""What a machine says, however much that is: nothing that events or rows cannot take comes in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from services.deployer.adapters import reports, ssh, state, vitals, words
from services.deployer.domain import Permit, System
from shared import errors

from .scripted import BOOT, ScriptedConnection, carried

if TYPE_CHECKING:
    from services.deployer.adapters.ssh import SshHost

SYSTEM = System("/nix/store/abc-system")
FLOOD = "so many words " * 100_000
UNTELLABLE = "\x00\x07\x1b[31mred\x1b[0m\u202e\ud800"
RESULT = {
    "manifest": "manifest.json",
    "sha256": "0" * 64,
    "rows": 3,
    "files": 2,
    "bytes": 17,
    "not_included": [],
}


def progress(what: str, **more: object) -> dict[str, object]:
    return {"progress": {"what": what, "done": 1, "total": None, "unit": "rows"} | more}


def test_few_words_stay_as_they_are() -> None:
    assert words.said("the avatar is missing\nrestore it, ünd hurry") == (
        "the avatar is missing\nrestore it, ünd hurry"
    )


def test_many_words_lose_their_middle_and_that_is_marked() -> None:
    found = words.said(f"it began\n{FLOOD}\nit ended")

    assert len(found) <= words.LONGEST
    assert found.startswith("it began\n")
    assert words.CUT in found
    assert found.endswith("\nit ended")


def test_what_is_no_word_is_left_out() -> None:
    found = words.said(f"the {UNTELLABLE}\r\n\tavatar")

    assert found == "the red \n avatar"
    json.dumps(found, ensure_ascii=False).encode()


def test_long_lists_are_cut_and_say_how_much_is_missing() -> None:
    assert words.listed(["one", "two"]) == ("one", "two")

    found = words.listed(["x" * 1000] * 500)

    assert sum(map(len, found)) <= words.LONGEST_LIST + 100
    assert found[-1] == f"and {500 - len(found) + 1} more"


async def test_a_complaint_of_a_disk_is_bounded(
    host: SshHost, connection: ScriptedConnection
) -> None:
    connection.status, connection.complaint = ssh.OTHER_TIME, FLOOD + UNTELLABLE

    with pytest.raises(errors.ConflictError) as found:
        await host.place(SYSTEM, Permit(epoch=2, boot_id=BOOT, known=2), {})

    assert len(found.value.message) < words.LONGEST + 200
    assert "\x00" not in found.value.message


async def test_a_complaint_of_a_package_is_bounded(
    host: SshHost, connection: ScriptedConnection
) -> None:
    connection.status, connection.complaint = ssh.FAILED, f"{FLOOD}{UNTELLABLE} is missing"

    said = await host.perform(BOOT, "garden", ["/bin/check"])

    assert len(said) <= ssh.LAST_WORDS
    assert said.endswith("is missing")
    assert "\x00" not in said


def test_the_reason_of_a_switch_is_bounded() -> None:
    found = reports.switch(f"rolled_back 2 {FLOOD}{UNTELLABLE}")

    assert len(found.reason) <= words.LONGEST
    assert "\x00" not in found.reason


@pytest.mark.parametrize("number", ["9" * 10, "9" * 5000])
def test_a_generation_that_no_row_takes_is_none(number: str) -> None:
    with pytest.raises(errors.FaultError, match=r"machine\.unreadable") as found:
        reports.switch(f"activated {number}")

    assert len(found.value.message) < words.LONGEST


@pytest.mark.parametrize(
    "text", ["", "\n", f"{FLOOD}\n/nix/store/a", f"{BOOT}\n/{'a' * 10_000}", f"{BOOT}\n\x00"]
)
def test_what_is_no_boot_or_no_system_is_unreadable(text: str) -> None:
    with pytest.raises(errors.FaultError, match=r"machine\.unreadable") as found:
        reports.sighting(text)

    assert len(found.value.message) < words.LONGEST


def test_a_machine_that_has_not_activated_anything_can_be_read() -> None:
    assert reports.sighting(f"{BOOT}\n").system == ""
    assert reports.sighting(f"{BOOT}\n{SYSTEM}\n").system == SYSTEM


def test_what_units_are_said_to_be_is_bounded() -> None:
    usage = "/dev/vda 100 9 91 9% /var/lib"

    found = vitals.read(f"{BOOT}\n{SYSTEM}\n{usage}\nblog {'x' * 100_000} restarts=0\n")

    assert len(found.units["blog"]) <= words.LONGEST_NAME
    for percent in ("1234", "9" * 5000):
        with pytest.raises(errors.FaultError, match=r"machine\.unreadable"):
            vitals.read(f"{BOOT}\n{SYSTEM}\n/dev/vda 100 9 91 {percent}% /var/lib\n")


async def test_an_error_of_the_program_is_bounded(
    host: SshHost, connection: ScriptedConnection
) -> None:
    connection.says = [{"error": {"code": "x" * 5000, "message": f"{FLOOD}\x00"}}]
    connection.status = 1

    with pytest.raises(errors.FaultError) as found:
        await carried(host)

    assert len(found.value.message) <= words.LONGEST
    assert len(found.value.code) <= words.LONGEST_NAME


async def test_what_was_not_included_is_bounded(
    host: SshHost, connection: ScriptedConnection
) -> None:
    connection.says = [{"result": RESULT | {"not_included": [f"\x00{'x' * 5000}"] * 500}}]

    found, _ = await carried(host)

    assert len(json.dumps(getattr(found, "not_included"))) < 3 * words.LONGEST_LIST  # noqa: B009


@pytest.mark.parametrize(
    "wrong",
    [{"manifest": "x" * 5000}, {"sha256": "no"}, {"rows": 10**30}, {"bytes": -1}],
)
async def test_a_result_that_no_row_takes_cannot_be_read(
    host: SshHost, connection: ScriptedConnection, wrong: dict[str, object]
) -> None:
    connection.says = [{"result": RESULT | wrong}]

    with pytest.raises(errors.FaultError, match=r"state\.unreadable"):
        await carried(host)


@pytest.mark.parametrize(
    "said", [b"[" * 100_000 + b"\n", json.dumps(progress("rows", done=10**30)).encode() + b"\n"]
)
async def test_progress_that_cannot_be_told_cannot_be_read(
    host: SshHost, connection: ScriptedConnection, said: bytes
) -> None:
    connection.says = [said, {"result": RESULT}]

    with pytest.raises(errors.FaultError, match=r"state\.unreadable"):
        await carried(host)


async def test_progress_is_told_in_few_words(host: SshHost, connection: ScriptedConnection) -> None:
    connection.says = [progress(FLOOD, unit=FLOOD), {"result": RESULT}]

    _, [heard] = await carried(host)

    assert len(heard.what) <= words.LONGEST_NAME
    assert len(heard.unit) <= words.LONGEST_NAME


async def test_a_flood_of_progress_is_told_in_part(
    host: SshHost, connection: ScriptedConnection
) -> None:
    many = [progress(f"table {number}") for number in range(3 * state.MOST_KINDS)]
    connection.says = [*many, *[progress("table 1")] * 10_000, {"result": RESULT}]

    found, heard = await carried(host)

    assert found
    assert len({it.what for it in heard}) == state.MOST_KINDS
    assert len(heard) < 2 * state.MOST_TOLD
