"""The provider configuration: one TOML file that says what this hosting provider offers.

Every service checks the whole file when it starts and uses its own tables. Secrets never stand in
it, only the names of the files that hold them. How a process runs is not said here: see settings.
"""

from __future__ import annotations

import hashlib
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    IPvAnyAddress,
    SecretStr,
    ValidationInfo,
)
from typing_extensions import override

from . import documents, errors
from .contracts.deployments import Endpoint
from .documents import Section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .documents import Problems, Table

HIGHEST_PORT: Final = 65535
STANDARD_PORTS: Final = {"http": 80, "https": 443}
_FOLDER: Final = "folder"
_DIGEST: Final = "digest"
_UNIQUE: Final = (
    ("runtime_backends", "name"),
    ("object_stores", "name"),
    ("zones", "name"),
    ("zones", "suffix"),
)


def _address(value: object) -> object:
    """Read `host:port`."""
    host, _, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    if not host or not port.isdecimal() or not 0 < int(port) <= HIGHEST_PORT:
        raise ValueError("must be an address such as 127.0.0.1:8080")
    return Endpoint(host=host, port=int(port))


def _url(value: str) -> str:
    """Read the URL of a server, without what does not belong to one."""
    parts = urlsplit(value)
    if parts.username or parts.password:
        raise ValueError("must not carry a user name or a password; name a file that holds it")
    if parts.scheme not in STANDARD_PORTS or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be a URL such as http://127.0.0.1:8333")
    return value.rstrip("/")


def _resolved(value: Path, info: ValidationInfo) -> Path:
    """Read a relative path as seen from the file it stands in."""
    return Path((info.context or {}).get(_FOLDER, ".")) / value


Name = Annotated[str, Field(pattern=documents.NAME, max_length=32)]
Host = Annotated[str, Field(pattern=documents.HOST, max_length=253)]
Address = Annotated[Endpoint, BeforeValidator(_address)]
Url = Annotated[str, AfterValidator(_url)]
FilePath = Annotated[Path, AfterValidator(_resolved)]


class Identity(Section):
    """Who the hosting provider is."""

    name: str = Field(min_length=1, max_length=80)


class Panel(Section):
    """Where the panel is reached from outside, and where the edge finds it."""

    host: Host
    upstream: Address


class Doors(Section):
    """What the named doors of a machine lead to; a door that is not named is closed."""

    s3: Address | None = None
    mail: Address | None = None
    egress: Address | None = None


class RuntimeBackend(Section):
    """A place where machines run."""

    name: Name
    kind: Literal["qemu"]
    doors: Doors = Doors()
    retention_days: int = Field(default=7, ge=1, le=3650)
    """How long a machine is kept, switched off, whose applications were taken out."""


class ObjectStore(Section):
    """A store for buckets, with an administrator's key that storage uses."""

    name: Name
    kind: Literal["iam"]
    endpoint: Url
    region: str = Field(default="us-east-1", min_length=1)
    access_key_id: str = Field(min_length=1)
    secret_key_file: FilePath
    retention_days: int = Field(default=30, ge=0, le=3650)
    """How long the buckets of a removed deployment are kept; 0 deletes them at once."""


class Zone(Section):
    """A part of the name space that this provider can publish names in."""

    name: Name
    kind: Literal["front", "manual"]
    """`manual`: nobody publishes here; operators set the records themselves."""
    suffix: Host
    endpoint: Url = ""
    """Of the front's API; every other kind needs none."""
    token_file: FilePath = Path()

    def holds(self, host: str) -> bool:
        """Say whether this zone publishes a host."""
        return host == self.suffix or host.endswith(f".{self.suffix}")


class Edge(Section):
    """The web server that everybody outside talks to."""

    kind: Literal["caddy"]
    admin: Url
    address: Address
    """What records point to, for plain HTTP."""
    tls_address: Address | None = None
    """What records point to for TLS, where the edge offers it."""
    public_scheme: Literal["http", "https"] = "https"
    public_port: int | None = Field(default=None, ge=1, le=HIGHEST_PORT)
    """The port in public URLs; none where it is the scheme's own."""
    public_addresses: tuple[IPvAnyAddress, ...] = ()
    """What address records of operators point to; without any, the one in `address`."""

    @property
    def addresses(self) -> Sequence[IPv4Address | IPv6Address]:
        """What address records point to; none where only a name is known."""
        if self.public_addresses:
            return self.public_addresses
        try:
            return (ip_address(self.address.host),)
        except ValueError:
            return ()

    def url(self, host: str) -> str:
        """Return the public URL of a host, without a path."""
        usual = STANDARD_PORTS[self.public_scheme]
        port = "" if self.public_port in {None, usual} else f":{self.public_port}"
        return f"{self.public_scheme}://{host}{port}"


