"""A cancelled deploy: what is taken back, what stays, and who says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from shared import errors, jobs
from shared.contracts.deployer import DeploymentFailed
from shared.contracts.failures import Outcome
from shared.jobs.holding import failure_of
from tests.support.deployments import RUN, a_machine, a_revision, a_wish
from tests.support.fakes.host import EMPTY

if TYPE_CHECKING:
    from shared.contracts.panel import DeploymentRequested
    from shared.database import Transaction

    from .conftest import Rig

NOWHERE = cast("Transaction", None)


async def ended(rig: Rig, error: jobs.RunCancelledError) -> DeploymentFailed:
    fall = jobs.Fall(failure=failure_of(error), stage="health")
    [event] = await rig.deployer.deploying.announce_failure(rig.job(), fall, NOWHERE)
    assert isinstance(event, DeploymentFailed)
    return event


async def cancelled(rig: Rig) -> DeploymentFailed:
    """Do what is left in a cancelled run, and return how it ended."""
    rig.is_cancelled = True
    with pytest.raises(jobs.RunCancelledError) as found:
        await rig.run("health")
    return await ended(rig, found.value)


async def test_what_was_switched_is_taken_back(rig: Rig) -> None:
    await rig.run("build", "copy", "secrets", "switch")
    assert rig.host.system != EMPTY

    event = await cancelled(rig)

    assert rig.host.system == EMPTY
    assert (event.failure.code, event.outcome) == ("cancelled", Outcome.ROLLED_BACK)
    assert event.failure.message == "The run was cancelled. What ran before runs again."
    assert event.failure.retryable


async def test_what_cannot_be_taken_back_is_said(rig: Rig) -> None:
    await rig.run("build", "copy", "secrets", "switch")
    rig.host.is_stuck = True

    assert (await cancelled(rig)).outcome is Outcome.ROLLBACK_FAILED


async def test_where_nothing_was_switched_nothing_has_changed(rig: Rig) -> None:
    await rig.run()
    rig.leave_running()
    rig.results.clear()
    await rig.run("build", "copy", "secrets", "switch")

    event = await cancelled(rig)

    assert event.outcome is Outcome.UNCHANGED
    assert rig.host.system != EMPTY


async def test_what_was_confirmed_already_is_kept_and_the_run_succeeds(rig: Rig) -> None:
    await rig.run()
    system = rig.host.system
    rig.back_to("health")
    rig.is_cancelled = True

    await rig.run("health", attempt=2)

    assert rig.host.system == system
    assert "health" in rig.results


async def test_machines_that_were_confirmed_are_not_called_rolled_back(rig: Rig) -> None:
    machines = (a_machine(), a_machine(number=2, applications=("moody",)))
    rig.wish_for(a_revision(wish=a_wish("hello", "moody"), machines=machines))
    await rig.run("build", "copy", "secrets", "switch")
    await rig.host.confirm(rig.host.boot_id, rig.host.system)

    event = await cancelled(rig)

    assert event.outcome is Outcome.PARTIAL
    assert rig.hosts.at(machines[1]).system == EMPTY


async def test_a_boot_after_the_switch_sends_the_job_back_to_where_it_can_be_left(rig: Rig) -> None:
    await rig.run("build", "copy", "secrets", "switch")
    rig.host.boot_again()
    rig.is_cancelled = True

    with pytest.raises(jobs.ReenterError) as found:
        await rig.run("health")

    kind = rig.deployer.deploying.kind()
    rig.back_to(found.value.step)
    assert found.value.step == "copy"
    assert not kind.is_bound(kind.steps[1], rig.results, begun=False)


async def test_once_a_switch_has_begun_there_is_a_verdict(rig: Rig) -> None:
    await rig.run("build", "copy", "secrets")
    kind = rig.deployer.deploying.kind()
    switch, health = kind.steps[3:]

    assert not kind.is_bound(switch, rig.results, begun=False)
    assert kind.is_bound(switch, rig.results, begun=True)
    await rig.run("switch")
    assert kind.is_bound(health, rig.results, begun=False)


async def test_while_facts_are_missing_others_are_given_the_time_to_answer(rig: Rig) -> None:
    await hear_of(rig, a_wish(run=RUN))
    kind = rig.deployer.cancelling.kind()

    with pytest.raises(errors.UnavailableError):
        await kind.steps[0].do(rig.job())
    fall = jobs.Fall(
        failure=failure_of(errors.UnavailableError("revision.incomplete")), stage="wait"
    )
    [event] = await kind.failed(rig.job(), fall, NOWHERE)

    assert isinstance(event, DeploymentFailed)
    assert (event.failure.code, event.outcome) == ("cancelled", Outcome.PARTIAL)
    assert not kind.can_be_cancelled


async def test_when_there_is_work_of_our_own_nobody_is_waited_for(rig: Rig) -> None:
    kind = rig.deployer.cancelling.kind()

    await kind.steps[0].do(rig.job())

    assert await kind.finish(rig.job(), NOWHERE) == []


async def hear_of(rig: Rig, wish: DeploymentRequested) -> None:
    """Hear of a wish and of nothing that answers it."""
    rig.revisions.facts.clear()
    await rig.revisions.want(NOWHERE, wish)
    await rig.revisions.learn(NOWHERE, wish)
