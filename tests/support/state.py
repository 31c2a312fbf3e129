"""The program `fediversity-state` as deployer runs it, and what it needs to carry anything."""

from __future__ import annotations

import getpass
import json
import os
import pwd
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from typing_extensions import override

from shared.embedded import accounts, programs
from shared.embedded.servers import postgres
from tests.support import s3
from tests.support.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    import asyncpg

    from shared.embedded.processes import Command
    from shared.embedded.servers.seaweedfs import SeaweedServer

CODE: Final = ROOT / "nix" / "state"
PROGRAM: Final = CODE / "fediversity-state"
KILLER: Final = ROOT / "tests" / "support" / "state_killed.py"
LIMITED: Final = ROOT / "tests" / "support" / "state_limited.py"
APPLICATION: Final = "garden"
SECONDS: Final = 120
ROWS: Final = re.compile(r"^(COPY [^\n]* FROM stdin;)\n(.*?)^(\\\.)$", re.MULTILINE | re.DOTALL)
RESTRICTED: Final = re.compile(r"^\\(un)?restrict .*\n", re.MULTILINE)


class SocketPostgresServer(postgres.ThrowawayPostgresServer):
    """A server that knows accounts of this computer by its socket, as in a machine."""

    @property
    def account(self) -> tuple[int, int] | None:
        """Whom the server and the application run as."""
        return accounts.unprivileged()

    @property
    def user(self) -> str:
        """The name of the account, which is the name of the application's role."""
        return pwd.getpwuid(self.account[0]).pw_name if self.account else getpass.getuser()

    @property
    def socket(self) -> Path:
        """The folder of the socket."""
        return self.directory / "run"

    @property
    def programs(self) -> Path:
        """Programs that belong to the server, where its account reaches them."""
        cache = Path(tempfile.gettempdir()) / f"fediversity-programs-{os.getuid()}"
        return accounts.reachable_programs(programs.postgres(), cache, self.account) / "bin"

    @override
    async def prepare(self) -> Command:
        if not self.socket.exists():
            accounts.own_directory(self.socket, self.account)
        command = await super().prepare()
        with (self.data / "pg_hba.conf").open("a", encoding="utf-8") as rules:
            rules.write("local all all peer\n")
        sockets = f"unix_socket_directories={self.socket}"
        return replace(command, argv=(*command.argv, "-c", sockets))

    @asynccontextmanager
    async def connected(self, database: str = "postgres") -> AsyncIterator[asyncpg.Connection]:
        """Connect as the administrator, without the program under test."""
        async with postgres.connected(self.access(database)) as connection:
            yield connection

    async def create(self, name: str, options: str = "") -> None:
        """Make an empty database of the application's role."""
        async with self.connected() as connection:
            if not await connection.fetchval(
                "select 1 from pg_roles where rolname = $1", self.user
            ):
                await connection.execute(f'create role "{self.user}" login')
            await connection.execute(
                f'create database "{name}" owner "{self.user}" template template0 {options}'
            )

    async def drop(self, name: str) -> None:
        """Remove a database, if it is there."""
        async with self.connected() as connection:
            await connection.execute(f'drop database if exists "{name}" with (force)')

    async def rename(self, name: str, other: str) -> None:
        """Put a database aside."""
        async with self.connected() as connection:
            await connection.execute(f'alter database "{name}" rename to "{other}"')

    async def run_as_owner(self, name: str, script: str) -> None:
        """Run statements as the application's role."""
        async with self.connected(name) as connection:
            await connection.execute(f'set session authorization "{self.user}"')
            await connection.execute(script)

    def dump(self, name: str) -> str:
        """Return everything in a database as PostgreSQL's own program writes it, rows sorted."""
        access = self.access(name)
        argv = (str(self.programs / "pg_dump"), "--no-owner", "--no-privileges", "--large-objects")
        where = ("-h", access.host, "-p", str(access.port), "-U", access.user, name)
        environment = os.environ | {"PGPASSWORD": access.password.get_secret_value()}
        done = subprocess.run((*argv, *where), env=environment, capture_output=True, check=True)
        # Where a row lies in its table means nothing.
        return ROWS.sub(_sorted, RESTRICTED.sub("", done.stdout.decode()))


