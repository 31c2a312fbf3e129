"""`fediversity notifications`: what you are told."""

from typing import Annotated, Final

import typer

from . import profile
from .client import Client, Json
from .failures import CommandFailedError, Status
from .options import AsJson, check_id
from .output import say, show_json, show_table

app = typer.Typer(
    help="List what you are told, mark it as read, and choose what you are told.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
CHOICES: Final = "/notifications/choices"
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


@app.command("choices")
def list_choices(*, as_json: AsJson = False) -> None:
    """List what you are told, in the panel and by e-mail."""
    with Client(profile.load()) as client:
        found = client.get(CHOICES)
    _show_choices(found, as_json=as_json)


@app.command("choose")
def choose(
    topic: Annotated[str, typer.Argument(help="As `choices` lists it, such as run_failed.")],
    channel: Annotated[str, typer.Argument(help="bell or email.")],
    *,
    wanted: Annotated[bool, typer.Option("--on/--off", help="Whether to be told there.")],
    as_json: AsJson = False,
) -> None:
    """Choose whether to be told of something, in the panel or by e-mail; the rest stays."""
    choice: Json = {"topic": topic, "channel": channel, "wanted": wanted}
    with Client(profile.load()) as client:
        found = client.patch(CHOICES, {"choices": [choice]})
    _show_choices(found, as_json=as_json)


def _show_choices(found: Json, *, as_json: bool) -> None:
    if not found["sends_mail"]:
        say("This hosting provider sends no mails.", "yellow")
    elif not found["email"]:
        say("You have given no e-mail address: no mails are sent to you.", "yellow")
    if as_json:
        show_json(found)
        return
    rows = [
        (it["topic"], it["channel"], "on" if it["wanted"] else "off") for it in found["choices"]
    ]
    show_table(("Topic", "Channel", "Told"), rows)
