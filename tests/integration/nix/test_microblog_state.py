"""The microblog's state: what it needs, what it notices when it is wrong, what can travel."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.support.eventually import eventually
from tests.support.microblog import PNG, QUICK, Blog, running
from tests.support.microblog_peer import new_key, private_pem
from tests.support.servers import throwaway_directory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from shared.embedded.servers.seaweedfs import SeaweedServer

pytestmark = pytest.mark.asyncio(loop_scope="module")
FOLLOWER = """
    insert into hosts (host) values ('peer.garden.localhost');
    insert into followers (actor, host, inbox, follow) values (
        'http://peer.garden.localhost/u', 'peer.garden.localhost',
        'http://peer.garden.localhost/inbox', 'x'
    )
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="running_blog")
async def running_microblog(object_store: SeaweedServer) -> AsyncIterator[Blog]:
    async with running(object_store.access, egress=None) as blog:
        yield blog


@pytest_asyncio.fixture(loop_scope="module", name="blog")
async def healthy_microblog(running_blog: Blog) -> AsyncIterator[Blog]:
    """Yield the blog, and heal it when a test has broken it."""
    kept = {it.name: it.read_bytes() for it in running_blog.secret("").iterdir()}
    yield running_blog
    is_changed = running_blog.egress or any(
        running_blog.secret(name).read_bytes() != it for name, it in kept.items()
    )
    for name, content in kept.items():
        running_blog.secret(name).write_bytes(content)
    running_blog.egress, running_blog.limits = None, dict(QUICK)
    running_blog.write()
    if is_changed and "server" in running_blog.processes:
        await running_blog.stop("server")
    await running_blog.start()


@pytest.fixture(name="empty")
def empty_microblog(object_store: SeaweedServer) -> Iterator[Blog]:
    """Yield a blog of which nothing is there yet."""
    with throwaway_directory() as directory:
        yield Blog(directory, object_store.access, None)


async def restart(blog: Blog, *, until: int = 200) -> None:
    await blog.stop("server")
    await blog.start(until=until)


async def test_another_column_key_is_noticed_everywhere(blog: Blog) -> None:
    await blog.call("POST", "/api/drafts", json={"text": "Sealed"})
    assert upkeep(blog, "probe", "actor-key", "column-key") == ""
    blog.secret("column-key").write_bytes(b"another key of the right length!")

    await restart(blog, until=503)

    health = await blog.ask("GET", "/healthz")
    assert health.text.startswith("secrets: column-key")
    assert health.text.count("\n") == 1
    assert (await blog.status())["drafts_readable"] is False
    assert (await blog.call("GET", "/api/drafts")).status == 503
    assert (await blog.call("POST", "/api/drafts", json={"text": "x"})).status == 503
    upkeep(blog, "probe", "actor-key", "column-key", status=1)
    upkeep(blog, "probe", "column-key", status=1)
    upkeep(blog, "probe", "actor-key")


async def test_another_actor_key_is_noticed_before_followers_do(blog: Blog) -> None:
    blog.secret("actor-key").write_bytes(private_pem(new_key()))

    await restart(blog, until=503)

    assert (await blog.ask("GET", "/healthz")).text.startswith("secrets: actor-key")
    upkeep(blog, "probe", "actor-key", status=1)


async def test_without_a_secret_nothing_starts_and_nothing_is_made(blog: Blog) -> None:
    await blog.stop("server")
    for name in ("actor-key", "column-key", "administrator", "bucket-media"):
        kept = blog.secret(name).read_bytes()
        blog.secret(name).unlink()

        with blog.server() as process:
            assert await asyncio.to_thread(process.wait, 20) == 1

        assert f"the secret {name} cannot be read" in blog.log("server")
        assert not blog.secret(name).exists()
        blog.secret(name).write_bytes(kept)


async def test_a_bucket_that_refuses_is_named(blog: Blog) -> None:
    blog.secret("bucket-media").write_bytes(b"wrong")

    await restart(blog, until=503)

    assert (await blog.ask("GET", "/healthz")).text.startswith("bucket: ")
    assert (await blog.ask("GET", "/")).status == 200
    assert (await blog.call("PUT", "/api/avatar", data=PNG)).status == 200


async def test_a_missing_folder_of_avatars_is_named(blog: Blog) -> None:
    folder = blog.state / "avatars"
    aside = folder.rename(blog.state / "aside")
    try:
        await blog.become(503)
        assert (await blog.ask("GET", "/healthz")).text.startswith("avatars: ")
    finally:
        aside.rename(folder)
    await blog.become(200)


async def test_data_of_a_newer_version_is_left_alone(blog: Blog) -> None:
    connection = await blog.connection()
    await connection.execute("insert into schema_changes (number, name) values (99, 'future.sql')")
    try:
        await blog.become(503)
        assert (await blog.ask("GET", "/healthz")).text.startswith("schema: the data has schema 99")
    finally:
        await connection.execute("delete from schema_changes where number = 99")
        await connection.close()
    await blog.become(200)


async def test_a_delivery_that_crashes_ends_the_server(blog: Blog) -> None:
    blog.egress, blog.limits = "127.0.0.1:9", {"followers.DUE": "select nonsense"}
    blog.write()
    await blog.stop("server")

    with blog.server() as process:
        assert await asyncio.to_thread(process.wait, 20) == 1

    assert "nonsense" in blog.log("server")
    (blog.directory / "server.log").write_text("")


