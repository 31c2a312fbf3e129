"""`fediversity dead-letters`: what could not be handled, for the hosting provider to decide."""

from typing import Annotated

import typer

from . import profile
from .client import Client, Json
from .options import AsJson, check_id
from .output import say, show_json, show_table

app = typer.Typer(
    help="For the hosting provider: messages that a service could not handle.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
LetterId = Annotated[str, typer.Argument(metavar="ID", help="Id of the dead letter.")]
All = Annotated[bool, typer.Option("--all", help="Also those that were decided about.")]


@app.command("list")
def list_letters(*, everything: All = False, as_json: AsJson = False) -> None:
    """List them, newest first."""
    with Client(profile.load()) as client:
        items = client.list_all("/dead-letters", waiting=not everything)
    if as_json:
        show_json(items)
        return
    rows = [(it["id"], it["service"], it["event"], it["state"], it["reason"]) for it in items]
    show_table(("Dead letter", "Service", "Event", "State", "Why"), rows)


@app.command("show")
def show_letter(letter: LetterId, *, as_json: AsJson = False) -> None:
    """Show one."""
    with Client(profile.load()) as client:
        _show(client.get(f"/dead-letters/{check_id(letter, 'dead letter')}"), as_json=as_json)


@app.command("replay")
def replay_letter(letter: LetterId, *, as_json: AsJson = False) -> None:
    """Have the message handled again; if that fails too, it waits here again."""
    with Client(profile.load()) as client:
        _show(
            client.post(f"/dead-letters/{check_id(letter, 'dead letter')}/replay"), as_json=as_json
        )


@app.command("discard")
def discard_letter(letter: LetterId, *, as_json: AsJson = False) -> None:
    """Give the message up; the run that it belongs to ends failed."""
    with Client(profile.load()) as client:
        _show(
            client.post(f"/dead-letters/{check_id(letter, 'dead letter')}/discard"), as_json=as_json
        )


def _show(letter: Json, *, as_json: bool) -> None:
    if as_json:
        show_json(letter)
        return
    say(f"{letter['service']} could not handle {letter['event'] or 'a message'}")
    say(f"Why: {letter['reason']}")
    say(f"Run: {letter['run'] or 'none'}")
    say(f"Now: {_NOW[letter['state']]}")


_NOW = {
    "waiting": "it waits for a decision: replay or discard",
    "replayed": "it is handled again; if that fails too, it waits here again",
    "discarded": "it was given up",
}
