"""An import that was begun and never settled: nothing starts on half of it or is stuck for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest
import structlog

from services.deployer.domain import Folder, FolderVerb, Import, System, UnitVerb
from shared import errors, ids, jobs
from shared.contracts.deployer import DeploymentFailed
from shared.contracts.failures import Outcome
from shared.jobs.holding import failure_of
from tests.support.deployments import DEPLOYMENT, HOST_KEY
from tests.support.fakes.host import EMPTY, FakeHost

from .errands import BLOG, ENGINE, NAMES, a_blog, as_before, finished, values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.messages import Event
    from shared.database import Transaction

    from .conftest import Rig
    from .errands import Errands

NOWHERE = cast("Transaction", None)
OTHER_KEY = HOST_KEY[:-4] + "AAAA"


async def half_restored(errands: Errands) -> dict[str, str]:
    """Leave half of an import behind; return the secrets that belong to what was there before."""
    rig, host = errands.rig, errands.rig.host
    before = await values(rig)
    begun = Import(export=ids.new_id(), run=ids.new_id(), applications=NAMES)
    await rig.transfers.begin(DEPLOYMENT, begun)
    kept = await rig.kept.of(DEPLOYMENT)
    await rig.kept.exchange(
        DEPLOYMENT, [replace(it, sealed=rig.sealed("another"), fingerprint="0") for it in kept]
    )
    host.aside["microblog"] = (begun.export, "posts of now", False)
    host.state["microblog"] = "half of something"
    host.masked = {BLOG, "hello"}
    host.running = {ENGINE}
    host.asked.clear()
    return before


async def done(rig: Rig, name: str) -> Sequence[Event]:
    """Do every step of a job that pauses, resumes or restarts."""
    kind = {it.name: it for it in rig.deployer.kinds()}[name]
    rig.results.clear()
    for step in kind.steps:
        result = await step.do(rig.job())
        rig.results[step.name] = result.model_dump(mode="json") if result else {}
    return await kind.finish(rig.job(), NOWHERE)


async def made_anew(rig: Rig, key: str = OTHER_KEY) -> FakeHost:
    """Lose the machine with its disk, and let another one take its name."""
    machine = rig.revision.machines[0]
    fresh = FakeHost(store={*rig.builder.kept.values()}, host_key=key)
    rig.hosts.known[machine.machine] = fresh
    ssh = machine.ssh.model_copy(update={"host_public_key": key})
    granted = machine.model_copy(update={"ssh": ssh})
    wish = rig.revision.wanted.model_copy(update={"revision": 2, "run": ids.new_id()})
    rig.wish_for(replace(rig.revision, wanted=wish, machines=(granted,)))
    return fresh


@pytest.mark.parametrize("name", ["restart", "resume"])
async def test_what_is_started_is_the_state_of_before(errands: Errands, name: str) -> None:
    before = await half_restored(errands)

    await done(errands.rig, name)

    await as_before(errands, before)


async def test_a_pause_begins_with_the_state_of_before(errands: Errands) -> None:
    before = await half_restored(errands)

    await done(errands.rig, "quiesce")

    assert errands.rig.host.state == {"microblog": "posts of now"}
    assert await values(errands.rig) == before
    assert errands.transfers.imports == {}
    assert errands.rig.host.masked == {BLOG, "hello"}


async def test_nothing_is_started_before_the_folder_is_back(errands: Errands) -> None:
    await half_restored(errands)
    host = errands.rig.host
    folder = host.folder

    async def checked(boot: str, verb: FolderVerb, application: str, export: str) -> Folder:
        started = [names for it, names in host.asked if it is UnitVerb.START]
        assert verb is not FolderVerb.PUT_BACK or started == []
        return await folder(boot, verb, application, export)

    host.folder = checked  # type: ignore[method-assign,assignment]
    await done(errands.rig, "restart")

    assert host.state == {"microblog": "posts of now"}


@pytest.mark.parametrize("name", ["restart", "quiesce", "resume"])
async def test_what_cannot_be_put_back_yet_is_not_started_and_that_is_said(
    errands: Errands, name: str
) -> None:
    await half_restored(errands)
    rig, host = errands.rig, errands.rig.host
    folder = host.folder

    async def away(boot: str, verb: FolderVerb, application: str, export: str) -> Folder:
        if verb is FolderVerb.PUT_BACK:
            raise errors.UnavailableError("machine.unreachable", "no answer")
        return await folder(boot, verb, application, export)

    host.folder = away  # type: ignore[method-assign,assignment]
    kind = {it.name: it for it in rig.deployer.kinds()}[name]
    with pytest.raises(errors.UnavailableError) as found:
        await kind.steps[0].do(rig.job())
    fall = jobs.Fall(failure=failure_of(found.value), stage=kind.steps[0].name)
    [event] = await kind.failed(rig.job(), fall, NOWHERE)

    assert host.masked == {BLOG, "hello"}
    assert isinstance(event, DeploymentFailed)
    assert event.outcome is Outcome.PARTIAL
    assert event.failure.message.startswith("no answer. A restore was not taken back yet")


async def test_what_does_not_run_on_the_state_of_before_is_left_to_a_deploy(
    errands: Errands,
) -> None:
    await half_restored(errands)
    rig = errands.rig
    rig.host.stubborn.add("hello")
    rig.results.clear()

    await finished(rig)

    assert rig.host.state == {"microblog": "posts of now"}
    assert errands.transfers.imports == {}


@pytest.mark.parametrize("key", [OTHER_KEY, HOST_KEY])
async def test_a_machine_that_was_made_anew_is_deployed_to(errands: Errands, key: str) -> None:
    before = await half_restored(errands)
    rig = errands.rig
    fresh = await made_anew(rig, key)

    with structlog.testing.capture_logs() as logged:
        await finished(rig)

    assert fresh.system != EMPTY
    assert await values(rig) == before
    assert errands.transfers.imports == {}
    assert rig.kept.earlier == {}
    lost = [it for it in logged if it["event"] == "import_lost_with_its_machine"]
    assert [it["application"] for it in lost] == ["microblog"]


async def test_an_accepted_import_of_a_machine_that_was_made_anew_needs_no_tidying(
    errands: Errands,
) -> None:
    await half_restored(errands)
    await errands.transfers.accept(DEPLOYMENT)
    rig = errands.rig
    await made_anew(rig)

    await finished(rig)

    assert errands.transfers.imports == {}
    assert set((await values(rig)).values()) == {"another"}


async def test_what_a_machine_has_with_another_system_is_put_back_and_not_lost(
    errands: Errands,
) -> None:
    before = await half_restored(errands)
    rig, host = errands.rig, errands.rig.host
    host.boot_again()
    host.system = System("/nix/store/earlier")
    host.masked = {BLOG, "hello"}
    rig.results.clear()

    await finished(rig)

    assert host.state == {"microblog": "posts of now"}
    assert await values(rig) == before
    assert errands.transfers.imports == {}


async def test_another_machine_is_not_believed_without_a_deploy(errands: Errands) -> None:
    await half_restored(errands)
    rig = errands.rig
    name = rig.revision.machines[0].machine
    rig.hosts.known[name] = FakeHost(host_key=OTHER_KEY)

    with pytest.raises(errors.FaultError, match=r"machine\.host_key_changed"):
        await done(rig, "restart")

    assert DEPLOYMENT in errands.transfers.imports


async def test_while_a_machine_is_away_a_deploy_waits_and_forgets_nothing(
    errands: Errands,
) -> None:
    await half_restored(errands)
    rig = errands.rig
    rig.host.is_away = True
    rig.wish_for(a_blog(rig))

    with pytest.raises(errors.UnavailableError):
        await finished(rig)

    assert DEPLOYMENT in errands.transfers.imports
    assert rig.host.aside