async def test_while_the_door_is_shut_nobody_is_given_up(blog: Blog) -> None:
    connection = await blog.connection()
    await connection.execute(FOLLOWER)
    blog.egress = "127.0.0.1:9"
    blog.limits |= {"followers.PAUSES": [], "followers.REST_SECONDS": 0.1}
    blog.write()
    await restart(blog)
    await blog.publish("Held back")

    await eventually(lambda: "has to wait: DoorError" in blog.log("server"), within=20)
    failures = await connection.fetchval("select failures from hosts")
    assert (failures, (await blog.status())["pending_deliveries"]) == (0, 1)
    await connection.execute("truncate hosts cascade")
    await connection.close()


async def test_a_copy_of_the_state_is_complete_at_another_place(blog: Blog, empty: Blog) -> None:
    post = await blog.publish("Carried along")
    await blog.call("POST", "/api/drafts", json={"text": "Carried too"})
    await blog.call("PUT", "/api/avatar", data=PNG)
    before = await blog.ask("GET", "/actor")
    upkeep(blog, "quiesce")

    async with database_of(empty, blog):
        copy_database(blog, empty)
        assert empty.database("restored").wait(60) == 1
        assert "is missing; restore it" in empty.log("database")
        shutil.copytree(blog.state / "avatars", empty.state / "avatars", dirs_exist_ok=True)
        assert empty.database("restored").wait(60) == 0
        upkeep(empty, "probe", "actor-key", "column-key")
        await empty.start()

        assert post in (await empty.call("GET", "/api/posts")).document["posts"]
        assert (await empty.call("GET", "/api/drafts")).status == 200
        assert (await empty.ask("GET", "/actor")).document == before.document


def upkeep(blog: Blog, verb: str, *names: str, status: int = 0) -> str:
    done = blog.run("upkeep.py", verb, str(blog.configuration), *names)
    assert done.returncode == status, done.stderr
    return done.stderr


@asynccontextmanager
async def database_of(target: Blog, source: Blog) -> AsyncIterator[None]:
    """Do what comes before a restore: secrets, an empty database, and nothing that answers."""
    shutil.copytree(source.secret(""), target.secret(""))
    target.bucket = source.bucket
    target.write()
    target.prepare()
    target.processes["database"] = target.database("serve")
    try:
        await eventually((target.state / "run/.s.PGSQL.5432").exists, within=20)
        yield
    finally:
        for name in ("server", "database"):
            if name in target.processes:
                await target.stop(name)


def copy_database(source: Blog, target: Blog) -> None:
    """Copy a database as its state manifest says: some tables stay empty."""
    address = ["-h", str(source.state / "run"), "-U", "app-microblog"]
    empty = "--exclude-table-data=seen_signatures"
    dump = subprocess.run(
        ["pg_dump", *address, "--no-owner", empty, "microblog"], capture_output=True, check=True
    )
    subprocess.run(
        [
            *("psql", "-h", str(target.state / "run"), "-U", "app-microblog", "-q"),
            *("-v", "ON_ERROR_STOP=1", "microblog"),
        ],
        input=dump.stdout,
        capture_output=True,
        check=True,
    )


async def test_the_database_is_prepared_once_and_starts_after_any_end(empty: Blog) -> None:
    empty.write()
    empty.state.mkdir()
    if empty.account:
        os.chown(empty.state, *empty.account)
    process = empty.database("prepare")
    await eventually((empty.state / "postgres.half/base").exists, within=20, poll=0.001)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL
    assert not (empty.state / "postgres").exists()

    empty.prepare()
    assert not (empty.state / "postgres.half").exists()
    before = sorted((it, it.stat().st_mtime) for it in empty.state.rglob("*"))
    empty.prepare()
    assert sorted((it, it.stat().st_mtime) for it in empty.state.rglob("*")) == before

    # Its old number belongs to a process of the same account, which is no database.
    with stranger(empty) as other:
        for it in (empty.state / "postgres/postmaster.pid", empty.state / "run/.s.PGSQL.5432.lock"):
            it.write_text(f"{other.pid}\n{empty.state}/postgres\n0\n5432\n")
            if empty.account:
                os.chown(it, *empty.account)
        empty.processes["database"] = empty.database("serve")
        await eventually(lambda: "ready to accept" in empty.log("database"), within=20)
        other.kill()
    assert await empty.stop("database") == 0


def stranger(blog: Blog) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "60"], user=blog.account and blog.account[0])


async def test_the_database_ends_at_once_although_somebody_is_connected(blog: Blog) -> None:
    assert await blog.stop("database") == 0

    assert "received fast shutdown" in blog.log("database")
    await blog.start()


async def test_the_database_has_no_door_but_a_folder_of_its_own(blog: Blog) -> None:
    connection = await blog.connection()
    shown = await connection.fetchrow(
        "select current_setting('listen_addresses') as addresses,"
        " datcollate, pg_encoding_to_char(encoding) as encoding"
        " from pg_database where datname = 'microblog'"
    )
    await connection.close()

    assert dict(shown) == {"addresses": "", "datcollate": "C", "encoding": "UTF8"}
    assert (blog.state / "run").stat().st_mode & 0o777 == 0o700
    assert (blog.state / "postgres").stat().st_mode & 0o777 == 0o700
