"""Folders are carried through a bucket and are the same afterwards, for `find` and `sha256sum`."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import state
from tests.support.servers import miss, require

if TYPE_CHECKING:
    from tests.support.state import Carrier

MANIFEST = "exports/one/manifest.json"
OTHER = {"files_password": "other"}
OLD = 946684800_123456789


@pytest.fixture
def avatars(tmp_path: Path) -> Path:
    """Return a folder with some of everything that is hard to carry."""
    require("restic", "restic")
    top = tmp_path / "garden" / "avatars"
    (top / "deep" / "er").mkdir(parents=True)
    (top / "no files").mkdir(mode=0o700)
    (top / "deep" / "er" / "big").write_bytes(os.urandom(3_000_000))
    (top / "a name with 'quotes' and ö").write_text("text")
    (top / os.fsdecode(b"not utf-8 \xff\xfe")).write_text("latin")
    (top / "*[glob]? $HOME\nline").write_text("awkward")
    (top / "empty").touch(mode=0o640)
    (top / "program").write_text("#!/bin/sh\n")
    (top / "program").chmod(0o755)
    (top / "link").symlink_to("deep/er/big")
    (top / "dangling").symlink_to("/nowhere/at/all")
    (top / "twin").hardlink_to(top / "program")
    (top / "deep" / "cache").mkdir()
    (top / "deep" / "cache" / "x").write_text("not worth it")
    (top / "thumbs" / "small").mkdir(parents=True)
    (top / "thumbs" / "small" / "y.tmp").write_text("neither")
    (top / "thumbs" / "kept").write_text("but this")
    os.mkfifo(top / "pipe")
    os.utime(top / "empty", ns=(OLD, OLD))
    os.utime(top / "deep", ns=(OLD, OLD))
    top.chmod(0o750)
    return top


@pytest.fixture
def carrier(stateless: Carrier, avatars: Path) -> Carrier:
    stateless.path(avatars)
    return stateless


def is_empty(path: Path) -> bool:
    return not any(path.iterdir())


def moved_aside(avatars: Path) -> Path:
    """Leave an empty folder where the exported one was; return where that is now."""
    before = avatars.with_name("before")
    avatars.rename(before)
    avatars.mkdir()
    # As the application's own system would have made it.
    shutil.chown(avatars, *ids(before))
    return before


def ids(path: Path) -> tuple[int, int]:
    return path.stat().st_uid, path.stat().st_gid


def test_everything_in_a_folder_is_the_same_afterwards(carrier: Carrier, avatars: Path) -> None:
    exported = carrier.run("export").result
    before = moved_aside(avatars)
    imported = carrier.run("import", manifest_sha256=exported["sha256"]).result

    (before / "pipe").unlink()
    os.utime(before / "deep", ns=(OLD, OLD))
    assert state.tree_as_seen(avatars) == state.tree_as_seen(before)
    assert avatars.stat().st_mode == before.stat().st_mode
    assert imported["files"] == exported["files"] == 10
    assert any("pipe" in it for it in exported["not_included"])
    assert carrier.run("import").result["kept"]
    assert carrier.run("status").result["state"] == "complete"


def test_what_the_application_leaves_out_stays_behind(carrier: Carrier, avatars: Path) -> None:
    carrier.paths[0]["excludes"] = ["cache", "thumbs/*/*.tmp"]

    result = carrier.run("export").result
    moved_aside(avatars)
    carrier.run("import").result  # noqa: B018 - fails where it has none

    assert not (avatars / "deep" / "cache").exists()
    assert not (avatars / "thumbs" / "small" / "y.tmp").exists()
    assert (avatars / "thumbs" / "kept").read_text() == "but this"
    assert sum("cache" in it or ".tmp" in it for it in result["not_included"]) == 2


def test_files_get_the_owner_of_the_folder_whoever_had_them(
    carrier: Carrier, avatars: Path
) -> None:
    account = carrier.owned.account
    # Only root gives files to somebody else; anybody else only has their own.
    if account:
        os.chown(avatars / "program", 54321, 54321)

    result = carrier.run("export").result
    moved_aside(avatars)
    carrier.run("import").result  # noqa: B018 - fails where it has none

    owners = {it.lstat().st_uid for it in (*avatars.rglob("*"), avatars)}
    assert owners == {account[0] if account else os.geteuid()}
    assert any("54321" in it for it in result["notes"]) == (account is not None)
    assert carrier.run("import").result["kept"]


async def test_a_changed_bit_in_what_was_saved_is_refused_before_anything_is_touched(
    carrier: Carrier, avatars: Path
) -> None:
    carrier.run("export").result  # noqa: B018 - fails where it has none
    moved_aside(avatars)
    packs = {it: was for it, was in (await carrier.objects()).items() if "/files/data/" in it}
    name, content = max(packs.items(), key=lambda it: len(it[1]))

    await carrier.replace(name, state.flipped(content, len(content) // 2))
    damaged = carrier.run("import")

    assert damaged.status == 1
    assert damaged.code == "files.damaged"
    assert is_empty(avatars)
    assert carrier.run("status").result["state"] == "empty"
    await carrier.replace(name, content)
    assert carrier.run("import").result["files"] == 10


async def test_a_list_of_files_that_is_damaged_is_refused(carrier: Carrier, avatars: Path) -> None:
    carrier.run("export").result  # noqa: B018 - fails where it has none
    moved_aside(avatars)
    [name] = [it for it in await carrier.objects() if "/chunks/" in it]
    await carrier.replace(name, b"something else")

    assert carrier.run("import").code == "chunk.damaged"
    assert is_empty(avatars)


def test_another_password_opens_nothing(carrier: Carrier, avatars: Path) -> None:
    carrier.run("export").result  # noqa: B018 - fails where it has none

    assert carrier.run("export", **OTHER).code == "files.password"
    moved_aside(avatars)
    assert carrier.run("import", **OTHER).code == "files.password"
    assert is_empty(avatars)


async def test_files_that_change_meanwhile_are_carried_as_they_were_saved(
    carrier: Carrier, avatars: Path
) -> None:
    is_over = threading.Event()

    def write() -> None:
        number = 0
        while not is_over.wait(0.002):
            number += 1
            (avatars / f"busy-{number % 3}").write_text(str(number))
            (avatars / f"new-{number}").write_text(str(number))
            (avatars / f"new-{number - 2}").unlink(missing_ok=True)

    writing = asyncio.create_task(asyncio.to_thread(write))
    try:
        exported = (await asyncio.to_thread(carrier.run, "export")).result
    finally:
        is_over.set()
        await writing
    moved_aside(avatars)

    assert carrier.run("import").result["files"] == exported["files"] >= 10


def test_a_folder_that_is_used_is_not_touched(carrier: Carrier, avatars: Path) -> None:
    carrier.run("export").result  # noqa: B018 - fails where it has none
    (avatars / "new").write_text("later")
    used = state.tree_as_seen(avatars)

    refused = carrier.run("import")

    assert refused.status == 1
    assert refused.code == "target.not_empty"
    assert state.tree_as_seen(avatars) == used


@pytest.mark.parametrize("was_there", [True, False])
@pytest.mark.parametrize("is_there", [True, False])
def test_a_folder_in_which_nothing_is_can_be_carried(
    stateless: Carrier, tmp_path: Path, *, was_there: bool, is_there: bool
) -> None:
    path = tmp_path / "garden" / "avatars"
    (path if was_there else path.parent).mkdir(parents=True)
    stateless.path(path)

    stateless.run("export").result  # noqa: B018 - fails where it has none
    if was_there and not is_there:
        path.rmdir()
    elif is_there and not was_there:
        path.mkdir()
    stateless.run("import").result  # noqa: B018 - fails where it has none

    assert path.exists() == was_there
    assert stateless.run("status").result["state"] == "empty"


def test_a_path_behind_a_link_is_refused(carrier: Carrier, avatars: Path) -> None:
    carrier.run("export").result  # noqa: B018 - fails where it has none
    garden = avatars.parent
    garden.rename(garden.with_name("elsewhere"))
    garden.symlink_to(garden.with_name("elsewhere"))

    assert carrier.run("import").code == "path.unusable"


def test_a_folder_of_marks_on_another_disk_is_refused(carrier: Carrier) -> None:
    carrier.run("export").result  # noqa: B018 - fails where it has none
    memory = Path("/dev/shm")  # noqa: S108 - a file system of its own is the point
    if not memory.is_dir():
        miss("no second file system; run: mount -t tmpfs --mkdir tmpfs /dev/shm")
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        carrier.folder = Path(folder)

        assert carrier.run("import").code == "path.unusable"


async def test_a_list_that_leads_out_of_the_folder_is_refused(
    carrier: Carrier, avatars: Path
) -> None:
    carrier.run("export").result  # noqa: B018 - fails where it has none
    moved_aside(avatars)
    manifest = json.loads((await carrier.objects())[MANIFEST])
    manifest["paths"][0]["snapshot"] = "--target=/etc"
    await carrier.replace(MANIFEST, json.dumps(manifest).encode())

    assert carrier.run("import").code == "manifest.damaged"
