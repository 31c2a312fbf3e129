"""`fediversity notifications`: what you are told."""

from typing import Annotated

import typer

from . import profile
from .client import Client
from .failures import CommandFailedError, Status
from .options import AsJson, check_id
from .output import say, show_json, show_table

app = typer.Typer(
    help="List what you are told, and mark it as read.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Unread = Annotated[bool, typer.Option("--unread", help="Only what was not read yet.")]


@app.command("list")
def list_notifications(*, unread: Unread = False, as_json: AsJson = False) -> None:
    """List your notifications of the last 90 days, newest first."""
    with Client(profile.load()) as client:
        items = client.list_all("/notifications", unread=unread)
    if as_json:
        show_json(items)
        return
    rows = [
        (it["id"], it["created_at"], "read" if it["read_at"] else "new", it["title"], it["why"])
        for it in items
    ]
    show_table(("Notification", "When", "State", "What", "Why"), rows)


@app.command("read")
def mark_read(
    notification: Annotated[str | None, typer.Argument(help="Id of this one.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
) -> None:
    """Mark one notification as read, or all of them."""
    if (notification is None) is not everything:
        raise CommandFailedError(Status.USAGE, "name one notification, or give --all")
    with Client(profile.load()) as client:
        if notification is None:
            client.post("/notifications/read")
        else:
            client.post(f"/notifications/{check_id(notification, 'notification')}/read")
    say("Marked as read.")
