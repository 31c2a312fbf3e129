"""Run the provisioner: read settings, connect adapters, serve until stopped.

fediversity-provisioner                       serve
fediversity-provisioner stop-machines         stop every machine of this host, and nothing else
fediversity-provisioner forget-images         have images built anew, with today's packages
fediversity-provisioner --print-settings      the settings, as a table
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING, Final

from shared import errors, http, provider, runtime, settings_table, telemetry
from shared.contracts.deployments import Doors
from shared.settings import load

from . import policy
from .adapters.caddy import CaddyEdge
from .adapters.front import FrontDnsZone, ProviderZones
from .adapters.manual import ManualDnsZone
from .adapters.postgres import PostgresMachineRepository, PostgresPublicationRepository
from .adapters.qemu import Images, QemuRuntimeBackend, stop_all
from .domain import Address, AddressRange, Route, Size
from .service import Machines, Provisioner, Publication
from .settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from shared.database import Database
    from shared.provider import Provider

    from .ports import DnsZone, Edge, Zones

SERVICE: Final = "provisioner"
TIMEOUT_SECONDS: Final = 10.0


async def provision(settings: Settings) -> None:
    """Serve provisioning requests."""
    offered = provider.load(settings.provider_file)
    schemas = ("shared", "services.provisioner")
    async with (
        contextlib.AsyncExitStack() as stack,
        runtime.service(SERVICE, settings, schemas=schemas) as service,
    ):
        service.digests = {"provider_file": offered.digest}
        zones = await connect_zones(offered, stack)
        edge = await connect_edge(offered, stack)
        provisioner = assemble(settings, offered, service.database, zones, edge)
        await service.serve(
            routes=provisioner.routes(),
            kinds=provisioner.kinds(),
            watches=provisioner.watches(),
            background=(provisioner.publication.keep,),
        )


async def connect_zones(offered: Provider, stack: contextlib.AsyncExitStack) -> Zones:
    """Return the zones of the provider configuration, open until the stack is left."""
    zones: dict[str, DnsZone] = {}
    for it in offered.zones:
        if it.kind == "manual":
            zones[it.name] = ManualDnsZone()
            continue
        token = provider.read_secret(it.token_file).get_secret_value()
        headers = {"Authorization": f"Bearer {token}"}
        client = http.client(base_url=it.endpoint, headers=headers, timeout_seconds=TIMEOUT_SECONDS)
        zones[it.name] = FrontDnsZone(await stack.enter_async_context(client))
    return ProviderZones(offered, zones)


async def connect_edge(offered: Provider, stack: contextlib.AsyncExitStack) -> Edge:
    """Return the edge of the provider configuration, open until the stack is left."""
    client = await stack.enter_async_context(
        http.client(base_url=offered.edge.admin, timeout_seconds=TIMEOUT_SECONDS)
    )
    return CaddyEdge(
        client=client,
        has_tls=offered.edge.tls_address is not None,
        secure_url=offered.public_url if offered.edge.public_scheme == "https" else None,
    )


def assemble(
    settings: Settings, offered: Provider, database: Database, zones: Zones, edge: Edge
) -> Provisioner:
    """Put the provisioner together on its database."""
    machines = PostgresMachineRepository()
    sizes = tuple(Size(**it.model_dump()) for it in offered.sizes.values())
    return Provisioner(
        machines=Machines(
            database=database,
            repository=machines,
            backend=local_backend(settings, offered),
            place=policy.POLICIES[offered.policy.placement],
            available=policy.Available(sizes=sizes),
            addresses=AddressRange(
                host=settings.address, first=settings.first_port, last=settings.last_port
            ),
            retention_days=offered.runtime_backends[0].retention_days,
            check_hosts=zones.check,
        ),
        publication=Publication(
            database=database,
            repository=PostgresPublicationRepository(),
            machines=machines,
            zones=zones,
            edge=edge,
            address=Address(plain=offered.edge.address, tls=offered.edge.tls_address),
            panel=Route(host=offered.panel.host, upstream=offered.panel.upstream),
            url=offered.public_url,
        ),
    )


def local_backend(settings: Settings, offered: Provider) -> QemuRuntimeBackend:
    """Return the runtime backend on this host."""
    return QemuRuntimeBackend(
        directory=settings.qemu_directory,
        images=local_images(settings),
        ways_out=Doors.model_validate(offered.runtime_backends[0].doors.model_dump()),
        public_key=lambda: _public_key(settings.ssh_public_key_file),
        accelerator=settings.accelerator,
    )


def local_images(settings: Settings) -> Images:
    """Return the guest images on this host."""
    return Images(
        cache=settings.cache_directory,
        scripts=settings.ingredients() / "images" / "guest",
        system=settings.ingredients() / "standalone",
        suite=settings.suite,
    )


def _public_key(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise errors.UnavailableError(
            "machine.no_public_key",
            f"deployer's public key {path} cannot be read ({type(error).__name__}); without it "
            "nobody could enter the machine",
        ) from error


async def stop_machines(settings: Settings) -> None:
    """Stop every machine of this host; they are still meant to run."""
    backend = local_backend(settings, provider.load(settings.provider_file))
    for name in await stop_all(backend):
        telemetry.log.info("machine_stopped", machine=name)


def main() -> None:
    """Start the provisioner, or do what the command line says."""
    arguments = _parser().parse_args()
    if arguments.print_settings:
        sys.stdout.write(settings_table.render(Settings) + "\n")
        return
    with runtime.explained(SERVICE):
        settings = load(Settings)
        match arguments.command:
            case "stop-machines":
                asyncio.run(stop_machines(settings))
            case "forget-images":
                local_images(settings).forget()
            case _:
                runtime.run(SERVICE, settings, provision(settings))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fediversity-provisioner", description="Run machines.")
    parser.add_argument("--print-settings", action="store_true", help="show them and end")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("stop-machines", help="stop every machine of this host")
    commands.add_parser("forget-images", help="have images built anew")
    return parser


if __name__ == "__main__":
    main()
