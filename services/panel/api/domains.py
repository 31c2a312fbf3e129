"""Domains: which records have to be set, and whether the world sees them."""

from typing import Annotated

from fastapi import APIRouter, Path

from . import problems
from .dependencies import CallerDependency, PanelDependency
from .schemas.domains import DomainAnswer
from .schemas.shape import ListAnswer

router = APIRouter(prefix="/domains", tags=["domains"])
Name = Annotated[str, Path(max_length=253, examples=["garden.example"])]


@router.get(
    "",
    operation_id="listDomains",
    responses=problems.documented(problems.NOT_SIGNED_IN, problems.FORBIDDEN),
)
async def list_domains(
    panel: PanelDependency, caller: CallerDependency
) -> ListAnswer[DomainAnswer]:
    """List the operator's domains, by name, with what was found when somebody looked last."""
    async with panel.database.transaction() as tx:
        found = await panel.domains.list_domains(tx, caller)
    return ListAnswer(items=tuple(DomainAnswer.of(it) for it in found), next=None)


@router.get("/{domain}", operation_id="getDomain", responses=problems.LOOKING)
async def get_domain(
    domain: Name, panel: PanelDependency, caller: CallerDependency
) -> DomainAnswer:
    """Show a domain: the records that its deployments need, and what was found of them last."""
    async with panel.database.transaction() as tx:
        return DomainAnswer.of(await panel.domains.get(tx, caller, domain))


@router.post("/{domain}/checks", operation_id="checkDomain", responses=problems.LOOKING)
async def check_domain(
    domain: Name, panel: PanelDependency, caller: CallerDependency
) -> DomainAnswer:
    """Look now: ask the domain's own name servers and two resolvers about every record."""
    return DomainAnswer.of(await panel.domains.check(panel.database, caller, domain))
