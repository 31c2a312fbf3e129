"""Deployments: create, look, configure, deploy, remove."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import JSONResponse
from pydantic import AfterValidator

from shared.database import Transaction

from . import examples, problems
from .dependencies import (
    PREFIX,
    CallerDependency,
    Done,
    OnceDependency,
    PageDependency,
    PanelDependency,
    get_id,
)
from .schemas import (
    ConfigurationAnswer,
    ConfigurationQuestion,
    DeploymentAnswer,
    DeploymentQuestion,
    ListAnswer,
    RunAnswer,
    RunSummary,
)

router = APIRouter(prefix="/deployments", tags=["deployments"])
Id = Annotated[str, AfterValidator(get_id), Path(examples=[examples.DEPLOYMENT_ID])]
LOOKING = problems.documented(problems.NOT_SIGNED_IN, problems.FORBIDDEN, problems.NOT_FOUND)
CHANGING = problems.documented(
    problems.NOT_SIGNED_IN,
    problems.FORBIDDEN,
    problems.NOT_FOUND,
    problems.CONFLICT,
    problems.QUOTA,
    problems.TOO_LARGE,
    problems.BAD_MEDIA,
    problems.INVALID,
    problems.UNAVAILABLE,
)


@router.get("", operation_id="listDeployments", responses=LOOKING)
async def list_deployments(
    panel: PanelDependency,
    caller: CallerDependency,
    page: PageDependency,
    *,
    removed: Annotated[bool, Query(description="Those that were removed as well.")] = False,
) -> ListAnswer[DeploymentAnswer]:
    """List the operator's deployments, newest first."""
    async with panel.database.transaction() as tx:
        found = await panel.runs.list_overviews(tx, caller, page, removed=removed)
    following = found[-1].deployment.id if len(found) == page.limit else None
    return ListAnswer(items=tuple(DeploymentAnswer.of(it) for it in found), next=following)


@router.post(
    "",
    operation_id="createDeployment",
    status_code=201,
    response_model=DeploymentAnswer,
    responses=CHANGING,
)
async def create_deployment(body: DeploymentQuestion, once: OnceDependency) -> JSONResponse:
    """Create a deployment on a domain, with its first configuration staged; nothing runs yet."""

    async def work(tx: Transaction) -> Done:
        panel, caller = once.panel, once.caller
        staged = await panel.configurations.create(tx, caller, body.domain, body.wishes())
        found = await panel.runs.overview(tx, caller, staged.deployment.id)
        location = f"{PREFIX}/deployments/{found.deployment.id}"
        return Done(status=201, location=location, body=DeploymentAnswer.of(found))

    return await once.answer(work, body)


@router.get("/{deployment}", operation_id="getDeployment", responses=LOOKING)
async def get_deployment(
    deployment: Id, panel: PanelDependency, caller: CallerDependency, response: Response
) -> DeploymentAnswer:
    """Show a deployment: version, applications with their URLs, status, runs."""
    async with panel.database.transaction() as tx:
        found = await panel.runs.overview(tx, caller, deployment)
    response.headers["ETag"] = f'"{found.deployment.version}"'
    return DeploymentAnswer.of(found)


@router.delete(
    "/{deployment}",
    operation_id="removeDeployment",
    status_code=202,
    response_model=RunAnswer,
    responses=CHANGING,
)
async def remove_deployment(deployment: Id, once: OnceDependency) -> JSONResponse:
    """Remove a deployment: a run that takes everything away and ends with a receipt."""

    async def work(tx: Transaction) -> Done:
        found = await once.panel.runs.remove(tx, once.caller, deployment)
        return accepted(RunAnswer.of_details(found))

    return await once.answer(work)


@router.get("/{deployment}/configuration", operation_id="getConfiguration", responses=LOOKING)
async def get_configuration(
    deployment: Id, panel: PanelDependency, caller: CallerDependency
) -> ConfigurationAnswer:
    """Show what is staged and what runs."""
    async with panel.database.transaction() as tx:
        return ConfigurationAnswer.of(await panel.configurations.get(tx, caller, deployment))


@router.post("/{deployment}/configuration", operation_id="stageConfiguration", responses=CHANGING)
async def stage_configuration(
    deployment: Id, body: ConfigurationQuestion, panel: PanelDependency, caller: CallerDependency
) -> ConfigurationAnswer:
    """Replace what is staged; it takes effect with the next deploy."""
    async with panel.database.transaction() as tx:
        found = await panel.configurations.stage(tx, caller, deployment, body.wishes())
    return ConfigurationAnswer.of(found)


@router.post(
    "/{deployment}/deploy",
    operation_id="deploy",
    status_code=202,
    response_model=RunAnswer,
    responses=CHANGING,
)
async def deploy(deployment: Id, once: OnceDependency) -> JSONResponse:
    """Deploy what is staged: a run, which waits when another of the deployment goes on."""

    async def work(tx: Transaction) -> Done:
        found = await once.panel.runs.deploy(tx, once.caller, deployment)
        return accepted(RunAnswer.of_details(found))

    return await once.answer(work)


@router.get("/{deployment}/runs", operation_id="listRuns", responses=LOOKING)
async def list_runs(
    deployment: Id, panel: PanelDependency, caller: CallerDependency, page: PageDependency
) -> ListAnswer[RunSummary]:
    """List the runs of a deployment, newest first."""
    async with panel.database.transaction() as tx:
        found = await panel.runs.list_runs(tx, caller, deployment, page)
    following = found[-1].id if len(found) == page.limit else None
    return ListAnswer(items=tuple(RunSummary.model_validate(it) for it in found), next=following)


def accepted(run: RunAnswer) -> Done:
    """Return the answer to a request that became a run."""
    return Done(status=202, location=f"{PREFIX}/runs/{run.id}", body=run)
