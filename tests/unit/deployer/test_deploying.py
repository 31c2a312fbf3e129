"""The job `deploy` on machines in memory: what it leaves, and what it says about that."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

import pytest

from services.deployer.domain import Permit
from shared import errors, jobs
from shared.contracts.deployer import ConfigDeployed, DeploymentFailed
from shared.contracts.deployments import Endpoint, Mode
from shared.contracts.failures import Failure, Outcome
from shared.jobs.holding import failure_of
from tests.support.deployments import DEPLOYMENT, a_bucket, a_machine, a_revision, a_wish
from tests.support.fakes.host import EMPTY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.database import Transaction

    from .conftest import Rig

HOST = "hello.garden.example"
EVERY_STEP = ["build", "copy", "secrets", "switch", "health"]


class NoTransaction:
    """Stands where nothing is written."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    async def execute(self, sql: str, *_: object) -> str:
        self.statements.append(sql)
        return ""


@asynccontextmanager
async def transaction() -> AsyncIterator[Transaction]:
    yield cast("Transaction", NoTransaction())


async def announced(rig: Rig) -> ConfigDeployed:
    async with transaction() as tx:
        [event] = await rig.deployer.deploying.announce_deployed(rig.job(), tx)
    assert isinstance(event, ConfigDeployed)
    return event


async def failed(rig: Rig, error: errors.HostingError, stage: str) -> DeploymentFailed:
    async with transaction() as tx:
        fall = jobs.Fall(failure=failure_of(error), stage=stage)
        [event] = await rig.deployer.deploying.announce_failure(rig.job(), fall, tx)
    assert isinstance(event, DeploymentFailed)
    return event


async def test_a_first_deployment_is_kept_and_announced_as_a_change(rig: Rig) -> None:
    await rig.run()
    event = await announced(rig)

    assert list(rig.results) == EVERY_STEP
    assert event.changed
    [system] = event.systems
    assert rig.host.system == system.system
    assert system.generation == 1
    assert rig.revisions.kept[DEPLOYMENT][0].boot_id == rig.host.boot_id


async def test_secrets_reach_the_machine_unsealed_with_a_permit(rig: Rig) -> None:
    await rig.run()

    [secrets] = rig.host.secrets.values()
    assert secrets == {"hello": {"bucket-entries": b"the key"}}
    assert rig.host.permit == Permit(epoch=1, boot_id=rig.host.boot_id)
    assert "the key" not in str(rig.results)


async def test_health_is_asked_in_the_machine_under_the_application_s_name(rig: Rig) -> None:
    await rig.run()

    assert rig.probe.asked == [("127.0.0.1:8001", HOST, "/health.txt")]


async def test_each_application_of_a_machine_is_asked_at_its_own_endpoint(rig: Rig) -> None:
    other = Endpoint(host="127.0.0.1", port=9000)
    machine = a_machine(applications=("hello", "moody"))
    machine = machine.model_copy(update={"endpoints": {"hello": machine.http, "moody": other}})
    rig.wish_for(a_revision(wish=a_wish("hello", "moody"), machines=(machine,)))

    await rig.run()

    assert sorted(rig.probe.asked) == [
        ("127.0.0.1:8001", HOST, "/health.txt"),
        ("127.0.0.1:9000", "moody.garden.example", "/health.txt"),
    ]


async def test_an_unchanged_configuration_is_announced_as_none(rig: Rig) -> None:
    await rig.run()
    await announced(rig)
    rig.results.clear()

    await rig.run()
    event = await announced(rig)

    assert not event.changed
    assert event.systems[0].generation == 1


async def test_another_secret_is_a_change_and_can_be_taken_back(rig: Rig) -> None:
    await rig.run()
    await announced(rig)
    before = rig.host.system
    rig.wish_for(a_revision(buckets=(a_bucket(sealed=rig.sealed("another key")),)))

    rig.probe.ailments[HOST] = "status 503: no store"
    with pytest.raises(errors.FaultError) as found:
        await rig.run()
    assert (await failed(rig, found.value, "health")).outcome is Outcome.ROLLED_BACK
    assert rig.host.system == before
    assert rig.host.secrets[before] == {"hello": {"bucket-entries": b"the key"}}

    rig.probe.ailments.clear()
    rig.results.clear()
    await rig.run()
    assert (await announced(rig)).changed


