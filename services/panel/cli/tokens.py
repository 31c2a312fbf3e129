"""`fediversity tokens`: what programs act with."""

import sys
from typing import Annotated

import typer

from . import profile
from .client import Client
from .options import AsJson, Yes, check_id, confirm
from .output import say, show_json, show_table

app = typer.Typer(
    help="Make tokens for programs, list and revoke them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_tokens(*, as_json: AsJson = False) -> None:
    """List your tokens for the operator, newest first; to owners, everybody's."""
    with Client(profile.load()) as client:
        items = client.list_all("/tokens")
    if as_json:
        show_json(items)
        return
    rows = [
        (
            it["id"],
            it["name"],
            it["person_name"],
            " ".join(it["scopes"]),
            it["expires_at"],
            it["last_used_at"],
        )
        for it in items
    ]
    show_table(("Token", "Name", "Of", "May", "Until", "Last used"), rows)


@app.command("create")
def create_token(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[
        list[str],
        typer.Option("--scope", "-s", help="Such as deployments:read; may be repeated."),
    ],
    *,
    days: Annotated[int, typer.Option(min=1, max=365, help="How long it lasts.")] = 90,
    as_json: AsJson = False,
) -> None:
    """Make a token that may do no more than yours; it is printed this once."""
    with Client(profile.load()) as client:
        # Asked once and never again by itself: a token that is lost cannot be repeated.
        made = client.post("/tokens", {"name": name, "scopes": scope, "days": days})
    say("Keep this token now: it is not shown again.", "yellow")
    if as_json:
        show_json(made)
    else:
        sys.stdout.write(f"id\t{made['id']}\ntoken\t{made['token']}\n")


@app.command("revoke")
def revoke_token(
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="Its id, not the token itself.")],
    *,
    yes: Yes = False,
) -> None:
    """Let a token open nothing any more, at once."""
    path = f"/tokens/{check_id(token, 'token')}"
    with Client(profile.load()) as client:
        found = client.get(path)
        told = f"Whatever uses {found['name']} stops working."
        confirm("Revoke it?", told, yes=yes)
        client.delete(path)
    say("The token is revoked.")
