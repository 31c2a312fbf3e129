"""What the applications of a deployment ask of its provider: a pure function of their options."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import errors
from shared.contracts.deployments import ApplicationOrder, BucketRequest, MachineRequest, Resource

from . import ports

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import JsonValue

    from shared.provider import Size

    from .application import Application


CARRIES_DATABASES: Final = frozenset({"python3", "python3-asyncpg"})
CARRIES_PATHS: Final = frozenset({"python3", "restic"})
"""What `fediversity-state` needs in the machine for state of each kind."""
MEDIA: Final = "media"
"""How the labels of media hosts begin; applications cannot have such a label."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every application that can be deployed here, by its name."""

    applications: Mapping[str, Application]

    def get(self, name: str) -> Application:
        """Return an application.

        Raises:
            NotFoundError: there is none of this name.
        """
        if name in self.applications:
            return self.applications[name]
        known = ", ".join(sorted(self.applications)) or "none"
        raise errors.NotFoundError(
            "application.not_found",
            f"{name} is not an application of this provider; there are: {known}",
        )

    def resources(
        self,
        orders: Sequence[ApplicationOrder],
        sizes: Mapping[str, Size],
        domain: str,
        earlier: Iterable[Resource] = (),
    ) -> tuple[Resource, ...]:
        """Return everything that the applications of one deployment ask for.

        Args:
            orders: the applications of the revision, as configured.
            sizes: the sizes of machine that the provider offers.
            domain: the domain of the deployment.
            earlier: what was asked for before, by revisions that may still run: applications keep
                the ports that they have there. Where that contradicts itself, the first counts.

        Raises:
            NotFoundError: an application does not exist.
            InvalidError: no size that is offered suffices for an application.
        """
        ordered = [(self.get(it.application), it) for it in orders]
        wanted = {it.name: it.machine.http_port for it, _ in ordered}
        had = ((it.application, it.http_port) for it in earlier if it.kind == "machine")
        given = ports.assign(wanted, had)
        found: list[Resource] = []
        for application, order in ordered:
            found.append(_machine(application, sizes, given[application.name]))
            found += _buckets(application, order, domain)
        return tuple(found)


def image_packages(application: Application) -> tuple[str, ...]:
    """Return the distribution packages that a guest image for the application must hold."""
    found = {*application.standalone.packages}
    found |= CARRIES_DATABASES if application.state.databases else set()
    found |= CARRIES_PATHS if application.state.paths else set()
    return tuple(sorted(found))


def _machine(application: Application, sizes: Mapping[str, Size], port: int) -> MachineRequest:
    size = _size(application, sizes)
    return MachineRequest(
        application=application.name,
        cpus=size.cpus,
        memory_mib=size.memory_mib,
        disk_gib=size.disk_gib,
        http_port=port,
        health_path=application.machine.health_path,
        image_packages=image_packages(application),
        keeps_data=bool(application.state.databases or application.state.paths),
        egress=application.egress.needed,
        mail=application.smtp.needed,
    )


def _size(application: Application, sizes: Mapping[str, Size]) -> Size:
    wanted = application.machine.sizes
    for name in wanted:
        if name in sizes:
            return sizes[name]
    raise errors.InvalidError(
        "application.no_size",
        f"{application.name} needs a machine of size {' or '.join(wanted)}; this provider offers "
        f"{', '.join(sizes) or 'none'}. Add the size to the provider file.",
    )


def _buckets(application: Application, order: ApplicationOrder, domain: str) -> list[BucketRequest]:
    options = application.completed(order.options)
    return [
        BucketRequest(
            application=application.name,
            purpose=it.purpose,
            quota_gib=it.quota_gib,
            public_host=media_host(order.host, domain) if it.public else None,
        )
        for it in application.buckets
        if all(_same(options.get(name), value) for name, value in it.when.items())
    ]


def media_host(host: str, domain: str) -> str:
    """Return the host under which anybody reads the public bucket of an application.

    It lies below the operator's domain, so that it moves along with the application.
    """
    return f"{MEDIA}.{domain}" if host == domain else f"{MEDIA}-{host}"


def is_media_label(label: str) -> bool:
    """Say whether a label is kept for media hosts."""
    return label == MEDIA or label.startswith(f"{MEDIA}-")


def _same(one: JsonValue, other: JsonValue) -> bool:
    # As JSON: to Python, True and 1 are equal.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
