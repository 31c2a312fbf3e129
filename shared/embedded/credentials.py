"""Secrets of the embedded default: made once, one file each, readable by us alone.

What is public (keys, recipients) lies in a file beside the secret it belongs to.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from shared import sealing
from shared.bus import keys
from shared.bus.accounts import ADMINISTRATOR

from . import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

CLOSED: Final = 0o700
PRIVATE: Final = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Every secret there is, and the public halves."""

    directory: Path
    postgres: SecretStr
    databases: Mapping[str, SecretStr]
    bus_administrator: SecretStr
    bus_keys: Mapping[str, str]
    """Public nkeys by service, and the administrator's."""
    recipients: Mapping[str, str]
    """Public age recipients by service."""
    store_key_id: str
    store_secret: SecretStr
    front_token: SecretStr

    @property
    def store_secret_file(self) -> Path:
        """Where storage reads the object store's administrator key."""
        return self.directory / "store_secret"

    @property
    def front_token_file(self) -> Path:
        """Where the front and the provisioner read the record API's token."""
        return self.directory / "front_token"

    def of_service(self, name: str) -> Path:
        """Return the folder that holds the secrets of one service, and no other's."""
        return service_directory(self.directory, name)


def service_directory(directory: Path, name: str) -> Path:
    """Return the folder of one service's secrets."""
    return directory / "services" / name


def ensure(directory: Path, services: Iterable[str]) -> Credentials:
    """Return all secrets; those that do not exist yet are made."""
    files.directory(directory, mode=CLOSED)
    files.directory(directory / "services", mode=CLOSED)
    own = _Folder(directory)
    administrator, administrator_key = own.pair("bus_administrator", keys.new_seed)
    databases: dict[str, SecretStr] = {}
    bus_keys = {ADMINISTRATOR: administrator_key}
    recipients: dict[str, str] = {}
    for name in services:
        folder = _Folder(files.directory(service_directory(directory, name), mode=CLOSED))
        databases[name] = folder.token(f"{name}_postgres_password")
        _, bus_keys[name] = folder.pair(f"{name}_nats_seed", keys.new_seed)
        _, recipients[name] = folder.pair(f"{name}_age_identity", _new_identity)
    return Credentials(
        directory=directory,
        postgres=own.token("postgres_superuser"),
        databases=databases,
        bus_administrator=administrator,
        bus_keys=bus_keys,
        recipients=recipients,
        store_key_id=own.token("store_key_id").get_secret_value()[:20],
        store_secret=own.token("store_secret"),
        front_token=own.token("front_token"),
    )


def _new_identity() -> tuple[str, str]:
    identity, recipient = sealing.new_identity()
    return recipient, identity.get_secret_value()


class _Folder:
    """A closed folder of secrets, each made when it is first asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def token(self, name: str) -> SecretStr:
        """Return a random secret."""
        file = self._path / name
        if not file.exists():
            files.write(file, secrets.token_hex(24), mode=PRIVATE)
        return SecretStr(file.read_text(encoding="utf-8"))

    def pair(self, name: str, new: Callable[[], tuple[str, str]]) -> tuple[SecretStr, str]:
        """Return a secret and its public half; `new` makes (public, secret)."""
        file, public_file = self._path / name, self._path / f"{name}.public"
        if not file.exists():
            public, secret = new()
            # The secret comes last: where it exists, its public half does.
            files.write(public_file, public, mode=PRIVATE)
            files.write(file, secret, mode=PRIVATE)
        return SecretStr(file.read_text(encoding="utf-8")), public_file.read_text(encoding="utf-8")
