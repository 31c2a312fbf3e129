"""The way back from each step of an import, and what is settled later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.deployer.domain import Import, StateVerb
from shared import errors, ids
from shared.contracts.deployer import DeploymentFailed, StateImported
from shared.contracts.failures import Outcome
from tests.support.deployments import DEPLOYMENT

from .errands import BLOG, HOOK, HOST, NAMES, PROBE, STEPS, as_before, placed, values

if TYPE_CHECKING:
    from shared.contracts.state import SavedApplication

    from .errands import Errands


def break_at(errands: Errands, stage: str) -> None:
    """Let something go wrong after the applications have stopped."""
    match stage:
        case "import":
            errands.refuse(StateVerb.IMPORT, errors.FaultError("space.missing", "no room"))
        case "hook":
            errands.rig.host.complaints[HOOK] = "the avatar was not restored"
        case "probe":
            errands.rig.host.complaints[PROBE] = "does not belong to this data"
        case _:
            errands.rig.probe.ailments[HOST] = "status 503: secrets"


@pytest.mark.parametrize(
    ("what", "stage"),
    [("import", "import"), ("hook", "import"), ("probe", "health"), ("page", "health")],
)
async def test_whatever_fails_after_the_stop_everything_is_put_back(
    errands: Errands, saved: tuple[SavedApplication, ...], what: str, stage: str
) -> None:
    before = await values(errands.rig)
    break_at(errands, what)

    event = await errands.restore(*saved)

    assert isinstance(event, DeploymentFailed)
    assert (event.stage, event.outcome) == (stage, Outcome.ROLLED_BACK)
    assert event.failure.details["outcome"] == "rolled_back"
    assert "The state of before is back" in event.failure.message
    assert ("It was not well on that either" in event.failure.message) is (what == "page")
    assert placed(errands.rig).items() >= before.items()
    await as_before(errands, before)


async def test_what_does_not_start_on_the_state_of_before_either_is_said_to_be_stuck(
    errands: Errands, saved: tuple[SavedApplication, ...]
) -> None:
    before, host = await values(errands.rig), errands.rig.host
    host.stubborn.add(BLOG)

    event = await errands.restore(*saved)

    assert isinstance(event, DeploymentFailed)
    assert (event.stage, event.outcome) == ("start", Outcome.ROLLBACK_FAILED)
    assert "the provider has to look" in event.failure.message
    assert host.state == {"microblog": "posts of now"}
    assert await values(errands.rig) == before
    # What is left to do is up to the next deploy.
    assert errands.transfers.imports == {}


async def test_a_page_that_is_not_as_it_should_be_takes_it_back(
    errands: Errands, saved: tuple[SavedApplication, ...]
) -> None:
    ask = errands.rig.probe.ask

    async def asked(at: object, host: str, path: str) -> str:
        return "status 404" if path == "/actor" else await ask(at, host, path)  # type: ignore[arg-type]

    errands.rig.probe.ask = asked  # type: ignore[method-assign]
    event = await errands.restore(*saved)

    assert isinstance(event, DeploymentFailed)
    assert event.failure.message.startswith("microblog answers /actor with status 404")
    assert event.outcome is Outcome.ROLLED_BACK


async def test_a_machine_that_is_lost_in_between_is_not_called_put_back(
    errands: Errands, saved: tuple[SavedApplication, ...]
) -> None:
    before, host = await values(errands.rig), errands.rig.host
    errands.refuse(StateVerb.IMPORT, errors.FaultError("space.missing", "no room"))
    folder = host.folder
    errands.is_lost = True

    async def lost(*asked: object) -> object:
        if "put-back" in asked:
            host.is_away = True
        return await folder(*asked)  # type: ignore[arg-type]

    host.folder = lost  # type: ignore[method-assign,assignment]
    event = await errands.restore(*saved)

    assert isinstance(event, DeploymentFailed)
    assert (event.stage, event.outcome) == ("import", Outcome.PARTIAL)
    assert "The applications stand still, as a machine does not answer" in event.failure.message
    assert DEPLOYMENT in errands.transfers.imports

    # Whatever is done next, the state of before comes back first.
    host.folder = folder  # type: ignore[method-assign]
    host.is_away = errands.is_lost = False
    host.refusals.clear()
    errands.export, errands.run = ids.new_id(), ids.new_id()
    await errands.saved("microblog")
    assert host.staging["state/microblog"] == "posts of now"
    await as_before(errands, before)


async def test_an_import_that_never_ended_is_settled_before_the_next(
    errands: Errands, saved: tuple[SavedApplication, ...]
) -> None:
    older = Import(export=ids.new_id(), run=ids.new_id(), applications=NAMES)
    await errands.transfers.begin(DEPLOYMENT, older)
    errands.rig.host.aside["microblog"] = (older.export, "posts of now", False)
    errands.rig.host.state["microblog"] = "half of something"
    errands.rig.host.masked = {BLOG}

    event = await errands.restore(*saved)

    assert isinstance(event, StateImported)
    assert errands.rig.host.state == {"microblog": "posts of then"}
    assert errands.rig.host.masked == set()


async def test_folders_that_could_not_be_dropped_cost_room_and_not_the_import(
    errands: Errands, saved: tuple[SavedApplication, ...]
) -> None:
    host = errands.rig.host
    folder = host.folder

    async def away(*asked: object) -> object:
        if "drop" in asked:
            raise errors.UnavailableError("machine.unreachable", "away")
        return await folder(*asked)  # type: ignore[arg-type]

    host.folder = away  # type: ignore[method-assign,assignment]
    assert isinstance(await errands.restore(*saved), StateImported)
    assert errands.transfers.imports[DEPLOYMENT].is_accepted
    assert "microblog" in host.aside

    host.folder = folder  # type: ignore[method-assign]
    await errands.saved("microblog")
    assert host.aside == {}
    assert host.state == {"microblog": "posts of then"}
    assert errands.transfers.imports == {}


@pytest.mark.parametrize("step", STEPS)
async def test_a_cancelled_run_leaves_everything_as_it_was(
    errands: Errands, saved: tuple[SavedApplication, ...], step: str
) -> None:
    before = await values(errands.rig)
    errands.cancel_before = step

    event = await errands.restore(*saved)

    assert isinstance(event, DeploymentFailed)
    assert event.failure.code == "cancelled"
    is_early = step in {"verify", "stop"}
    assert event.outcome is (Outcome.UNCHANGED if is_early else Outcome.ROLLED_BACK)
    await as_before(errands, before)


async def test_a_run_that_is_cancelled_when_all_is_accepted_succeeds(
    errands: Errands, saved: tuple[SavedApplication, ...]
) -> None:
    accept = errands.transfers.accept

    async def accepted(deployment: str) -> None:
        await accept(deployment)
        errands.cancel_before = "health"

    errands.transfers.accept = accepted  # type: ignore[method-assign]
    errands.crash_in = "health"

    assert isinstance(await errands.restore(*saved), StateImported)
