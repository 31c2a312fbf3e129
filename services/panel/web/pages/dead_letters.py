"""Dead letters: messages that a service could not handle, for the hosting provider to decide."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from ..dependencies import (
    ITEMS,
    Asking,
    AskingDependency,
    Id,
    PageDependency,
    ProvenDependency,
    older,
    see_other,
)
from ..presenters import provider

router = APIRouter(prefix="/provider/dead-letters")


@router.get("")
async def list_letters(
    asking: AskingDependency,
    page: PageDependency,
    decided: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """Show messages that wait for a decision, or all of them."""
    async with asking.panel.database.transaction() as tx:
        found = await asking.panel.letters.list_letters(
            tx, asking.caller, page, waiting=not decided
        )
    return asking.show(
        "provider/letters.html",
        letters=[provider.letter(it) for it in found[:ITEMS]],
        before=older(found),
        is_first=page.before is None,
        with_decided=bool(decided),
    )


@router.get("/{letter}")
async def show_letter(asking: AskingDependency, letter: Id) -> Response:
    """Show one of them."""
    return await _show(asking, "provider/letter.html", letter)


@router.post("/{letter}/replay")
async def replay(asking: AskingDependency, letter: Id) -> Response:
    """Have a message handled again."""
    async with asking.panel.database.transaction() as tx:
        await asking.panel.letters.replay(tx, asking.caller, letter)
    return see_other(f"/provider/dead-letters/{letter}")


@router.get("/{letter}/discard")
async def ask_before_discard(asking: AskingDependency, letter: Id) -> Response:
    """Say what giving a message up means, and ask whether that is wanted."""
    return await _show(asking, "provider/discard.html", letter)


@router.post("/{letter}/discard")
async def discard(proven: ProvenDependency, letter: Id) -> Response:
    """Give a message up, and the run that it belongs to."""
    async with proven.panel.database.transaction() as tx:
        await proven.panel.letters.discard(tx, proven.caller, letter)
    return see_other(f"/provider/dead-letters/{letter}")


async def _show(asking: Asking, template: str, letter: str) -> Response:
    async with asking.panel.database.transaction() as tx:
        found = await asking.panel.letters.get(tx, asking.caller, letter)
    return asking.show(template, letter=provider.letter(found))
