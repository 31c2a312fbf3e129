"""How the provisioner runs; what it offers is in the provider configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from shared.settings import ServiceSettings, service_config

CHECKOUT: Final = Path(__file__).parents[2] / "nix"
PACKAGED: Final = Path("/usr/share/fediversity/nix")


class Settings(ServiceSettings):
    """Settings of the provisioner, from the environment as `PROVISIONER_…`."""

    model_config = service_config("PROVISIONER_")  # type: ignore[mutable-override]

    qemu_directory: Path = Field(
        default=Path("/data/provisioner/machines"), description="Where machines and disks are."
    )
    cache_directory: Path = Field(
        default=Path("/data/provisioner/cache"), description="Where guest images are kept."
    )
    nix_directory: Path | None = Field(
        default=None,
        description="Holds images/guest and standalone, which guest images are built from; "
        "empty: the checkout's, else /usr/share/fediversity/nix.",
    )
    ssh_public_key_file: Path = Field(
        default=Path("/run/secrets/deployer_ssh_key.pub"),
        description="The public SSH key of deployer, which may enter every machine.",
    )
    suite: str | None = Field(
        default=None, description="Release of the distribution in machines; empty: the host's own."
    )
    accelerator: Literal["auto", "kvm", "tcg"] = Field(
        default="auto", description="How machines are run; auto: kvm where a boot proves it works."
    )
    address: str = Field(default="127.0.0.1", description="Where machines are reached.")
    first_port: int = Field(default=24000, description="First port for machines.")
    last_port: int = Field(default=31999, description="Last port for machines.")

    def ingredients(self) -> Path:
        """Return what guest images are built from."""
        return self.nix_directory or (CHECKOUT if CHECKOUT.is_dir() else PACKAGED)
