"""The job `export` on machines in memory."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from services.deployer.domain import StateVerb
from shared import errors
from shared.contracts.deployer import DeploymentFailed, StateExported
from shared.contracts.failures import Outcome
from tests.support.deployments import DEPLOYMENT

from .errands import EXPORT, STAGING_KEY, Errands

if TYPE_CHECKING:
    from .conftest import Rig

CARRIED = ["actor-key", "column-key", "administrator"]


def documents(errands: Errands) -> list[dict[str, Any]]:
    return [json.loads(it) for _, _, it in errands.rig.host.carried]


async def test_every_application_is_said_to_be_saved_also_one_without_state(
    errands: Errands,
) -> None:
    event = await errands.save("microblog", "hello")

    assert isinstance(event, StateExported)
    assert event.export == EXPORT
    blog, hello = event.applications
    assert (blog.application, blog.version) == ("microblog", "1.0.0")
    assert blog.manifest == "state/microblog/manifest.json"
    assert blog.sha256 == hashlib.sha256(b"posts of then").hexdigest()
    assert (blog.rows, blog.files, blog.bytes) == (3, 1, 13)
    assert blog.not_included == ("excluded sessions",)
    assert (hello.manifest, hello.sealed_password, hello.secrets) == ("", "", ())
    assert errands.rig.host.staging == {"state/microblog": "posts of then"}


async def test_secrets_travel_sealed_to_whoever_asked_and_to_nobody_else(errands: Errands) -> None:
    event = await errands.save("microblog", recipient="panel")

    assert isinstance(event, StateExported)
    [blog] = event.applications
    assert [it.name for it in blog.secrets] == CARRIED
    rig = errands.rig
    kept = {it.name: it for it in await rig.kept.of(DEPLOYMENT)}
    for secret in blog.secrets:
        value = rig.panel.unseal(secret.sealed)
        assert value == rig.unsealer.unseal(kept[secret.name].sealed)
        assert secret.fingerprint == kept[secret.name].fingerprint
        assert secret.kind == kept[secret.name].kind
        assert value not in event.model_dump_json()
    with pytest.raises(errors.InvalidError):
        rig.unsealer.unseal(blog.secrets[0].sealed)


async def test_a_recipient_whom_nobody_knows_gets_nothing(errands: Errands) -> None:
    event = await errands.save("microblog", recipient="mallory")

    assert isinstance(event, DeploymentFailed)
    assert event.failure.code == "sealing.unknown_recipient"
    assert event.outcome is Outcome.UNCHANGED
    assert errands.rig.host.carried == []


async def test_the_machine_is_given_its_door_the_key_and_a_password_of_this_export(
    errands: Errands,
) -> None:
    [blog] = await errands.saved("microblog")

    [asked] = documents(errands)
    assert asked["staging"]["endpoint"] == "http://10.0.2.100:3900"
    assert asked["staging"]["secret_key"] == STAGING_KEY
    assert asked["files_password"] == errands.rig.unsealer.unseal(blog.sealed_password)
    assert asked["export"] == EXPORT


async def test_an_export_that_goes_on_has_the_password_that_it_was_begun_with(
    errands: Errands,
) -> None:
    errands.crash_in = "export"

    [blog] = await errands.saved("microblog")

    first, second = documents(errands)
    assert first["files_password"] == second["files_password"]
    assert errands.rig.unsealer.unseal(blog.sealed_password) == first["files_password"]
    assert errands.transfers.passwords == {}


async def test_another_export_has_another_password(errands: Errands) -> None:
    await errands.saved("microblog")
    await errands.saved("microblog")

    first, second = documents(errands)
    assert first["files_password"] != second["files_password"]


async def test_how_far_it_is_can_be_watched(errands: Errands) -> None:
    await errands.saved("microblog")

    [report] = errands.reports
    assert list(report.lines) == ["microblog: rows"]
    assert (report.done, report.total, report.unit) == (1, 2, "rows")


async def test_what_cannot_be_saved_is_named_and_nothing_is_different(errands: Errands) -> None:
    errands.refuse(StateVerb.EXPORT, errors.FaultError("space.missing", "the bucket is full"))

    event = await errands.save("microblog")

    assert isinstance(event, DeploymentFailed)
    assert (event.failure.code, event.failure.message) == ("space.missing", "the bucket is full")
    assert (event.stage, event.outcome, event.revision) == ("export", Outcome.UNCHANGED, 1)
    assert errands.transfers.passwords == {}


async def test_a_secret_that_is_not_kept_is_missed_before_anything_is_saved(
    errands: Errands,
) -> None:
    errands.rig.kept.kept.clear()

    event = await errands.save("microblog")

    assert isinstance(event, DeploymentFailed)
    assert "has no actor-key, column-key, administrator here" in event.failure.message
    assert errands.rig.host.carried == []


async def test_an_application_that_is_not_deployed_cannot_be_saved(errands: Errands) -> None:
    event = await errands.save("diary")

    assert isinstance(event, DeploymentFailed)
    assert event.failure.code == "application.not_deployed"


async def test_where_nothing_is_deployed_nothing_can_be_saved(rig: Rig) -> None:
    event = await Errands(rig=rig).save("hello")

    assert isinstance(event, DeploymentFailed)
    assert event.failure.code == "deployment.nothing_deployed"


async def test_a_machine_that_has_booted_is_given_what_its_engines_need_first(
    errands: Errands,
) -> None:
    errands.rig.host.boot_again()

    await errands.saved("microblog")

    assert errands.rig.host.started == [errands.rig.host.system]
    assert errands.rig.host.permit is not None


async def test_a_machine_that_is_away_is_waited_for(errands: Errands) -> None:
    errands.rig.host.is_away = True

    assert await errands.saved("microblog")
    assert errands.waited == 1


async def test_a_store_that_is_away_is_waited_for(errands: Errands) -> None:
    errands.refuse(StateVerb.EXPORT, errors.UnavailableError("store.away", "no answer"))

    assert await errands.saved("microblog")
    assert errands.waited == 1
