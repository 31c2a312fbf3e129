"""PostgreSQL from the wheel: one database and one role per service, loopback only.

PostgreSQL refuses to run as root; then it runs as another account, and both the programs and the
data lie where that account can reach them. Nothing that is not ours changes its rights.
"""

from __future__ import annotations

import signal
import subprocess
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

import asyncpg
from typing_extensions import override

from shared import errors
from shared.embedded import accounts, files, parts, programs
from shared.embedded.parts import Part
from shared.embedded.ports import LOOPBACK, free
from shared.embedded.processes import Command

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from pydantic import SecretStr

SUPERUSER: Final = "fediversity"
RULES: Final = f"host all all {LOOPBACK}/32 scram-sha-256\n"
FRAGILE: Final = ("-c", "fsync=off", "-c", "full_page_writes=off")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How one role reaches its one database."""

    host: str
    port: int
    database: str
    user: str
    password: SecretStr


class PostgresServer(Part):
    """One cluster with a role and a database for each of `databases`."""

    is_durable: ClassVar[bool] = True
    patience_seconds: ClassVar[float] = 60.0
    # The fast shutdown: sessions are ended, not waited for.
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT

    def __init__(
        self,
        directory: Path,
        *,
        port: int,
        password: SecretStr,
        cache: Path | None = None,
        databases: Mapping[str, SecretStr] | None = None,
    ) -> None:
        super().__init__("postgres", directory)
        self.port = port
        self._password = password
        self._cache = cache or self.directory
        self._databases = databases or {}

    @property
    def data(self) -> Path:
        """Where the cluster lies."""
        return self.directory / "data"

    @property
    @override
    def ports(self) -> Mapping[str, int]:
        return {"postgres": self.port}

    def access(self, database: str = "postgres", user: str = SUPERUSER) -> Access:
        """Return the superuser's access to a database."""
        return Access(
            host=LOOPBACK, port=self.port, database=database, user=user, password=self._password
        )

    @override
    async def prepare(self) -> Command:
        account = accounts.unprivileged()
        installation = accounts.reachable_programs(programs.postgres(), self._cache, account)
        if not (self.data / "PG_VERSION").exists() or not (self.data / "pg_hba.conf").exists():
            self._initialise(installation, account)
        files.write(self.data / "pg_hba.conf", RULES)
        _forget_stale_lock(self.data)
        return Command(
            argv=(str(installation / "bin" / "postgres"), "-D", str(self.data), *self._options()),
            directory=self.directory,
            environment=parts.environment(),
            account=account,
        )

    def _options(self) -> tuple[str, ...]:
        chosen = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "timezone": "UTC",
            "log_timezone": "UTC",
            # A failing statement may hold a password or an operator's data.
            "log_min_error_statement": "panic",
        }
        options = tuple(
            part for name, value in chosen.items() for part in ("-c", f"{name}={value}")
        )
        return options if self.is_durable else (*options, *FRAGILE)

    def _initialise(self, installation: Path, account: tuple[int, int] | None) -> None:
        """Create the cluster beside its place and move it there when it is whole."""
        accounts.require_reach(self.directory, account)
        fresh = self.directory / "fresh"
        accounts.remove(fresh)
        accounts.remove(self.data)
        accounts.own_directory(fresh, account)
        # Read by another account, which has to own the file; gone before anyone can connect.
        secret = fresh / "password"
        secret.touch(mode=0o600)
        secret.write_text(self._password.get_secret_value(), encoding="utf-8")
        accounts.give(secret, account)
        user, group = account or (None, None)
        try:
            done = subprocess.run(  # noqa: S603 - our own argv, no shell
                [
                    str(installation / "bin" / "initdb"),
                    *("--pgdata", str(fresh / "data")),
                    *("--username", SUPERUSER, "--pwfile", str(secret)),
                    *("--auth", "scram-sha-256", "--encoding", "UTF8"),
                    *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
                    *("--locale", "C", *(() if self.is_durable else ("--no-sync",))),
                ],
                cwd=fresh,
                env=parts.environment(),
                user=user,
                group=group,
                extra_groups=None if user is None else [],
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            secret.unlink()
        if done.returncode != 0:
            raise errors.CommandError(("initdb",), done.returncode, done.stdout + done.stderr)
        (fresh / "data").rename(self.data)
        fresh.rmdir()

    @override
    async def answers(self) -> bool:
        try:
            async with connected(self.access()) as connection:
                await connection.execute("select 1")
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            return False
        return True

    @override
    async def settle(self) -> None:
        async with connected(self.access()) as connection:
            await connection.execute("revoke connect on database postgres, template1 from public")
        for name, password in self._databases.items():
            await self.ensure_database(name, password)

    async def ensure_database(self, name: str, password: SecretStr) -> Access:
        """Make a role and a database of its own, both of this name; nobody else may connect."""
        async with connected(self.access()) as connection:
            if not await connection.fetchval("select 1 from pg_roles where rolname = $1", name):
                await connection.execute(f'create role "{name}" login')
            literal = await connection.fetchval(
                "select quote_literal($1)", password.get_secret_value()
            )
            await connection.execute(f'alter role "{name}" password {literal}')
            if not await connection.fetchval("select 1 from pg_database where datname = $1", name):
                await connection.execute(f'create database "{name}" owner "{name}"')
            await connection.execute(f'revoke connect, temporary on database "{name}" from public')
        return Access(host=LOOPBACK, port=self.port, database=name, user=name, password=password)

    async def drop_database(self, name: str) -> None:
        """Remove a role and its database, whoever is connected."""
        async with connected(self.access()) as connection:
            await connection.execute(f'drop database if exists "{name}" with (force)')
            await connection.execute(f'drop role if exists "{name}"')


@asynccontextmanager
async def connected(access: Access) -> AsyncIterator[asyncpg.Connection]:
    """Connect with this access for the length of a block."""
    connection = await asyncpg.connect(
        host=access.host,
        port=access.port,
        database=access.database,
        user=access.user,
        password=access.password.get_secret_value(),
        timeout=5,
    )
    try:
        yield connection
    finally:
        await connection.close()


def _forget_stale_lock(data: Path) -> None:
    """Remove a lock whose pid is by now somebody else; the server would refuse to start."""
    lock = data / "postmaster.pid"
    try:
        pid = lock.read_text(encoding="ascii").split(maxsplit=1)[0]
        owner = Path(f"/proc/{pid}/cwd").readlink()
    except (FileNotFoundError, ProcessLookupError, IndexError, ValueError):
        lock.unlink(missing_ok=True)
        return
    if owner != data.resolve():
        lock.unlink()


class ThrowawayPostgresServer(PostgresServer):
    """One that trades safety against power loss for speed; it survives crashes of its own."""

    is_durable: ClassVar[bool] = False


@asynccontextmanager
async def running(
    directory: Path, *, password: SecretStr, port: int | None = None, cache: Path | None = None
) -> AsyncIterator[PostgresServer]:
    """Run a throwaway PostgreSQL in this directory for the length of a block."""
    wanted = ThrowawayPostgresServer(directory, port=port or free(), password=password, cache=cache)
    async with parts.running(wanted) as started:
        yield started
