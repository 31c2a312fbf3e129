"""`fediversity sessions`: where you are signed in by browser."""

from typing import Annotated

import typer

from . import profile
from .client import Client
from .failures import CommandFailedError, Status
from .options import AsJson, Yes, check_id, confirm
from .output import say, show_json, show_table

app = typer.Typer(
    help="List where you are signed in by browser, and end that.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_sessions(*, as_json: AsJson = False) -> None:
    """List where you are signed in by browser, newest first."""
    with Client(profile.load()) as client:
        items = client.list_all("/sessions")
    if as_json:
        show_json(items)
        return
    rows = [
        (it["id"], it["created_at"], it["seen_at"], it["address"] or "", it["agent"] or "")
        for it in items
    ]
    show_table(("Session", "Since", "Last seen", "Address", "Browser"), rows)


@app.command("end")
def end_session(
    session: Annotated[str | None, typer.Argument(help="Id of this one.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    yes: Yes = False,
) -> None:
    """Sign yourself out of one browser, or of all of them."""
    if (session is None) is not everything:
        raise CommandFailedError(Status.USAGE, "name one session, or give --all")
    path = "/sessions" if session is None else f"/sessions/{check_id(session, 'session')}"
    with Client(profile.load()) as client:
        if session is None:
            confirm("End them?", "Every browser has to sign in again.", yes=yes)
        client.delete(path)
    say("Signed out.")