async def test_a_sick_application_is_taken_back_and_said_so(rig: Rig) -> None:
    await rig.run()
    await announced(rig)
    before = rig.host.system
    rig.wish_for(a_revision(wish=a_wish(options={"title": "Other"})))
    rig.probe.ailments[HOST] = "status 503: no store"

    with pytest.raises(errors.FaultError, match="status 503: no store") as found:
        await rig.run()
    event = await failed(rig, found.value, "health")

    assert event.outcome is Outcome.ROLLED_BACK
    assert "What ran before runs again" in event.failure.message
    assert rig.host.system == before


async def test_a_sick_first_deployment_leaves_the_empty_system(rig: Rig) -> None:
    rig.probe.ailments[HOST] = "no answer"

    with pytest.raises(errors.FaultError) as found:
        await rig.run()

    assert (await failed(rig, found.value, "health")).outcome is Outcome.ROLLED_BACK
    assert rig.host.system == EMPTY


async def test_a_rollback_that_fails_is_not_called_one(rig: Rig) -> None:
    rig.probe.ailments[HOST] = "no answer"
    rig.host.is_stuck = True

    with pytest.raises(errors.FaultError) as found:
        await rig.run()
    event = await failed(rig, found.value, "health")

    assert event.outcome is Outcome.ROLLBACK_FAILED
    assert "could not be taken back" in event.failure.message


async def test_a_system_that_cannot_be_activated_fails_at_the_switch(rig: Rig) -> None:
    await rig.run("build", "copy", "secrets")
    rig.host.broken.update(rig.builder.kept.values())

    with pytest.raises(errors.FaultError, match="the activation failed") as found:
        await rig.run("switch")

    assert (await failed(rig, found.value, "switch")).outcome is Outcome.ROLLED_BACK


async def test_an_activation_without_an_end_is_taken_back(rig: Rig) -> None:
    rig.host.is_slow = True

    with pytest.raises(errors.FaultError, match="did not come to an end") as found:
        await rig.run()

    assert (await failed(rig, found.value, "switch")).outcome is Outcome.ROLLED_BACK
    assert rig.host.system == EMPTY


async def test_a_machine_that_cannot_switch_takes_every_machine_back(rig: Rig) -> None:
    machines = (a_machine(), a_machine(number=2, applications=("moody",)))
    rig.wish_for(a_revision(wish=a_wish("hello", "moody"), machines=machines))
    rig.hosts.at(machines[1]).is_full = True

    with pytest.raises(errors.FaultError, match=r"machine\.disk_full: the disk is full") as found:
        await rig.run()

    assert (await failed(rig, found.value, "switch")).outcome is Outcome.ROLLED_BACK
    assert [rig.hosts.at(it).system for it in machines] == [EMPTY, EMPTY]


async def test_a_machine_that_could_not_even_begin_is_left_unchanged(rig: Rig) -> None:
    rig.host.is_full = True

    with pytest.raises(errors.FaultError) as found:
        await rig.run()

    assert (await failed(rig, found.value, "switch")).outcome is Outcome.UNCHANGED


async def test_one_sick_machine_takes_every_machine_back(rig: Rig) -> None:
    machines = (a_machine(), a_machine(number=2, applications=("moody",)))
    rig.wish_for(a_revision(wish=a_wish("hello", "moody"), machines=machines))
    rig.probe.ailments["moody.garden.example"] = "sick"

    with pytest.raises(errors.FaultError, match="moody did not become healthy"):
        await rig.run()

    assert [rig.hosts.at(it).system for it in machines] == [EMPTY, EMPTY]


async def test_a_sick_application_that_was_not_changed_leaves_things_unchanged(rig: Rig) -> None:
    await rig.run()
    rig.results.clear()
    rig.probe.ailments[HOST] = "no answer"

    with pytest.raises(errors.FaultError) as found:
        await rig.run()

    assert (await failed(rig, found.value, "health")).outcome is Outcome.UNCHANGED


@pytest.mark.parametrize("step", ["secrets", "switch", "health"])
async def test_a_boot_in_between_sends_the_job_back_to_copy(rig: Rig, step: str) -> None:
    await rig.run(*EVERY_STEP[: EVERY_STEP.index(step)])
    rig.host.boot_again()

    with pytest.raises(jobs.ReenterError) as found:
        await rig.run(step)
    assert found.value.step == "copy"

    rig.back_to("copy")
    await rig.run()
    assert rig.host.verified == [rig.host.system]
    assert (await announced(rig)).changed


