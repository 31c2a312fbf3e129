"""A database of many kinds of things is carried through a bucket and is the same afterwards."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared.embedded import ports
from tests.support import state

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.state import Carrier, SocketPostgresServer

NASTY = (Path(__file__).parent / "test_state_nasty.sql").read_text(encoding="utf-8")
PREFIX = "exports/one/"
ACCOUNTS = """
create table account (id int primary key, cents bigint not null);
insert into account select i, 100 from generate_series(1, 500) i;
create table padding as
    select i, repeat(md5(i::text), 20) as t from generate_series(1, 60000) i;
"""


@pytest.fixture
async def carrier(stateless: Carrier) -> AsyncIterator[Carrier]:
    async with state.with_database(stateless):
        yield stateless


async def test_everything_in_a_database_is_the_same_afterwards(carrier: Carrier) -> None:
    server = carrier.owned
    await server.run_as_owner(carrier.name, NASTY)

    exported = carrier.run("export").result
    before = await carrier.moved_aside()
    imported = carrier.run("import", manifest_sha256=exported["sha256"]).result

    assert imported["sha256"] == exported["sha256"]
    assert imported["rows"] == exported["rows"] > 1000
    assert server.dump(carrier.name) == server.dump(before)
    async with server.connected(carrier.name) as connection:
        assert await connection.fetchval("select count(*) from things_by_colour") == 3
        assert await connection.fetchval("select count(*) from zero_columns") == 4
        assert await connection.fetchval("select doubled from generated where base = 21") == 42
        assert await connection.fetchval("select nextval('odd.\"Sequence 1\"')") == 1042
        assert await connection.fetchval("select nextval('never_called')") == 7
        names = "select nspname from pg_namespace where nspname like 'fediversity%'"
        assert await connection.fetch(names) == []
        analyzed = "select last_analyze is not null from pg_stat_user_tables where relname = 'many'"
        assert await connection.fetchval(analyzed)


async def test_an_export_says_what_it_holds_and_what_it_leaves_out(carrier: Carrier) -> None:
    await carrier.owned.run_as_owner(carrier.name, NASTY)
    carrier.databases[0]["excluded_tables"] = ["cache"]

    result = carrier.run("export", facts={"revision": 3}).result

    objects = await carrier.objects()
    content = objects[f"{PREFIX}manifest.json"]
    manifest = json.loads(content)
    assert hashlib.sha256(content).hexdigest() == result["sha256"]
    assert manifest["facts"] == {"revision": 3}
    assert manifest["export"] == "first"
    tables = {f"{it['schema']}.{it['name']}": it for it in manifest["databases"][0]["tables"]}
    assert tables["public.cache"]["excluded"]
    assert tables["public.cache"]["chunks"] == []
    assert tables["public.unlogged"]["unlogged"]
    assert any("public.cache" in it for it in result["not_included"])
    assert any("unlogged" in it for it in result["notes"])
    assert any("no primary key" in it for it in result["notes"])
    for name, it in objects.items():
        if "/chunks/" in name:
            assert hashlib.sha256(it).hexdigest() == name.rpartition("/")[2]
    rows = b"".join(
        gzip.decompress(objects[PREFIX + it["object"]]) for it in tables["public.many"]["chunks"]
    )
    assert rows.count(b"\n") == tables["public.many"]["rows"] == 1000


async def test_tables_are_left_out_or_emptied_as_the_application_asks(carrier: Carrier) -> None:
    server = carrier.owned
    await server.run_as_owner(carrier.name, NASTY)
    carrier.databases[0]["excluded_tables"] = ["cache"]
    carrier.databases[0]["truncate_after_restore"] = ["many", "odd.Table 1"]

    carrier.run("export").result  # noqa: B018 - fails where it has none
    await carrier.moved_aside()
    carrier.run("import").result  # noqa: B018 - fails where it has none

    async with server.connected(carrier.name) as connection:
        for table in ("cache", "many", 'odd."Table 1"'):
            assert await connection.fetchval(f"select count(*) from {table}") == 0  # noqa: S608 - ours
        assert await connection.fetchval("select count(*) from generated") == 100


async def transfer(server: SocketPostgresServer, database: str) -> None:
    """Move money from one account to another, for ever."""
    async with server.connected(database) as connection:
        number = 0
        while True:
            number += 1
            one, other = number % 500 + 1, number * 7 % 500 + 1
            async with connection.transaction():
                take = "update account set cents = cents - 5 where id = $1"
                await connection.execute(take, one)
                give = "update account set cents = cents + 5 where id = $1"
                await connection.execute(give, other)
                await connection.execute("insert into padding values ($1, 'x')", -number)


async def test_an_export_is_one_moment_of_a_database_in_use(carrier: Carrier) -> None:
    server = carrier.owned
    await server.run_as_owner(carrier.name, ACCOUNTS)

    writing = asyncio.create_task(transfer(server, carrier.name))
    try:
        exported = (await asyncio.to_thread(carrier.run, "export")).result
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
    before = await carrier.moved_aside()
    carrier.run("import").result  # noqa: B018 - fails where it has none

    query = "select sum(cents), count(*), (select count(*) from padding) from account"
    async with server.connected(carrier.name) as connection:
        total, count, padded = await connection.fetchrow(query)
    async with server.connected(before) as connection:
        _, _, later = await connection.fetchrow(query)
    assert (total, count) == (50000, 500)
    assert 60000 <= padded < later
    assert exported["rows"] == count + padded


async def test_a_sequence_that_is_made_meanwhile_is_not_part_of_the_moment(
    carrier: Carrier,
) -> None:
    server = carrier.owned
    await server.run_as_owner(carrier.name, ACCOUNTS)
    with carrier.started("export") as process:
        assert process.stdout is not None
        await asyncio.to_thread(process.stdout.readline)
        await server.run_as_owner(carrier.name, "create table later (id serial)")
        await asyncio.to_thread(process.communicate)
    assert process.returncode == 0
    await carrier.moved_aside()

    assert carrier.run("import").result["rows"] == 60500


async def test_a_row_that_is_longer_than_a_piece_is_cut(carrier: Carrier) -> None:
    server = carrier.owned
    long = (
        "create table long as select repeat(md5(i::text), 600000) as t from generate_series(1, 2) i"
    )
    await server.run_as_owner(carrier.name, long)

    carrier.run("export").result  # noqa: B018 - fails where it has none
    before = await carrier.moved_aside()
    carrier.run("import").result  # noqa: B018 - fails where it has none

    manifest = json.loads((await carrier.objects())[f"{PREFIX}manifest.json"])
    [table] = manifest["databases"][0]["tables"]
    assert table["rows"] == 2
    assert len(table["chunks"]) == 4
    assert max(it["raw_bytes"] for it in table["chunks"]) <= 16 * 2**20
    assert server.dump(carrier.name) == server.dump(before)


async def test_a_repeated_export_sends_only_what_is_new(carrier: Carrier) -> None:
    server = carrier.owned
    many = "create table many (id int primary key, t text);"
    fill = "insert into many select i, md5(i::text) from generate_series(1, 200000) i;"
    await server.run_as_owner(carrier.name, many + fill)

    first = carrier.run("export").result
    again = carrier.run("export").result
    await server.run_as_owner(carrier.name, "update many set t = 'other' where id = 5")
    changed = carrier.run("export").result

    assert first["sent_objects"] >= 4
    assert again["sent_objects"] == 0
    assert 1 <= changed["sent_objects"] <= 2


async def test_a_changed_bit_in_a_chunk_is_refused_before_anything_is_touched(
    carrier: Carrier,
) -> None:
    server = carrier.owned
    await server.run_as_owner(carrier.name, NASTY)
    carrier.run("export").result  # noqa: B018 - fails where it has none
    await carrier.moved_aside()
    empty = server.dump(carrier.name)
    chunks = {it: was for it, was in (await carrier.objects()).items() if "/chunks/" in it}

    for name, content in (min(chunks.items()), max(chunks.items())):
        await carrier.replace(name, state.flipped(content, len(content) // 2))
        outcome = carrier.run("import")
        await carrier.replace(name, content)

        assert outcome.status == 1
        assert outcome.code == "chunk.damaged"
        assert name.removeprefix(PREFIX) in outcome.error["message"]
        assert server.dump(carrier.name) == empty
        assert carrier.run("status").result["state"] == "empty"
    await carrier.remove(name)
    assert carrier.run("import").code == "chunk.damaged"


async def test_an_import_may_be_repeated_and_touches_nothing_that_is_used(
    carrier: Carrier,
) -> None:
    server = carrier.owned
    await server.run_as_owner(carrier.name, NASTY)
    carrier.run("export").result  # noqa: B018 - fails where it has none
    await carrier.moved_aside()

    assert not carrier.run("import").result["kept"]
    assert carrier.run("import").result["kept"]
    await server.run_as_owner(carrier.name, "insert into cache values ('new')")
    used = server.dump(carrier.name)
    refused = carrier.run("import")

    assert refused.status == 1
    assert refused.code == "target.not_empty"
    assert "cache" in refused.error["message"]
    assert server.dump(carrier.name) == used


async def test_a_server_that_does_not_suit_is_refused(carrier: Carrier) -> None:
    server = carrier.owned
    await server.run_as_owner(carrier.name, NASTY)
    carrier.run("export").result  # noqa: B018 - fails where it has none
    await carrier.moved_aside("locale_provider libc locale 'C'")

    outcome = carrier.run("import")

    assert outcome.code == "database.unsuited"
    assert "collation" in outcome.error["message"]


async def test_a_role_that_may_do_everything_is_refused(carrier: Carrier) -> None:
    carrier.run("export").result  # noqa: B018 - fails where it has none
    role = f'alter role "{carrier.owned.user}"'
    async with carrier.owned.connected() as connection:
        await connection.execute(f"{role} superuser")
        try:
            outcome = await asyncio.to_thread(carrier.run, "import")
        finally:
            await connection.execute(f"{role} nosuperuser")

    assert outcome.code == "database.unsuited"
    assert "superuser" in outcome.error["message"]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("server_major", 99, "database.unsuited"),
        ("encoding", "LATIN1", "database.unsuited"),
        ("extensions", [{"name": "postgis", "version": "3.3"}], "database.unsuited"),
    ],
)
async def test_an_export_from_somewhere_else_is_refused(
    carrier: Carrier, field: str, value: object, code: str
) -> None:
    carrier.run("export").result  # noqa: B018 - fails where it has none
    key = f"{PREFIX}manifest.json"
    manifest = json.loads((await carrier.objects())[key])
    manifest["databases"][0][field] = value
    await carrier.replace(key, json.dumps(manifest).encode())

    assert carrier.run("import").code == code


async def test_only_the_export_that_was_asked_for_is_imported(carrier: Carrier) -> None:
    exported = carrier.run("export").result

    assert carrier.run("import", manifest_sha256="0" * 64).code == "manifest.other"
    assert carrier.run("import", export="second").code == "export.other"
    other: dict[str, Any] = carrier.document()["manifest"] | {"version": "2.0"}
    assert carrier.run("import", manifest=other).code == "version.differs"
    none: dict[str, Any] = carrier.document()["manifest"] | {"databases": []}
    assert carrier.run("import", manifest=none).code == "databases.differs"
    imported = carrier.run("import", manifest_sha256=exported["sha256"]).result
    assert imported["sha256"] == exported["sha256"]


async def test_a_fingerprint_is_what_the_manifest_says(carrier: Carrier) -> None:
    await carrier.owned.run_as_owner(carrier.name, NASTY)
    carrier.run("export").result  # noqa: B018 - fails where it has none
    manifest = json.loads((await carrier.objects())[f"{PREFIX}manifest.json"])

    [database] = carrier.run("fingerprint").result["databases"]

    [exported] = manifest["databases"]
    assert database["sequences"] == exported["sequences"]
    for one, other in zip(database["tables"], exported["tables"], strict=True):
        assert one == other | {"chunks": []}


async def test_the_status_says_how_much_there_is(carrier: Carrier) -> None:
    assert carrier.run("status").result["state"] == "empty"
    await carrier.owned.run_as_owner(carrier.name, NASTY)

    found = carrier.run("status").result

    assert found["state"] == "complete"
    assert found["databases"][0]["tables"] > 10
    assert found["databases"][0]["bytes"] > 1_000_000


async def test_a_database_that_is_away_is_asked_for_again(carrier: Carrier) -> None:
    carrier.databases[0]["port"] = ports.free()

    outcome = carrier.run("export")

    assert outcome.status == 75
    assert outcome.code == "database.unreachable"
