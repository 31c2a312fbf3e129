"""Deployments: create, look, configure, deploy, pause, remove."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import JSONResponse
from pydantic import AfterValidator

from shared.database import Transaction

from ..domain.runs import RunKind
from . import examples, problems
from .conditions import version_tag
from .dependencies import (
    PREFIX,
    CallerDependency,
    Done,
    Once,
    OnceDependency,
    PageDependency,
    PanelDependency,
    ReplacingDependency,
    get_id,
)
from .schemas.configurations import ConfigurationAnswer, ConfigurationQuestion
from .schemas.deployments import DeploymentAnswer, DeploymentQuestion
from .schemas.runs import RunAnswer, RunSummary
from .schemas.shape import ListAnswer, part
from .starting import begin

router = APIRouter(prefix="/deployments", tags=["deployments"])
Id = Annotated[str, AfterValidator(get_id), Path(examples=[examples.DEPLOYMENT_ID])]


@router.get("", operation_id="listDeployments", responses=problems.LOOKING)
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
    return part([DeploymentAnswer.of(it) for it in found], page.limit)


@router.post(
    "",
    operation_id="createDeployment",
    status_code=201,
    response_model=DeploymentAnswer,
    responses=problems.CHANGING,
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


@router.get("/{deployment}", operation_id="getDeployment", responses=problems.LOOKING)
async def get_deployment(
    deployment: Id, panel: PanelDependency, caller: CallerDependency, response: Response
) -> DeploymentAnswer:
    """Show a deployment: version, applications with their URLs, status, runs."""
    async with panel.database.transaction() as tx:
        found = await panel.runs.overview(tx, caller, deployment)
    response.headers["ETag"] = version_tag(found.deployment.version)
    return DeploymentAnswer.of(found)


@router.delete(
    "/{deployment}",
    operation_id="removeDeployment",
    status_code=202,
    response_model=RunAnswer,
    responses=problems.CHANGING,
)
async def remove_deployment(deployment: Id, once: OnceDependency) -> JSONResponse:
    """Remove a deployment: a run that takes everything away and ends with a receipt."""
    return await begin(once, lambda tx: once.panel.runs.remove(tx, once.caller, deployment))


@router.get(
    "/{deployment}/configuration", operation_id="getConfiguration", responses=problems.LOOKING
)
async def get_configuration(
    deployment: Id, panel: PanelDependency, caller: CallerDependency, response: Response
) -> ConfigurationAnswer:
    """Show what is staged and what runs; its ETag is what replacing it asks for."""
    async with panel.database.transaction() as tx:
        found = await panel.configurations.get(tx, caller, deployment)
    response.headers["ETag"] = version_tag(found.configuration.version)
    return ConfigurationAnswer.of(found)


@router.post(
    "/{deployment}/configuration", operation_id="stageConfiguration", responses=problems.REPLACING
)
async def stage_configuration(
    deployment: Id,
    body: ConfigurationQuestion,
    replacing: ReplacingDependency,
    response: Response,
) -> ConfigurationAnswer:
    """Replace what is staged, unless somebody else did so since; a deploy gives it effect."""
    panel, caller = replacing.panel, replacing.caller
    async with panel.database.transaction() as tx:
        found = await panel.configurations.stage(
            tx, caller, deployment, body.wishes(), expected=replacing.expected
        )
    response.headers["ETag"] = version_tag(found.configuration.version)
    return ConfigurationAnswer.of(found)


@router.post(
    "/{deployment}/deploy",
    operation_id="deploy",
    status_code=202,
    response_model=RunAnswer,
    responses=problems.CHANGING,
)
async def deploy(deployment: Id, once: OnceDependency) -> JSONResponse:
    """Deploy what is staged: a run, which waits when another of the deployment goes on."""
    return await begin(once, lambda tx: once.panel.runs.deploy(tx, once.caller, deployment))


@router.post(
    "/{deployment}/restart",
    operation_id="restartDeployment",
    status_code=202,
    response_model=RunAnswer,
    responses=problems.CHANGING,
)
async def restart_deployment(deployment: Id, once: OnceDependency) -> JSONResponse:
    """Stop the applications and start them again."""
    return await _intervene(once, deployment, RunKind.RESTART)


@router.post(
    "/{deployment}/pause",
    operation_id="pauseDeployment",
    status_code=202,
    response_model=RunAnswer,
    responses=problems.CHANGING,
)
async def pause_deployment(deployment: Id, once: OnceDependency) -> JSONResponse:
    """Let the applications stand still; whoever asks for them is told to come back later."""
    return await _intervene(once, deployment, RunKind.PAUSE)


@router.post(
    "/{deployment}/resume",
    operation_id="resumeDeployment",
    status_code=202,
    response_model=RunAnswer,
    responses=problems.CHANGING,
)
async def resume_deployment(deployment: Id, once: OnceDependency) -> JSONResponse:
    """Let paused applications go on; a deploy does so as well."""
    return await _intervene(once, deployment, RunKind.RESUME)


@router.get("/{deployment}/runs", operation_id="listRuns", responses=problems.LOOKING)
async def list_runs(
    deployment: Id, panel: PanelDependency, caller: CallerDependency, page: PageDependency
) -> ListAnswer[RunSummary]:
    """List the runs of a deployment, newest first."""
    async with panel.database.transaction() as tx:
        found = await panel.runs.list_runs(tx, caller, deployment, page)
    return part([RunSummary.model_validate(it) for it in found], page.limit)


async def _intervene(once: Once, deployment: str, kind: RunKind) -> JSONResponse:
    caller = once.caller
    return await begin(once, lambda tx: once.panel.interventions.ask(tx, caller, deployment, kind))
