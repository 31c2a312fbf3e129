"""Secrets of applications: made once, placed at every boot, and told to one person, once."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from shared import errors, ids
from shared.catalogue import SecretKind
from shared.contracts.deployer import ConfigDeployed
from shared.contracts.deployments import PublicBucket
from tests.support.deployments import (
    DEPLOYMENT,
    a_bucket,
    a_machine,
    a_renderer,
    a_revision,
    a_secret,
    a_wish,
)
from tests.support.fakes.application_secrets import FakeApplicationSecrets
from tests.support.fakes.secret_maker import FakeSecretMaker

from .errands import Desk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.deployer.domain import Revision
    from shared.contracts.deployments import GrantedBucket
    from shared.database import Transaction

    from .conftest import Rig

NAMES = ["page-key", "signing-key", "writer"]
OTHER = ids.new_id()
NOTHING = cast("Transaction", None)


@pytest.fixture
def maker() -> FakeSecretMaker:
    return FakeSecretMaker()


@pytest.fixture
def diary(rig: Rig, maker: FakeSecretMaker) -> Rig:
    """A deployment of an application with a secret of every kind."""
    rig.maker = maker
    rig.wish_for(a_diary())
    return rig


def a_diary(*, note: str = "", buckets: Sequence[GrantedBucket] = ()) -> Revision:
    return a_revision(
        wish=a_wish("diary", options={"note": note}),
        machines=(a_machine(applications=("diary",)),),
        buckets=buckets,
    )


def placed(rig: Rig) -> dict[str, str]:
    files = rig.host.secrets[rig.host.system]["diary"]
    return {name: value.decode() for name, value in files.items()}


async def announced(rig: Rig) -> ConfigDeployed:
    [event] = await rig.deployer.deploying.announce_deployed(
        rig.job(), cast("Transaction", Statements())
    )
    assert isinstance(event, ConfigDeployed)
    return event


class Statements:
    """Stands where nothing is written."""

    async def execute(self, _: str, *__: object) -> str:
        return ""


async def test_every_secret_is_made_by_its_kind_and_placed(
    diary: Rig, maker: FakeSecretMaker
) -> None:
    await diary.run()

    assert sorted(maker.made) == sorted(SecretKind)
    found = placed(diary)
    assert sorted(found) == NAMES
    assert found["writer"].startswith("password-")
    kept = {it.name: it for it in await diary.kept.of(DEPLOYMENT)}
    for name, value in found.items():
        assert diary.unsealer.unseal(kept[name].sealed) == value
        assert kept[name].fingerprint == hashlib.sha256(value.encode()).hexdigest()
        assert kept[name].kind in value
        assert value not in str(diary.results)
        assert value not in str(kept[name])


async def test_another_deploy_finds_the_same_values_and_changes_nothing(
    diary: Rig, maker: FakeSecretMaker
) -> None:
    await diary.run()
    before, system = placed(diary), diary.host.system
    await announced(diary)
    diary.results.clear()

    await diary.run()

    assert placed(diary) == before
    assert diary.host.system == system
    assert not (await announced(diary)).changed
    assert len(maker.made) == len(NAMES)


async def test_only_what_is_missing_is_made(diary: Rig, maker: FakeSecretMaker) -> None:
    sealed = diary.sealed("carried from elsewhere")
    await diary.kept.keep(DEPLOYMENT, [a_secret("signing-key", sealed=sealed)])

    await diary.run()

    assert placed(diary)["signing-key"] == "carried from elsewhere"
    assert sorted(maker.made) == [SecretKind.PASSWORD, SecretKind.RANDOM_32]


async def test_whoever_makes_them_at_the_same_time_gets_the_same_values(diary: Rig) -> None:
    found = await asyncio.gather(*(diary.deployer.keeping.ensure(a_diary()) for _ in range(5)))

    assert len(found[0]) == len(NAMES)
    assert all(it == found[0] for it in found)


async def test_another_deployment_has_other_values(diary: Rig) -> None:
    await diary.kept.keep(OTHER, [a_secret(it, sealed=diary.sealed("theirs")) for it in NAMES])

    await diary.run()

    assert "theirs" not in placed(diary).values()
    assert len(set(placed(diary).values())) == len(NAMES)


async def test_a_boot_brings_the_same_values_back(diary: Rig, maker: FakeSecretMaker) -> None:
    await diary.run()
    before = placed(diary)
    diary.leave_running()
    diary.host.boot_again()

    await diary.deployer.contents.look(DEPLOYMENT)

    assert placed(diary) == before
    assert len(maker.made) == len(NAMES)


async def test_a_lost_secret_is_another_system(diary: Rig) -> None:
    await diary.run()
    before = diary.host.system
    diary.kept = FakeApplicationSecrets()
    diary.results.clear()

    await diary.run()

    assert diary.host.system != before


async def test_the_first_password_is_announced_once_to_panel(diary: Rig) -> None:
    await diary.run()
    [credential] = (await announced(diary)).credentials

    assert (credential.application, credential.user) == ("diary", "writer")
    assert diary.panel.unseal(credential.sealed_password) == placed(diary)["writer"]
    with pytest.raises(errors.InvalidError):
        diary.unsealer.unseal(credential.sealed_password)

    diary.wish_for(a_diary(note="again"))
    await diary.run()
    assert (await announced(diary)).credentials == ()


async def test_a_password_that_never_came_to_be_used_is_announced_later(diary: Rig) -> None:
    diary.probe.ailments["diary.garden.example"] = "status 503"
    with pytest.raises(errors.FaultError):
        await diary.run()

    diary.probe.ailments.clear()
    diary.results.clear()
    await diary.run()

    [credential] = (await announced(diary)).credentials
    assert diary.panel.unseal(credential.sealed_password) == placed(diary)["writer"]


async def test_an_application_without_an_account_announces_nothing(rig: Rig) -> None:
    await rig.run()

    assert (await announced(rig)).credentials == ()
    assert await rig.kept.of(DEPLOYMENT) == []


async def test_public_buckets_are_passed_on(diary: Rig) -> None:
    public = PublicBucket(host="media-diary.garden.example", url="http://127.0.0.1:8333/media")
    bucket = a_bucket(application="diary", sealed=diary.sealed("the key"))
    buckets = (bucket.model_copy(update={"public": public}), bucket)
    diary.wish_for(a_diary(buckets=buckets))

    await diary.run()

    assert (await announced(diary)).media == (public,)


async def test_a_removed_deployment_leaves_no_secret(diary: Rig) -> None:
    await diary.run()
    await diary.kept.keep(OTHER, [a_secret("writer")])

    await diary.deployer.forgetting.secrets(diary.job())
    assert await diary.kept.of(DEPLOYMENT)
    desk = cast("Transaction", Desk())
    await diary.deployer.forgetting.announce_removed(diary.job(), desk)

    assert await diary.kept.of(DEPLOYMENT) == []
    assert await diary.kept.of(OTHER) == [a_secret("writer")]


async def test_what_a_package_does_not_list_any_more_is_still_placed(diary: Rig) -> None:
    # A machine that boots runs the system of then, whatever the catalogue says now.
    kept = await diary.deployer.keeping.ensure(a_diary())
    old = replace(kept[0], name="old-key")
    await diary.kept.keep(DEPLOYMENT, [old])

    await diary.run()

    assert "old-key" in placed(diary)
    machine = diary.revision.machines[0]
    assert '"old-key"' in a_renderer().arguments(diary.revision, machine, [*kept, old])
