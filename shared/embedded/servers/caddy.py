"""Caddy from the distribution: the provider's edge, driven through its admin API.

It starts with one answer for every name, "not yet"; the provisioner owns the route list and puts
it back after a restart.
The admin API asks nobody for credentials. So Caddy never runs as root: who sends it a route to a
file reads what its account reads. What remains: every account of this computer may change routes.
Our own process with our own configuration: a system service of the same program is left alone.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import httpx2
from typing_extensions import override

from shared.embedded import accounts, files, parts, programs
from shared.embedded.parts import Part
from shared.embedded.ports import LOOPBACK, free
from shared.embedded.processes import Command

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

# Without a route Caddy answers everything with an empty 200: a name that is not published yet, or
# not again since a restart, must not look like an application that answers.
NOT_YET: Final = {
    "handle": [
        {
            "handler": "static_response",
            "status_code": 503,
            "headers": {"Retry-After": ["2"], "Content-Type": ["text/plain; charset=utf-8"]},
            "body": "This edge does not know the way there yet. Try again in a moment.\n",
        }
    ]
}

# HTTP/3 would be announced at a port that the front does not pass on.
PROTOCOLS: Final = ["h1", "h2"]


def root_certificate(directory: Path) -> Path:
    """Return where the own authority of the edge in this directory has its certificate."""
    return directory / "storage" / "pki" / "authorities" / "local" / "root.crt"


class CaddyServer(Part):
    """The edge: an admin API, a plain listener and one with certificates of its own authority."""

    def __init__(self, directory: Path, *, admin_port: int, port: int, tls_port: int) -> None:
        super().__init__("caddy", directory)
        self._admin_port = admin_port
        self.port = port
        self.tls_port = tls_port

    @property
    def admin(self) -> str:
        """Where the configuration is read and written."""
        return f"http://{LOOPBACK}:{self._admin_port}"

    @property
    def root_certificate(self) -> Path:
        """The edge's own authority; written with the first TLS route."""
        return root_certificate(self.directory)

    @property
    @override
    def ports(self) -> Mapping[str, int]:
        return {"caddy_admin": self._admin_port, "edge": self.port, "edge_tls": self.tls_port}

    @override
    async def prepare(self) -> Command:
        account = accounts.unprivileged()
        accounts.require_reach(self.directory, account)
        for name in ("storage", "home"):
            accounts.give_tree(files.directory(self.directory / name, mode=0o700), account)
        path = self.directory / "caddy.json"
        files.write(path, json.dumps(self.configuration(), indent=2) + "\n", mode=0o600)
        accounts.give(path, account)
        home = str(self.directory / "home")
        program = programs.from_distribution("caddy", "caddy")
        return Command(
            argv=(program, "run", "--config", str(path)),
            directory=self.directory,
            environment=parts.environment(HOME=home, XDG_DATA_HOME=home, XDG_CONFIG_HOME=home),
            account=account,
        )

    def configuration(self) -> dict[str, object]:
        """Return the minimal configuration: listeners, storage, own authority, no way through."""
        return {
            "admin": {"listen": f"{LOOPBACK}:{self._admin_port}", "config": {"persist": False}},
            "storage": {"module": "file_system", "root": str(self.directory / "storage")},
            "apps": {
                "http": {
                    "servers": {
                        "edge": {
                            "listen": [f"{LOOPBACK}:{self.port}"],
                            "protocols": PROTOCOLS,
                            "automatic_https": {"disable": True},
                            "routes": [NOT_YET],
                        },
                        "edge_tls": {
                            "listen": [f"{LOOPBACK}:{self.tls_port}"],
                            "protocols": PROTOCOLS,
                            "automatic_https": {"disable_redirects": True},
                            "tls_connection_policies": [{}],
                            "routes": [NOT_YET],
                        },
                    }
                },
                "tls": {"automation": {"policies": [{"issuers": [{"module": "internal"}]}]}},
                "pki": {"certificate_authorities": {"local": {"install_trust": False}}},
            },
        }

    @override
    async def answers(self) -> bool:
        try:
            async with httpx2.AsyncClient(trust_env=False, timeout=5) as client:
                answer = await client.get(f"{self.admin}/config/apps/http/servers/edge/listen")
        except httpx2.TransportError:
            return False
        return answer.is_success


@asynccontextmanager
async def running(
    directory: Path, *, admin_port: int | None = None, port: int | None = None
) -> AsyncIterator[CaddyServer]:
    """Run an edge that knows no name for the length of a block."""
    first = free(3)
    wanted = CaddyServer(
        directory, admin_port=admin_port or first, port=port or first + 1, tls_port=first + 2
    )
    async with parts.running(wanted) as started:
        yield started
