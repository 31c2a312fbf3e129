"""Notifications: what a person was told, and wants to be told."""

from fastapi import APIRouter, Request, Response

from ...domain.happenings import USUAL, Channel
from ..dependencies import ITEMS, AskingDependency, Id, PageDependency, older, see_other
from ..presenters import notifications

HOME = "/account/notifications"
router = APIRouter(prefix=HOME)


@router.get("")
async def list_notifications(asking: AskingDependency, page: PageDependency) -> Response:
    """Show what happened, newest first, and what the person is told."""
    panel, caller = asking.panel, asking.caller
    async with panel.database.transaction() as tx:
        found = await panel.notifications.list_notifications(tx, caller, page)
        unread = await panel.notifications.count_unread(tx, caller)
        wanted = await panel.notifications.wanted(tx, caller)
    return asking.show(
        "notifications/list.html",
        notifications=[notifications.present(it) for it in found[:ITEMS]],
        unread=unread,
        topics=notifications.present_topics(wanted),
        wanted=wanted,
        before=older(found),
        is_first=page.before is None,
    )


@router.post("/read")
async def read_all(asking: AskingDependency) -> Response:
    """Mark everything as read."""
    async with asking.panel.database.transaction() as tx:
        await asking.panel.notifications.mark_read(tx, asking.caller)
    return see_other(HOME)


@router.post("/choices")
async def choose(asking: AskingDependency, request: Request) -> Response:
    """Keep what a person wants to be told: every tick that is not there is a no."""
    form = await request.form()
    choices = {
        (topic, channel): f"{topic.value}.{channel.value}" in form
        for topic in USUAL
        for channel in Channel
    }
    async with asking.panel.database.transaction() as tx:
        await asking.panel.notifications.choose(tx, asking.caller, choices)
    return see_other(HOME)


@router.post("/{notification}/read")
async def read(asking: AskingDependency, notification: Id) -> Response:
    """Mark one as read, and lead to the page about it."""
    async with asking.panel.database.transaction() as tx:
        found = await asking.panel.notifications.open(tx, asking.caller, notification)
    return see_other(found.page)
