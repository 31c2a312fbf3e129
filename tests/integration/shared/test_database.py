"""The database layer on a real server."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import asyncpg
import pytest

from shared import database as databases
from shared import errors
from shared.settings import PostgresSettings

if TYPE_CHECKING:
    from pathlib import Path

    from shared.embedded.servers.postgres import Access


def _settings(access: Access) -> PostgresSettings:
    return PostgresSettings(
        host=access.host, port=access.port, database=access.database, user=access.user
    )


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "planted" / "schema"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    (folder / "0001_first.sql").write_text("create table things (name text)")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "planted", raising=False)
    return folder


async def test_a_schema_file_is_applied_once_and_a_new_one_later(
    postgres: Access, package: Path
) -> None:
    for _ in range(2):
        async with databases.connect(_settings(postgres), postgres.password, schemas=("planted",)):
            pass
    (package / "0002_second.sql").write_text("alter table things add column size integer")

    async with (
        databases.connect(_settings(postgres), postgres.password, schemas=("planted",)) as found,
        found.transaction() as tx,
    ):
        assert await tx.fetchval("select count(size) from things") == 0


async def test_a_schema_file_that_was_changed_after_it_was_applied_is_refused(
    postgres: Access, package: Path
) -> None:
    async with databases.connect(_settings(postgres), postgres.password, schemas=("planted",)):
        pass
    (package / "0001_first.sql").write_text("create table others (name text)")

    with pytest.raises(errors.FaultError, match="add a new file instead"):
        async with databases.connect(_settings(postgres), postgres.password, schemas=("planted",)):
            pass


async def test_a_nudge_comes_after_the_commit_and_never_after_a_rollback(postgres: Access) -> None:
    nudges: list[str] = []
    async with databases.connect(_settings(postgres), postgres.password, schemas=()) as found:
        async with found.transaction() as tx:
            tx.after_commit(lambda: nudges.append("committed"))
            assert nudges == []
        with contextlib.suppress(KeyError):
            async with found.transaction() as tx:
                tx.after_commit(lambda: nudges.append("rolled back"))
                raise KeyError

    assert nudges == ["committed"]


async def test_a_session_that_the_server_ended_is_unavailable_and_the_next_one_works(
    postgres: Access,
) -> None:
    async with databases.connect(_settings(postgres), postgres.password, schemas=()) as found:
        with pytest.raises(errors.UnavailableError):
            async with found.transaction() as tx:
                await tx.execute("select pg_terminate_backend(pg_backend_pid())")
        await found.check()


async def test_a_mistake_in_a_query_is_not_taken_for_an_absent_database(postgres: Access) -> None:
    async with databases.connect(_settings(postgres), postgres.password, schemas=()) as found:
        with pytest.raises(Exception, match="expects 0 arguments") as caught:
            async with found.transaction() as tx:
                await tx.execute("select 1", "surplus")

    assert not isinstance(caught.value, errors.HostingError)


async def test_a_file_that_is_missing_is_not_taken_for_an_absent_database(
    postgres: Access, tmp_path: Path
) -> None:
    async with databases.connect(_settings(postgres), postgres.password, schemas=()) as found:
        with pytest.raises(FileNotFoundError, match="absent"):
            async with found.transaction():
                (tmp_path / "absent").read_text()


async def test_an_attempt_that_fails_is_undone_and_the_rest_of_its_transaction_stays(
    postgres: Access,
) -> None:
    async with databases.connect(_settings(postgres), postgres.password, schemas=()) as found:
        async with found.transaction() as tx:
            await tx.execute("create table things (name text primary key)")
            await tx.execute("insert into things values ('before')")
            async with tx.attempt() as failed:
                await tx.execute("insert into things values ('undone')")
                await tx.execute("insert into things values ('before')")
            async with tx.attempt() as done:
                await tx.execute("insert into things values ('after')")

        async with found.transaction() as tx:
            names = [row["name"] for row in await tx.fetch("select name from things order by name")]

    assert names == ["after", "before"]
    assert "duplicate key" in str(failed.failure)
    assert done.failure is None


async def test_an_attempt_raises_what_only_asks_to_try_the_transaction_again(
    postgres: Access,
) -> None:
    async with databases.connect(_settings(postgres), postgres.password, schemas=()) as found:
        with pytest.raises(errors.UnavailableError):
            async with found.transaction() as tx, tx.attempt():
                raise asyncpg.DeadlockDetectedError("a circle")
