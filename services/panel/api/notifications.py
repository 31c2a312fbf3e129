"""Notifications: what the person who asks is told, and wants to be told."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import AfterValidator

from . import problems
from . import webhook_examples as examples
from .dependencies import CallerDependency, PageDependency, PanelDependency, get_id
from .schemas.notifications import (
    ChoicesQuestion,
    NotificationAnswer,
    UnreadAnswer,
    WantedAnswer,
)
from .schemas.shape import ListAnswer, part

router = APIRouter(prefix="/notifications", tags=["notifications"])
Id = Annotated[str, AfterValidator(get_id), Path(examples=[examples.NOTIFICATION_ID])]


@router.get("", operation_id="listNotifications", responses=problems.LOOKING)
async def list_notifications(
    panel: PanelDependency,
    caller: CallerDependency,
    page: PageDependency,
    *,
    unread: Annotated[bool, Query(description="Only those that were not read.")] = False,
) -> ListAnswer[NotificationAnswer]:
    """List your notifications of the last 90 days, newest first."""
    async with panel.database.transaction() as tx:
        found = await panel.notifications.list_notifications(tx, caller, page, unread=unread)
    return part([NotificationAnswer.of(it) for it in found], page.limit)


@router.get("/unread", operation_id="countNotifications", responses=problems.LOOKING)
async def count_notifications(panel: PanelDependency, caller: CallerDependency) -> UnreadAnswer:
    """Show how many of your notifications wait to be read."""
    async with panel.database.transaction() as tx:
        return UnreadAnswer(unread=await panel.notifications.count_unread(tx, caller))


@router.post("/read", operation_id="readNotifications", status_code=204, responses=problems.LOOKING)
async def read_all(panel: PanelDependency, caller: CallerDependency) -> Response:
    """Mark all your notifications as read."""
    async with panel.database.transaction() as tx:
        await panel.notifications.mark_read(tx, caller)
    return Response(status_code=204)


@router.get("/choices", operation_id="getNotificationChoices", responses=problems.LOOKING)
async def get_choices(panel: PanelDependency, caller: CallerDependency) -> WantedAnswer:
    """Show what you are told, in the panel and by e-mail."""
    async with panel.database.transaction() as tx:
        return WantedAnswer.of(await panel.notifications.wanted(tx, caller))


@router.patch("/choices", operation_id="changeNotificationChoices", responses=problems.CHANGING)
async def change_choices(
    body: ChoicesQuestion, panel: PanelDependency, caller: CallerDependency
) -> WantedAnswer:
    """Decide what you are told; what is left out stays as it is."""
    choices = {(it.topic, it.channel): it.wanted for it in body.choices}
    async with panel.database.transaction() as tx:
        return WantedAnswer.of(await panel.notifications.choose(tx, caller, choices))


@router.post(
    "/{notification}/read",
    operation_id="readNotification",
    status_code=204,
    responses=problems.LOOKING,
)
async def read_one(notification: Id, panel: PanelDependency, caller: CallerDependency) -> Response:
    """Mark one of your notifications as read."""
    async with panel.database.transaction() as tx:
        await panel.notifications.mark_read(tx, caller, notification)
    return Response(status_code=204)
