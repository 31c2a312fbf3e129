"""`fediversity credentials`: how to sign in to applications for the first time."""

import sys
from typing import Annotated
from urllib.parse import quote

import typer

from . import profile
from .client import Client, Json
from .deployments import get_deployment
from .options import AsJson
from .output import say, show_json, show_table

Reveal = Annotated[
    str | None,
    typer.Option(metavar="APPLICATION", help="Print the password of this one. Possible once."),
]


def show_credentials(
    deployment: Annotated[str, typer.Argument(help="Its id or its domain.")],
    *,
    reveal: Reveal = None,
    as_json: AsJson = False,
) -> None:
    """List how to sign in to your applications for the first time, or reveal one password."""
    with Client(profile.load()) as client:
        path = f"/deployments/{get_deployment(client, deployment)['id']}/credentials"
        if reveal is None:
            _list(client.list_all(path), as_json=as_json)
        else:
            # Asked once and never again by itself: an answer that is lost cannot be repeated.
            _reveal(client.post(f"{path}/{quote(reveal, safe='')}/reveal"), as_json=as_json)


def _list(items: list[Json], *, as_json: bool) -> None:
    if as_json:
        show_json(items)
        return
    rows = [(it["application"], it["user"], _password(it), it["url"]) for it in items]
    show_table(("Application", "User", "Password", "URL"), rows)


def _password(credential: Json) -> str:
    return "revealed" if credential["revealed"] else "not revealed yet"


def _reveal(revealed: Json, *, as_json: bool) -> None:
    say("Keep this password now: it is not shown again.", "yellow")
    if as_json:
        show_json(revealed)
        return
    # No table: a narrow terminal would break the password into lines.
    for name in ("user", "password", "url"):
        sys.stdout.write(f"{name}\t{revealed[name] or ''}\n")
