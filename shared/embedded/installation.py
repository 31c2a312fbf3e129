"""One embedded default, put together: its ports, secrets, configuration, servers and services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared.bus import accounts, administration

from . import configuration, credentials, files, places, plan, ports
from .ports import LOOPBACK
from .servers.aiosmtpd import MailServer
from .servers.caddy import CaddyServer
from .servers.front import FrontServer
from .servers.nats import NatsServer
from .servers.postgres import PostgresServer
from .servers.seaweedfs import SeaweedServer
from .servers.squid import SquidServer
from .services import ServicePart

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .parts import Part
    from .places import Options
    from .servers.seaweedfs import Access

NAMES: Final = (
    *("front", "front_tls", "front_api"),
    *("postgres", "nats", ports.OBJECTS, ports.MACHINES),
    *("caddy_admin", "edge", "edge_tls", "egress", "mail"),
)


class Installation:
    """What lies below one data directory; building it writes what is missing there."""

    def __init__(self, options: Options) -> None:
        self.options = options
        places.create(options)
        files.directory(options.traces)
        self.plan = plan.load()
        names = [it.name for it in self.plan.services]
        self.ports = ports.allocate(options.ports, (*NAMES, *names))
        self.credentials = credentials.ensure(options.secrets, names)
        configuration.write(options, self.ports, self.credentials)
        makers = {
            "postgres": self._postgres,
            "nats": self._nats,
            "objects": self._objects,
            "caddy": self._caddy,
            "front": self._front,
            "egress": self._egress,
            "mail": self._mail,
        }
        self.servers: Sequence[Part] = [makers[name]() for name in self.plan.servers]
        self.services = [self._service(it) for it in self.plan.services if self._runs(it)]

    def _runs(self, program: plan.Program) -> bool:
        wanted = self.options.services
        return program.exists and (wanted is None or program.name in wanted)

    @property
    def panel_url(self) -> str:
        """The URL of the panel."""
        return configuration.panel_url(self.options, self.ports)

    @property
    def edge_authority(self) -> Path:
        """The certificate of the edge's own authority, once it has one."""
        return self._caddy().root_certificate

    @property
    def deployer_key(self) -> Path:
        """The SSH key that opens machines, for who measures them."""
        return self.credentials.of_service("deployer") / "deployer_ssh_key"

    @property
    def store_access(self) -> Access:
        """The administrator's access to the object store, for who destroys what is in it."""
        return self._objects().access

    def _postgres(self) -> PostgresServer:
        return PostgresServer(
            self.options.part("postgres"),
            port=self.ports["postgres"],
            password=self.credentials.postgres,
            cache=self.options.cache,
            databases=self.credentials.databases,
        )

    def _nats(self) -> NatsServer:
        directory = self.options.part("nats")
        port, seed = self.ports["nats"], self.credentials.bus_administrator
        rendered = accounts.render(
            accounts.Server(
                listen=f"{LOOPBACK}:{port}",
                store=str(directory / "store"),
                keys=self.credentials.bus_keys,
            )
        )
        return NatsServer(
            directory,
            port=port,
            configuration=rendered,
            seed=seed,
            apply=lambda: administration.apply(f"nats://{LOOPBACK}:{port}", seed),
        )

    def _objects(self) -> SeaweedServer:
        return SeaweedServer(
            self.options.part("objects"),
            first_port=self.ports[ports.OBJECTS],
            access_key_id=self.credentials.store_key_id,
            secret_access_key=self.credentials.store_secret,
        )

    def _caddy(self) -> CaddyServer:
        return CaddyServer(
            self.options.part("caddy"),
            admin_port=self.ports["caddy_admin"],
            port=self.ports["edge"],
            tls_port=self.ports["edge_tls"],
        )

    def _front(self) -> FrontServer:
        record = {
            "address": f"{LOOPBACK}:{self.ports['edge']}",
            "tls_address": f"{LOOPBACK}:{self.ports['edge_tls']}",
        }
        return FrontServer(
            self.options.part("front"),
            ports=self.ports,
            token_file=self.credentials.front_token_file,
            published={configuration.PANEL_HOST: record},
        )

    def _egress(self) -> SquidServer:
        return SquidServer(
            self.options.part("egress"),
            port=self.ports["egress"],
            front=self.ports["front"],
            front_tls=self.ports["front_tls"],
        )

    def _mail(self) -> MailServer:
        return MailServer(self.options.part("mail"), port=self.ports["mail"])

    def _service(self, program: plan.Program) -> ServicePart:
        around = plan.Surroundings(
            options=self.options,
            ports=self.ports,
            credentials=self.credentials,
            authority=self.edge_authority if self.options.is_tls else None,
        )
        return ServicePart(
            program,
            self.options.part(program.name),
            around=around,
            environment=around.environment(self.plan, program),
        )