def _sorted(found: re.Match[str]) -> str:
    return "\n".join((found[1], *sorted(found[2].splitlines()), found[3]))


@dataclass(frozen=True)
class Outcome:
    """What became of one run."""

    status: int
    lines: list[dict[str, Any]]
    stderr: str

    @property
    def result(self) -> dict[str, Any]:
        assert self.status == 0, (self.lines[-1:], self.stderr)
        found: dict[str, Any] = self.lines[-1]["result"]
        return found

    @property
    def error(self) -> dict[str, Any]:
        assert self.status != 0, self.lines[-1:]
        assert not self.stderr, self.stderr
        found: dict[str, Any] = self.lines[-1]["error"]
        return found

    @property
    def code(self) -> str:
        return str(self.error["code"])

    @property
    def progress(self) -> list[dict[str, Any]]:
        return [it["progress"] for it in self.lines if "progress" in it]


@dataclass
class Carrier:
    """Carries the state of one application between places and one bucket."""

    server: SocketPostgresServer | None
    store: SeaweedServer
    bucket: str
    folder: Path
    databases: list[dict[str, Any]] = field(default_factory=list)
    paths: list[dict[str, Any]] = field(default_factory=list)
    password: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    export: str = "first"
    prefix: str = "exports/one"

    def database(self, name: str, **more: object) -> None:
        """Let a database belong to the state."""
        assert self.server is not None
        place = {"socket": str(self.server.socket), "port": self.server.port}
        about = {"name": name, "engine": "postgresql", "user": self.server.user}
        self.databases.append(place | about | more)

    @property
    def owned(self) -> SocketPostgresServer:
        """The server of the database."""
        assert self.server is not None
        return self.server

    @property
    def name(self) -> str:
        """The name of the database."""
        return str(self.databases[0]["name"])

    async def moved_aside(self, options: str = "") -> str:
        """Leave an empty database where the exported one was; return what that is called now."""
        await self.owned.rename(self.name, f"{self.name}_before")
        await self.owned.create(self.name, options)
        return f"{self.name}_before"

    def path(self, path: Path, **more: object) -> None:
        """Let a folder belong to the state, and to the application's account."""
        owner = {"owner": self.owned.user} if self.owned.account else {}
        self.give(path)
        self.paths.append({"path": str(path)} | owner | more)

    def give(self, path: Path) -> None:
        """Make the application's account the owner of all that is there."""
        for it in (path, *path.rglob("*")) if path.exists() else ():
            if self.owned.account:
                os.chown(it, *self.owned.account, follow_symlinks=False)

    def document(self, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - a part of a document
        """Return what stands on standard input."""
        access = self.store.access
        return {
            "manifest": {
                "application": APPLICATION,
                "version": "1.0",
                "databases": self.databases,
                "paths": self.paths,
            },
            "staging": {
                "endpoint": access.endpoint,
                "region": access.region,
                "bucket": self.bucket,
                "prefix": self.prefix,
                "access_key_id": access.access_key_id,
                "secret_key": access.secret_access_key.get_secret_value(),
            },
            "files_password": self.password,
            "export": self.export,
            "folder": str(self.folder),
        } | changes

    @property
    def environment(self) -> dict[str, str]:
        """What the program finds in its environment; a machine has its programs in the path."""
        own = [str(self.server.programs)] if self.server else []
        path = os.pathsep.join([*own, os.environ["PATH"], "/usr/sbin", "/sbin"])
        return {"PATH": path, "HOME": "/nonexistent", "PGHOST": "nowhere.invalid"}

    def started(
        self,
        verb: str,
        *,
        before: Sequence[str] = (str(PROGRAM),),
        **changes: Any,  # noqa: ANN401 - a part of a document
    ) -> subprocess.Popen[str]:
        """Start a run that is not waited for; its standard input is complete."""
        with tempfile.TemporaryFile("w+") as document:
            json.dump(self.document(**changes), document)
            document.seek(0)
            return subprocess.Popen(
                (sys.executable, "-B", *before, verb, APPLICATION),
                env=self.environment,
                stdin=document,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )

    def run(self, verb: str, *, before: Sequence[str] = (str(PROGRAM),), **changes: Any) -> Outcome:  # noqa: ANN401 - a part of a document
        """Do one verb and return what became of it."""
        with self.started(verb, before=before, **changes) as process:
            out, err = process.communicate(timeout=SECONDS)
        lines = [json.loads(it) for it in out.splitlines()]
        return Outcome(process.returncode, lines, err)

    def killed(self, verb: str, line: str) -> bool:
        """Run until a line of our code is reached and end there as by kill -9; say whether."""
        done = self.run(verb, before=(str(KILLER), str(PROGRAM), line))
        return done.status < 0

    def passed(self, verb: str) -> list[str]:
        """Run to the end; return every line of our code that was reached, in that order."""
        done = self.run(verb, before=(str(KILLER), str(PROGRAM), ""))
        assert done.status == 0, (done.lines[-1:], done.stderr)
        return done.stderr.split()

    async def objects(self) -> dict[str, bytes]:
        """Return everything in the bucket."""
        async with s3.client(self.store.access, "s3") as found:
            listed = await found.list_objects_v2(Bucket=self.bucket)
            return {
                it["Key"]: await self._content(found, it["Key"])
                for it in listed.get("Contents", ())
            }

    async def _content(self, client: Any, key: str) -> bytes:  # noqa: ANN401 - a client without types
        answer = await client.get_object(Bucket=self.bucket, Key=key)
        content: bytes = await answer["Body"].read()
        return content

    async def replace(self, key: str, content: bytes) -> None:
        """Write an object as somebody else would."""
        await self.add({key: content})

    async def add(self, objects: Mapping[str, bytes]) -> None:
        """Write objects as somebody else would."""
        async with s3.client(self.store.access, "s3") as found:
            for key, content in objects.items():
                await found.put_object(Bucket=self.bucket, Key=key, Body=content)

    async def remove(self, key: str) -> None:
        """Delete an object as somebody else would."""
        async with s3.client(self.store.access, "s3") as found:
            await found.delete_object(Bucket=self.bucket, Key=key)


def limited(limits: Mapping[str, object]) -> tuple[str, ...]:
    """Return the words that start the program with other limits than its own."""
    return (str(LIMITED), str(PROGRAM), json.dumps(limits))


async def create_bucket(store: SeaweedServer) -> str:
    """Return the name of a new bucket."""
    name = f"staging-{secrets.token_hex(5)}"
    async with s3.client(store.access, "s3") as found:
        await found.create_bucket(Bucket=name)
    return name


@asynccontextmanager
async def with_database(carrier: Carrier, **more: object) -> AsyncIterator[None]:
    """Let an empty database belong to the state for the length of a block."""
    name = f"garden_{secrets.token_hex(4)}"
    carrier.database(name, **more)
    await carrier.owned.create(name)
    yield
    for it in (name, f"{name}_before"):
        await carrier.owned.drop(it)


def remove(folder: Path) -> None:
    """Remove a folder, if it is there."""
    if folder.exists():
        shutil.rmtree(folder)


def flipped(content: bytes, place: int) -> bytes:
    """Return a content in which one bit is another."""
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def tree_as_seen(top: Path) -> str:
    """Return what `find` and `sha256sum` say about a folder."""
    script = (
        "find . -mindepth 1 -printf '%P|%y|%m|%s|%T@|%l|%u\\n' | grep -v '|d|' | sort; "
        "find . -mindepth 1 -type d -printf '%P|%y|%m|%T@|%u\\n' | sort; "
        "find . -type f -print0 | sort -z | xargs -0r sha256sum"
    )
    done = subprocess.run(("sh", "-c", script), cwd=top, capture_output=True, check=True)
    return done.stdout.decode("utf-8", "surrogateescape")
