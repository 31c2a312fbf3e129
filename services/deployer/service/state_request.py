"""What `fediversity-state` is asked in a machine: from a package to one document, a pure function.

The places are those that packages without nixpkgs use: an application owns one folder, runs as one
account, and its database is reached by a socket in that folder, under the account's own name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from shared import errors

from ..render import STATE

if TYPE_CHECKING:
    from pydantic import JsonValue

    from shared.catalogue import Application
    from shared.contracts.deployments import GrantedMachine
    from shared.contracts.state import Staging

SOCKETS: Final = "run"
"""The folder with the sockets of an application's database, below its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRequest:
    """An export or an import of one application's state."""

    application: str
    version: str
    export: str
    staging: Staging
    secret_key: str = field(repr=False)
    files_password: str = field(repr=False)
    sha256: str = ""
    """What the manifest has to be; empty where there is none yet."""

    def document(self, package: Application, machine: GrantedMachine) -> str:
        """Return what the program reads from standard input in a machine.

        Raises:
            FaultError: the machine has no door to the store.
        """
        asked: dict[str, JsonValue] = {
            "manifest": _manifest(package, self.version),
            "staging": self._staging(package, machine),
            "files_password": self.files_password,
            "export": self.export,
            "manifest_sha256": self.sha256,
        }
        return json.dumps(asked, sort_keys=True)

    def _staging(self, package: Application, machine: GrantedMachine) -> JsonValue:
        door, granted = machine.guest.s3, self.staging.granted
        if door is None:
            raise errors.FaultError(
                "machine.no_s3_door",
                f"the state of {package.name} cannot be carried: its machine has no door to the "
                "store; add `doors.s3` to the runtime backend in the provider file",
            )
        return {
            "endpoint": f"http://{door}",
            "region": granted.region,
            "bucket": granted.bucket,
            "prefix": self.staging.prefixes[package.name],
            "access_key_id": granted.access_key_id,
            "secret_key": self.secret_key,
        }


def has_state(package: Application) -> bool:
    """Say whether there is anything that the program carries."""
    return bool(package.state.databases or package.state.paths)


def _manifest(package: Application, version: str) -> JsonValue:
    home, account = f"{STATE}/{package.name}", f"app-{package.name}"
    # Buckets and secrets are carried as well, by others: nothing of them is left out.
    return {
        "application": package.name,
        "version": version,
        "databases": [
            {
                "name": it.name,
                "engine": it.engine,
                "socket": f"{home}/{SOCKETS}",
                "user": account,
                "collation": it.collation or "",
                "extensions": list(it.extensions),
                "excluded_tables": list(it.excluded_tables),
                "truncate_after_restore": list(it.truncate_after_restore),
            }
            for it in package.state.databases
        ],
        "paths": [
            {
                # Two folders may end in the same word.
                "name": it.path.replace("/", "-"),
                "path": f"{home}/{it.path}",
                "owner": it.owner or account,
                "excludes": list(it.excludes),
            }
            for it in package.state.paths
        ],
    }
