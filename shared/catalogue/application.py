"""What an application package says about its application: the model of `application.toml`."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, JsonValue
from typing_extensions import override

from shared import documents
from shared.documents import Section

from . import wording

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shared.contracts.deployments import Options

LONGEST_PURPOSE: Final = 8
"""As much of a purpose as fits into the name of a bucket."""
SECRET_OPTION: Final = "x-secret"  # noqa: S105 - the name of an annotation


def _not_reserved(purpose: str) -> str:
    # AWS keeps names that end in -s3alias for itself.
    if purpose == "s3alias":
        raise ValueError("is reserved by AWS; choose another")
    return purpose


Name = Annotated[str, Field(pattern=documents.NAME, max_length=32)]
Purpose = Annotated[
    str, Field(pattern=documents.NAME, max_length=LONGEST_PURPOSE), AfterValidator(_not_reserved)
]
Label = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Text = Annotated[str, Field(min_length=1)]
UrlPath = Annotated[str, Field(pattern=r"^/[!-~]*$")]
Package = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+-]+$")]
Command = Annotated[tuple[Text, ...], Field(min_length=1)]
"""A program and its arguments; never a line for a shell."""


class MachineNeeds(Section):
    """What the application needs of the machine that runs it."""

    sizes: tuple[Name, ...] = Field(min_length=1)
    """Names of sizes that suffice; the first one that a provider offers is taken."""
    http_port: int = Field(default=80, ge=1, le=65535)
    health_path: UrlPath = "/"
    """Answers 200 as soon as the application serves, and not before."""


class BucketNeeds(Section):
    """A bucket that the application needs, under some options or under all."""

    purpose: Purpose
    quota_gib: int | None = Field(default=None, ge=1)
    when: dict[str, JsonValue] = Field(default_factory=dict)
    """Options and the values that they must all have; empty: always."""
    public: bool = False
    """Whether anybody may read its objects, under the media host of the operator's domain."""


class Egress(Section):
    """Whether the application talks to the world: to other servers, of its own accord.

    Without it there is no way out of its machine but to its buckets. The way opens when the
    application is reached from outside, so that it has to become healthy without.
    """

    needed: bool = False


class Smtp(Section):
    """Whether the application sends mail, by the provider's relay; open like the way out."""

    needed: bool = False


class Record(Section):
    """A DNS record beyond the address of the application's host."""

    type: Literal["CAA", "CNAME", "MX", "SRV", "TXT"]
    name: str
    """Relative to the application's host; empty: the host itself."""
    value: Text


class Dns(Section):
    """What the application needs in the DNS besides its address."""

    records: tuple[Record, ...] = ()


class StateDatabase(Section):
    """A database that belongs to the application's state."""

    name: Name
    engine: Literal["mariadb", "mysql", "postgresql"]
    extensions: tuple[Text, ...] = ()
    collation: str | None = None
    excluded_tables: tuple[Text, ...] = ()
    """Carried as empty tables: caches and queues that are not worth a copy."""
    truncate_after_restore: tuple[Text, ...] = ()


class StatePath(Section):
    """A folder that belongs to the application's state, below its own folder on the machine."""

    path: Text
    owner: str | None = None
    excludes: tuple[Text, ...] = ()


class StateBucket(Section):
    """A bucket that belongs to the application's state."""

    purpose: Purpose
    prefixes: tuple[Text, ...] = ()
    """The keys to carry begin with one of these; empty: all of them."""
    excludes: tuple[Text, ...] = ()


class SecretScope(StrEnum):
    """What becomes of a secret when the application moves."""

    MUST_CARRY = "must-carry"
    """Losing it loses data or identity."""
    REGENERATE = "regenerate"
    """The destination makes its own."""


class SecretKind(StrEnum):
    """How deployer makes a secret.

    No application makes its own: restored data must meet the old one, and an application that
    finds none would start as somebody else.
    """

    RSA_2048 = "rsa-2048"
    """A private key, PKCS #8 in PEM."""
    RANDOM_32 = "random-32"
    """Thirty-two random bytes in base64url, without padding."""
    PASSWORD = "password"  # noqa: S105 - the name of a kind
    """Twenty-four letters and digits that a person can type."""


