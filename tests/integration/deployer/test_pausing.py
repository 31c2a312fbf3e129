"""Pauses, health and cancelled runs on a real database, with machines in memory and a real one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from shared import http, ids
from shared.contracts.deployer import (
    ApplicationQuiesced,
    ApplicationResumed,
    ConfigDeployed,
    DeploymentFailed,
    HealthChanged,
)
from shared.contracts.panel import (
    CancelRequested,
    QuiesceRequested,
    RestartRequested,
    ResumeRequested,
)
from tests.integration.deployer.conftest import REAL_TIMING, SOON, TIMING, World, a_deployer
from tests.support.deployments import a_machine, a_wish
from tests.support.eventually import eventually
from tests.support.fakes.health_probe import FakeHealthProbe
from tests.support.fakes.host import EMPTY, FakeHosts
from tests.support.fakes.system_builder import FakeSystemBuilder

if TYPE_CHECKING:
    from shared.database import Database
    from shared.sealing import Sealer
    from tests.support.fakes.host import FakeHost
    from tests.support.guests import Guest

HOST = "hello.garden.example"


class Played(World):
    """A deployment on a machine that a test can look into."""

    @property
    def host(self) -> FakeHost:
        assert isinstance(self.deployer.hosts, FakeHosts)
        return self.deployer.hosts.at(self.machine)

    @property
    def probe(self) -> FakeHealthProbe:
        assert isinstance(self.deployer.probe, FakeHealthProbe)
        return self.deployer.probe

    async def wish(self, kind: type[RestartRequested | QuiesceRequested | ResumeRequested]) -> str:
        """Let deployer hear what an operator wants; return the run."""
        event = kind(deployment=self.deployment, run=ids.new_id(), operator=ids.new_id())
        async with self.database.transaction() as tx:
            await self.deployer.routes()[kind](event, tx)
        return event.run

    async def cancel(self, run: str) -> None:
        async with self.database.transaction() as tx:
            event = CancelRequested(deployment=self.deployment, run=run)
            await self.deployer.on_cancel_requested(event, tx)

    async def ended(self, run: str) -> tuple[str, dict[str, Any]]:
        row = await self.end_of(run)
        return row["type"], json.loads(row["payload"])

    async def health(self) -> list[list[str]]:
        """Return the kinds of ailments that were told of, each time."""
        async with self.database.transaction() as tx:
            rows = await tx.fetch(
                "select payload from outbox where type = $1 order by position",
                HealthChanged.event_type(),
            )
        return [[it["kind"] for it in json.loads(row["payload"])["ailments"]] for row in rows]


@pytest.fixture
def played(database: Database, sealer: Sealer) -> Played:
    deployer = a_deployer(database, FakeHosts(), FakeSystemBuilder(), FakeHealthProbe(), sealer)
    timing = replace(TIMING, between_looks=0.1, between_examinations=0.1, cancellation=1.0)
    return Played(database=database, deployer=replace(deployer, timing=timing), machine=a_machine())


async def test_applications_stand_still_until_they_are_resumed(played: Played) -> None:
    async with played.working():
        await played.ended(await played.ask("hello"))

        kind, event = await played.ended(await played.wish(QuiesceRequested))
        assert (kind, event["hosts"]) == (ApplicationQuiesced.event_type(), [HOST])
        played.host.boot_again()
        await eventually(lambda: played.host.permit is not None, within=30)
        assert played.host.masked == {"hello"}

        kind, event = await played.ended(await played.wish(ResumeRequested))
        assert (kind, event["hosts"]) == (ApplicationResumed.event_type(), [HOST])
        assert played.host.masked == set()


async def test_a_deploy_of_what_stands_still_makes_it_run(played: Played) -> None:
    async with played.working():
        await played.ended(await played.ask("hello"))
        await played.ended(await played.wish(QuiesceRequested))

        kind, _ = await played.ended(await played.ask("hello"))

        assert kind == ConfigDeployed.event_type()
        assert played.host.masked == set()
        async with played.database.transaction() as tx:
            assert not await played.deployer.conditions.is_paused(tx, played.deployment)


async def test_what_a_deploy_that_failed_has_started_stands_still_again(played: Played) -> None:
    async with played.working():
        await played.ended(await played.ask("hello"))
        await played.ended(await played.wish(QuiesceRequested))
        played.host.is_full = True

        kind, _ = await played.ended(await played.ask("hello"))

        assert kind == DeploymentFailed.event_type()
        await eventually(lambda: played.host.masked == {"hello"}, within=30)


async def test_a_restart_that_was_cancelled_in_the_middle_is_finished(played: Played) -> None:
    async with played.working():
        await played.ended(await played.ask("hello"))
    played.progress.clear()
    async with played.working(held="stop"):
        run = await played.wish(RestartRequested)
        await eventually(lambda: [it.step for it in played.progress] == ["stop"], within=30)
        await played.cancel(run)
        played.gate.set()

        kind, _ = await played.ended(run)

    assert kind == ApplicationResumed.event_type()


@pytest.mark.parametrize("step", ["quiesce", "stop"])
async def test_a_pause_that_was_cancelled_in_the_middle_is_taken_back(
    played: Played, step: str
) -> None:
    async with played.working():
        await played.ended(await played.ask("hello"))
    played.progress.clear()
    async with played.working(held=step):
        run = await played.wish(QuiesceRequested)
        await eventually(lambda: any(it.step == step for it in played.progress), within=30)
        played.host.is_away = step == "stop"
        await played.cancel(run)
        played.gate.set()
        await eventually(lambda: _has_waited(played) or step == "quiesce", within=30)
        played.host.is_away = False

        kind, event = await played.ended(run)

    assert kind == DeploymentFailed.event_type()
    assert (event["failure"]["code"], event["outcome"]) == ("cancelled", "rolled_back")
    assert played.host.masked == set()
    assert "hello" in played.host.running


def _has_waited(played: Played) -> bool:
    return any(it.state == "retrying" for it in played.progress)


async def test_a_sickness_is_told_once_and_so_is_its_end(played: Played) -> None:
    async with played.working():
        await played.ended(await played.ask("hello"))
        played.probe.ailments[HOST] = "status 500"
        await eventually(lambda: _told(played, 1), within=30)
        played.probe.ailments.clear()
        await eventually(lambda: _told(played, 2), within=30)

    assert await played.health() == [["http"], []]


async def _told(played: Played, times: int) -> bool:
    return len(await played.health()) == times


async def test_a_deploy_that_is_cancelled_after_the_switch_is_taken_back(played: Played) -> None:
    async with played.working(held="switch"):
        run = await played.ask("hello")
        await eventually(lambda: any(it.step == "switch" for it in played.progress), within=30)
        await played.cancel(run)
        played.gate.set()

        kind, event = await played.ended(run)

    assert kind == DeploymentFailed.event_type()
    assert (event["failure"]["code"], event["outcome"]) == ("cancelled", "rolled_back")
    assert event["stage"] == "health"


async def test_a_deploy_that_is_cancelled_while_a_machine_boots_says_what_runs(
    played: Played,
) -> None:
    async with played.working(held="health"):
        run = await played.ask("hello")
        await eventually(lambda: any(it.step == "health" for it in played.progress), within=30)
        played.host.boot_again()
        await played.cancel(run)
        played.gate.set()

        kind, event = await played.ended(run)

    assert kind == DeploymentFailed.event_type()
    assert (event["failure"]["code"], event["outcome"]) == ("cancelled", "rolled_back")
    assert played.host.system == EMPTY


async def test_a_deploy_that_is_cancelled_before_the_switch_leaves_things_unchanged(
    played: Played,
) -> None:
    async with played.working(held="copy"):
        run = await played.ask("hello")
        await eventually(lambda: any(it.step == "copy" for it in played.progress), within=30)
        await played.cancel(run)
        played.gate.set()

        _, event = await played.ended(run)

    assert (event["failure"]["code"], event["outcome"]) == ("cancelled", "unchanged")
    assert event["stage"] == "copy"


@pytest.mark.parametrize("order", ["wish first", "wish last"])
async def test_a_cancelled_wish_is_answered_also_when_nobody_grants_anything(
    played: Played, order: str
) -> None:
    wish = a_wish(deployment=played.deployment, run=ids.new_id())

    async with played.working():
        if order == "wish last":
            await played.cancel(wish.run)
        async with played.database.transaction() as tx:
            await played.deployer.on_deployment_requested(wish, tx)
        if order == "wish first":
            await played.cancel(wish.run)
        _, event = await played.ended(wish.run)

    assert (event["failure"]["code"], event["outcome"]) == ("cancelled", "partial")


async def test_what_stands_still_on_a_real_machine_does_so_after_a_power_cut(
    world: World, guest: Guest
) -> None:
    timing = replace(REAL_TIMING, between_examinations=0.5)
    real = Played(
        database=world.database,
        deployer=replace(world.deployer, timing=timing),
        machine=world.machine,
    )

    async def has_booted() -> bool:
        [left] = await real.deployer.revisions.generations(real.deployment)
        return left.boot_id not in {"", boot_id}

    async with real.working():
        await real.ended(await real.ask("moody", options={"greeting": "still there"}))
        [left] = await real.deployer.revisions.generations(real.deployment)
        boot_id = left.boot_id

        kind, _ = await real.ended(await real.wish(QuiesceRequested))
        assert kind == ApplicationQuiesced.event_type()
        assert await page(real) == ""
        await guest.boot_again()
        await eventually(has_booted, within=SOON)
        assert await page(real) == ""

        kind, _ = await real.ended(await real.wish(ResumeRequested))
        assert kind == ApplicationResumed.event_type()
        assert await page(real) == "still there"
    assert await real.health() == []


async def page(world: World) -> str:
    """Return what the machine's web server answers."""
    async with http.client(timeout_seconds=5) as client:
        try:
            answer = await client.get(f"http://{world.machine.http}/index.html")
        except httpx2.HTTPError:
            return ""
    return answer.text.strip() if answer.is_success else ""
