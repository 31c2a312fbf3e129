"""Make what compose.yaml needs once: a secret per file in `secrets/`, what is public in `.env`.

Run it again after a service was added: what exists is kept, and nothing is ever overwritten.
"""

from __future__ import annotations

import argparse
import json
import secrets
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shared import sealing
from shared.bus import accounts, keys, streams

if TYPE_CHECKING:
    from collections.abc import Callable

CLOSED: Final = 0o700
# A container runs as another account and sees only the files it is given; on the host the folder
# keeps everybody else out.
READABLE: Final = 0o444
KVM: Final = Path("/dev/kvm")
RANDOM: Final = (
    "postgres_superuser",
    "garage_rpc_secret",
    "garage_admin_token",
    "object_store_secret_key",
    "zone_token",
)


def main() -> None:
    """Make what is missing below the chosen folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, default=Path(), help="the checkout")
    chosen: Path = parser.parse_args().directory
    folder = chosen / "secrets"
    folder.mkdir(mode=CLOSED, exist_ok=True)
    for name in RANDOM:
        _once(folder / name, lambda: ("", secrets.token_hex(32)))
    _key_pair(folder / "deployer_ssh_key")
    _write_public(chosen / ".env", _public(folder))


def _public(folder: Path) -> dict[str, str]:
    """Make keys, identities and passwords; return what everybody may know of them."""
    names = [it.name for it in streams.SERVICES]
    bus = {accounts.ADMINISTRATOR: _once(folder / "bus_admin_seed", keys.new_seed)}
    recipients = {}
    for name in names:
        bus[name] = _once(folder / f"{name}_nats_seed", keys.new_seed)
        recipients[name] = _once(folder / f"{name}_age_identity", _identity)
        _once(folder / f"{name}_postgres_password", lambda: ("", secrets.token_hex(32)))
    kvm = {"KVM_GROUP": str(KVM.stat().st_gid)} if KVM.exists() else {}
    return (
        {f"BUS_KEY_{name.upper()}": key for name, key in bus.items()}
        | {"RECIPIENTS": json.dumps(recipients, separators=(",", ":"))}
        | kvm
    )


def _once(file: Path, make: Callable[[], tuple[str, str]]) -> str:
    """Return the public half of a secret, which is made if its file does not exist."""
    public = file.with_name(f"{file.name}.public")
    if not file.exists():
        known, secret = make()
        # The secret comes last: where it exists, so does its public half.
        public.write_text(known)
        file.touch(mode=0o600)
        file.write_text(secret)
        file.chmod(READABLE)
    return public.read_text()


def _key_pair(file: Path) -> None:
    """Make the SSH key pair that opens machines."""
    if not file.exists():
        argv = (sys.executable, "-m", "services.deployer", "create-key", str(file.absolute()))
        subprocess.run(argv, check=True)  # noqa: S603 - our own argv
        file.chmod(READABLE)


def _identity() -> tuple[str, str]:
    identity, recipient = sealing.new_identity()
    return recipient, identity.get_secret_value()


def _write_public(file: Path, values: dict[str, str]) -> None:
    """Write the variables of compose.yaml, and keep those that a person added."""
    lines = file.read_text().splitlines() if file.exists() else []
    kept = [line for line in lines if line.partition("=")[0] not in values]
    file.write_text("\n".join([*kept, *(f"{name}={it}" for name, it in values.items())]) + "\n")


if __name__ == "__main__":
    main()
