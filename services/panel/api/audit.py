"""The audit trail: what was done for an operator, or for all, and by whom."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AfterValidator, AwareDatetime

from ..domain.audit import AuditFilter, within
from . import examples, problems
from .dependencies import CallerDependency, PageDependency, PanelDependency
from .schemas.access import AnyAuditAnswer, AuditAnswer
from .schemas.shape import ListAnswer, part

router = APIRouter(prefix="/audit-events", tags=["access"])
of_all = APIRouter(prefix="/provider/audit-events", tags=["provider"])
Person = Annotated[
    str | None,
    Query(
        description="What this person did.",
        examples=[examples.PERSON_ID],
        max_length=26,
        pattern="^[0-9a-z]+$",
    ),
]
Action = Annotated[
    str | None,
    Query(
        description="Such as deployment, for all that is done to deployments, or session.began.",
        pattern=r"^[a-z_]{1,40}(\.[a-z_]{1,40})?$",
    ),
]
Object = Annotated[
    str | None, Query(description="What was done to this.", max_length=26, pattern="^[0-9a-z]+$")
]
Operator = Annotated[
    str | None,
    Query(
        description="What was done for this operator.",
        examples=[examples.OPERATOR_ID],
        max_length=26,
        pattern="^[0-9a-z]+$",
    ),
]
Moment = Annotated[
    Annotated[AwareDatetime, AfterValidator(within)] | None, Query(examples=[examples.AT])
]


async def get_wanted(
    person: Person = None,
    action: Action = None,
    object: Object = None,  # noqa: A002 - what it is called in an entry
    since: Moment = None,
    until: Moment = None,
) -> AuditFilter:
    """Return which entries are wanted."""
    return AuditFilter(person=person, action=action, object=object, since=since, until=until)


WantedDependency = Annotated[AuditFilter, Depends(get_wanted)]


@router.get("", operation_id="listAuditEvents", responses=problems.LOOKING)
async def list_audit_events(
    panel: PanelDependency,
    caller: CallerDependency,
    page: PageDependency,
    wanted: WantedDependency,
) -> ListAnswer[AuditAnswer]:
    """List what was done for the operator, newest first; nothing of it ever changes."""
    async with panel.database.transaction() as tx:
        found = await panel.audit.list_entries(tx, caller, wanted, page)
    return part([AuditAnswer.model_validate(it) for it in found], page.limit)


@of_all.get("", operation_id="listAllAuditEvents", responses=problems.LOOKING)
async def list_all_audit_events(
    panel: PanelDependency,
    caller: CallerDependency,
    page: PageDependency,
    wanted: WantedDependency,
    operator: Operator = None,
) -> ListAnswer[AnyAuditAnswer]:
    """List what was done for any operator, newest first; for the hosting provider."""
    narrowed = replace(wanted, operator=operator)
    async with panel.database.transaction() as tx:
        found = await panel.audit.list_entries(tx, caller, narrowed, page, everybody=True)
    return part([AnyAuditAnswer.model_validate(it) for it in found], page.limit)
