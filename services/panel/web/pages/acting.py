"""Acting: what a letter leads to, for people who act for more than one operator."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Response

from shared import errors

from ..dependencies import AskingDependency, Id, see_other
from ..places import LONGEST, own_path

router = APIRouter(prefix="/for")


@router.get("/{operator}")
async def lead_on(
    asking: AskingDependency,
    operator: Id,
    goal: Annotated[str, Query(alias="next", max_length=LONGEST)] = "",
) -> Response:
    """Lead to a page of an operator; ask first where that means to act for another one."""
    caller = asking.caller
    if operator == caller.operator:
        return see_other(own_path(goal))
    async with asking.panel.database.transaction() as tx:
        memberships = await asking.panel.accounts.list_memberships(tx, caller)
    found = next((it for it in memberships if it.operator == operator), None)
    if found is None:
        raise errors.NotFoundError("operator.not_found", "You act for no such operator.")
    return asking.show(
        "account/acting.html",
        other=found.operator,
        other_name=found.operator_name,
        current=caller.operator_name,
        goal=own_path(goal),
    )


@router.post("/{operator}")
async def act_and_lead_on(
    asking: AskingDependency,
    operator: Id,
    goal: Annotated[str, Form(alias="next", max_length=LONGEST)] = "",
) -> Response:
    """Act for an operator from now on, and lead to the page of it."""
    async with asking.panel.database.transaction() as tx:
        await asking.panel.accounts.act_for(tx, asking.caller, operator)
    return see_other(own_path(goal))
