"""What machines have written is compared with what they were asked for, when nobody can write."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from shared import ids
from shared.contracts.failures import Outcome
from shared.contracts.state import CarriedApplication
from shared.contracts.storage import BackupCompleted, StorageFailed
from tests.integration.storage.backups import exported, given, holder
from tests.integration.storage.events import HELLO, backup_requested, manifest, state_exported

if TYPE_CHECKING:
    from shared.contracts.deployer import StateExported
    from shared.contracts.storage import StateExportRequested

    from .conftest import Rig

OTHER = CarriedApplication(application="other", version="1.0.0")


async def begun(rig: Rig) -> StateExportRequested:
    """Let a backup of two applications be exported."""
    await given(rig)
    return await exported(rig, backup_requested(rig.deployment, HELLO, OTHER))


def content(rig: Rig, asked: StateExportRequested) -> dict[str, bytes]:
    return rig.store.buckets[asked.staging.granted.bucket]


async def refused(rig: Rig, said: StateExported, code: str = "backup.export_differs") -> str:
    """Let storage hear of an export that must be refused; return what it says of it."""
    copies = rig.copier.copies

    failed = await rig.ask(said, StorageFailed, number=2)

    assert (failed.stage, failed.failure.code) == ("verify", code)
    assert failed.outcome is Outcome.UNCHANGED
    assert rig.copier.copies == copies
    return failed.failure.message


def with_manifest(rig: Rig, asked: StateExportRequested, written: bytes) -> StateExported:
    """Let a machine write this manifest of the second application, and say so."""
    content(rig, asked)["state/other/manifest.json"] = written
    said = state_exported(asked)
    hello, other = said.applications
    other = other.model_copy(update={"sha256": hashlib.sha256(written).hexdigest()})
    return said.model_copy(update={"applications": (hello, other)})


async def test_the_key_is_gone_before_anything_is_compared(rig: Rig) -> None:
    asked = await begun(rig)
    bucket = asked.staging.granted.bucket
    could_write = []

    def look() -> None:
        could_write.append(bucket in rig.store.holders)

    rig.copier.before_read = look
    await rig.ask(state_exported(asked), BackupCompleted, number=2)

    assert could_write == [False, False]


@pytest.mark.parametrize(
    "key",
    [
        "state/another/manifest.json",
        "state/hello-2/chunks/1",
        "objects/hello/media/pictures/planted.png",
        "index.json",
        "anything",
    ],
)
async def test_what_nobody_had_asked_for_fails_the_backup(rig: Rig, key: str) -> None:
    asked = await begun(rig)
    await holder(rig, asked.staging).put(asked.staging.granted.bucket, key, b"planted")

    assert key in await refused(rig, state_exported(asked))


async def test_an_application_that_nobody_had_asked_for_fails_the_backup(rig: Rig) -> None:
    asked = await begun(rig)
    said = state_exported(asked)
    more = said.applications[0].model_copy(update={"application": "third"})

    message = await refused(
        rig, said.model_copy(update={"applications": (*said.applications, more)})
    )

    assert "hello, other, third was exported, and hello, other was asked for" in message


async def test_an_application_that_is_named_twice_fails_the_backup(rig: Rig) -> None:
    asked = await begun(rig)
    said = state_exported(asked)

    await refused(rig, said.model_copy(update={"applications": said.applications * 2}))


async def test_a_manifest_at_another_applications_place_fails_the_backup(rig: Rig) -> None:
    asked = await begun(rig)
    said = state_exported(asked)
    hello, other = said.applications
    borrowed = other.model_copy(update={"manifest": hello.manifest, "sha256": hello.sha256})

    await refused(rig, said.model_copy(update={"applications": (hello, borrowed)}))


async def test_a_manifest_that_is_about_something_else_fails_the_backup(rig: Rig) -> None:
    for other in (
        {"application": "hello"},
        {"version": "2.0.0"},
        {"export": ids.new_id()},
        {"format": "another"},
    ):
        asked = await exported(rig, backup_requested(rig.deployment, HELLO, OTHER))
        named = {"export": asked.export, "application": "other", **other}

        await refused(rig, with_manifest(rig, asked, manifest(**named)))


@pytest.mark.parametrize("written", [b"", b"{", b"[]", b"[" * 100_000, b"\xff", b'{"format": 3}'])
async def test_a_manifest_that_cannot_be_read_fails_the_backup(rig: Rig, written: bytes) -> None:
    asked = await begun(rig)

    assert "other" in await refused(rig, with_manifest(rig, asked, written))


@pytest.mark.parametrize("now", [None, b"row"])
async def test_what_a_manifest_names_has_to_be_there(rig: Rig, now: bytes | None) -> None:
    asked = await begun(rig)
    del content(rig, asked)["state/other/chunks/1"]
    if now is not None:
        content(rig, asked)["state/other/chunks/1"] = now

    assert "chunks/1 of other" in await refused(rig, state_exported(asked))


async def test_a_manifest_that_is_missing_fails_the_backup(rig: Rig) -> None:
    asked = await begun(rig)
    del content(rig, asked)["state/other/manifest.json"]

    await refused(rig, state_exported(asked), "backup.manifest_differs")
