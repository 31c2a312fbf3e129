"""A disk that is too small for an import: what was there stays, and somebody hears what to do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from tests.support import state
from tests.support.servers import miss, require, throwaway_directory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.state import Carrier

MIB = 2**20
ROOM = 64
"""Mebibytes that the program wants to be left."""
ROWS = "create table posts as select i, repeat(md5(i::text), 30) from generate_series(1, 40000) i"
FOLDER = 4 * MIB


@contextmanager
def disk(size: str) -> Iterator[Path]:
    """Yield the top of a file system of its own, which everybody may pass through."""
    with throwaway_directory() as place:
        top = place / "disk"
        top.mkdir()
        mount = ("mount", "-t", "tmpfs", "-o", f"mode=0755,{size}", "small", str(top))
        if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode:
            miss("only root can mount a small file system; run the tests as root")
        try:
            yield top
        finally:
            subprocess.run(("umount", str(top)), check=True)


def enlarge(top: Path, size: int) -> None:
    """Give a file system more mebibytes."""
    subprocess.run(("mount", "-o", f"remount,size={size}m", top), check=True)


@pytest.fixture
def carrier(stateless: Carrier, tmp_path: Path) -> Carrier:
    require("restic", "restic")
    top = tmp_path / "garden" / "avatars"
    (top / "below").mkdir(parents=True)
    for number in range(100):
        (top / "below" / f"{number}").write_bytes(os.urandom(FOLDER // 100))
    stateless.path(top)
    return stateless


def moved(carrier: Carrier, top: Path) -> Path:
    """Let the application be on another disk, where it has an empty folder; return that."""
    there = top / "garden" / "avatars"
    there.mkdir(parents=True)
    carrier.give(there)
    carrier.paths[0]["path"] = str(there)
    carrier.folder = top / "work"
    return there


def left(top: Path) -> set[str]:
    """Return what is on a disk besides folders of which nothing is in."""
    return {it.name for it in top.rglob("*") if not it.is_dir() and it.name != "lock"}


def seen(folder: Path) -> tuple[object, ...]:
    """Return by what a folder shows that nobody touched it."""
    status = folder.stat()
    return (status.st_ino, status.st_mode, status.st_uid, status.st_ctime_ns, [*folder.iterdir()])


async def test_nothing_is_begun_that_does_not_fit(carrier: Carrier) -> None:
    async with state.with_database(carrier):
        await carrier.owned.run_as_owner(carrier.name, "create table posts as select 1 as i")
        assert carrier.run("export").result["files"] == 100
        await carrier.moved_aside()
        with disk(f"size={ROOM + 3}m") as top:
            there = moved(carrier, top)
            before = seen(there)
            for verb in ("verify", "import"):
                refused = carrier.run(verb)

                assert refused.code == "space.missing"
                assert (
                    "nothing was changed: make the machine's disk larger"
                    in refused.error["message"]
                )
                assert seen(there) == before
                assert not left(top)
            assert carrier.run("status").result["state"] == "empty"
            enlarge(top, ROOM + 9)
            assert carrier.run("import").result["files"] == 100


def test_a_disk_without_room_for_so_many_files_is_too_small(carrier: Carrier) -> None:
    carrier.run("export").result  # noqa: B018 - fails where it has none
    with disk(f"size={2 * ROOM}m,nr_inodes=90") as top:
        moved(carrier, top)

        refused = carrier.run("import")

        assert refused.code == "space.missing"
        assert "has 101 files, folders and links" in refused.error["message"]
        assert not left(top)


@pytest.mark.parametrize("verb", ["verify", "import"])
def test_a_disk_that_others_fill_meanwhile_ends_it(carrier: Carrier, verb: str) -> None:
    carrier.run("export").result  # noqa: B018 - fails where it has none
    with disk(f"size={ROOM + 9}m") as top:
        moved(carrier, top)
        with carrier.started(verb) as process:
            assert process.stdout is not None
            lines = [next(process.stdout)]
            while '"files of avatars"' not in lines[-1]:
                lines.append(next(process.stdout))
            fill(top / "other")
            lines += process.stdout.readlines()

        error = json.loads(lines[-1])["error"]
        assert process.returncode == 1
        assert error["code"] == "space.missing", error
        assert "make room" in error["message"]
        assert left(top) == {"other"}
        (top / "other").unlink()
        assert carrier.run("status").result["state"] == "empty"
        assert carrier.run(verb).result["files"] == 100


def fill(path: Path) -> None:
    """Write until there is no room, as another application may."""
    end = 0
    with path.open("wb") as file:
        # Half of what there is at a time: others write meanwhile, and take less than the rest.
        while free := shutil.disk_usage(path).free:
            size = max(4096, free // 8192 * 4096)
            with suppress(OSError):
                os.posix_fallocate(file.fileno(), end, size)
                end += size


async def test_a_server_whose_disk_is_full_leaves_a_mark_and_can_go_on(stateless: Carrier) -> None:
    with disk("size=30m") as top:
        place = top / "tablespace"
        place.mkdir()
        stateless.give(place)
        async with stateless.owned.connected() as connection:
            await connection.execute(f"create tablespace small location '{place}'")
        async with state.with_database(stateless):
            await stateless.owned.run_as_owner(stateless.name, ROWS)
            exported = stateless.run("export").result
            before = await stateless.moved_aside("tablespace small")

            refused = stateless.run("import")

            assert refused.code == "space.missing"
            assert "No space left on device" in refused.error["message"]
            assert "make room on the disk of its server" in refused.error["message"]
            assert stateless.run("status").result["export"] == "first"
            enlarge(top, 200)
            assert stateless.run("import").result["rows"] == exported["rows"]
            assert stateless.owned.dump(stateless.name) == stateless.owned.dump(before)
        await stateless.owned.drop(stateless.name)
        async with stateless.owned.connected() as connection:
            await connection.execute("drop tablespace small")
