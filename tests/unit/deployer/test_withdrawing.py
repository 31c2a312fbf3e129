"""A deploy that is cancelled after a machine has booted: what runs is seen before it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from services.deployer.domain import System
from services.deployer.service.withdrawing import Withdrawal
from shared import errors, jobs
from shared.contracts.deployer import DeploymentFailed
from shared.contracts.failures import Outcome
from shared.jobs.holding import failure_of
from tests.support.deployments import a_machine, a_revision, a_wish
from tests.support.fakes.host import EMPTY

from .errands import Desk

if TYPE_CHECKING:
    from shared.contracts.deployments import GrantedMachine
    from shared.database import Transaction

    from .conftest import Rig

LEFT = "The run was cancelled; it stopped after the step build."
MACHINES = (a_machine(), a_machine(number=2, applications=("moody",)))


def two_machines(rig: Rig) -> tuple[GrantedMachine, GrantedMachine]:
    rig.wish_for(a_revision(wish=a_wish("hello", "moody"), machines=MACHINES))
    return MACHINES


async def sent_back(rig: Rig, step: str) -> None:
    """Do a step that finds that a machine has booted."""
    with pytest.raises(jobs.ReenterError) as found:
        await rig.run(step)
    rig.back_to(found.value.step)


async def left(rig: Rig, stage: str = "build") -> tuple[list[DeploymentFailed], list[Withdrawal]]:
    """End the deploy where a cancelled one ends; return what it says and asks for."""
    error = errors.UnavailableError(jobs.CANCELLED, LEFT)
    desk = Desk()
    events = await rig.deployer.deploying.announce_failure(
        rig.job(),
        jobs.Fall(failure=failure_of(error), stage=stage),
        cast("Transaction", desk),
    )
    asked = [Withdrawal.model_validate(it[5]) for it in desk.asked if it[1] == "withdraw"]
    return cast("list[DeploymentFailed]", list(events)), asked


async def cancelled(rig: Rig, stage: str = "build") -> DeploymentFailed:
    """End the deploy and do what it asks for; return how the run ended."""
    said, [asked] = await left(rig, stage)
    assert said == []
    kind = rig.deployer.deploying.withdrawing.kind()
    rig.results.clear()
    job = rig.job(asked=asked)
    done = await kind.steps[0].do(job)
    assert done is not None
    rig.results[kind.steps[0].name] = done.model_dump(mode="json")
    [event] = await kind.finish(job, cast("Transaction", None))
    assert isinstance(event, DeploymentFailed)
    assert event.failure.code == "cancelled"
    assert event.failure.message.startswith(LEFT)
    return event


@pytest.mark.parametrize("step", ["switch", "health"])
async def test_what_a_boot_took_back_is_seen_before_it_is_said(rig: Rig, step: str) -> None:
    await rig.run("build", "copy", "secrets", "switch")
    rig.host.boot_again()
    rig.results.pop("switch" if step == "switch" else "", None)
    await sent_back(rig, step)

    event = await cancelled(rig)

    assert (event.stage, event.outcome) == ("build", Outcome.ROLLED_BACK)
    assert event.failure.message == f"{LEFT} What ran before runs again."
    assert rig.host.system == EMPTY


async def test_a_machine_beside_one_that_booted_is_taken_back_and_not_left_to_its_watchdog(
    rig: Rig,
) -> None:
    first, second = two_machines(rig)
    await rig.run("build", "copy", "secrets")
    system = System(rig.builder.kept[second.machine])
    other = rig.hosts.at(second)
    await other.switch(other.boot_id, system, 60)
    rig.hosts.at(first).boot_again()
    await sent_back(rig, "switch")
    assert other.system == system

    event = await cancelled(rig)

    assert event.outcome is Outcome.ROLLED_BACK
    assert other.system == EMPTY


async def test_what_was_kept_before_the_boot_is_not_called_rolled_back(rig: Rig) -> None:
    first, second = two_machines(rig)
    await rig.run("build", "copy", "secrets", "switch")
    host = rig.hosts.at(first)
    await host.confirm(host.boot_id, host.system)
    host.boot_again()
    rig.back_to("copy")

    event = await cancelled(rig)

    assert event.outcome is Outcome.PARTIAL
    assert host.system != EMPTY
    assert rig.hosts.at(second).system == EMPTY


async def test_another_system_than_either_is_no_way_back(rig: Rig) -> None:
    await rig.run("build", "copy", "secrets", "switch")
    rig.host.boot_again()
    rig.host.system = System("/nix/store/another")
    rig.back_to("copy")

    event = await cancelled(rig)

    assert event.outcome is Outcome.ROLLBACK_FAILED
    assert "the provider has to look" in event.failure.message


async def test_where_no_switch_was_begun_nothing_has_changed(rig: Rig) -> None:
    await rig.run("build", "copy", "secrets")

    event = await cancelled(rig, "secrets")

    assert (event.stage, event.outcome) == ("secrets", Outcome.UNCHANGED)


@pytest.mark.parametrize("stage", ["build", "copy"])
async def test_before_secrets_are_there_nobody_has_to_look(rig: Rig, stage: str) -> None:
    await rig.run("build", "copy")

    [event], asked = await left(rig, stage)

    assert asked == []
    assert event.outcome is Outcome.UNCHANGED


@pytest.mark.parametrize("what", ["is_away", "cannot_be_entered"])
async def test_nothing_is_said_without_a_fresh_connection(rig: Rig, what: str) -> None:
    await rig.run("build", "copy", "secrets", "switch")
    rig.host.boot_again()
    rig.back_to("copy")
    setattr(rig.host, what, True)
    _, [asked] = await left(rig)
    kind = rig.deployer.deploying.withdrawing.kind()
    job = rig.job(asked=asked)

    with pytest.raises(errors.UnavailableError) as found:
        await kind.steps[0].do(job)
    fall = jobs.Fall(failure=failure_of(found.value), stage="withdraw")
    [event] = await kind.failed(job, fall, cast("Transaction", None))

    assert isinstance(event, DeploymentFailed)
    assert (event.failure.code, event.stage, event.outcome) == (
        "cancelled",
        "build",
        Outcome.PARTIAL,
    )
    assert "is taken back by the machine itself" in event.failure.message
    assert not kind.can_be_cancelled


async def test_a_machine_that_boots_while_it_is_looked_at_is_looked_at_again(rig: Rig) -> None:
    await rig.run("build", "copy", "secrets", "switch")
    rig.back_to("copy")
    refuse = rig.host.refuse

    async def booted(boot_id: str, system: System, reason: str) -> object:
        rig.host.boot_again()
        return await refuse(boot_id, system, reason)

    rig.host.refuse = booted  # type: ignore[method-assign,assignment]
    _, [asked] = await left(rig)
    step = rig.deployer.deploying.withdrawing.kind().steps[0]
    with pytest.raises(errors.UnavailableError, match="booted meanwhile"):
        await step.do(rig.job(asked=asked))
    rig.host.refuse = refuse  # type: ignore[method-assign]

    event = await cancelled(rig)

    assert event.outcome is Outcome.ROLLED_BACK


async def test_a_failure_after_a_boot_within_the_switch_is_not_called_unchanged(rig: Rig) -> None:
    first, _ = two_machines(rig)
    await rig.run("build", "copy", "secrets")
    rig.hosts.at(first).boot_again()
    await sent_back(rig, "switch")

    error = errors.UnavailableError("machine.unreachable", "away")
    fall = jobs.Fall(failure=failure_of(error), stage="copy")
    [event] = await rig.deployer.deploying.announce_failure(
        rig.job(), fall, cast("Transaction", None)
    )

    assert isinstance(event, DeploymentFailed)
    assert event.outcome is Outcome.PARTIAL
