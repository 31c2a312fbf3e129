"""How panel's process runs."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    IPvAnyNetwork,
    SecretStr,
)

from shared.settings import ServiceSettings, service_config


def _none_if_empty(value: object) -> object:
    return value or None


def _addresses(value: str) -> str:
    for it in value.split():
        host, _, port = it.rpartition(":")
        ip_address(host.strip("[]"))
        if not port.isdecimal() or not 0 < int(port) < 1 << 16:
            raise ValueError("must be addresses such as 9.9.9.9:53")
    return value


class MailSettings(BaseModel, frozen=True):
    """How mails leave."""

    host: str = Field(default="", description="Mail relay; empty: no mails are sent.")
    port: int = Field(default=587, description="Its port.")
    security: Literal["tls", "starttls", "none"] = Field(
        default="starttls", description="tls, starttls or none."
    )
    user: str = Field(default="", description="Who signs in there; empty: nobody has to.")
    sender: str = Field(default="", description="Address that mails come from.")
    timeout_seconds: float = Field(default=30.0, description="How long handing over may take.")


class WebhookSettings(BaseModel, frozen=True):
    """Where webhooks may lead."""

    allow_http: bool = Field(default=False, description="Whether they may go without TLS.")
    allowed_networks: tuple[IPvAnyNetwork, ...] = Field(
        default=(), description="Networks they may reach although these are not public."
    )
    refused_networks: tuple[IPvAnyNetwork, ...] = Field(
        default=(), description="Public networks they may not reach: the provider's own."
    )


class DomainCheckSettings(BaseModel, frozen=True):
    """How often domains in use are looked at without anybody asking."""

    interval_seconds: float = Field(
        default=21600.0, gt=0, description="Pause between looks at a domain that is right."
    )
    confirm_seconds: float = Field(
        default=300.0,
        gt=0,
        description="Time between two looks that have to agree before people are told.",
    )
    at_once: int = Field(
        default=4, ge=1, le=64, description="Domains that one process looks at at a time."
    )


class Settings(ServiceSettings):
    """Panel's settings, from `PANEL_…` and secret files."""

    model_config = service_config("PANEL_")  # type: ignore[mutable-override]  # as in its base

    check_patience_seconds: float = Field(
        default=60.0, description="How long an application may take to answer from outside."
    )
    requests_per_minute: int = Field(
        default=3000, ge=1, description="How often a token may ask; each process counts for itself."
    )
    unknown_requests_per_minute: int = Field(
        default=600, ge=1, description="How often one address may ask without a known token."
    )
    dns_resolvers: Annotated[str, AfterValidator(_addresses)] = Field(
        default="9.9.9.9:53 1.1.1.1:53",
        description="Resolvers that domain checks ask: address:port, with spaces between.",
    )
    dns_timeout_seconds: float = Field(
        default=3.0, gt=0, description="How long one of them, or a domain's own server, may take."
    )
    dns_authority_port: int = Field(
        default=53, ge=1, le=65535, description="Port at which a domain's own servers are asked."
    )
    dns_may_ask_inside: bool = Field(
        default=False,
        description="Whether a domain's own servers may have addresses of no public network.",
    )
    domain_checks: DomainCheckSettings = DomainCheckSettings()
    backup_stale_days: float = Field(
        default=14.0,
        ge=0,
        description="Age at which people are told that there is no newer backup; 0: never.",
    )
    check_authority_file: Annotated[Path | None, BeforeValidator(_none_if_empty)] = Field(
        default=None,
        description="Certificate authority to trust in what is outside, beside the usual ones.",
    )
    mail: MailSettings = MailSettings()
    webhooks: WebhookSettings = WebhookSettings()
    mail_password: SecretStr | None = Field(
        default=None, description="Password at the mail relay, where there is a user."
    )
