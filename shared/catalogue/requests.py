"""What the applications of a deployment ask of its provider: a pure function of their options."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import errors
from shared.contracts.deployments import ApplicationOrder, BucketRequest, MachineRequest, Resource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import JsonValue

    from shared.contracts.deployments import Options
    from shared.provider import Size

    from .application import Application


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
        self, orders: Sequence[ApplicationOrder], sizes: Mapping[str, Size]
    ) -> tuple[Resource, ...]:
        """Return everything that the applications of one deployment ask for.

        Args:
            orders: the applications of the revision, as configured.
            sizes: the sizes of machine that the provider offers.

        Raises:
            NotFoundError: an application does not exist.
            InvalidError: no size that is offered suffices for an application.
        """
        ordered = [(self.get(it.application), it.options) for it in orders]
        packages = image_packages([it for it, _ in ordered])
        return tuple(
            resource
            for application, options in ordered
            for resource in resources(application, options, sizes, packages)
        )


def image_packages(applications: Sequence[Application]) -> tuple[str, ...]:
    """Return the distribution packages that the guest image of a deployment must hold."""
    return tuple(sorted({name for it in applications for name in it.standalone.packages}))


def resources(
    application: Application,
    options: Options,
    sizes: Mapping[str, Size],
    packages: Sequence[str] | None = None,
) -> tuple[Resource, ...]:
    """Return what one application asks for.

    Args:
        application: the application.
        options: as the operator chose them; what is missing has its default.
        sizes: the sizes of machine that the provider offers.
        packages: what the image must hold for all applications together; by default for this one.

    Raises:
        InvalidError: no size that is offered suffices.
    """
    size = _size(application, sizes)
    machine = MachineRequest(
        application=application.name,
        cpus=size.cpus,
        memory_mib=size.memory_mib,
        disk_gib=size.disk_gib,
        http_port=application.machine.http_port,
        health_path=application.machine.health_path,
        image_packages=tuple(image_packages([application]) if packages is None else packages),
    )
    return (machine, *_buckets(application, application.completed(options)))


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


def _buckets(application: Application, options: Options) -> list[BucketRequest]:
    return [
        BucketRequest(application=application.name, purpose=it.purpose, quota_gib=it.quota_gib)
        for it in application.buckets
        if all(_same(options.get(name), value) for name, value in it.when.items())
    ]


def _same(one: JsonValue, other: JsonValue) -> bool:
    # As JSON: to Python, True and 1 are equal.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
