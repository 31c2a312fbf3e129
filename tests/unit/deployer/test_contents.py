"""The watch over memory, and the job that forgets."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from shared import errors, ids
from shared.contracts.deployer import SystemRemoved
from tests.support.deployments import DEPLOYMENT
from tests.support.fakes.host import EMPTY

from .errands import Desk
from .test_deploying import announced

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


async def test_under_a_raised_epoch_nothing_of_before_starts_and_it_is_said_why(rig: Rig) -> None:
    await left(rig)
    rig.revisions.epochs["garden.example", "hello.garden.example"] = (DEPLOYMENT, 2)
    rig.host.boot_again()

    await rig.deployer.contents.look(DEPLOYMENT)

    assert rig.host.permit is None
    assert rig.host.started == []
    [generation] = await rig.revisions.generations(DEPLOYMENT)
    assert "its hosts have come to epoch 2 since; deploy again" in generation.refusal


async def test_an_old_copy_of_a_disk_is_not_started_and_it_is_said_why(rig: Rig) -> None:
    await left(rig)
    rig.revisions.epochs["garden.example", "hello.garden.example"] = (DEPLOYMENT, 2)
    rig.results.clear()
    await rig.run()
    assert rig.host.epoch == 2
    await announced(rig)
    rig.host.boot_again()
    rig.host.epoch = 1

    await rig.deployer.contents.look(DEPLOYMENT)

    assert rig.host.permit is None
    [generation] = await rig.revisions.generations(DEPLOYMENT)
    assert generation.refusal == "it is an old copy"

    # Nor by a deploy; with the right disk all is well again.
    rig.results.clear()
    with pytest.raises(errors.ConflictError):
        await rig.run()
    rig.host.epoch = 2
    await rig.deployer.contents.look(DEPLOYMENT)
    assert rig.host.started
    [generation] = await rig.revisions.generations(DEPLOYMENT)
    assert generation.refusal == ""


async def test_a_machine_whose_host_went_to_another_deployment_is_not_started(rig: Rig) -> None:
    await left(rig)
    rig.revisions.epochs["garden.example", "hello.garden.example"] = (ids.new_id(), 1)
    rig.host.boot_again()

    await rig.deployer.contents.look(DEPLOYMENT)

    assert rig.host.permit is None
    [generation] = await rig.revisions.generations(DEPLOYMENT)
    assert "another deployment of this provider answers for" in generation.refusal


async def test_forgetting_empties_the_machine_and_lets_go_of_it(rig: Rig) -> None:
    await left(rig)
    host, machine = rig.host, rig.revisions.kept[DEPLOYMENT][0].machine

    await rig.deployer.forgetting.secrets(rig.job())
    [event] = await rig.deployer.forgetting.announce_removed(rig.job(), cast("Transaction", Desk()))

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
