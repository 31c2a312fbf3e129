"""Machines are let out to the world as long as an application on them needs it and is reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.provisioner.domain import Door
from shared.contracts.deployments import Mode
from shared.contracts.provisioner import RoutePublished, VMReady

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from tests.integration.provisioner.conftest import Rig

EGRESS: Final = frozenset({Door.EGRESS})
MAIL: Final = frozenset({Door.MAIL})
CLOSED: Final = frozenset[Door]()


def doors(rig: Rig) -> list[AbstractSet[Door]]:
    machines = rig.world.backend.machines
    return [machines[name].open_doors for name in sorted(machines)]


async def made(
    rig: Rig, revision: int, needs: Mapping[str, AbstractSet[Door]], mode: Mode = Mode.ACTIVE
) -> None:
    run = await rig.request(*needs, revision=revision, mode=mode, doors=needs)
    await rig.answer(run, VMReady)


async def published(
    rig: Rig, revision: int, needs: Mapping[str, AbstractSet[Door]], mode: Mode = Mode.ACTIVE
) -> None:
    await made(rig, revision, needs, mode)
    await rig.answer(await rig.deployed(revision), RoutePublished)


async def test_doors_are_those_of_the_revision_that_runs(rig: Rig) -> None:
    async with rig.working():
        await made(rig, 1, {"blog": EGRESS})
        assert doors(rig) == [CLOSED]
        await rig.answer(await rig.deployed(1), RoutePublished)
        assert doors(rig) == [EGRESS]

        await made(rig, 2, {"blog": MAIL})
        assert doors(rig) == [EGRESS]
        await rig.answer(await rig.deployed(2), RoutePublished)
        assert doors(rig) == [MAIL]

        await published(rig, 3, {"blog": CLOSED})
    assert doors(rig) == [CLOSED]
    assert len(rig.world.backend.starts) == 1


async def test_a_prepared_revision_reaches_nobody_until_it_is_activated(rig: Rig) -> None:
    both = {"blog": EGRESS | MAIL}
    async with rig.working():
        await published(rig, 1, both, Mode.PREPARED)
        assert doors(rig) == [CLOSED]
        await published(rig, 2, both)
        assert doors(rig) == [EGRESS | MAIL]
        await published(rig, 3, both, Mode.PREPARED)
    assert doors(rig) == [CLOSED]
    assert len(rig.world.backend.starts) == 1


async def test_each_machine_is_let_out_for_its_own_applications(rig: Rig) -> None:
    async with rig.working():
        await published(rig, 1, {"blog": EGRESS, "hello": CLOSED, "shop": MAIL})
    assert doors(rig) == [EGRESS, CLOSED, MAIL]


async def test_applications_on_one_machine_share_its_doors(rig: Rig) -> None:
    rig.world.placement = "machine-per-deployment"
    async with rig.working():
        await published(rig, 1, {"blog": EGRESS, "hello": CLOSED})
        assert doors(rig) == [EGRESS]
        await published(rig, 2, {"hello": CLOSED})
    assert doors(rig) == [CLOSED]


async def test_a_machine_that_was_lost_and_made_anew_is_closed_until_it_is_published(
    rig: Rig,
) -> None:
    async with rig.working():
        await published(rig, 1, {"blog": EGRESS})
        rig.world.backend.machines.clear()
        await rig.answer(await rig.deployed(1), RoutePublished)
        await made(rig, 1, {"blog": EGRESS})
        assert doors(rig) == [CLOSED]
        await rig.answer(await rig.deployed(1), RoutePublished)
    assert doors(rig) == [EGRESS]
