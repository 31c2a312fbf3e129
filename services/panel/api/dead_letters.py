"""Dead letters: messages that a service could not handle, for the hosting provider to decide."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator

from . import examples, problems
from .dependencies import CallerDependency, PageDependency, PanelDependency, get_id
from .schemas.dead_letters import DeadLetterAnswer
from .schemas.shape import ListAnswer, part

router = APIRouter(prefix="/dead-letters", tags=["dead letters"])
Id = Annotated[str, AfterValidator(get_id), Path(examples=[examples.LETTER_ID])]
DECIDING = problems.LOOKING | problems.documented(problems.CONFLICT, problems.UNAVAILABLE)


@router.get("", operation_id="listDeadLetters", responses=problems.LOOKING)
async def list_dead_letters(
    panel: PanelDependency,
    caller: CallerDependency,
    page: PageDependency,
    *,
    waiting: Annotated[bool, Query(description="Only those that wait for a decision.")] = True,
) -> ListAnswer[DeadLetterAnswer]:
    """List messages that a service could not handle, newest first."""
    async with panel.database.transaction() as tx:
        found = await panel.letters.list_letters(tx, caller, page, waiting=waiting)
    return part([DeadLetterAnswer.model_validate(it) for it in found], page.limit)


@router.get("/{letter}", operation_id="getDeadLetter", responses=problems.LOOKING)
async def get_dead_letter(
    letter: Id, panel: PanelDependency, caller: CallerDependency
) -> DeadLetterAnswer:
    """Show one of them."""
    async with panel.database.transaction() as tx:
        found = await panel.letters.get(tx, caller, letter)
    return DeadLetterAnswer.model_validate(found)


@router.post("/{letter}/replay", operation_id="replayDeadLetter", responses=DECIDING)
async def replay_dead_letter(
    letter: Id, panel: PanelDependency, caller: CallerDependency
) -> DeadLetterAnswer:
    """Have a message handled again; should that fail, it waits again with the new reason."""
    async with panel.database.transaction() as tx:
        found = await panel.letters.replay(tx, caller, letter)
    return DeadLetterAnswer.model_validate(found)


@router.post("/{letter}/discard", operation_id="discardDeadLetter", responses=DECIDING)
async def discard_dead_letter(
    letter: Id, panel: PanelDependency, caller: CallerDependency
) -> DeadLetterAnswer:
    """Give a message up; the run that it belongs to ends failed."""
    async with panel.database.transaction() as tx:
        found = await panel.letters.discard(tx, caller, letter)
    return DeadLetterAnswer.model_validate(found)