async def test_a_boot_in_the_deploy_of_an_unchanged_system_sends_the_job_back_too(rig: Rig) -> None:
    await rig.run()
    await announced(rig)
    rig.results.clear()
    await rig.run("build", "copy", "secrets", "switch")
    rig.host.boot_again()
    rig.probe.ailments[HOST] = "no answer"

    with pytest.raises(jobs.ReenterError) as found:
        await rig.run("health")
    assert found.value.step == "copy"

    rig.probe.ailments.clear()
    rig.back_to("copy")
    await rig.run()
    assert not (await announced(rig)).changed
    assert rig.host.permit == Permit(epoch=1, boot_id=rig.host.boot_id, known=1)


async def test_a_machine_that_is_away_does_not_keep_the_others_from_a_verdict(rig: Rig) -> None:
    await rig.run()
    await announced(rig)
    buckets = rig.revision.buckets
    machines = (a_machine(), a_machine(number=2, applications=("moody",)))
    wish = a_wish("hello", "moody")
    rig.wish_for(a_revision(wish=wish, machines=machines, buckets=buckets))
    await rig.run("build", "copy", "secrets", "switch")
    rig.host.is_away = True
    rig.probe.ailments[HOST] = "no answer"

    with pytest.raises(errors.FaultError, match="hello did not become healthy"):
        await rig.run("health")

    assert rig.hosts.at(machines[1]).system == EMPTY


async def test_a_verdict_that_came_while_nobody_asked_is_tried_again(rig: Rig) -> None:
    await rig.run("build", "copy", "secrets", "switch")
    system = next(iter(rig.builder.kept.values()))
    await rig.host.refuse(rig.host.boot_id, system, "nobody confirmed")

    with pytest.raises(jobs.ReenterError):
        await rig.run("health", attempt=2)


async def test_a_machine_that_is_away_is_waited_for(rig: Rig) -> None:
    rig.host.is_away = True

    with pytest.raises(errors.UnavailableError):
        await rig.run()


async def test_a_machine_that_cannot_be_entered_any_more_is_not_left_like_that(rig: Rig) -> None:
    await rig.run("build", "copy", "secrets", "switch")
    rig.host.cannot_be_entered = True

    with pytest.raises(errors.FaultError, match="no new connection"):
        await rig.run("health")

    assert rig.host.system == EMPTY


@pytest.mark.parametrize("stage", ["build", "copy", "secrets"])
async def test_a_failure_before_the_switch_left_things_unchanged(rig: Rig, stage: str) -> None:
    error = errors.FaultError("machine.host_key_changed")

    assert (await failed(rig, error, stage)).outcome is Outcome.UNCHANGED


async def test_a_failure_after_a_switch_and_a_boot_is_not_called_unchanged(rig: Rig) -> None:
    await rig.run(*EVERY_STEP[: EVERY_STEP.index("health")])
    rig.back_to("copy")
    error = errors.UnavailableError("machine.unreachable", "away")

    assert (await failed(rig, error, "copy")).outcome is Outcome.PARTIAL


async def test_units_that_do_not_come_up_again_are_no_new_configuration(rig: Rig) -> None:
    await rig.run()
    rig.results.clear()
    rig.host.is_full = True

    with pytest.raises(errors.FaultError) as found:
        await rig.run()

    assert (await failed(rig, found.value, "switch")).outcome is Outcome.UNCHANGED


@pytest.mark.parametrize("stage", ["switch", "health"])
async def test_what_became_of_a_machine_that_stays_away_is_not_claimed(
    rig: Rig, stage: str
) -> None:
    event = await failed(rig, errors.UnavailableError("machine.unreachable", "away"), stage)

    assert event.outcome is Outcome.PARTIAL
    assert event.failure == Failure(
        code="machine.unreachable",
        message="away. What nobody could confirm is taken back by the machine itself, within 60 s "
        "or when it boots again; deploy again to be sure.",
        retryable=True,
    )


async def test_a_mode_that_is_not_known_yet_is_refused(rig: Rig) -> None:
    rig.wish_for(a_revision(wish=a_wish().model_copy(update={"mode": Mode.FENCED})))

    with pytest.raises(errors.InvalidError):
        await rig.run()
