"""The front as a part: a process of its own, so that names resolve whoever restarts."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import httpx2
from typing_extensions import override

from shared.embedded import files, parts
from shared.embedded.parts import Part
from shared.embedded.ports import LOOPBACK, free
from shared.embedded.processes import Command

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from pydantic import SecretStr

ROLES: Final = ("front", "front_tls", "front_api")


class FrontServer(Part):
    """Internet and DNS for `*.localhost`; `published` records are put back at each start."""

    def __init__(
        self,
        directory: Path,
        *,
        ports: Mapping[str, int],
        token_file: Path,
        published: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        super().__init__("front", directory)
        self._ports = ports
        self._token_file = token_file
        self._published = published or {}

    @property
    @override
    def ports(self) -> Mapping[str, int]:
        return {role: self._ports[role] for role in ROLES}

    @property
    def port(self) -> int:
        """Where browsers connect for http."""
        return self._ports["front"]

    @property
    def tls_port(self) -> int:
        """Where browsers connect for https."""
        return self._ports["front_tls"]

    @property
    def api(self) -> str:
        """Where records are changed."""
        return f"http://{LOOPBACK}:{self._ports['front_api']}"

    @override
    async def prepare(self) -> Command:
        return Command(
            argv=(
                *(sys.executable, "-m", "shared.embedded", "front"),
                *("--records", str(self.directory / "records.json")),
                *("--token-file", str(self._token_file)),
                *("--port", str(self.port), "--tls-port", str(self.tls_port)),
                *("--api-port", str(self._ports["front_api"])),
            ),
            directory=self.directory,
            environment=parts.environment(PYTHONPATH=parts.python_path()),
        )

    @override
    async def answers(self) -> bool:
        try:
            async with self._client() as client:
                return (await client.get("/records")).is_success
        except httpx2.TransportError:
            return False

    @override
    async def settle(self) -> None:
        async with self._client() as client:
            for host, record in self._published.items():
                (await client.put(f"/records/{host}", json=dict(record))).raise_for_status()

    def _client(self) -> httpx2.AsyncClient:
        token = self._token_file.read_text(encoding="utf-8").strip()
        return httpx2.AsyncClient(
            base_url=self.api,
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
            timeout=5,
        )


@asynccontextmanager
async def running(directory: Path, *, token: SecretStr) -> AsyncIterator[FrontServer]:
    """Run a front without records for the length of a block."""
    files.directory(directory)
    token_file = directory / "token"
    files.write(token_file, token.get_secret_value(), mode=0o600)
    first = free(len(ROLES))
    chosen = {role: first + offset for offset, role in enumerate(ROLES)}
    async with parts.running(
        FrontServer(directory, ports=chosen, token_file=token_file)
    ) as started:
        yield started
