"""Records and routes: put in place, kept in place, moved and taken back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from shared.contracts.deployments import Mode
from shared.contracts.failures import Outcome
from shared.contracts.provisioner import ProvisioningFailed, RoutePublished, VMReady, VMRemoved
from tests.integration.provisioner.conftest import EDGE, PANEL
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from tests.integration.provisioner.conftest import Rig


async def published(
    rig: Rig, *applications: str, revision: int = 1
) -> tuple[VMReady, RoutePublished]:
    ready = await rig.answer(await rig.request(*applications, revision=revision), VMReady)
    return ready, await rig.answer(await rig.deployed(revision), RoutePublished)


async def test_a_deployed_revision_is_reached_through_record_and_route(rig: Rig) -> None:
    async with rig.working():
        ready, routes = await published(rig, "hello")

    host = f"hello.{rig.deployment[-6:]}.localhost"
    [route] = routes.routes
    assert (route.application, route.host, route.url) == ("hello", host, f"http://{host}:18080")
    assert rig.world.zone.records[host] == EDGE
    assert [(it.host, it.upstream) for it in rig.world.edge.listed] == [
        (PANEL.host, PANEL.upstream),
        (host, ready.machines[0].http),
    ]


async def test_the_panel_is_reached_before_there_is_any_deployment(rig: Rig) -> None:
    async with rig.working():
        await eventually(lambda: PANEL.host in rig.world.zone.records, within=10)
        await eventually(lambda: rig.world.edge.listed == [PANEL], within=10)


async def test_what_edge_and_zone_lost_is_put_back(rig: Rig) -> None:
    async with rig.working():
        await published(rig, "hello")
        routes, records = list(rig.world.edge.listed), dict(rig.world.zone.records)
        rig.world.edge.listed.clear()
        rig.world.zone.records.clear()

        await eventually(lambda: rig.world.edge.listed == routes, within=10)
        await eventually(lambda: rig.world.zone.records == records, within=10)


async def test_a_record_that_is_withdrawn_meanwhile_is_not_put_back(rig: Rig) -> None:
    async with rig.working():
        await published(rig, "hello")
    zone, publication = rig.world.zone, rig.service.publication
    [host] = {*zone.records} - {PANEL.host}
    zone.answers[host] = asyncio.Event()
    zone.finds.clear()

    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(publication.keep())
        await eventually(lambda: host in zone.finds, within=10)
        withdrawing = group.create_task(publication.withdraw_records(rig.deployment))
        await asyncio.wait({withdrawing}, timeout=0.5)
        zone.answers[host].set()
        await withdrawing
        zone.finds.clear()
        await eventually(lambda: PANEL.host in zone.finds, within=10)
        keeping.cancel()

    assert host not in zone.records
    assert await rig.rows("records") == 0


async def test_an_edge_that_is_away_is_waited_for(rig: Rig) -> None:
    async with rig.working():
        await rig.answer(await rig.request("hello"), VMReady)
        rig.world.edge.is_away = True
        run = await rig.deployed()
        await eventually(
            lambda: any(it.step == "route" and it.state == "retrying" for it in rig.reports),
            within=10,
        )
        rig.world.edge.is_away = False
        await rig.answer(run, RoutePublished)

    assert len(rig.world.edge.listed) == 2


async def test_an_application_that_left_loses_route_and_record(rig: Rig) -> None:
    async with rig.working():
        await published(rig, "hello", "pages")
        await published(rig, "hello", revision=2)

    hosts = [it.host for it in rig.world.edge.listed]
    assert len(hosts) == 2
    assert not [it for it in (*hosts, *rig.world.zone.records) if it.startswith("pages")]


async def test_an_application_that_returns_is_routed_again(rig: Rig) -> None:
    async with rig.working():
        _, before = await published(rig, "hello", "pages")
        await published(rig, "hello", revision=2)
        third, routes = await published(rig, "hello", "pages", revision=3)

    assert routes.routes == before.routes
    upstreams = {it.host: it.upstream for it in rig.world.edge.listed}
    assert [upstreams[it.host] for it in routes.routes] == [it.http for it in third.machines]


async def test_an_application_that_moves_together_with_others_leaves_no_machine(rig: Rig) -> None:
    rig.world.placement = "machine-per-deployment"

    async with rig.working():
        await published(rig, "hello")
        rig.world.backend.is_full = True
        await rig.answer(await rig.request("pages", revision=2), ProvisioningFailed)
        rig.world.backend.is_full = False
        ready, routes = await published(rig, "hello", "pages", revision=3)
        await eventually(lambda: _only(rig, "machines"), within=10)

    upstreams = {it.host: it.upstream for it in rig.world.edge.listed}
    assert {upstreams[it.host] for it in routes.routes} == {*ready.machines[0].endpoints.values()}


async def _only(rig: Rig, table: str) -> bool:
    return await rig.rows(table) == 1


async def test_a_prepared_revision_has_machines_and_no_route(rig: Rig) -> None:
    async with rig.working():
        run = await rig.request("hello", mode=Mode.PREPARED)
        await rig.answer(run, VMReady)
        routes = await rig.answer(await rig.deployed(), RoutePublished)

    assert routes.routes == ()
    assert len(rig.world.backend.machines) == 1
    assert await rig.rows("records") == 0


async def test_a_host_of_another_deployment_is_not_taken_over(rig: Rig) -> None:
    other = rig.beside()

    async with rig.working():
        for it in (rig, other):
            await it.answer(await it.request("hello", domain="same.localhost"), VMReady)
        await rig.answer(await rig.deployed(), RoutePublished)
        before = list(rig.world.edge.listed)
        failed = await other.answer(await other.deployed(), ProvisioningFailed)

    assert (failed.failure.code, failed.stage) == ("route.host_taken", "record")
    assert failed.outcome is Outcome.PARTIAL
    assert rig.world.edge.listed == before


async def test_a_removed_deployment_leaves_nothing(rig: Rig) -> None:
    other = rig.beside()

    async with rig.working():
        ready, _ = await published(rig, "hello", "pages")
        await published(other, "hello")
        removed = await rig.answer(await rig.remove(), VMRemoved)

    assert removed.machines == tuple(it.machine for it in ready.machines)
    assert len(rig.world.backend.machines) == 1
    assert len(rig.world.edge.listed) == 2
    assert set(rig.world.zone.records) == {it.host for it in rig.world.edge.listed}
    for table, count in {
        "machines": 1,
        "addresses": 2,
        "records": 1,
        "routes": 1,
        "hosts": 1,
    }.items():
        assert await rig.rows(table) == count, table
    assert await rig.rows("watches") == 1


async def test_the_route_is_withdrawn_before_the_machine(rig: Rig) -> None:
    async with rig.working():
        await published(rig, "hello")
        rig.world.edge.is_away = True
        run = await rig.remove()
        await eventually(
            lambda: any(it.step == "route" and it.state == "retrying" for it in rig.reports),
            within=10,
        )
        assert len(rig.world.backend.machines) == 1
        rig.world.edge.is_away = False
        await rig.answer(run, VMRemoved)

    assert rig.world.backend.machines == {}


async def test_removing_what_was_never_made_is_done_at_once(rig: Rig) -> None:
    async with rig.working():
        removed = await rig.answer(await rig.remove(), VMRemoved)

    assert removed.machines == ()


async def test_a_machine_that_is_to_be_gone_is_not_started_again(rig: Rig) -> None:
    async with rig.working():
        ready, _ = await published(rig, "hello")
    await rig.remove()
    rig.world.backend.kill(ready.machines[0].machine)

    await rig.service.machines.look(rig.deployment)

    assert len(rig.world.backend.starts) == 1
    # Its route is still there: the job withdraws that first.
    assert len(rig.world.backend.machines) == 1
