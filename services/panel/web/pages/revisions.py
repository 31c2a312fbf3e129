"""Before a deploy and after: what would change, what was deployed, and deploying it again."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Response

from shared.database import Transaction

from ...domain.identity import Scope
from ...domain.refusals import require_expected
from ..dependencies import ITEMS, AskingDependency, Id, OnceDependency, see_other
from ..entered import EnteredDependency
from ..presenters import changes

router = APIRouter(prefix="/deployments/{deployment}")
MOST_NUMBERS: Final = 2**31 - 2
Number = Annotated[int, Path(ge=1, le=MOST_NUMBERS)]
Earlier = Annotated[int | None, Query(ge=1, le=MOST_NUMBERS)]


@router.get("/configuration/review")
async def review(asking: AskingDependency, deployment: Id) -> Response:
    """Show what deploying would change of what runs."""
    panel, caller = asking.panel, asking.caller
    async with panel.database.transaction() as tx:
        staged = await panel.configurations.get(tx, caller, deployment)
        found = await panel.past_revisions.compare_staged(tx, caller, deployment)
    fates = {it.order.application: it.fate for it in staged.leaving}
    return asking.show(
        "configuration/review.html",
        deployment=staged.deployment,
        changes=changes.present(found.changes, panel.offer, fates),
        has_changes=staged.has_changes,
        runs=staged.deployed is not None,
        version=staged.configuration.version,
    )


@router.post("/deploy")
async def deploy(
    asking: AskingDependency, deployment: Id, entered: EnteredDependency, once: OnceDependency
) -> Response:
    """Deploy what was reviewed, and lead to the run that does it."""
    panel, caller = asking.panel, asking.caller

    async def work(tx: Transaction) -> str:
        asked = await panel.runs.deploy(tx, caller, deployment)
        # The deployment is locked by now: what is staged is what the revision was made of.
        staged = await panel.configurations.get(tx, caller, deployment)
        require_expected(staged.configuration.version, entered.expected)
        return f"/runs/{asked.run.id}"

    return await once.go(work)


@router.get("/configuration/discard")
async def ask_before_discarding(asking: AskingDependency, deployment: Id) -> Response:
    """Ask whether what is staged is to give way to what runs."""
    asking.caller.require(Scope.WRITE)
    async with asking.panel.database.transaction() as tx:
        staged = await asking.panel.configurations.get(tx, asking.caller, deployment)
        staged.deployment.require_deployed()
    return asking.show(
        "configuration/discard.html",
        deployment=staged.deployment,
        version=staged.configuration.version,
    )


@router.post("/configuration/discard")
async def discard(asking: AskingDependency, deployment: Id, entered: EnteredDependency) -> Response:
    """Stage what runs."""
    panel, caller = asking.panel, asking.caller
    async with panel.database.transaction() as tx:
        await panel.past_revisions.discard(tx, caller, deployment, expected=entered.expected)
    return see_other(f"/deployments/{deployment}/configuration")


@router.get("/revisions")
async def list_revisions(
    asking: AskingDependency, deployment: Id, before: Earlier = None
) -> Response:
    """Show what was or will be deployed, newest first."""
    panel, caller = asking.panel, asking.caller
    async with panel.database.transaction() as tx:
        about = await panel.runs.overview(tx, caller, deployment)
        found = await panel.past_revisions.list_revisions(
            tx, caller, deployment, limit=ITEMS + 1, before=before
        )
    shown = found[:ITEMS]
    return asking.show(
        "configuration/history.html",
        deployment=about.deployment,
        revisions=shown,
        before=shown[-1].revision.number if len(found) > ITEMS else None,
        is_first=before is None,
    )


@router.get("/revisions/{number}")
async def show_revision(
    asking: AskingDependency, deployment: Id, number: Number, since: Earlier = None
) -> Response:
    """Show what a revision changed, and offer to deploy it again."""
    panel, caller = asking.panel, asking.caller
    async with panel.database.transaction() as tx:
        found = await panel.past_revisions.compare(tx, caller, deployment, number, since)
        staged = await panel.configurations.get(tx, caller, deployment)
        runs = staged.deployment.deployed_revision
        against = (
            await panel.past_revisions.compare(tx, caller, deployment, number, runs)
            if runs is not None and runs != number
            else None
        )
    return asking.show(
        "configuration/revision.html",
        deployment=staged.deployment,
        past=found.after,
        since=found.before,
        changes=changes.present(found.changes, panel.offer),
        against=changes.present(against.changes, panel.offer) if against else None,
        version=staged.configuration.version,
        has_changes=staged.has_changes,
    )


@router.post("/revisions/{number}/deploy")
async def deploy_revision(
    asking: AskingDependency,
    deployment: Id,
    number: Number,
    entered: EnteredDependency,
    once: OnceDependency,
) -> Response:
    """Deploy a revision as it was, and lead to the run that does it."""
    panel, caller = asking.panel, asking.caller

    async def work(tx: Transaction) -> str:
        asked = await panel.past_revisions.deploy(
            tx, caller, deployment, number, expected=entered.expected
        )
        return f"/runs/{asked.run.id}"

    return await once.go(work)
