"""Whoever made an export, or owns a folder, gets nowhere else with it: not even as root."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import state
from tests.support.servers import miss, require

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.state import Carrier

MANIFEST = "exports/one/manifest.json"
FEW_SECONDS = state.limited({"loading.SECONDS": 2})
TABLE = "create table posts as select i from generate_series(1, 10) i"


@pytest.fixture
def avatars(tmp_path: Path) -> Path:
    require("restic", "restic")
    top = tmp_path / "garden" / "avatars"
    (top / "below").mkdir(parents=True)
    (top / "one").write_text("one")
    (top / "below" / "two").write_text("two")
    return top


@pytest.fixture
def carrier(stateless: Carrier, avatars: Path) -> Carrier:
    stateless.path(avatars)
    return stateless


@pytest.fixture
async def database(stateless: Carrier) -> AsyncIterator[Carrier]:
    async with state.with_database(stateless):
        await stateless.owned.run_as_owner(stateless.name, TABLE)
        yield stateless


def snapshot_of(carrier: Carrier, folder: Path) -> str:
    """Save a folder as root into the repository of an export, as whoever has its password can."""
    access = carrier.store.access
    where = f"s3:{access.endpoint}/{carrier.bucket}/{carrier.prefix}/files"
    done = subprocess.run(
        ("restic", "--repo", where, "--no-cache", "backup", "--json", "."),
        cwd=folder,
        env=os.environ
        | {
            "RESTIC_PASSWORD": carrier.password,
            "AWS_ACCESS_KEY_ID": access.access_key_id,
            "AWS_SECRET_ACCESS_KEY": access.secret_access_key.get_secret_value(),
            "TZ": "UTC",
        },
        capture_output=True,
        check=True,
    )
    short: str = json.loads(done.stdout.splitlines()[-1])["snapshot_id"]
    return short


def names_in(folder: Path) -> list[str]:
    """Return what is in a folder, but for what the program itself keeps there."""
    return [it.name for it in sorted(folder.rglob("*")) if "work" not in it.parts]


async def changed(carrier: Carrier, change: dict[str, Any]) -> None:
    """Change what a manifest says of its first folder."""
    manifest = json.loads((await carrier.objects())[MANIFEST])
    manifest["paths"][0] |= change
    await carrier.replace(MANIFEST, json.dumps(manifest).encode())


async def test_a_snapshot_that_is_not_as_listed_is_never_restored(
    carrier: Carrier, avatars: Path, tmp_path: Path
) -> None:
    carrier.run("export").result  # noqa: B018 - fails where it has none
    outside = tmp_path / "outside"
    outside.mkdir()
    kept = avatars.with_name("kept")
    shutil.copytree(avatars, kept)
    (avatars / "below").rename(avatars / "gone")
    (avatars / "below").symlink_to(outside)
    snapshot_of(carrier, avatars)
    names = [it for it in await carrier.objects() if "/files/snapshots/" in it]
    first = json.loads((await carrier.objects())[MANIFEST])["paths"][0]["snapshot"]
    [other] = [it.rpartition("/")[2] for it in names if first not in it]
    await changed(carrier, {"snapshot": other})
    shutil.rmtree(avatars)

    for verb in ("verify", "import"):
        refused = carrier.run(verb)

        assert refused.code == "files.damaged"
        assert "the snapshot holds" in refused.error["message"]
    assert names_in(tmp_path) == ["garden", "kept", "below", "two", "one", "outside"]


@pytest.mark.parametrize("is_closed", [False, True])
async def test_restic_has_no_rights_and_hides_from_the_account_that_it_is(
    carrier: Carrier,
    avatars: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_closed: bool,
) -> None:
    account = carrier.owned.account
    if account is None:
        miss("only root can be somebody else; run the tests as root")
    if is_closed:
        monkeypatch.setenv("PATH", f"{closed_programs(tmp_path)}:{os.environ['PATH']}")
    seen: set[tuple[int, int]] = set()
    copies: set[str] = set()
    for verb in ("export", "import"):
        if verb == "import":
            shutil.rmtree(avatars)
        with carrier.started(verb) as process:
            while process.poll() is None:
                for number, uid in restics(carrier.bucket).items():
                    seen.add((number, uid))
                    assert not readable_by(account, number)
                    copies |= {it.name for it in carrier.folder.rglob("scratch/restic")}
                await asyncio.sleep(0.05)
            process.communicate()
            assert process.returncode == 0

    # One process each for backup, ls, and ls, restore; some may have been missed.
    assert len({number for number, _ in seen}) >= 2
    assert account is not None
    assert {uid for _, uid in seen} == {account[0]}
    assert copies == (set() if is_closed else {"restic"})


def closed_programs(tmp_path: Path) -> Path:
    """Return a folder of programs that only root may read, as a machine's image has them."""
    folder = tmp_path / "closed"
    folder.mkdir()
    for name in ("restic", "setpriv"):
        found = shutil.which(name)
        assert found is not None
        shutil.copyfile(found, folder / name)
        (folder / name).chmod(0o711)
    return folder


def restics(bucket: str) -> dict[int, int]:
    """Return the programs that are already restic, at work on a bucket, and whose they are."""
    found = {}
    for it in Path("/proc").glob("[0-9]*"):
        try:
            words = (it / "cmdline").read_bytes().split(b"\0")
            is_restic = (it / "exe").readlink().name.startswith("restic")
            if is_restic and bucket.encode() in words[2]:
                status = (it / "status").read_text(encoding="utf-8")
                found[int(it.name)] = int(status.partition("\nUid:")[2].split()[1])
        except (OSError, IndexError):
            continue  # it has ended
    return found