class Size(Section):
    """A size of machine that this provider offers."""

    cpus: int = Field(ge=1, le=256)
    memory_mib: int = Field(ge=64)
    disk_gib: int = Field(ge=1)


class CatalogueFolders(Section):
    """Where application packages are found."""

    folders: tuple[FilePath, ...] = Field(min_length=1)


class Policy(Section):
    """How what is requested is mapped to what is offered."""

    placement: Literal["machine-per-application", "machine-per-deployment"] = (
        "machine-per-application"
    )


class Provider(Section):
    """Everything that a hosting provider offers."""

    provider: Identity
    panel: Panel
    runtime_backends: tuple[RuntimeBackend, ...] = Field(min_length=1)
    object_stores: tuple[ObjectStore, ...] = Field(min_length=1)
    zones: tuple[Zone, ...] = Field(min_length=1)
    edge: Edge
    sizes: dict[Name, Size] = Field(min_length=1)
    catalogue: CatalogueFolders
    policy: Policy = Policy()
    _digest: str = ""

    @override
    def model_post_init(self, context: Any, /) -> None:
        """Remember which file this was read from."""
        self._digest = (context or {}).get(_DIGEST, "")

    @property
    def digest(self) -> str:
        """SHA-256 of the file, as shown by /readyz."""
        return self._digest

    def find_zone(self, host: str) -> Zone | None:
        """Return the zone that publishes a host, the closest one where several could."""
        able = [it for it in self.zones if it.holds(host)]
        return max(able, key=lambda it: len(it.suffix), default=None)

    def zone_for(self, host: str) -> Zone:
        """Return the zone that publishes a host.

        Raises:
            NotFoundError: the host lies in no zone of this provider.
        """
        if zone := self.find_zone(host):
            return zone
        offered = ", ".join(it.suffix for it in self.zones)
        raise errors.NotFoundError(
            "provider.no_zone",
            f"{host} lies in no zone of this provider; names here end in: {offered}",
        )

    @property
    def tls_edge(self) -> Endpoint | None:
        """Where visitors are taken by TLS; None where public URLs are plain HTTP."""
        return self.edge.tls_address if self.edge.public_scheme == "https" else None

    def public_url(self, host: str) -> str:
        """Return the URL under which a host answers from outside, without a path."""
        return self.edge.url(host)


def load(path: Path) -> Provider:
    """Read the provider configuration.

    Raises:
        InvalidError: the file is not one; every mistake is named, by its place in the file.
    """
    tables, problems = documents.read(path)
    found: Provider | None = None
    if not problems:
        context = {_FOLDER: path.resolve().parent, _DIGEST: _digest_of(path)}
        found, problems = documents.check(Provider, tables, context)
        problems |= _contradictions(tables)
    if found is None or problems:
        raise documents.refusal("provider.invalid", f"the provider file {path}", problems)
    return found


def read_secret(path: Path) -> SecretStr:
    """Return what a secret file of the provider configuration holds, without its last newline.

    Raises:
        InvalidError: the file cannot be read, or is empty.
    """
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise errors.InvalidError(
            "provider.secret_file",
            f"the secret file {path} cannot be read by this service: {type(error).__name__}; "
            "create it with mode 0400 for the service's account",
        ) from error
    if not text:
        raise errors.InvalidError("provider.secret_file", f"the secret file {path} is empty")
    return SecretStr(text)


def _digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _contradictions(tables: Table) -> Problems:
    """Return what no single value shows to be wrong."""
    problems: Problems = {}
    for array, key in _UNIQUE:
        problems |= documents.repeated(tables, array, key)
    problems |= _incomplete_zones(tables)
    edge = tables.get("edge")
    if (
        isinstance(edge, dict)
        and edge.get("public_scheme", "https") == "https"
        and not edge.get("tls_address")
    ):
        problems["edge.tls_address"] = "is needed where public_scheme is https; add it"
    return problems


def _incomplete_zones(tables: Table) -> Problems:
    """Return what a zone needs because of its kind."""
    zones = tables.get("zones")
    return {
        f"zones[{place}].{key}": "is needed where kind is front; add it"
        for place, zone in enumerate(zones if isinstance(zones, list) else ())
        for key in ("endpoint", "token_file")
        if isinstance(zone, dict) and zone.get("kind") == "front" and not zone.get(key)
    }
