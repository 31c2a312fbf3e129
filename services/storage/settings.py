"""How the storage service runs; what it offers is in the provider configuration."""

from __future__ import annotations

from pydantic import Field

from shared.settings import ServiceSettings, service_config


class Settings(ServiceSettings):
    """Settings of the storage service, from the environment as `STORAGE_…`."""

    model_config = service_config("STORAGE_")  # type: ignore[mutable-override]

    retention_seconds: float = Field(
        default=60.0, description="Pause between two looks at the kept buckets of a deployment."
    )
