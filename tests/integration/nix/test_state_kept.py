"""What `verify` restored is what `import` puts in place, when it still is what was exported."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support import state
from tests.support.servers import miss

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.state import Carrier

NO_ROOM = state.limited({"folders.SHARE": 2**50})


@pytest.fixture
async def carrier(blog: Carrier, tmp_path: Path) -> Carrier:
    """Return what carries a blog that was exported and verified, and is to be imported."""
    blog.run("export").result  # noqa: B018 - fails where it has none
    await blog.moved_aside()
    folder = avatars(tmp_path)
    folder.rename(folder.with_name("before"))
    folder.mkdir()
    blog.give(folder)
    blog.run("verify").result  # noqa: B018 - fails where it has none
    return blog


def avatars(tmp_path: Path) -> Path:
    return tmp_path / "garden" / "avatars"


def kept(carrier: Carrier) -> Path:
    return carrier.folder / "garden" / "verified"


def tree(carrier: Carrier) -> Path:
    [found] = [it for it in kept(carrier).iterdir() if it.is_dir()]
    return found


async def without_snapshots(carrier: Carrier) -> None:
    """Let nothing be restored any more."""
    for it in await carrier.objects():
        if "/files/" in it:
            await carrier.remove(it)


async def test_what_was_verified_is_not_restored_again(carrier: Carrier, tmp_path: Path) -> None:
    await without_snapshots(carrier)

    assert carrier.run("import").result["files"] == 1

    before = avatars(tmp_path).with_name("before")
    assert state.tree_as_seen(avatars(tmp_path)) == state.tree_as_seen(before)
    assert avatars(tmp_path).stat().st_uid == before.stat().st_uid
    assert not kept(carrier).exists()


def test_only_root_gets_at_what_is_kept(carrier: Carrier) -> None:
    assert (kept(carrier).stat().st_mode & 0o777, kept(carrier).stat().st_uid) == (
        0o700,
        os.geteuid(),
    )


def change(place: Path) -> None:
    moment = (place / "one").stat()
    (place / "one").write_text("two")
    os.utime(place / "one", ns=(moment.st_atime_ns, moment.st_mtime_ns))


def add(place: Path) -> None:
    (place / "two").write_text("two")


def cut(place: Path) -> None:
    (place / "one").unlink()


def lead_away(place: Path) -> None:
    place.rename(place.with_name("elsewhere"))
    place.symlink_to(place.with_name("elsewhere"))


@pytest.mark.parametrize("harm", [change, add, cut, lead_away])
def test_what_is_no_longer_what_was_exported_is_restored_again(
    carrier: Carrier, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    harm(tree(carrier))

    carrier.run("import").result  # noqa: B018 - fails where it has none

    assert (avatars(tmp_path) / "one").read_text() == "one"
    assert [it.name for it in avatars(tmp_path).iterdir()] == ["one"]
    assert not kept(carrier).exists()


def test_what_somebody_else_owns_is_restored_again(carrier: Carrier, tmp_path: Path) -> None:
    if carrier.owned.account is None:
        miss("only root can give files away; run the tests as root")
    os.chown(tree(carrier) / "one", 54321, 54321)

    carrier.run("import").result  # noqa: B018 - fails where it has none

    assert (avatars(tmp_path) / "one").stat().st_uid == avatars(tmp_path).stat().st_uid != 54321


async def test_another_export_is_restored_itself(carrier: Carrier, tmp_path: Path) -> None:
    new = avatars(tmp_path) / "new"
    new.write_text("new")
    carrier.give(new)
    carrier.prefix, other = "exports/two", carrier.prefix
    await carrier.owned.run_as_owner(carrier.name, "create table posts as select 1 as i")
    carrier.run("export").result  # noqa: B018 - fails where it has none
    # An export is about something else, so what was kept for an import is gone.
    assert not kept(carrier).exists()
    new.unlink()
    await carrier.owned.drop(carrier.name)
    await carrier.owned.create(carrier.name)
    carrier.prefix = other
    carrier.run("verify").result  # noqa: B018 - fails where it has none
    carrier.prefix = "exports/two"

    carrier.run("import").result  # noqa: B018 - fails where it has none

    assert new.read_text() == "new"
    assert not (avatars(tmp_path) / "one").exists()


def test_what_takes_much_of_the_disk_is_not_kept(carrier: Carrier) -> None:
    carrier.run("verify", before=NO_ROOM).result  # noqa: B018 - fails where it has none

    assert not kept(carrier).exists()
    assert carrier.run("import").result["files"] == 1


async def test_a_verification_that_fails_keeps_nothing(carrier: Carrier) -> None:
    await without_snapshots(carrier)

    assert carrier.run("verify").code == "files.missing"
    assert not kept(carrier).exists()


@pytest.mark.parametrize("line", ["before.rename(target)", "os.rename(restored, name"])
def test_a_kill_while_it_is_taken_costs_no_more_than_time(
    carrier: Carrier, tmp_path: Path, line: str
) -> None:
    code = (state.CODE / "placing.py").read_text(encoding="utf-8").splitlines()
    [number] = [number for number, it in enumerate(code, start=1) if line in it]

    assert carrier.killed("import", f"placing.py:{number}")
    assert carrier.run("import").result["files"] == 1

    assert (avatars(tmp_path) / "one").read_text() == "one"
    assert not kept(carrier).exists()
