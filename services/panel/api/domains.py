"""Domains: which records have to be set, and whether the world sees them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from ..domain.records import NamePage
from . import cursors, problems
from .dependencies import MOST_ITEMS, CallerDependency, PanelDependency
from .schemas.domains import DomainAnswer
from .schemas.shape import ListAnswer

router = APIRouter(prefix="/domains", tags=["domains"])
Name = Annotated[str, Path(max_length=cursors.LONGEST_NAME, examples=["garden.example"])]


def get_name_page(
    limit: Annotated[int, Query(ge=1, le=MOST_ITEMS, description="How many at most.")] = 50,
    cursor: Annotated[
        str | None,
        Query(max_length=cursors.LONGEST, description="`next` of the part before, as it is."),
    ] = None,
) -> NamePage:
    """Return which part of a list by name is wanted."""
    return NamePage(limit, cursor and cursors.decode(cursor, cursors.is_name))


NamePageDependency = Annotated[NamePage, Depends(get_name_page)]


@router.get(
    "",
    operation_id="listDomains",
    responses=problems.documented(problems.NOT_SIGNED_IN, problems.FORBIDDEN),
)
async def list_domains(
    panel: PanelDependency, caller: CallerDependency, page: NamePageDependency
) -> ListAnswer[DomainAnswer]:
    """List the operator's domains, by name, with what was found when somebody looked last."""
    async with panel.database.transaction() as tx:
        found = await panel.domains.list_domains(tx, caller, page)
    following = cursors.encode(found[-1].name) if len(found) == page.limit else None
    return ListAnswer(items=tuple(DomainAnswer.of(it) for it in found), next=following)


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