class StateSecret(Section):
    """A secret that belongs to the application's state."""

    name: Name
    scope: SecretScope
    generate: SecretKind | None = None
    """How it is made; None where it is the key of a bucket or an option."""
    probe: tuple[Text, ...] = ()
    """A command that succeeds only where the secret fits the data; one for several is run once."""


class StateUnits(Section):
    """How the application's units are stopped and started around its state."""

    stop: tuple[Name, ...] = ()
    start: tuple[Name, ...] = ()
    masked_until_restored: tuple[Name, ...] = ()
    """Units that must not start on empty data; the others are engines that hold the data."""


class StateHooks(Section):
    """Commands to run when the application's state is saved, restored or moved."""

    quiesce: tuple[Command, ...] = ()
    post_restore: tuple[Command, ...] = ()
    url_rewrite: tuple[Command, ...] = ()
    warm_up: tuple[Command, ...] = ()


class StateCheck(Section):
    """A page that shows that the state is complete and usable."""

    path: UrlPath
    status: int = Field(default=200, ge=100, le=599)


class StateManifest(Section):
    """What has to travel, and how, when the application is backed up, restored or moved."""

    databases: tuple[StateDatabase, ...] = ()
    paths: tuple[StatePath, ...] = ()
    buckets: tuple[StateBucket, ...] = ()
    secrets: tuple[StateSecret, ...] = ()
    units: StateUnits = StateUnits()
    hooks: StateHooks = StateHooks()
    checks: tuple[StateCheck, ...] = ()


class Administrator(Section):
    """The account with which the operator signs in first."""

    user: Text
    secret: Name
    """Name of the secret of the state manifest that is its password."""


class Unit(Section):
    """A process of the application.

    Its words may name the places {code}, {configuration}, {secrets} and {state}.
    """

    name: Name
    command: Command
    prepare: tuple[Text, ...] = ()
    """A command that has to succeed before the unit starts."""


class Standalone(Section):
    """How the application runs on a machine without nixpkgs."""

    packages: tuple[Package, ...] = ()
    """Distribution packages that the guest image must hold."""
    units: tuple[Unit, ...] = Field(min_length=1)


class Application(Section):
    """An application of the catalogue."""

    title: Text
    description: Text
    versions: tuple[Text, ...] = Field(min_length=1)
    """The first one is offered for new deployments."""
    host_label: Label
    immutable: tuple[Text, ...] = ()
    """Options that can never change after the first deployment."""
    machine: MachineNeeds
    buckets: tuple[BucketNeeds, ...] = ()
    egress: Egress = Egress()
    smtp: Smtp = Smtp()
    dns: Dns = Dns()
    administrator: Administrator | None = None
    state: StateManifest = StateManifest()
    standalone: Standalone
    _name: str
    _folder: Path
    _options_schema: dict[str, Any]
    _wordings: Mapping[str, Mapping[str, str]]
    _translated_schemas: Mapping[str, dict[str, Any]]

    @override
    def model_post_init(self, context: Any, /) -> None:
        """Remember the package that this was read from."""
        package: Mapping[str, Any] = context
        self._name = package["name"]
        self._folder = package["folder"]
        self._options_schema = package["options_schema"]
        self._wordings = package["wordings"]
        self._translated_schemas = {
            language: wording.translated(self._options_schema, it)
            for language, it in self._wordings.items()
        }

    @property
    def name(self) -> str:
        """The name of the package, which is the name of its folder."""
        return self._name

    @property
    def folder(self) -> Path:
        """The folder of the package."""
        return self._folder

    @property
    def options_schema(self) -> dict[str, Any]:
        """The JSON Schema of the options that operators choose."""
        return self._options_schema

    def description_in(self, language: str) -> str:
        """Return the description as readers of a language have it, English where it is missing."""
        return self._wordings.get(language, {}).get(self.description, self.description)

    def options_schema_in(self, language: str) -> dict[str, Any]:
        """Return the schema of the options as readers of a language have it."""
        return self._translated_schemas.get(language, self._options_schema)

    @property
    def newest_version(self) -> str:
        """The version that new deployments get."""
        return self.versions[0]

    def completed(self, options: Options) -> Options:
        """Return the options with the defaults of those that were not chosen."""
        known = self.options_schema.get("properties", {})
        defaults = {name: it["default"] for name, it in known.items() if "default" in it}
        return defaults | options
