"""Which part is killed at which step: the whole matrix, or cells that follow from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from services.panel.domain.runs import RunKind
from services.panel.domain.steps import STEPS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.panel.domain.steps import PlannedStep

QEMU: Final = "qemu"
PANEL: Final = "panel"
SERVICES: Final = (PANEL, "provisioner", "storage", "deployer")
VICTIMS: Final = (*SERVICES, "nats", "postgres", "objects", "caddy", QEMU)


class Kind(StrEnum):
    """What goes on while a part is killed."""

    DEPLOY = "deploy"
    UPDATE = "update"
    BACKUP = "backup"
    RESTORE = "restore"
    REMOVE = "remove"


RUNS: Final[Mapping[Kind, RunKind]] = {
    Kind.DEPLOY: RunKind.DEPLOY,
    Kind.UPDATE: RunKind.DEPLOY,
    Kind.BACKUP: RunKind.BACKUP,
    Kind.RESTORE: RunKind.RESTORE,
    Kind.REMOVE: RunKind.REMOVE,
}
WITHOUT_MACHINE: Final = frozenset({("provisioner", "image"), ("provisioner", "machine")})
"""Steps of a first deployment at which there is no machine yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One part, killed at one step of one kind of run."""

    kind: Kind
    victim: str
    service: str
    step: str


def steps(kind: Kind) -> Sequence[PlannedStep]:
    """Return the steps of a kind of run, in order."""
    return STEPS[RUNS[kind]]


def victims(kind: Kind, step: PlannedStep) -> Sequence[str]:
    """Return what can be killed at a step: all that certainly exists then."""
    place = (step.service, step.name)
    # Storage works while the machine is being made, or taken away.
    is_early = kind is Kind.DEPLOY and (place in WITHOUT_MACHINE or step.service == "storage")
    is_late = kind is Kind.REMOVE and step.service != "provisioner"
    return [it for it in VICTIMS if it != QEMU or not (is_early or is_late)]


def matrix() -> Sequence[Cell]:
    """Return every cell there is."""
    return [
        Cell(kind=kind, victim=victim, service=step.service, step=step.name)
        for kind in Kind
        for step in steps(kind)
        for victim in victims(kind, step)
    ]


def draw(seed: int, count: int) -> Sequence[Cell]:
    """Return so many cells that follow from a seed, with each part a victim as often as others."""
    chance = random.Random(seed)  # noqa: S311 - the same seed has to give the same cells
    order: list[str] = []
    while len(order) < count:
        order += chance.sample(VICTIMS, len(VICTIMS))
    everything = matrix()
    return [
        chance.choice([it for it in everything if it.victim == victim]) for victim in order[:count]
    ]


def one_per_step(seed: int, kind: Kind) -> Sequence[Cell]:
    """Return a cell for each step of a kind of run, its victim drawn by the seed.

    Whoever waits for a step asks the panel: of a removal, which is over in seconds, it is a victim
    at the last step only.
    """
    chance = random.Random(f"{seed} {kind}")  # noqa: S311 - as above
    drawn = []
    for it in steps(kind):
        is_blinding = kind is Kind.REMOVE and it is not steps(kind)[-1]
        there = [who for who in victims(kind, it) if not (is_blinding and who == PANEL)]
        victim = chance.choice(there)
        drawn.append(Cell(kind=kind, victim=victim, service=it.service, step=it.name))
    return drawn
