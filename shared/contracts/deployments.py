"""The vocabulary of a deployment on the wire: what is asked for and what was granted."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, JsonValue
from typing_extensions import override

from .messages import Value

Options = dict[str, JsonValue]


class Mode(StrEnum):
    """What a revision is meant to reach."""

    ACTIVE = "active"
    """The applications run and answer."""
    PREPARED = "prepared"
    """Everything is in place and nothing runs."""
    FENCED = "fenced"
    """The applications must not run here any more."""


class ApplicationOrder(Value):
    """One application of a revision, as the operator configured it."""

    application: str
    version: str
    host: str
    """The full host name, such as `hello.garden.example`."""
    options: Options = Field(default_factory=dict)
    sealed_options: dict[str, str] = Field(default_factory=dict)
    """Secret options, each sealed to deployer."""


class MachineRequest(Value):
    """An application wants a machine to run on."""

    kind: Literal["machine"] = "machine"
    application: str
    cpus: int
    memory_mib: int
    disk_gib: int
    http_port: int
    """The port on which the application answers HTTP inside its machine; no other one has it."""
    health_path: str = "/"
    image_packages: tuple[str, ...] = ()
    """Distribution packages the guest image must hold for this application, sorted."""
    keeps_data: bool = True
    """Whether its machine's disk holds data of its own, which another machine would not have."""
    egress: bool = False
    """Whether it talks to the world, through the egress door of its machine."""
    mail: bool = False
    """Whether it sends mail, through the mail door of its machine."""


class BucketRequest(Value):
    """An application wants a bucket of its own."""

    kind: Literal["bucket"] = "bucket"
    application: str
    purpose: str
    quota_gib: int | None = None
    public_host: str | None = None
    """Where anybody may read its objects, such as `media-blog.garden.example`; None: nowhere."""


Resource = Annotated[MachineRequest | BucketRequest, Field(discriminator="kind")]


class Endpoint(Value):
    """Where something listens."""

    host: str
    port: int

    @override
    def __str__(self) -> str:
        """Return `host:port`."""
        return f"{self.host}:{self.port}"


class SecureShell(Endpoint):
    """Where a machine answers SSH, and the only host key to accept there."""

    host_public_key: str
    """Key type and base64 key, as in a known_hosts line, without a comment."""


class Doors(Value):
    """The named ways out of a machine, as it sees them; nothing else is reachable from inside."""

    s3: Endpoint | None = None
    mail: Endpoint | None = None
    egress: Endpoint | None = None


class GrantedMachine(Value):
    """A machine that runs and can be reached."""

    machine: str
    applications: tuple[str, ...]
    ssh: SecureShell
    http: Endpoint
    """Where the edge reaches the machine's web server."""
    guest: Doors
    endpoints: dict[str, Endpoint] = Field(default_factory=dict)
    """Application → where the edge reaches it; what is not listed answers at `http`."""

    def endpoint_of(self, application: str) -> Endpoint:
        """Return where the edge reaches an application."""
        return self.endpoints.get(application, self.http)


class PublicBucket(Value):
    """Where anybody reads the objects of a bucket: the edge answers for a host from the store."""

    host: str
    url: str
    """What stands before the key of an object inside the provider's network, without a slash."""


class GrantedBucket(Value):
    """A bucket and the key that opens it."""

    application: str
    purpose: str
    endpoint: str
    """The store's URL as the provider sees it; a machine uses its door instead."""
    region: str
    bucket: str
    access_key_id: str
    sealed_secret_key: str
    """Sealed to deployer."""
    public: PublicBucket | None = None


class PublishedRoute(Value):
    """A host name that leads to an application."""

    application: str
    host: str
    url: str


class KeptBucket(Value):
    """A bucket that outlives its deployment for a while."""

    bucket: str
    until: str
    """RFC 3339, UTC."""
