"""`fediversity domains`: which records to set, and whether the world sees them."""

from typing import Annotated
from urllib.parse import quote

import typer

from . import profile
from .client import Client, Json
from .options import AsJson
from .output import say, show_json, show_table

app = typer.Typer(
    help="Show which records your domains need, and look whether they are set.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Name = Annotated[str, typer.Argument(metavar="DOMAIN", help="The domain.")]


@app.command("list")
def list_domains(*, as_json: AsJson = False) -> None:
    """List your domains, by name."""
    with Client(profile.load()) as client:
        items = client.list_all("/domains")
    if as_json:
        show_json(items)
        return
    rows = [
        (it["name"], it["state"], it["checked_at"], it["good_at"], len(it["deployments"]))
        for it in items
    ]
    show_table(("Domain", "State", "Looked at", "Last right", "Deployments"), rows)


@app.command("show")
def show_domain(domain: Name, *, as_json: AsJson = False) -> None:
    """Show the records that a domain needs, and what was found of them last."""
    with Client(profile.load()) as client:
        _show(client.get(_path(domain)), as_json=as_json)


@app.command("check")
def check_domain(domain: Name, *, as_json: AsJson = False) -> None:
    """Look now: ask the domain's own name servers and two resolvers about every record."""
    with Client(profile.load()) as client:
        _show(client.post(f"{_path(domain)}/checks"), as_json=as_json)


def _path(domain: str) -> str:
    return f"/domains/{quote(domain.strip().lower(), safe='')}"


def _show(found: Json, *, as_json: bool) -> None:
    if as_json:
        show_json(found)
        return
    if found["is_published"]:
        say(f"{found['name']}: the hosting provider publishes its names; nothing has to be set.")
    else:
        say(f"{found['name']}: {found['state']}. Looked at: {found['checked_at'] or 'not yet'}.")
    for it in found["records"]:
        if it["advice"]:
            say(it["advice"], "yellow")
    rows = [
        (it["type"], it["host"], it["name"], ", ".join(it["values"]) or "none", it["state"])
        for it in found["records"]
    ]
    show_table(("Type", "Host", "Name", "Value", "State"), rows)
