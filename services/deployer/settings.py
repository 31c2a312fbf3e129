"""How the deployer runs; what it deploys to is in the provider configuration and in events."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from shared.settings import ServiceSettings, service_config

REPOSITORY = Path(__file__).parents[2]


class Settings(ServiceSettings):
    """Settings of the deployer, from the environment as `DEPLOYER_…`."""

    model_config = service_config("DEPLOYER_")  # type: ignore[mutable-override]

    work_directory: Path = Field(
        default=Path("/data/deployer"),
        description="Built systems, and the Nix store unless the process is root.",
    )
    ssh_key_file: Path = Field(
        default=Path("/run/secrets/deployer_ssh_key"),
        description="The private SSH key that opens the machines.",
    )
    standalone_directory: Path = Field(
        default=REPOSITORY / "nix" / "standalone",
        description="The Nix expression of systems without nixpkgs.",
    )
    health_seconds: float = Field(
        default=60.0, description="Time for applications to become healthy after a switch."
    )
    watchdog_seconds: int = Field(
        default=120, description="Time until a machine takes an unconfirmed switch back."
    )
    contents_seconds: float = Field(
        default=2.0, description="Pause between two looks at a machine's memory."
    )
    examination_seconds: float = Field(
        default=5.0, description="Pause between two looks at the health of applications."
    )
