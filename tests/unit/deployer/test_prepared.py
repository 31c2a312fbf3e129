"""A prepared revision: in place, and nothing of it runs but what holds its data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from services.deployer.domain import Permit
from shared.contracts.deployments import Mode, PublicBucket
from tests.support.deployments import DEPLOYMENT, a_bucket, a_machine, a_revision, a_wish
from tests.support.fakes.host import EMPTY

from .test_deploying import announced

if TYPE_CHECKING:
    from services.deployer.domain import Revision

    from .conftest import Rig

PUBLIC = PublicBucket(host="media-diary.garden.example", url="http://127.0.0.1:8333/media")


def a_diary(rig: Rig, mode: Mode) -> Revision:
    bucket = a_bucket(application="diary", sealed=rig.sealed("the key"))
    return a_revision(
        wish=a_wish("diary").model_copy(update={"mode": mode}),
        machines=(a_machine(applications=("diary",)),),
        buckets=(bucket.model_copy(update={"public": PUBLIC}),),
    )


@pytest.fixture
def prepared(rig: Rig) -> Rig:
    rig.wish_for(a_diary(rig, Mode.PREPARED))
    return rig


async def test_it_is_in_place_without_secrets_routes_or_a_claim_to_its_host(prepared: Rig) -> None:
    await prepared.run()
    event = await announced(prepared)

    assert event.changed
    assert event.media == ()
    assert event.credentials == ()
    assert prepared.host.system == event.systems[0].system
    assert prepared.host.secrets[prepared.host.system] == {"diary": {"bucket-entries": b"the key"}}
    assert prepared.host.permit == Permit(epoch=0, boot_id=prepared.host.boot_id)
    assert await prepared.kept.of(DEPLOYMENT) == []
    assert prepared.revisions.epochs == {}


async def test_nobody_asks_its_applications_how_they_are(prepared: Rig) -> None:
    prepared.probe.ailments["diary.garden.example"] = "no answer"

    await prepared.run()

    assert prepared.probe.asked == []
    assert prepared.host.system != EMPTY


async def test_a_boot_brings_back_what_it_had_and_no_more(prepared: Rig) -> None:
    await prepared.run()
    await announced(prepared)
    prepared.host.boot_again()

    await prepared.deployer.contents.look(DEPLOYMENT)

    assert prepared.host.permit == Permit(epoch=0, boot_id=prepared.host.boot_id)
    assert prepared.host.started == [prepared.host.system]
    assert prepared.revisions.epochs == {}


async def test_it_becomes_active_with_all_that_was_missing(prepared: Rig) -> None:
    await prepared.run()
    before = (await announced(prepared)).systems
    prepared.wish_for(a_diary(prepared, Mode.ACTIVE))

    await prepared.run()
    event = await announced(prepared)

    assert event.changed
    assert event.systems != before
    assert event.media == (PUBLIC,)
    assert [it.user for it in event.credentials] == ["writer"]
    assert len(await prepared.kept.of(DEPLOYMENT)) == 3
    assert prepared.host.permit == Permit(epoch=1, boot_id=prepared.host.boot_id)
    assert [it.epoch for it in await prepared.revisions.generations(DEPLOYMENT)] == [1]


async def test_an_activation_that_fails_leaves_it_prepared(prepared: Rig) -> None:
    await prepared.run()
    system = (await announced(prepared)).systems[0].system
    prepared.wish_for(a_diary(prepared, Mode.ACTIVE))
    prepared.probe.ailments["diary.garden.example"] = "status 503"

    with pytest.raises(Exception, match="did not become healthy"):
        await prepared.run()

    assert prepared.host.system == system


async def test_both_modes_are_two_systems_also_of_what_has_no_secret(rig: Rig) -> None:
    found = []
    for mode in (Mode.PREPARED, Mode.ACTIVE):
        rig.wish_for(a_revision(wish=a_wish("hello").model_copy(update={"mode": mode})))
        await rig.run("build")
        found.append(json.dumps(rig.results["build"]["systems"]))

    assert len(set(found)) == 2
