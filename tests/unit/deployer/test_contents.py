"""The watch over memory, and the job that forgets."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from shared.contracts.deployer import SystemRemoved
from tests.support.deployments import DEPLOYMENT
from tests.support.fakes.host import EMPTY

if TYPE_CHECKING:
    from shared.database import Transaction

    from .conftest import Rig


async def left(rig: Rig) -> None:
    """Leave the machine with what a finished run leaves."""
    await rig.run()
    rig.leave_running()


async def known_boot(rig: Rig) -> str:
    [generation] = await rig.revisions.generations(DEPLOYMENT)
    return generation.boot_id


async def test_a_boot_brings_secrets_and_permit_back(rig: Rig) -> None:
    await left(rig)
    rig.host.boot_again()

    await rig.deployer.contents.look(DEPLOYMENT)

    assert rig.host.secrets[rig.host.system] == {"hello": {"bucket-entries": b"the key"}}
    assert rig.host.permit is not None
    assert rig.host.permit.boot_id == rig.host.boot_id
    assert rig.host.started == [rig.host.system]
    assert await known_boot(rig) == rig.host.boot_id


async def test_without_a_boot_nothing_is_placed(rig: Rig) -> None:
    await left(rig)
    rig.host.secrets.clear()

    await rig.deployer.contents.look(DEPLOYMENT)

    assert rig.host.secrets == {}
    assert rig.host.started == []


async def test_a_machine_that_is_away_is_looked_at_again_later(rig: Rig) -> None:
    await left(rig)
    rig.host.boot_again()
    rig.host.is_away = True

    await rig.deployer.contents.look(DEPLOYMENT)

    assert await known_boot(rig) != rig.host.boot_id


async def test_a_system_that_is_not_ours_gets_nothing(rig: Rig) -> None:
    await left(rig)
    rig.host.boot_again()
    rig.host.system = EMPTY

    await rig.deployer.contents.look(DEPLOYMENT)

    assert rig.host.secrets == {}
    assert await known_boot(rig) != rig.host.boot_id


async def test_forgetting_empties_the_machine_and_lets_go_of_it(rig: Rig) -> None:
    await left(rig)
    host, machine = rig.host, rig.revisions.kept[DEPLOYMENT][0].machine

    await rig.deployer.forgetting.secrets(rig.job())
    [event] = await rig.deployer.forgetting.announce_removed(rig.job(), cast("Transaction", None))

    assert isinstance(event, SystemRemoved)
    assert host.secrets == {}
    assert host.permit is None
    assert rig.hosts.left == [machine]
    assert rig.builder.kept == {}
    assert not rig.revisions.kept


async def test_a_machine_that_is_gone_already_can_be_forgotten(rig: Rig) -> None:
    await left(rig)
    rig.host.is_away = True

    await rig.deployer.forgetting.secrets(rig.job())

    assert rig.builder.kept == {}
