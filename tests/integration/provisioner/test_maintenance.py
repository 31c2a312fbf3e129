"""Applications that stand still: the edge speaks for them until they go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.provisioner.domain import Maintenance, Media
from shared import ids
from shared.contracts.deployer import ApplicationQuiesced, ApplicationResumed
from shared.contracts.deployments import PublicBucket
from shared.contracts.failures import Outcome
from shared.contracts.provisioner import (
    MaintenanceChanged,
    ProvisioningFailed,
    RoutePublished,
    VMReady,
)
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from tests.integration.provisioner.conftest import Rig


def host(rig: Rig) -> str:
    return f"hello.{rig.zone}"


async def published(rig: Rig, *, revision: int = 1) -> RoutePublished:
    await rig.answer(await rig.request("hello", media=["hello"], revision=revision), VMReady)
    media = PublicBucket(host=f"media-hello.{rig.zone}", url="http://127.0.0.1:8333/bucket")
    return await rig.answer(await rig.deployed(revision, media=[media]), RoutePublished)


async def told(
    rig: Rig, kind: type[ApplicationQuiesced | ApplicationResumed], *, run: str = ""
) -> str:
    """Let provisioner hear what became of the applications; return the run."""
    event = kind(deployment=rig.deployment, run=run or ids.new_id(), hosts=(host(rig),))
    async with rig.database.transaction() as tx:
        await rig.service.routes()[kind](event, tx)
    return event.run


def at_the_edge(rig: Rig) -> dict[str, object]:
    return {it.host: it.upstream for it in rig.world.edge.listed}


async def test_the_edge_speaks_for_what_stands_still_until_it_goes_on(rig: Rig) -> None:
    async with rig.working():
        await published(rig)
        before = at_the_edge(rig)

        on = await rig.answer(await told(rig, ApplicationQuiesced), MaintenanceChanged)
        assert (on.hosts, on.on) == ((host(rig),), True)
        found = at_the_edge(rig)
        assert found.pop(host(rig)) == Maintenance()
        # The panel, and the media of the application.
        assert sorted(type(it).__name__ for it in found.values()) == ["Endpoint", Media.__name__]

        off = await rig.answer(await told(rig, ApplicationResumed), MaintenanceChanged)
        assert off.on is False
        assert at_the_edge(rig) == before


async def test_what_stands_still_does_so_at_a_new_edge_too(rig: Rig) -> None:
    async with rig.working():
        await published(rig)
        await rig.answer(await told(rig, ApplicationQuiesced), MaintenanceChanged)
        rig.world.edge.listed.clear()

        await eventually(lambda: at_the_edge(rig).get(host(rig)) == Maintenance(), within=10)


async def test_a_deployment_that_is_deployed_again_is_handed_requests(rig: Rig) -> None:
    async with rig.working():
        await published(rig)
        before = at_the_edge(rig)
        await rig.answer(await told(rig, ApplicationQuiesced), MaintenanceChanged)

        await published(rig, revision=2)

        assert at_the_edge(rig) == before


async def test_another_deployment_goes_on(rig: Rig) -> None:
    other = rig.beside()

    async with rig.working():
        await published(rig)
        await published(other)
        event = ApplicationQuiesced(
            deployment=rig.deployment, run=ids.new_id(), hosts=(host(rig), host(other))
        )
        async with rig.database.transaction() as tx:
            await rig.service.on_application_quiesced(event, tx)
        await rig.answer(event.run, MaintenanceChanged)

    assert at_the_edge(rig)[host(other)] != Maintenance()


async def test_what_stands_still_has_a_page_although_its_run_is_cancelled(rig: Rig) -> None:
    async with rig.working():
        await published(rig)
        run = ids.new_id()
        await rig.cancel(run)
        await told(rig, ApplicationQuiesced, run=run)
        changed = await rig.answer(run, MaintenanceChanged)

    assert changed.on
    assert at_the_edge(rig)[host(rig)] == Maintenance()


async def test_a_cancelled_run_stops_before_the_machine_is_made(rig: Rig) -> None:
    run = await rig.request("hello")
    await rig.cancel(run)

    async with rig.working():
        failed = await rig.answer(run, ProvisioningFailed)

    assert (failed.failure.code, failed.outcome) == ("cancelled", Outcome.UNCHANGED)
    assert rig.world.backend.machines == {}
