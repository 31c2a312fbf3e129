"""From a revision to the arguments of a machine's system: pure functions.

The same revision gives the same text, so that an unchanged configuration builds the same system.
No secret is among the arguments: they name the files in which a machine will find them, and hold a
digest of the sealed values, so that a system with other secrets is another system, which can be
taken back. Who made a secret seals it once and hands out that text again until the secret changes.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import errors
from shared.contracts.deployments import Mode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pydantic import JsonValue

    from shared.catalogue import Application, Catalogue
    from shared.contracts.deployments import (
        ApplicationOrder,
        Doors,
        Endpoint,
        GrantedBucket,
        GrantedMachine,
        MachineRequest,
    )

    from .domain import ApplicationSecret, Revision

SECRETS: Final = "/run/fediversity/secrets"
STATE: Final = "/var/lib/applications"


@dataclass(frozen=True, slots=True, kw_only=True)
class Renderer:
    """Renders for one hosting provider: with what it offers, and where the world finds that."""

    catalogue: Catalogue
    public_url: Callable[[str], str]
    """Host → the URL under which it answers, without a path."""

    def arguments(
        self, revision: Revision, machine: GrantedMachine, kept: Sequence[ApplicationSecret]
    ) -> str:
        """Return the arguments of a machine's system, as JSON.

        Args:
            revision: what is wanted and what was granted for it.
            machine: the machine that the system is for.
            kept: the secrets that were made for the applications of the deployment.

        Raises:
            NotFoundError: this provider does not offer an application any more.
            FaultError: what was granted does not fit what was asked for.
        """
        orders = {order.application: order for order in revision.wanted.applications}
        missing = sorted(set(machine.applications) - set(orders))
        if missing:
            raise errors.FaultError(
                "revision.unknown_application",
                f"{machine.machine} was granted for {', '.join(missing)}, which nobody ordered",
            )
        found: dict[str, JsonValue] = {
            "name": machine.machine,
            "deployment": revision.wanted.deployment,
            "applications": [
                self._application(revision, machine, orders[name], kept)
                for name in sorted(machine.applications)
            ],
        }
        return json.dumps(found, indent=1, sort_keys=True)

    def _application(
        self,
        revision: Revision,
        machine: GrantedMachine,
        order: ApplicationOrder,
        kept: Sequence[ApplicationSecret],
    ) -> JsonValue:
        package = self.catalogue.get(order.application)
        request = _request(revision, order.application)
        sealed = secret_sources(revision, machine, kept)[order.application]
        configuration: dict[str, JsonValue] = {
            "application": order.application,
            "version": order.version,
            "options": package.completed(order.options),
            "state": f"{STATE}/{order.application}",
            "secrets_digest": _digest(sealed),
            "port": request.http_port,
            "doors": _doors(request, machine.guest),
        }
        return {
            "name": order.application,
            "package": str(package.folder),
            "units": [
                {"name": unit.name, "command": list(unit.command), "prepare": list(unit.prepare)}
                for unit in package.standalone.units
                if unit.name in units_of(package, revision.wanted.mode)
            ],
            "configuration": configuration
            | self._addresses(revision, order)
            | _files(revision, machine, order, _names(package, kept)),
        }

    def _addresses(self, revision: Revision, order: ApplicationOrder) -> dict[str, JsonValue]:
        """Return where an application answers the world."""
        name = order.application
        media = [it.public.host for it in revision.buckets if it.application == name and it.public]
        return {
            "domain": revision.wanted.domain,
            "host": order.host,
            "url": self.public_url(order.host),
            "media_url": self.public_url(media[0]) if media else None,
        }


def units_of(package: Application, mode: Mode) -> tuple[str, ...]:
    """Return the units that the system of a revision has, in the order in which they start.

    A prepared one has engines only: what cannot start needs nobody to keep it from starting.
    """
    if mode is Mode.ACTIVE:
        return tuple(it.name for it in package.standalone.units)
    return engines_of(package)


def engines_of(package: Application) -> tuple[str, ...]:
    """Return the units that hold an application's data, and may run while it is empty."""
    others = {*package.state.units.stop, *package.state.units.masked_until_restored}
    if not package.state.databases:
        return ()
    return tuple(it.name for it in package.standalone.units if it.name not in others)


def secret_sources(
    revision: Revision, machine: GrantedMachine, kept: Sequence[ApplicationSecret]
) -> dict[str, dict[str, str]]:
    """Return the sealed secrets of a machine: application → name of the file → sealed value."""
    sources: dict[str, dict[str, str]] = {name: {} for name in machine.applications}
    for secret in kept:
        if secret.application in sources:
            sources[secret.application][secret.name] = secret.sealed
    for bucket in revision.buckets:
        if bucket.application in sources:
            name = _bucket_secret(bucket)
            sources[bucket.application][name] = bucket.sealed_secret_key
    for order in revision.wanted.applications:
        if order.application in sources:
            for option, sealed in order.sealed_options.items():
                sources[order.application][f"option-{option}"] = sealed
    return sources


def _files(
    revision: Revision,
    machine: GrantedMachine,
    order: ApplicationOrder,
    secrets: Sequence[str],
) -> dict[str, JsonValue]:
    """Return what an application reads from files: its secrets, and the keys of its buckets."""
    name = order.application
    return {
        "secrets": {it: f"{SECRETS}/{name}/{it}" for it in secrets},
        "secret_options": {
            option: f"{SECRETS}/{name}/option-{option}" for option in order.sealed_options
        },
        "buckets": {
            it.purpose: _bucket(it, machine.guest.s3)
            for it in revision.buckets
            if it.application == name
        },
    }


def _names(package: Application, kept: Sequence[ApplicationSecret]) -> Sequence[str]:
    """Return the names of an application's secrets, those included that are not made yet."""
    known = {it.name for it in kept if it.application == package.name}
    return sorted(known | {it.name for it in package.state.secrets if it.generate})


def _request(revision: Revision, application: str) -> MachineRequest:
    """Return what an application asked of its machine."""
    for it in revision.wanted.resources:
        if it.kind == "machine" and it.application == application:
            return it
    raise errors.FaultError("revision.no_port", f"{application} runs on a machine without a port")


def _doors(request: MachineRequest, doors: Doors) -> JsonValue:
    """Return where an application finds the doors that it asked for; others stay shut for it."""
    return {
        "egress": str(doors.egress) if request.egress and doors.egress else None,
        "mail": str(doors.mail) if request.mail and doors.mail else None,
    }


def _digest(sealed: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(sealed, sort_keys=True).encode()).hexdigest()


def _bucket(bucket: GrantedBucket, door: Endpoint | None) -> JsonValue:
    if door is None:
        raise errors.FaultError(
            "machine.no_s3_door",
            f"{bucket.application} was granted a bucket, but its machine has no door to the store; "
            "add `doors.s3` to the runtime backend in the provider file",
        )
    return {
        "endpoint": f"http://{door}",
        "region": bucket.region,
        "bucket": bucket.bucket,
        "access_key_id": bucket.access_key_id,
        "secret_key_file": f"{SECRETS}/{bucket.application}/{_bucket_secret(bucket)}",
    }


def _bucket_secret(bucket: GrantedBucket) -> str:
    return f"bucket-{bucket.purpose}"
