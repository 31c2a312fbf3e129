"""Revisions: what was deployed, what changed, and deploying one of them again."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import JSONResponse

from . import problems
from .conditions import ExpectedDependency, version_tag
from .dependencies import (
    MOST_ITEMS,
    CallerDependency,
    OnceDependency,
    PanelDependency,
    ReplacingDependency,
)
from .deployments import Id
from .schemas.configurations import ConfigurationAnswer
from .schemas.revisions import ChangesAnswer, RevisionAnswer
from .schemas.runs import RunAnswer
from .schemas.shape import ListAnswer, part
from .starting import begin

router = APIRouter(prefix="/deployments/{deployment}", tags=["deployments"])
MOST_NUMBERS = 2**31 - 2
Number = Annotated[int, Path(ge=1, le=MOST_NUMBERS, examples=[1])]


@router.get("/revisions", operation_id="listRevisions", responses=problems.LOOKING)
async def list_revisions(
    deployment: Id,
    panel: PanelDependency,
    caller: CallerDependency,
    limit: Annotated[int, Query(ge=1, le=MOST_ITEMS, description="How many at most.")] = 50,
    after: Annotated[
        int | None,
        Query(ge=1, le=MOST_NUMBERS, description="`next` of the part before, as it is."),
    ] = None,
) -> ListAnswer[RevisionAnswer]:
    """List what was or will be deployed, newest first."""
    async with panel.database.transaction() as tx:
        found = await panel.past_revisions.list_revisions(
            tx, caller, deployment, limit=limit, before=after
        )
    return part([RevisionAnswer.of(it) for it in found], limit)


@router.get("/revisions/{number}", operation_id="getRevision", responses=problems.LOOKING)
async def get_revision(
    deployment: Id, number: Number, panel: PanelDependency, caller: CallerDependency
) -> RevisionAnswer:
    """Show one revision."""
    async with panel.database.transaction() as tx:
        return RevisionAnswer.of(await panel.past_revisions.get(tx, caller, deployment, number))


@router.get(
    "/revisions/{number}/changes", operation_id="compareRevisions", responses=problems.LOOKING
)
async def compare_revisions(
    deployment: Id,
    number: Number,
    panel: PanelDependency,
    caller: CallerDependency,
    since: Annotated[
        int | None,
        Query(ge=1, le=MOST_NUMBERS, description="The earlier revision; the one before, if none."),
    ] = None,
) -> ChangesAnswer:
    """Show what a revision changed; defaults count as if they had been chosen."""
    async with panel.database.transaction() as tx:
        return ChangesAnswer.of(
            await panel.past_revisions.compare(tx, caller, deployment, number, since)
        )


@router.get("/configuration/changes", operation_id="compareStaged", responses=problems.LOOKING)
async def compare_staged(
    deployment: Id, panel: PanelDependency, caller: CallerDependency
) -> ChangesAnswer:
    """Show what deploying would change of what runs."""
    async with panel.database.transaction() as tx:
        return ChangesAnswer.of(await panel.past_revisions.compare_staged(tx, caller, deployment))


@router.post("/configuration/discard", operation_id="discardChanges", responses=problems.REPLACING)
async def discard_changes(
    deployment: Id, replacing: ReplacingDependency, response: Response
) -> ConfigurationAnswer:
    """Stage what runs, so that nothing is different from it any more."""
    panel, caller = replacing.panel, replacing.caller
    async with panel.database.transaction() as tx:
        found = await panel.past_revisions.discard(
            tx, caller, deployment, expected=replacing.expected
        )
    response.headers["ETag"] = version_tag(found.configuration.version)
    return ConfigurationAnswer.of(found)


@router.post(
    "/revisions/{number}/deploy",
    operation_id="deployRevision",
    status_code=202,
    response_model=RunAnswer,
    responses=problems.REPLACING,
)
async def deploy_revision(
    deployment: Id, number: Number, once: OnceDependency, expected: ExpectedDependency
) -> JSONResponse:
    """Stage a revision as it was, secrets included, and deploy it; data stays what it is."""
    panel, caller = once.panel, once.caller
    return await begin(
        once,
        lambda tx: panel.past_revisions.deploy(tx, caller, deployment, number, expected=expected),
    )
