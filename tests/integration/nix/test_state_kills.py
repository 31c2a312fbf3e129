"""A kill -9 at any line leaves nothing or a visible half, and the next try ends as if never killed.

The lines are those that the program reaches when nothing happens to it. A few are chosen, others
in each run and the same with the same seed, with even gaps between them;
FEDIVERSITY_TEST_KILLS_EVERY=1 chooses all of them and takes an hour and a half.
"""

from __future__ import annotations

import json
import os
import random
from typing import TYPE_CHECKING, Final

import pytest

from tests.support import chance, state
from tests.support.servers import require

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.support.state import Carrier

EVERY: Final = int(os.environ.get("FEDIVERSITY_TEST_KILLS_EVERY", "700"))
MANIFEST: Final = "exports/one/manifest.json"
SCRIPT: Final = """
create table posts (id serial primary key, t text);
insert into posts (t) select md5(i::text) from generate_series(1, 3000) i;
create table votes (post int references posts, primary key (post));
insert into votes select i from generate_series(1, 50) i;
create materialized view counted as select count(*) from posts;
create table sessions (id int);
insert into sessions values (1);
select lo_from_bytea(4321, 'large');
"""


@pytest.fixture
async def carrier(stateless: Carrier, tmp_path: Path) -> AsyncIterator[Carrier]:
    require("restic", "restic")
    folder = tmp_path / "garden" / "avatars"
    folder.mkdir(parents=True)
    (folder / "one").write_text("one")
    (folder / "below").mkdir()
    (folder / "below" / "two").write_text("two")
    stateless.path(folder)
    async with state.with_database(stateless, truncate_after_restore=["sessions"]):
        await stateless.owned.run_as_owner(stateless.name, SCRIPT)
        yield stateless


def folder_of(carrier: Carrier, tmp_path: Path) -> Path:
    return tmp_path / "garden" / str(carrier.paths[0]["path"]).rpartition("/")[2]


def chosen(lines: list[str], record_property: Callable[[str, object], None]) -> list[str]:
    """Return some of the lines, and say which those are."""
    seed = chance.seed()
    start = random.Random(seed).randrange(EVERY)  # noqa: S311 - the same seed has to give the same lines
    found = lines[start % len(lines) :: EVERY]
    record_property("figure", f"killed at {len(found)} of {len(lines)} lines; seed {seed}")
    return found


async def test_an_export_that_is_killed_does_not_exist_and_can_be_repeated(
    carrier: Carrier, record_property: Callable[[str, object], None]
) -> None:
    lines = carrier.passed("export")
    tried = chosen(lines, record_property)
    for number, line in enumerate(tried):
        carrier.prefix = f"kill-{number}"
        assert carrier.killed("export", line), line

        manifest = f"{carrier.prefix}/manifest.json"
        exists = manifest in await carrier.objects()
        assert not exists or lines.index(line) > len(lines) * 0.9, line
        result = carrier.run("export").result
        assert manifest in await carrier.objects(), line
        assert result["rows"] == 3051
        assert result["files"] == 2


async def test_an_import_that_is_killed_is_finished_by_the_next_one(
    carrier: Carrier, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    carrier.run("export").result  # noqa: B018 - fails where it has none
    before, kept = await carrier.moved_aside(), tmp_path / "kept"
    folder = folder_of(carrier, tmp_path)
    folder.rename(kept)
    await carrier.owned.run_as_owner(before, "truncate sessions")
    wanted = carrier.owned.dump(before), state.tree_as_seen(kept)
    lines = carrier.passed("import")
    assert (carrier.owned.dump(carrier.name), state.tree_as_seen(folder)) == wanted
    seen = []
    # Chance may miss what is between nothing and all, so one line of that is always among them.
    half = [it for it in lines if it.startswith("placing.py")][-1]
    for line in sorted({half, *chosen(lines, record_property)}, key=lines.index):
        await emptied(carrier, folder)

        assert carrier.killed("import", line), line

        status = carrier.run("status").result
        seen.append(status["state"])
        if line == half:
            assert (status["state"], status["export"]) == ("importing", "first")
            assert carrier.run("export").code == "source.unfinished"
        result = carrier.run("import")
        assert result.status == 0, (line, result.lines[-1:])
        assert (carrier.owned.dump(carrier.name), state.tree_as_seen(folder)) == wanted, line
    assert json.loads((await carrier.objects())[MANIFEST])["export"] == "first"
    assert carrier.run("status").result["state"] == "complete"
    # Nothing, then a visible half, then all of it; never anything else.
    order = {"empty": 0, "importing": 1, "complete": 2}
    assert [order[it] for it in seen] == sorted(order[it] for it in seen), seen


async def emptied(carrier: Carrier, folder: Path) -> None:
    """Make the places empty that an import has filled."""
    await carrier.owned.drop(carrier.name)
    await carrier.owned.create(carrier.name)
    state.remove(folder)
