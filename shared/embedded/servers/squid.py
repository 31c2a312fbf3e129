"""Squid from the distribution: the egress proxy that machines have as a door.

Here the front plays the internet, so it is all that can be reached: names below `localhost`, on
the two public ports. Addresses, other ports and other names are refused, and a provider's own
proxy refuses private ranges in the same way.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from shared.embedded import accounts, files, parts, programs
from shared.embedded.parts import Part
from shared.embedded.ports import LOOPBACK, free
from shared.embedded.processes import Command

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

# The peers are the front: Squid's own resolver knows no name below localhost, and asks nobody.
# -n: an address is not looked up, as it may well call itself localhost.
# What was asked for is nobody's business; what failed is written down, without its path.
# Without a limit on descriptors it reserves memory for as many as the computer allows.
CONFIGURATION: Final = """http_port {loopback}:{port}
acl outside dstdomain -n .localhost
acl public port {front} {front_tls}
acl http proto HTTP
acl tunnel method CONNECT
acl plain port {front}
acl tls port {front_tls}
http_access deny manager
http_access deny !outside
http_access deny !public
http_access allow http
http_access allow tunnel
http_access deny all
cache_peer {loopback} parent {front} 0 no-query no-digest originserver name=plain
cache_peer {loopback} parent {front_tls} 0 no-query no-digest originserver name=tls
cache_peer_access plain allow plain
cache_peer_access plain deny all
cache_peer_access tls allow tls
cache_peer_access tls deny all
never_direct allow all
dns_nameservers {loopback}
hosts_file none
cache deny all
cache_mem 4 MB
memory_pools off
max_filedescriptors 1024
request_body_max_size 16 MB
client_lifetime 10 minutes
shutdown_lifetime 0 seconds
via off
forwarded_for delete
acl failed http_status 500-599
logformat failure %tl %rm %>rd:%>rP %>Hs %err_code %err_detail %Sh %<tt ms
access_log stdio:{failures} failure failed
cache_store_log none
netdb_filename none
pid_filename none
pinger_enable off
coredump_dir {directory}
"""
ANSWER_SECONDS: Final = 2.0
OPTIONS: Final = b"OPTIONS / HTTP/1.0\r\nMax-Forwards: 0\r\n\r\n"


class SquidServer(Part):
    """The egress proxy: a listener that passes on what goes to the front, and nothing else."""

    def __init__(self, directory: Path, *, port: int, front: int, front_tls: int) -> None:
        super().__init__("egress", directory)
        self.port = port
        self._front = front
        self.front_tls = front_tls

    @property
    @override
    def ports(self) -> Mapping[str, int]:
        return {"egress": self.port}

    @override
    async def prepare(self) -> Command:
        account = accounts.unprivileged()
        accounts.require_reach(self.directory, account)
        path = self.directory / "squid.conf"
        failures = self.directory / "failures.log"
        text = CONFIGURATION.format(
            failures=failures,
            loopback=LOOPBACK,
            port=self.port,
            front=self._front,
            front_tls=self.front_tls,
            directory=self.directory,
        )
        files.write(path, text, mode=0o600)
        failures.touch(mode=0o600)
        for it in (path, failures):
            accounts.give(it, account)
        program = programs.from_distribution("squid", "squid")
        return Command(
            # In the foreground, and what it has to say on standard error.
            argv=(program, "-N", "-d", "1", "-f", str(path)),
            directory=self.directory,
            environment=parts.environment(),
            account=account,
        )

    @override
    async def answers(self) -> bool:
        try:
            async with parts.conversation(self.port, ANSWER_SECONDS) as (reader, writer):
                writer.write(OPTIONS)
                return (await reader.read(5)) == b"HTTP/"
        except (OSError, TimeoutError):
            return False


@asynccontextmanager
async def running(directory: Path, *, front: int, front_tls: int) -> AsyncIterator[SquidServer]:
    """Run a proxy to a front for the length of a block."""
    wanted = SquidServer(directory, port=free(), front=front, front_tls=front_tls)
    async with parts.running(wanted) as started:
        yield started
