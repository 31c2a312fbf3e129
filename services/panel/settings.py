"""How panel's process runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from shared.settings import ServiceSettings, service_config


def _none_if_empty(value: object) -> object:
    return value or None


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
    check_authority_file: Annotated[Path | None, BeforeValidator(_none_if_empty)] = Field(
        default=None,
        description="Certificate authority to trust in the outside check, beside the usual ones.",
    )
