"""Media are published under hosts of their own, along with the revision that asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from services.provisioner.domain import Media
from shared.contracts.deployments import Mode, PublicBucket
from shared.contracts.provisioner import ProvisioningFailed, RoutePublished, VMReady, VMRemoved
from tests.integration.provisioner.conftest import EDGE, PANEL
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from services.provisioner.domain import Upstream
    from tests.integration.provisioner.conftest import Rig

URL: Final = "http://127.0.0.1:8333/fdv-x-blog-media"


def of(rig: Rig, application: str = "blog", url: str = URL) -> PublicBucket:
    return PublicBucket(host=f"media-{application}.{rig.zone}", url=url)


async def published(rig: Rig, revision: int = 1, url: str = URL) -> RoutePublished:
    run = await rig.request("blog", revision=revision, media=["blog"])
    await rig.answer(run, VMReady)
    run = await rig.deployed(revision, media=[of(rig, url=url)])
    return await rig.answer(run, RoutePublished)


def routed(rig: Rig) -> dict[str, Upstream]:
    return {it.host: it.upstream for it in rig.world.edge.listed if it != PANEL}


async def test_media_have_record_and_route_when_the_applications_are_announced(rig: Rig) -> None:
    async with rig.working():
        announced = await published(rig)

    host = of(rig).host
    assert rig.world.zone.records[host] == EDGE
    assert routed(rig)[host] == Media(url=URL)
    assert [it.host for it in announced.routes] == [f"blog.{rig.zone}"]


async def test_a_later_revision_without_media_withdraws_them(rig: Rig) -> None:
    async with rig.working():
        await published(rig)
        await rig.answer(await rig.request("blog", revision=2), VMReady)
        await rig.answer(await rig.deployed(2), RoutePublished)

    assert list(routed(rig)) == [f"blog.{rig.zone}"]
    assert of(rig).host not in rig.world.zone.records
    assert await rig.rows("records") == 1


async def test_media_that_nobody_announced_are_not_routed(rig: Rig) -> None:
    async with rig.working():
        await rig.answer(await rig.request("blog", media=["blog"]), VMReady)
        await rig.answer(await rig.deployed(), RoutePublished)

    assert list(routed(rig)) == [f"blog.{rig.zone}"]


async def test_media_that_moved_are_read_from_where_they_are_now(rig: Rig) -> None:
    moved = "https://store.example/fdv-x-blog-media"

    async with rig.working():
        await published(rig)
        await published(rig, revision=2, url=moved)

    assert routed(rig)[of(rig).host] == Media(url=moved)


async def test_a_prepared_revision_publishes_no_media(rig: Rig) -> None:
    async with rig.working():
        run = await rig.request("blog", mode=Mode.PREPARED, media=["blog"])
        await rig.answer(run, VMReady)
        await rig.answer(await rig.deployed(media=[of(rig)]), RoutePublished)

    assert routed(rig) == {}
    assert await rig.rows("records") == 0


async def test_media_outlive_an_edge_that_lost_its_routes(rig: Rig) -> None:
    async with rig.working():
        await published(rig)
        before = list(rig.world.edge.listed)
        rig.world.edge.listed.clear()
        rig.world.zone.records.clear()

        await eventually(lambda: rig.world.edge.listed == before, within=10)
        await eventually(lambda: of(rig).host in rig.world.zone.records, within=10)


async def test_a_removal_leaves_no_media(rig: Rig) -> None:
    async with rig.working():
        await published(rig)
        await rig.answer(await rig.remove(), VMRemoved)

    assert routed(rig) == {}
    for table in ("records", "routes", "hosts"):
        assert await rig.rows(table) == 0, table


async def test_media_of_another_deployment_are_not_taken_over(rig: Rig) -> None:
    other, domain = rig.beside(), "same.localhost"
    media = PublicBucket(host=f"media-blog.{domain}", url=URL)

    async with rig.working():
        for it, name in ((rig, "blog"), (other, "shop")):
            run = await it.request(name, domain=domain, media=["blog"])
            await it.answer(run, VMReady)
        await rig.answer(await rig.deployed(media=[media]), RoutePublished)
        before = list(rig.world.edge.listed)
        elsewhere = media.model_copy(update={"url": f"{URL}2"})
        failed = await other.answer(await other.deployed(media=[elsewhere]), ProvisioningFailed)

    assert (failed.failure.code, failed.stage) == ("route.host_taken", "record")
    assert rig.world.edge.listed == before


async def test_an_application_cannot_take_the_host_of_media(rig: Rig) -> None:
    other, domain = rig.beside(), "same.localhost"

    async with rig.working():
        run = await rig.request("blog", domain=domain, media=["blog"])
        await rig.answer(run, VMReady)
        media = PublicBucket(host=f"media-blog.{domain}", url=URL)
        await rig.answer(await rig.deployed(media=[media]), RoutePublished)
        await other.answer(await other.request("media-blog", domain=domain), VMReady)
        failed = await other.answer(await other.deployed(), ProvisioningFailed)

    assert failed.failure.code == "route.host_taken"
    assert routed(rig)[media.host] == Media(url=URL)


async def test_media_that_the_revision_did_not_ask_for_are_refused(rig: Rig) -> None:
    async with rig.working():
        await rig.answer(await rig.request("blog", media=["blog"]), VMReady)
        run = await rig.deployed(media=[of(rig), of(rig, "shop")])
        failed = await rig.answer(run, ProvisioningFailed)

    assert failed.failure.code == "route.media_unknown"
    assert of(rig, "shop").host in failed.failure.message
    assert routed(rig) == {}
    assert await rig.rows("records") == 0


async def test_an_application_does_not_become_media_by_an_announcement(rig: Rig) -> None:
    async with rig.working():
        await rig.answer(await rig.request("blog"), VMReady)
        media = PublicBucket(host=f"blog.{rig.zone}", url=URL)
        failed = await rig.answer(await rig.deployed(media=[media]), ProvisioningFailed)

    assert failed.failure.code == "route.media_unknown"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8333", "http://127.0.0.1:8333/{env.HOME}"])
async def test_what_is_no_bucket_is_never_routed(rig: Rig, url: str) -> None:
    async with rig.working():
        await rig.answer(await rig.request("blog", media=["blog"]), VMReady)
        failed = await rig.answer(await rig.deployed(media=[of(rig, url=url)]), ProvisioningFailed)

    assert (failed.failure.code, failed.stage) == ("route.media_url", "record")
    assert await rig.rows("records") == 0
