"""The job `import` on machines in memory, and the way back from each of its steps."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from services.deployer.domain import StateVerb
from shared import errors
from shared.contracts.deployer import ConfigDeployed, DeploymentFailed, StateImported
from shared.contracts.deployments import Mode
from shared.contracts.failures import Outcome
from tests.support.deployments import DEPLOYMENT

from .errands import (
    BLOG,
    ENGINE,
    EXPORT,
    HOST,
    NAMES,
    PROBE,
    STEPS,
    Errands,
    a_blog,
    as_before,
    deployed,
    finished,
    placed,
    values,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.state import SavedApplication

    from .conftest import Rig


async def test_what_was_saved_counts_instead_of_what_there_was(
    errands: Errands, saved: tuple[SavedApplication, ...]
) -> None:
    before = await values(errands.rig)

    event = await errands.restore(*saved)

    assert isinstance(event, StateImported)
    assert (event.export, event.applications, event.revision) == (EXPORT, NAMES, 1)
    assert errands.steps == STEPS
    host = errands.rig.host
    assert host.state == {"microblog": "posts of then"}
    assert host.running == {BLOG, ENGINE, "hello"}
    assert (host.aside, host.masked) == ({}, set())
    now = await values(errands.rig)
    assert now.keys() == before.keys()
    assert now != before
    assert placed(errands.rig).items() >= now.items()
    assert errands.transfers.imports == {}
    assert errands.rig.kept.earlier == {}


async def test_everything_is_verified_before_anything_is_touched(
    errands: Errands, saved: tuple[SavedApplication, ...]
) -> None:
    before = await values(errands.rig)
    errands.refuse(StateVerb.VERIFY, errors.FaultError("chunk.damaged", "a chunk is damaged"))

    event = await errands.restore(*saved)

    assert isinstance(event, DeploymentFailed)
    assert (event.failure.code, event.stage) == ("chunk.damaged", "verify")
    assert event.outcome is Outcome.UNCHANGED
    assert errands.steps == ["verify"]
    await as_before(errands, before)


async def test_the_machine_is_told_which_manifest_it_has_to_find(
    errands: Errands, saved: tuple[SavedApplication, ...]
) -> None:
    await errands.restore(*saved)

    verbs = [verb for verb, _, _ in errands.rig.host.carried]
    assert verbs == [StateVerb.VERIFY, StateVerb.IMPORT]
    asked = [json.loads(it) for _, _, it in errands.rig.host.carried]
    password = errands.rig.unsealer.unseal(saved[0].sealed_password)
    for it in asked:
        assert it["manifest_sha256"] == saved[0].sha256
        assert it["files_password"] == password
        assert it["export"] == EXPORT


def another(saved: SavedApplication, what: str, rig: Rig) -> SavedApplication:
    """Return something that cannot be imported."""
    secret = saved.secrets[0]
    changes: dict[str, dict[str, object]] = {
        "version": {"version": "0.9.0"},
        "manifest": {"manifest": ""},
        "name": {"application": "diary"},
        "value": {"secrets": (secret.model_copy(update={"sealed": rig.sealed("another")}),)},
        "reader": {
            "secrets": (secret.model_copy(update={"sealed": rig.sealer.seal("panel", "x")}),)
        },
        "kind": {"secrets": (secret.model_copy(update={"kind": "unheard-of"}),)},
    }
    return saved.model_copy(update=changes[what])


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("version", "version.differs"),
        ("manifest", "export.incomplete"),
        ("name", "application.not_deployed"),
        ("value", "secret.differs"),
        ("reader", "sealing.unreadable"),
        ("kind", "secret.differs"),
    ],
)
async def test_what_does_not_fit_is_refused_before_anything_is_touched(
    errands: Errands, saved: tuple[SavedApplication, ...], what: str, code: str
) -> None:
    before = await values(errands.rig)

    event = await errands.restore(another(saved[0], what, errands.rig))

    assert isinstance(event, DeploymentFailed)
    assert (event.failure.code, event.outcome) == (code, Outcome.UNCHANGED)
    await as_before(errands, before)


async def test_data_is_brought_in_while_nothing_but_its_engine_runs(
    errands: Errands, saved: tuple[SavedApplication, ...]
) -> None:
    rig = errands.rig
    errands.refuse(StateVerb.IMPORT, errors.UnavailableError("store.away", "no answer"))
    errands.is_lost = True
    seen: list[tuple[set[str], set[str], dict[str, str]]] = []
    carry = rig.host.carry

    async def watched(boot_id: str, verb: StateVerb, *rest: object) -> object:
        seen.append((set(rig.host.running), set(rig.host.masked), placed(rig)))
        return await carry(boot_id, verb, *rest)  # type: ignore[arg-type]

    rig.host.carry = watched  # type: ignore[method-assign,assignment]
    await errands.restore(*saved)

    (before, _, old), (running, masked, new) = seen
    assert before == {BLOG, ENGINE, "hello"}
    assert running == {ENGINE}
    assert masked == {BLOG, "hello"}
    assert old != new


@pytest.mark.parametrize("step", STEPS)
async def test_a_crash_after_any_step_is_got_over(
    errands: Errands, saved: tuple[SavedApplication, ...], step: str
) -> None:
    errands.crash_in = step

    event = await errands.restore(*saved)

    assert isinstance(event, StateImported), event
    assert errands.steps == sorted([*STEPS, step], key=STEPS.index)
    assert errands.rig.host.state == {"microblog": "posts of then"}
    assert errands.rig.host.running == {BLOG, ENGINE, "hello"}


async def test_what_the_application_has_done_since_is_not_imported_over(
    errands: Errands, saved: tuple[SavedApplication, ...]
) -> None:
    host = errands.rig.host
    perform = host.perform

    async def changing(boot_id: str, application: str, command: Sequence[str]) -> str:
        host.state["microblog"] += " and sessions"
        return await perform(boot_id, application, command)

    host.perform = changing  # type: ignore[method-assign]
    errands.crash_in = "import"

    assert isinstance(await errands.restore(*saved), StateImported)


@pytest.mark.parametrize("step", STEPS)
async def test_a_boot_before_any_step_is_got_over(
    errands: Errands, saved: tuple[SavedApplication, ...], step: str
) -> None:
    rig = errands.rig
    kind = errands.carrying.importing.kind()
    [wanted] = [it for it in kind.steps if it.name == step]
    begun: list[str] = []
    look = rig.host.look

    async def rebooting() -> object:
        if errands.steps and errands.steps[-1] == wanted.name and not begun:
            begun.append(step)
            rig.host.boot_again()
        return await look()

    rig.host.look = rebooting  # type: ignore[method-assign,assignment]
    event = await errands.restore(*saved)

    assert begun == [step]
    assert isinstance(event, StateImported), event
    assert rig.host.permit is not None
    assert rig.host.permit.boot_id == rig.host.boot_id
    now = await values(rig)
    assert placed(rig).items() >= now.items()
    assert rig.host.state == {"microblog": "posts of then"}


async def test_what_stood_still_stands_still_on_what_was_imported(
    errands: Errands, saved: tuple[SavedApplication, ...]
) -> None:
    rig = errands.rig
    rig.conditions.paused.add(DEPLOYMENT)
    rig.host.masked, rig.host.running = {BLOG, "hello"}, {ENGINE}
    rig.probe.ailments[HOST] = "no answer"

    assert isinstance(await errands.restore(*saved), StateImported)

    assert rig.host.state == {"microblog": "posts of then"}
    assert (rig.host.masked, rig.host.running) == ({BLOG, "hello"}, {ENGINE})


async def test_a_prepared_deployment_takes_state_and_secrets_and_its_application_waits(
    rig: Rig, errands: Errands
) -> None:
    saved = await errands.saved(*NAMES)
    then = await values(rig)
    rig.kept.kept.clear()
    rig.hosts.known.clear()
    staging = {"state/microblog": "posts of then"}
    await deployed(rig, Mode.PREPARED)
    assert await values(rig) == {}
    rig.host.staging = staging
    rig.probe.asked.clear()

    event = await errands.restore(*saved)

    assert isinstance(event, StateImported), event
    assert rig.host.state == {"microblog": "posts of then"}
    assert rig.host.running == {ENGINE}
    assert await values(rig) == then
    assert rig.probe.asked == []
    assert PROBE in [" ".join(command) for _, command in rig.host.performed]
    assert rig.host.permit is not None
    assert rig.host.permit.epoch == 0

    rig.wish_for(a_blog(rig))
    [event] = await finished(rig)
    assert isinstance(event, ConfigDeployed)
    [credential] = event.credentials
    assert rig.panel.unseal(credential.sealed_password) == then["administrator"]
    assert await values(rig) == then


async def test_an_import_into_a_prepared_deployment_that_fails_leaves_it_prepared(
    rig: Rig, errands: Errands
) -> None:
    saved = await errands.saved(*NAMES)
    rig.kept.kept.clear()
    rig.hosts.known.clear()
    await deployed(rig, Mode.PREPARED)
    rig.host.staging = {"state/microblog": "posts of then"}
    rig.host.complaints[PROBE] = "does not belong to this data"

    event = await errands.restore(*saved)

    assert isinstance(event, DeploymentFailed)
    assert event.outcome is Outcome.ROLLED_BACK
    assert await values(rig) == {}
    assert rig.host.running == {ENGINE}
    assert rig.host.state == {"microblog": ""}


async def test_nothing_secret_is_among_what_is_recorded(
    errands: Errands, saved: tuple[SavedApplication, ...]
) -> None:
    event = await errands.restore(*saved)

    text = event.model_dump_json() + repr(errands.transfers.imports) + repr(errands.reports)
    for value in (await values(errands.rig)).values():
        assert value not in text
    assert replace(errands).steps == STEPS
