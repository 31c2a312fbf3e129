"""An export is read, restored apart and compared while the application runs, untouched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import state

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.state import Carrier


@pytest.fixture
def carrier(blog: Carrier) -> Carrier:
    return blog


async def test_an_application_in_use_keeps_what_it_has(carrier: Carrier, tmp_path: Path) -> None:
    exported = carrier.run("export").result
    folder = tmp_path / "garden" / "avatars"
    (folder / "later").write_text("later")
    await carrier.owned.run_as_owner(carrier.name, "insert into posts values (0, 'later')")
    before = carrier.owned.dump(carrier.name), state.tree_as_seen(tmp_path / "garden")

    verified = carrier.run("verify", manifest_sha256=exported["sha256"]).result

    same = ("manifest", "sha256", "export", "rows", "files", "bytes", "chunk_bytes", "notes")
    assert {it: verified[it] for it in same} == {it: exported[it] for it in same}
    assert verified["kept"] is False
    after = carrier.owned.dump(carrier.name), state.tree_as_seen(tmp_path / "garden")
    assert after == before
    assert not [*carrier.folder.rglob("tree*")]


async def test_what_cannot_be_imported_is_named_before_anything_is_stopped(
    carrier: Carrier,
) -> None:
    carrier.run("export").result  # noqa: B018 - fails where it has none
    for part, code in (("/chunks/", "chunk.damaged"), ("/files/data/", "files.damaged")):
        objects = {it: was for it, was in (await carrier.objects()).items() if part in it}
        name, content = max(objects.items(), key=lambda it: len(it[1]))
        await carrier.replace(name, state.flipped(content, len(content) // 2))
        assert carrier.run("verify").code == code
        await carrier.replace(name, content)
    await carrier.moved_aside("locale_provider libc locale 'C'")
    assert carrier.run("verify").code == "database.unsuited"

    await carrier.owned.drop(carrier.name)
    result = carrier.run("verify").result

    # Where there is no server yet, nobody can be asked.
    assert any("was not asked" in it for it in result["notes"])
    assert result["rows"] == 100


def test_a_request_needs_as_much_as_an_import(carrier: Carrier) -> None:
    assert carrier.run("verify").code == "export.missing"
    assert carrier.run("verify", staging=None).code == "request.invalid"
    assert carrier.run("verify", files_password=None).code == "request.invalid"
