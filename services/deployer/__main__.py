"""Run the deployer: read settings, connect adapters, serve until stopped.

python -m services.deployer                     serve
python -m services.deployer create-key FILE     make the SSH key pair that opens machines
python -m services.deployer --print-settings    the settings, as a table
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shared import catalogue, clock, provider, runtime, settings_table
from shared.sealing import Sealer, Unsealer
from shared.settings import load

from .adapters.certificates import EdgeCertificates
from .adapters.cryptography import CryptographySecretMaker
from .adapters.http import HttpHealthProbe
from .adapters.nix import Nix, NixSystemBuilder
from .adapters.postgres import PostgresApplicationSecrets, PostgresRevisions
from .adapters.postgres_conditions import PostgresConditions
from .adapters.postgres_transfers import PostgresTransfers
from .adapters.ssh import SshHosts, create_key
from .render import Renderer
from .service import ADDRESSEE, OWNER, Deployer, Timing
from .settings import Settings

if TYPE_CHECKING:
    from shared.database import Database

    from .ports import Certificates, HealthProbe, Hosts

NAME: Final = "deployer"


async def deploy(settings: Settings) -> None:
    """Serve deployments."""
    offered = provider.load(settings.provider_file)
    applications = catalogue.load(offered.catalogue.folders)
    renderer = Renderer(catalogue=applications, public_url=offered.public_url)
    nix = Nix.usual(settings.work_directory)
    schemas = ("shared", "services.deployer")
    async with (
        runtime.service(NAME, settings, schemas=schemas) as service,
        SshHosts.opened(
            key_file=settings.ssh_key_file, work_directory=settings.work_directory, nix=nix
        ) as hosts,
        HttpHealthProbe.opened() as probe,
    ):
        service.digests = {"provider_file": offered.digest}
        certificates = EdgeCertificates(offered.tls_edge)
        outside = Outside(hosts=hosts, probe=probe, certificates=certificates)
        deployer = wired(settings, renderer, service.database, outside)
        await service.serve(
            routes=deployer.routes(), kinds=deployer.kinds(), watches=deployer.watches()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What is reached from here."""

    hosts: Hosts
    probe: HealthProbe
    certificates: Certificates


def wired(settings: Settings, renderer: Renderer, database: Database, outside: Outside) -> Deployer:
    """Put the parts together."""
    timing = Timing(
        health=settings.health_seconds,
        watchdog=settings.watchdog_seconds,
        between_looks=settings.contents_seconds,
        between_examinations=settings.examination_seconds,
    )
    unsealer = Unsealer(settings.age_identity)
    return Deployer(
        revisions=PostgresRevisions(database),
        secrets=PostgresApplicationSecrets(database),
        transfers=PostgresTransfers(database),
        renderer=renderer,
        builder=NixSystemBuilder(
            nix=Nix.usual(settings.work_directory),
            expression=settings.standalone_directory,
            work_directory=settings.work_directory,
        ),
        hosts=outside.hosts,
        probe=outside.probe,
        maker=CryptographySecretMaker(),
        sealer=_sealer(settings, unsealer),
        unsealer=unsealer,
        certificates=outside.certificates,
        conditions=PostgresConditions(),
        transaction=database.transaction,
        clock=clock.system,
        timing=timing,
    )


def _sealer(settings: Settings, unsealer: Unsealer) -> Sealer:
    """Return what seals to panel, and to ourselves in the one way that we can surely read."""
    sealer = Sealer(dict(settings.recipients) | {OWNER: unsealer.recipient})
    sealer.require(ADDRESSEE)
    return sealer


def main() -> None:
    """Start the deployer, or do what the command line says."""
    match sys.argv[1:]:
        case []:
            with runtime.explained(NAME):
                settings = load(Settings)
                runtime.run(NAME, settings, deploy(settings))
        case ["create-key", file]:
            asyncio.run(create_key(Path(file)))
        case ["--print-settings"]:
            sys.stdout.write(settings_table.render(Settings) + "\n")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
