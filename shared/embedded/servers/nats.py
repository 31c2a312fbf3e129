"""nats-server with JetStream: the bus, from the wheel."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import nats
from nats.errors import Error as NatsError
from typing_extensions import override

from shared.embedded import files, parts, programs
from shared.embedded.parts import Part
from shared.embedded.ports import LOOPBACK, free
from shared.embedded.processes import Command

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from pydantic import SecretStr

PLAIN = """\
listen: "{host}:{port}"
jetstream: {{ store_dir: {store}, sync_interval: always }}
"""


class NatsServer(Part):
    """The bus; without a configuration of its own everyone may do everything."""

    def __init__(
        self,
        directory: Path,
        *,
        port: int,
        configuration: str | None = None,
        seed: SecretStr | None = None,
        apply: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        super().__init__("nats", directory)
        self.port = port
        self._configuration = configuration
        self._seed = seed
        self._apply = apply

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://{LOOPBACK}:{self.port}"

    @property
    def store(self) -> Path:
        """Where the streams lie."""
        return self.directory / "store"

    @property
    @override
    def ports(self) -> Mapping[str, int]:
        return {"nats": self.port}

    @override
    async def prepare(self) -> Command:
        files.directory(self.store, mode=0o700)
        text = self._configuration or PLAIN.format(host=LOOPBACK, port=self.port, store=self.store)
        path = self.directory / "nats.conf"
        files.write(path, text, mode=0o600)
        return Command(
            argv=(programs.from_wheel("nats-server"), "-c", str(path)),
            directory=self.directory,
            environment=parts.environment(),
        )

    @override
    async def answers(self) -> bool:
        seed = self._seed.get_secret_value() if self._seed else None
        try:
            # The client would wait two seconds after a refusal.
            _, writer = await asyncio.open_connection(LOOPBACK, self.port)
            writer.close()
            connection = await nats.connect(
                self.url,
                nkeys_seed_str=seed,
                allow_reconnect=False,
                connect_timeout=1,
                error_cb=_ignore,
            )
        except (OSError, NatsError, TimeoutError):
            return False
        await connection.close()
        return True

    @override
    async def settle(self) -> None:
        if self._apply is not None:
            await self._apply()


async def _ignore(_: Exception) -> None:
    """A refused connection is what waiting looks like."""


@asynccontextmanager
async def running(
    directory: Path, *, port: int | None = None, configuration: str | None = None
) -> AsyncIterator[NatsServer]:
    """Run nats-server in this directory for the length of a block."""
    wanted = NatsServer(directory, port=port or free(), configuration=configuration)
    async with parts.running(wanted) as started:
        yield started