def readable_by(account: tuple[int, int] | None, number: int) -> bool:
    """Say whether an account gets at the memory, files or environment of a process."""
    assert account is not None
    look = f"cat /proc/{number}/environ || ls /proc/{number}/fd/ || head -c1 /proc/{number}/maps"
    done = subprocess.run(
        ("sh", "-c", look),
        user=account[0],
        group=account[1],
        extra_groups=[],
        cwd="/",
        capture_output=True,
        check=False,
    )
    return done.returncode == 0 and bool(done.stdout)


@pytest.mark.parametrize("verb", ["export", "fingerprint", "status"])
def test_a_link_in_the_place_of_a_folder_leads_nowhere(
    carrier: Carrier, avatars: Path, tmp_path: Path, verb: str
) -> None:
    shutil.rmtree(avatars)
    avatars.symlink_to(tmp_path)

    assert carrier.run(verb).code == "path.unusable"


def test_what_its_owner_cannot_read_is_named(carrier: Carrier, avatars: Path) -> None:
    if carrier.owned.account is None:
        miss("only root can make files that their owner cannot read; run the tests as root")
    (avatars / "below" / "roots").write_text("secret")
    (avatars / "below" / "roots").chmod(0o600)

    refused = carrier.run("export")

    assert refused.code == "files.unreadable"
    assert "below/roots" in refused.error["message"]
    assert carrier.run("status").result["paths"][0]["files"] == 3


def test_a_file_gives_no_rights_where_it_arrives(carrier: Carrier, avatars: Path) -> None:
    (avatars / "one").chmod(0o6755)

    carrier.run("export").result  # noqa: B018 - fails where it has none
    shutil.rmtree(avatars)
    carrier.run("import").result  # noqa: B018 - fails where it has none

    assert stat.S_IMODE((avatars / "one").stat().st_mode) == 0o755


def test_an_owner_is_named_and_is_not_root(carrier: Carrier, avatars: Path) -> None:
    if carrier.owned.account is None:
        miss("only root can be somebody else; run the tests as root")
    carrier.paths[0] = {"path": str(avatars)}
    assert carrier.run("export").code == "request.invalid"
    carrier.paths[0] = {"path": str(avatars), "owner": "root"}
    assert carrier.run("export").code == "account.unsuited"


async def scripted(carrier: Carrier, name: str, script: str) -> None:
    """Put SQL into the place of an exported schema, as whoever made the export can."""
    content = gzip.compress(script.encode())
    key = f"chunks/{hashlib.sha256(content).hexdigest()}"
    await carrier.replace(f"{carrier.prefix}/{key}", content)
    manifest = json.loads((await carrier.objects())[MANIFEST])
    chunk = {"object": key, "bytes": len(content), "raw_bytes": len(script.encode())}
    manifest["databases"][0][name] = [chunk]
    await carrier.replace(MANIFEST, json.dumps(manifest).encode())


SLEEP = "set statement_timeout = 0; set application_name = 'else'; select pg_sleep(60)"
STUBBORN = """
set statement_timeout = 0;
do $$ begin
    loop begin perform pg_sleep(60); exception when query_canceled then null; end; end loop;
end $$
"""


HARM = (
    ("pre_data", SLEEP, "database.slow"),
    ("post_data", STUBBORN, "database.slow"),
    ("pre_data", "drop schema fediversity_state", "export.damaged"),
    ("pre_data", "create table t (i int); copy t to program 'id'", "database.failed"),
    ("pre_data", "create table t (i int); copy t from stdin", "database.failed"),
    ("pre_data", "select 1 \0", "export.damaged"),
    ("pre_data", "commit; select 1/0", "database.failed"),
)


async def test_a_schema_that_means_harm_ends_and_is_named(database: Carrier) -> None:
    database.run("export").result  # noqa: B018 - fails where it has none
    honest = (await database.objects())[MANIFEST]
    await database.moved_aside()
    for section, script, code in HARM:
        await database.replace(MANIFEST, honest)
        await scripted(database, section, script)

        before = FEW_SECONDS if code == "database.slow" else (str(state.PROGRAM),)
        outcome = database.run("import", before=before)

        assert outcome.code == code, script
        async with database.owned.connected() as connection:
            active = "select count(*) from pg_stat_activity where datname = $1 and state = 'active'"
            assert await connection.fetchval(active, database.name) == 0, script
        # A schema that removes the mark itself leaves what nobody can tell from somebody's own.
        if "drop schema" in script:
            await database.owned.drop(database.name)
            await database.owned.create(database.name)
    await database.replace(MANIFEST, honest)
    assert database.run("import").result["rows"] == 10


@pytest.mark.parametrize("right", ["pg_read_server_files", "createrole"])
async def test_no_foreign_schema_runs_as_a_role_that_reaches_further(
    database: Carrier, right: str
) -> None:
    database.run("export").result  # noqa: B018 - fails where it has none
    user = database.owned.user
    give, take = f'alter role "{user}" {right}', f'alter role "{user}" no{right}'
    if right.startswith("pg_"):
        give, take = f'grant {right} to "{user}"', f'revoke {right} from "{user}"'
    async with database.owned.connected() as connection:
        await connection.execute(give)
        try:
            outcome = await asyncio.to_thread(database.run, "verify")
        finally:
            await connection.execute(take)

    assert outcome.code == "database.unsuited"
