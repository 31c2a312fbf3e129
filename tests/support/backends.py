"""A runtime backend on this computer for tests; no machine outlives its block."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from services.provisioner.adapters.qemu import Images, QemuRuntimeBackend, commands
from shared import errors
from shared.contracts.deployments import Doors
from shared.embedded import places
from tests.support.servers import miss

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from shared.contracts.deployments import Endpoint

NIX: Final = places.ROOT / "nix"
PACKAGES: Final = ("python3",)
"""What hello needs, so that every test shares one image with it."""


@asynccontextmanager
async def hosting(
    directory: Path,
    *,
    s3: Endpoint | None = None,
    mail: Endpoint | None = None,
    egress: Endpoint | None = None,
) -> AsyncIterator[QemuRuntimeBackend]:
    """Yield a backend without machines; `key` in the directory enters those made in the block."""
    key = directory / "key"
    backend = QemuRuntimeBackend(
        directory=directory / "machines",
        images=Images(
            cache=places.options().cache, scripts=NIX / "images/guest", system=NIX / "standalone"
        ),
        ways_out=Doors(s3=s3, mail=mail, egress=egress),
        public_key=key.with_suffix(".pub").read_text,
    )
    try:
        await commands.run(
            ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key))
        )
        await backend.ensure_image(PACKAGES)
    except errors.FaultError as fault:
        if not fault.code.endswith("_missing"):
            raise
        miss(fault.message)
    try:
        yield backend
    finally:
        for it in await backend.list_machines():
            await backend.remove(it.name, it.identity)
