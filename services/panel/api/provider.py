"""The hosting provider: operators and quotas, runs in trouble, machines, catalogue, notice."""

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import AfterValidator

from . import examples, problems
from .conditions import version_tag
from .dependencies import (
    CallerDependency,
    PageDependency,
    PanelDependency,
    ReplacingDependency,
    get_id,
)
from .schemas.provider import (
    CatalogueAnswer,
    HousedAnswer,
    NoticeAnswer,
    NoticeQuestion,
    OperatorAnswer,
    QuotaQuestion,
    TroubledRunAnswer,
    WithholdQuestion,
)
from .schemas.shape import ListAnswer, part

router = APIRouter(prefix="/provider", tags=["provider"])
notices = APIRouter(prefix="/notice", tags=["notice"])
Operator = Annotated[str, AfterValidator(get_id), Path(examples=[examples.OPERATOR_ID])]
Name = Annotated[str, Path(max_length=64, examples=["hello"])]
LOOKING = problems.documented(problems.NOT_SIGNED_IN, problems.FORBIDDEN)
DECIDING = problems.LOOKING | problems.documented(problems.INVALID)


@router.get("/operators", operation_id="listOperators", responses=LOOKING)
async def list_operators(
    panel: PanelDependency, caller: CallerDependency, page: PageDependency
) -> ListAnswer[OperatorAnswer]:
    """List operators with what they may have and what they have, newest first."""
    async with panel.database.transaction() as tx:
        found = await panel.provider.list_operators(tx, caller, page)
    return part([OperatorAnswer.model_validate(it) for it in found], page.limit)


@router.get("/operators/{operator}", operation_id="getOperator", responses=problems.LOOKING)
async def get_operator(
    operator: Operator, panel: PanelDependency, caller: CallerDependency, response: Response
) -> OperatorAnswer:
    """Show an operator; its ETag is what replacing the quota asks for."""
    async with panel.database.transaction() as tx:
        found = await panel.provider.get_operator(tx, caller, operator)
    response.headers["ETag"] = version_tag(found.quota.version)
    return OperatorAnswer.model_validate(found)


@router.put(
    "/operators/{operator}/quota",
    operation_id="setQuota",
    responses=DECIDING | problems.documented(problems.STALE, problems.UNCONDITIONAL),
)
async def set_quota(
    operator: Operator, body: QuotaQuestion, replacing: ReplacingDependency, response: Response
) -> OperatorAnswer:
    """Replace how much an operator may have; what it has already, it keeps."""
    panel, caller = replacing.panel, replacing.caller
    async with panel.database.transaction() as tx:
        found = await panel.provider.set_quota(
            tx, caller, operator, body.quota(), expected=replacing.expected
        )
    response.headers["ETag"] = version_tag(found.quota.version)
    return OperatorAnswer.model_validate(found)


@router.get("/runs", operation_id="listTroubledRuns", responses=LOOKING)
async def list_troubled_runs(
    panel: PanelDependency, caller: CallerDependency, page: PageDependency
) -> ListAnswer[TroubledRunAnswer]:
    """List runs of all operators that are held, go on for long, or failed lately."""
    async with panel.database.transaction() as tx:
        found = await panel.provider.list_troubled(tx, caller, page)
    return part([TroubledRunAnswer.of_troubled(it) for it in found], page.limit)


@router.get("/machines", operation_id="listMachines", responses=LOOKING)
async def list_machines(
    panel: PanelDependency, caller: CallerDependency, page: PageDependency
) -> ListAnswer[HousedAnswer]:
    """List deployments with their machines and addresses, as far as provisioner told of them."""
    async with panel.database.transaction() as tx:
        found = await panel.provider.list_housed(tx, caller, page)
    return part([HousedAnswer.model_validate(it) for it in found], page.limit)


@router.put("/applications/{name}/withheld", operation_id="withholdApplication", responses=DECIDING)
async def withhold_application(
    name: Name, body: WithholdQuestion, panel: PanelDependency, caller: CallerDependency
) -> CatalogueAnswer:
    """Let nobody choose an application anew; where it is deployed it goes on."""
    async with panel.database.transaction() as tx:
        await panel.provider.withhold(tx, caller, name, body.reason)
        withheld = await panel.provider.withheld(tx)
    return CatalogueAnswer.of(panel.offer.choose(name), withheld.get(name))


@router.delete(
    "/applications/{name}/withheld", operation_id="offerApplication", responses=problems.LOOKING
)
async def offer_application(
    name: Name, panel: PanelDependency, caller: CallerDependency
) -> CatalogueAnswer:
    """Let everybody choose an application again."""
    async with panel.database.transaction() as tx:
        await panel.provider.offer_again(tx, caller, name)
    return CatalogueAnswer.of(panel.offer.choose(name), None)


@router.put("/notice", operation_id="setNotice", responses=DECIDING)
async def set_notice(
    body: NoticeQuestion, panel: PanelDependency, caller: CallerDependency
) -> NoticeAnswer:
    """Let every page say something at its top, such as when there will be maintenance."""
    async with panel.database.transaction() as tx:
        return NoticeAnswer.of(await panel.provider.set_notice(tx, caller, body.message))


@router.delete("/notice", operation_id="withdrawNotice", responses=LOOKING)
async def withdraw_notice(panel: PanelDependency, caller: CallerDependency) -> NoticeAnswer:
    """Let pages say nothing at their top."""
    async with panel.database.transaction() as tx:
        await panel.provider.withdraw_notice(tx, caller)
    return NoticeAnswer.of(None)


@notices.get("", operation_id="getNotice", responses=problems.documented(problems.NOT_SIGNED_IN))
async def get_notice(panel: PanelDependency, _: CallerDependency) -> NoticeAnswer:
    """Show what the hosting provider tells everybody, such as when there will be maintenance."""
    async with panel.database.transaction() as tx:
        return NoticeAnswer.of(await panel.provider.find_notice(tx))
