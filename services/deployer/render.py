"""From a revision to the arguments of a machine's system: a pure function.

The same revision gives the same text, so that an unchanged configuration builds the same system.
No secret is among the arguments: they name the files in which a machine will find them, and hold a
digest of the sealed values, so that a system with other secrets is another system, which can be
taken back. Who made a secret seals it once and hands out that text again until the secret changes.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

from shared import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    from shared.catalogue import Application, Catalogue
    from shared.contracts.deployments import (
        ApplicationOrder,
        Endpoint,
        GrantedBucket,
        GrantedMachine,
    )

    from .domain import Revision

SECRETS: Final = "/run/fediversity/secrets"
STATE: Final = "/var/lib/applications"


def arguments(revision: Revision, machine: GrantedMachine, catalogue: Catalogue) -> str:
    """Return the arguments of a machine's system, as JSON.

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
            _application(revision, machine, orders[name], catalogue.get(name))
            for name in sorted(machine.applications)
        ],
    }
    return json.dumps(found, indent=1, sort_keys=True)


def secret_sources(revision: Revision, machine: GrantedMachine) -> dict[str, dict[str, str]]:
    """Return the sealed secrets of a machine: application → name of the file → sealed value."""
    sources: dict[str, dict[str, str]] = {name: {} for name in machine.applications}
    for bucket in revision.buckets:
        if bucket.application in sources:
            name = _bucket_secret(bucket)
            sources[bucket.application][name] = bucket.sealed_secret_key
    for order in revision.wanted.applications:
        if order.application in sources:
            for option, sealed in order.sealed_options.items():
                sources[order.application][f"option-{option}"] = sealed
    return sources


def _application(
    revision: Revision, machine: GrantedMachine, order: ApplicationOrder, package: Application
) -> JsonValue:
    return {
        "name": order.application,
        "package": str(package.folder),
        "units": [
            {"name": unit.name, "command": list(unit.command), "prepare": list(unit.prepare)}
            for unit in package.standalone.units
        ],
        "configuration": _configuration(revision, machine, order, package),
    }


def _configuration(
    revision: Revision, machine: GrantedMachine, order: ApplicationOrder, package: Application
) -> JsonValue:
    name = order.application
    requests = [it for it in revision.wanted.resources if it.application == name]
    ports = [it.http_port for it in requests if it.kind == "machine"]
    if not ports:
        raise errors.FaultError("revision.no_port", f"{name} runs on a machine without a port")
    return {
        "application": name,
        "version": order.version,
        "domain": revision.wanted.domain,
        "host": order.host,
        "port": ports[0],
        "options": package.completed(order.options),
        "secret_options": {
            option: f"{SECRETS}/{name}/option-{option}" for option in order.sealed_options
        },
        "secrets_digest": _digest(secret_sources(revision, machine)[name]),
        "state": f"{STATE}/{name}",
        "buckets": {
            it.purpose: _bucket(it, machine.guest.s3)
            for it in revision.buckets
            if it.application == name
        },
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
