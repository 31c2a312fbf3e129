"""What the jobs of provisioner are asked for, and what their steps record."""

from __future__ import annotations

from pydantic import Field

from shared.contracts.deployments import (
    GrantedMachine,
    MachineRequest,
    PublicBucket,
    PublishedRoute,
)
from shared.contracts.messages import Value


class Wanted(Value):
    """What a revision asks of provisioner."""

    machines: tuple[MachineRequest, ...]
    hosts: tuple[str, ...] = ()


class ChosenImage(Value):
    """The image that a new machine is made from."""

    key: str
    packages: tuple[str, ...]


class ChosenImages(Value):
    """The images of the machines that do not exist yet, by their names."""

    images: dict[str, ChosenImage] = Field(default_factory=dict)


class Booted(Value):
    """The machines that answer."""

    machines: tuple[GrantedMachine, ...]


class Announced(Value):
    """What is published of a revision besides its applications."""

    media: tuple[PublicBucket, ...] = ()


class Published(Value):
    """The routes that are in place."""

    routes: tuple[PublishedRoute, ...]


class Maintained(Value):
    """The hosts of applications that stand still, or go on."""

    hosts: tuple[str, ...]
    on: bool


class Removed(Value):
    """The machines that are gone."""

    machines: tuple[str, ...]
