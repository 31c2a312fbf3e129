"""Applications that are restarted, stand still and go on, on machines in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from services.deployer.domain import AilmentKind, Finding, UnitVerb
from shared import errors, jobs
from shared.contracts.deployer import (
    ApplicationQuiesced,
    ApplicationResumed,
    DeploymentFailed,
    HealthChanged,
)
from shared.contracts.deployments import Mode
from shared.contracts.failures import Outcome
from shared.jobs.holding import failure_of
from tests.support.deployments import DEPLOYMENT, a_machine, a_revision, a_wish

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.messages import Event
    from shared.database import Transaction

    from .conftest import Rig

NOWHERE = cast("Transaction", None)
BLOG = "microblog.garden.example"
UNITS = ["microblog-database", "microblog"]


async def deployed(rig: Rig) -> None:
    """Leave a blog running."""
    machine = a_machine(applications=("microblog",))
    rig.wish_for(a_revision(wish=a_wish("microblog"), machines=(machine,)))
    await rig.run("build", "copy", "secrets", "switch", "health")
    rig.leave_running()
    rig.host.seen = dict.fromkeys(UNITS, "running")


async def done(rig: Rig, kind: jobs.Kind) -> Sequence[Event]:
    """Do every step of a job, and return what it ends with."""
    rig.results.clear()
    for step in kind.steps:
        result = await step.do(rig.job())
        rig.results[step.name] = result.model_dump(mode="json") if result else {}
    return await kind.finish(rig.job(), NOWHERE)


async def failed(
    rig: Rig, kind: jobs.Kind, error: errors.HostingError, stage: str
) -> DeploymentFailed:
    fall = jobs.Fall(failure=failure_of(error), stage=stage)
    [event] = await kind.failed(rig.job(), fall, NOWHERE)
    assert isinstance(event, DeploymentFailed)
    return event


async def test_a_pause_lets_applications_come_to_rest_and_masks_what_the_manifest_names(
    rig: Rig,
) -> None:
    await deployed(rig)

    [event] = await done(rig, rig.deployer.pausing.quiesce())

    assert isinstance(event, ApplicationQuiesced)
    assert event.hosts == (BLOG,)
    [(application, command)] = rig.host.performed
    assert application == "microblog"
    assert command[-2:] == ("quiesce", "{configuration}")
    assert rig.host.masked == {"microblog"}
    assert await rig.conditions.is_paused(NOWHERE, DEPLOYMENT)


async def test_where_the_manifest_names_none_every_unit_stands_still(rig: Rig) -> None:
    machine = a_machine(applications=("moody",))
    rig.wish_for(a_revision(wish=a_wish("moody"), machines=(machine,)))
    await rig.run()
    rig.leave_running()

    await done(rig, rig.deployer.pausing.quiesce())

    assert rig.host.masked == {"moody"}


async def test_an_application_that_does_not_come_to_rest_goes_on(rig: Rig) -> None:
    await deployed(rig)
    rig.host.complaints["quiesce"] = "mail is stuck"
    kind = rig.deployer.pausing.quiesce()

    with pytest.raises(errors.FaultError, match="mail is stuck") as found:
        await done(rig, kind)

    assert rig.host.masked == set()
    assert (await failed(rig, kind, found.value, "quiesce")).outcome is Outcome.UNCHANGED


async def test_what_stands_still_already_is_not_asked_to_come_to_rest(rig: Rig) -> None:
    await deployed(rig)
    await done(rig, rig.deployer.pausing.quiesce())
    rig.host.complaints["quiesce"] = "nobody answers"

    [event] = await done(rig, rig.deployer.pausing.quiesce())

    assert isinstance(event, ApplicationQuiesced)


async def test_who_stands_still_is_not_sick(rig: Rig) -> None:
    await deployed(rig)
    sick = Finding(
        application="microblog",
        kind=AilmentKind.HTTP,
        message="status 500",
        since=rig.clock.now(),
        told="status 500",
    )
    rig.conditions.noted[DEPLOYMENT] = [sick]

    _, health = await done(rig, rig.deployer.pausing.quiesce())

    assert isinstance(health, HealthChanged)
    assert health.ailments == ()
    assert not await rig.conditions.findings(NOWHERE, DEPLOYMENT)


async def test_what_stands_still_goes_on_and_answers(rig: Rig) -> None:
    await deployed(rig)
    await done(rig, rig.deployer.pausing.quiesce())
    rig.probe.asked.clear()

    [event] = await done(rig, rig.deployer.pausing.resume())

    assert isinstance(event, ApplicationResumed)
    assert event.hosts == (BLOG,)
    assert rig.host.masked == set()
    assert rig.host.running == set(UNITS)
    assert [host for _, host, _ in rig.probe.asked] == [BLOG]
    assert not await rig.conditions.is_paused(NOWHERE, DEPLOYMENT)


async def test_a_restart_stops_every_unit_in_reverse_and_starts_it_again(rig: Rig) -> None:
    await deployed(rig)
    rig.host.masked.add("microblog")

    [event] = await done(rig, rig.deployer.pausing.restart())

    assert isinstance(event, ApplicationResumed)
    assert [it for it in rig.host.asked if it[0] in {UnitVerb.STOP, UnitVerb.START}] == [
        (UnitVerb.STOP, tuple(UNITS[::-1])),
        (UnitVerb.START, tuple(UNITS)),
    ]
    assert rig.host.masked == set()


async def test_a_machine_that_booted_in_between_is_given_its_secrets_first(rig: Rig) -> None:
    await deployed(rig)
    kind = rig.deployer.pausing.restart()
    await kind.steps[0].do(rig.job())
    rig.host.boot_again()

    await kind.steps[1].do(rig.job())

    assert rig.host.permit is not None
    assert rig.host.permit.boot_id == rig.host.boot_id
    assert rig.host.started == [rig.host.system]


async def test_a_boot_while_health_is_asked_for_is_no_sickness(rig: Rig) -> None:
    await deployed(rig)
    rig.probe.ailments[BLOG] = "no answer"
    health = rig.deployer.pausing.resume().steps[1]
    boot = rig.host.boot_id
    rig.probe.before_answer = rig.host.boot_again

    with pytest.raises(errors.UnavailableError, match="booted"):
        await health.do(rig.job())

    assert rig.host.boot_id != boot


async def test_an_application_that_does_not_come_back_is_named(rig: Rig) -> None:
    await deployed(rig)
    rig.probe.ailments[BLOG] = "status 500"
    kind = rig.deployer.pausing.restart()

    with pytest.raises(errors.FaultError) as found:
        await done(rig, kind)

    event = await failed(rig, kind, found.value, "health")
    assert event.outcome is Outcome.PARTIAL
    assert event.failure.message.startswith("microblog did not become healthy within 0.05 s")
    assert event.failure.message.endswith("The applications may stand still now; restart them.")


@pytest.mark.parametrize("name", ["restart", "quiesce", "resume"])
async def test_where_nothing_runs_there_is_nothing_to_stop_or_start(rig: Rig, name: str) -> None:
    kind = {it.name: it for it in rig.deployer.kinds()}[name]

    with pytest.raises(errors.ConflictError) as found:
        await kind.steps[0].do(rig.job())

    event = await failed(rig, kind, found.value, kind.steps[0].name)
    assert event.outcome is Outcome.UNCHANGED


async def test_a_prepared_deployment_has_nothing_that_runs(rig: Rig) -> None:
    await deployed(rig)
    prepared = a_wish("microblog").model_copy(update={"mode": Mode.PREPARED})
    rig.revisions.know(a_revision(wish=prepared, machines=rig.revision.machines))

    with pytest.raises(errors.ConflictError):
        await done(rig, rig.deployer.pausing.restart())


@pytest.mark.parametrize("name", ["restart", "quiesce", "resume"])
async def test_a_cancelled_run_that_has_stopped_nothing_leaves_things_unchanged(
    rig: Rig, name: str
) -> None:
    kind = {it.name: it for it in rig.deployer.kinds()}[name]
    error = jobs.RunCancelledError("The run was cancelled.", details={})

    event = await failed(rig, kind, error, kind.steps[0].name)

    assert (event.failure.code, event.outcome) == ("cancelled", Outcome.UNCHANGED)


async def cancelled_in(rig: Rig, stage: str, *, left: str = "stop") -> DeploymentFailed:
    """Do a step of a pause, then what is left of it in a run that was cancelled meanwhile."""
    kind = rig.deployer.pausing.quiesce()
    steps = {it.name: it for it in kind.steps}
    await steps[stage].do(rig.job())
    rig.is_cancelled = True
    with pytest.raises(errors.HostingError) as found:
        await steps[left].do(rig.job(attempt=2))
    return await failed(rig, kind, found.value, left)


@pytest.mark.parametrize("stage", ["quiesce", "stop"])
async def test_a_cancelled_pause_brings_back_what_it_stopped(rig: Rig, stage: str) -> None:
    await deployed(rig)
    rig.probe.asked.clear()

    event = await cancelled_in(rig, stage)

    assert (event.failure.code, event.outcome) == ("cancelled", Outcome.ROLLED_BACK)
    assert event.failure.message == "The run was cancelled. What had come to rest runs again."
    assert rig.host.masked == set()
    assert rig.host.running == set(UNITS)
    assert [host for _, host, _ in rig.probe.asked] == [BLOG]


async def test_what_a_cancelled_pause_cannot_bring_back_is_said(rig: Rig) -> None:
    await deployed(rig)
    rig.probe.ailments[BLOG] = "status 500"

    event = await cancelled_in(rig, "stop")

    assert (event.failure.code, event.outcome) == ("application.not_healthy", Outcome.PARTIAL)
    assert "may stand still now" in event.failure.message


async def test_a_cancelled_pause_does_not_wake_what_stood_still_before_it(rig: Rig) -> None:
    await deployed(rig)
    await done(rig, rig.deployer.pausing.quiesce())

    event = await cancelled_in(rig, "stop")

    assert (event.failure.code, event.outcome) == ("cancelled", Outcome.UNCHANGED)
    assert rig.host.masked == {"microblog"}


async def test_a_cancelled_pause_asks_nobody_else_to_come_to_rest(rig: Rig) -> None:
    await deployed(rig)
    rig.is_cancelled = True

    await rig.deployer.pausing.quiesce().steps[0].do(rig.job(attempt=2))

    assert rig.host.performed == []


async def test_who_has_stopped_something_brings_it_back(rig: Rig) -> None:
    pausing = rig.deployer.pausing
    kinds = (
        (pausing.restart(), "start"),
        (pausing.resume(), "health"),
        (pausing.quiesce(), "stop"),
    )
    for kind, bound in kinds:
        names = [it.name for it in kind.steps]
        later = kind.steps[names.index(bound)]

        assert kind.is_bound(later, {kind.steps[0].name: {}}, begun=False)


async def test_a_deploy_ends_a_pause(rig: Rig) -> None:
    await deployed(rig)
    await done(rig, rig.deployer.pausing.quiesce())

    rig.results.clear()
    await rig.run()

    assert rig.host.masked == set()
