"""Domains: which records have to be set, and a look at them."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Response

from ...domain.records import NamePage
from ..dependencies import ITEMS, AskingDependency, see_other
from ..presenters import domains

router = APIRouter(prefix="/domains")
Name = Annotated[str, Path(max_length=253)]


@router.get("")
async def list_domains(
    asking: AskingDependency, after: Annotated[str, Query(max_length=253)] = ""
) -> Response:
    """Show the operator's domains, by name, and how far their records are set."""
    page = NamePage(ITEMS + 1, after if after.isprintable() and after else None)
    async with asking.panel.database.transaction() as tx:
        found = await asking.panel.domains.list_domains(tx, asking.caller, page)
    return asking.show(
        "domains/list.html",
        domains=[domains.present(it) for it in found[:ITEMS]],
        following=found[ITEMS - 1].name if len(found) > ITEMS else "",
        is_first=not after,
    )


@router.get("/{domain}")
async def show_domain(asking: AskingDependency, domain: Name) -> Response:
    """Show the records that a domain needs, and what was seen of them last."""
    async with asking.panel.database.transaction() as tx:
        found = await asking.panel.domains.get(tx, asking.caller, domain)
    return asking.show("domains/show.html", domain=domains.present(found))


@router.post("/{domain}/check")
async def check_domain(asking: AskingDependency, domain: Name) -> Response:
    """Ask the world about the records of a domain, and lead to what it says."""
    await asking.panel.domains.check(asking.panel.database, asking.caller, domain)
    return see_other(f"/domains/{quote(domain, safe='')}#records")
