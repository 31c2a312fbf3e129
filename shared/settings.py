"""Pieces of settings: how a process runs, never what a provider offers.

Each service composes them in its own `Settings`. Secrets are files named like the lower-case
variable, in `$CREDENTIALS_DIRECTORY`, else `/run/secrets`, else `$FEDIVERSITY_SECRETS_DIRECTORY`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

SYSTEM_SECRETS: Final = Path("/run/secrets")


class NatsSettings(BaseModel, frozen=True):
    """Where the bus is."""

    url: str = Field(default="nats://nats:4222", description="URL of nats-server.")
    api_prefix: str = Field(default="js", description="How this account calls $JS.API.")


class PostgresSettings(BaseModel, frozen=True):
    """Where the service's own database is."""

    host: str = Field(default="postgres", description="Host name, or a socket's directory.")
    port: int = Field(default=5432, description="TCP port, or the socket's number.")
    database: str = Field(default="", description="Database; empty: named like the service.")
    user: str = Field(default="", description="Role; empty: named like the service.")
    connections: int = Field(default=12, description="Most connections of one process.")
    retry_seconds: float = Field(default=0.2, description="Pause between attempts to connect.")


class TelemetrySettings(BaseModel, frozen=True):
    """Where traces and logs go."""

    otlp_endpoint: str | None = Field(
        default=None, description="OTLP/HTTP endpoint for traces, such as http://collector:4318."
    )
    directory: Path | None = Field(
        default=None, description="Without an endpoint: directory for traces as JSON lines."
    )
    log_level: str = Field(default="info", description="debug, info, warning or error.")


class RuntimeSettings(BaseModel, frozen=True):
    """How the process behaves."""

    host: str = Field(default="0.0.0.0", description="Address of the HTTP port.")  # noqa: S104 - a container's own network
    port: int = Field(default=8080, description="HTTP port: health, and panel's API.")
    instance: str = Field(default="1", description="Name of this replica, for leases and logs.")
    step_pause_seconds: float = Field(
        default=0.0, description="Pause before a step of a job; tests of crashes use it."
    )
    step_pause_steps: frozenset[str] = Field(
        default=frozenset(), description="The steps to pause before; empty: every step."
    )
    lease_seconds: float = Field(
        default=6.0, description="How long a job stays with a process that went silent."
    )
    drain_seconds: float = Field(default=5.0, description="Time to finish work after SIGTERM.")

    def pause_before(self, step: str) -> float:
        """Return how many seconds to wait before a step."""
        chosen = not self.step_pause_steps or step in self.step_pause_steps
        return self.step_pause_seconds if chosen else 0.0


class ServiceSettings(BaseSettings):
    """What every service is told from outside; each adds what only it needs."""

    nats: NatsSettings = NatsSettings()
    postgres: PostgresSettings = PostgresSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    runtime: RuntimeSettings = RuntimeSettings()
    provider_file: Path = Field(
        default=Path("/etc/fediversity/provider.toml"),
        description="The provider configuration: what is offered.",
    )
    recipients: dict[str, str] = Field(
        default_factory=dict, description="Public age recipient of each service, by its name."
    )
    nats_seed: SecretStr = Field(description="Seed of this service's nkey on the bus.")
    postgres_password: SecretStr = Field(description="Password of this service's role.")
    age_identity: SecretStr = Field(description="Secret age identity of this service.")


S = TypeVar("S", bound=ServiceSettings)


def service_config(prefix: str) -> SettingsConfigDict:
    """Return how a service's settings are read from its environment and its secrets."""
    return SettingsConfigDict(
        env_prefix=prefix,
        env_nested_delimiter="__",
        frozen=True,
        extra="ignore",
    )


def load(kind: type[S]) -> S:
    """Build a service's settings from its environment and its secrets; called in `__main__`."""
    return kind(_secrets_dir=secrets_directory())


def secrets_directory() -> str | None:
    """Return the directory that holds this process's secrets, or None."""
    if found := os.environ.get("CREDENTIALS_DIRECTORY"):
        return found
    if SYSTEM_SECRETS.is_dir():
        return str(SYSTEM_SECRETS)
    return os.environ.get("FEDIVERSITY_SECRETS_DIRECTORY")
