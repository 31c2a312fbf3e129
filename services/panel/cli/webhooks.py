"""`fediversity webhooks`: have what happens sent to your own programs, and see how that went."""

import sys
from typing import Annotated, Final

import typer

from . import profile
from .client import Client, Json
from .failures import CommandFailedError, Status
from .options import AsJson, Yes, check_id, confirm
from .output import say, show_json, show_table

app = typer.Typer(
    help="Have what happens sent to your own programs, and see how that went.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Endpoint = Annotated[str, typer.Argument(metavar="ENDPOINT", help="Id of the endpoint.")]
Delivery = Annotated[str, typer.Argument(metavar="DELIVERY", help="Id of the delivery.")]
PATH: Final = "/webhook-endpoints"
STDIN: Final = "-"


@app.command("list")
def list_endpoints(*, as_json: AsJson = False) -> None:
    """List where happenings are sent."""
    with Client(profile.load()) as client:
        items = client.list_all(PATH)
    if as_json:
        show_json(items)
        return
    rows = [(it["id"], it["url"], _state(it), len(it["types"]), it["description"]) for it in items]
    show_table(("Endpoint", "URL", "State", "Types", "Description"), rows)


@app.command("add")
def add_endpoint(
    url: Annotated[
        str, typer.Argument(help="Where to send; - reads it from stdin, if it holds a secret.")
    ],
    type_: Annotated[
        list[str] | None,
        typer.Option("--type", "-t", help="A type such as run.failed; may be repeated."),
    ] = None,
    *,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    as_json: AsJson = False,
) -> None:
    """Have happenings sent to a URL; its secret is printed this once.

    Without --type you get results: how runs and backups ended, and what became of deployments.
    """
    asked: Json = {"url": sys.stdin.readline().strip() if url == STDIN else url}
    asked |= {"description": description} | ({"types": type_} if type_ else {})
    with Client(profile.load()) as client:
        # Asked once and never again by itself: a secret that is lost cannot be repeated.
        _show_secret(client.post(PATH, asked), as_json=as_json)


@app.command("change")
def change_endpoint(
    endpoint: Endpoint,
    *,
    url: Annotated[
        str | None, typer.Option(help="Where to send; - reads it from stdin, if it holds a secret.")
    ] = None,
    type_: Annotated[
        list[str] | None,
        typer.Option("--type", "-t", help="Takes the place of all before; may be repeated."),
    ] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    as_json: AsJson = False,
) -> None:
    """Change where happenings are sent, which, or what that is for; the rest stays as it is."""
    given = {"url": sys.stdin.readline().strip() if url == STDIN else url}
    wished: Json = given | {"types": type_ or None, "description": description}
    changes = {name: it for name, it in wished.items() if it is not None}
    if not changes:
        raise CommandFailedError(Status.USAGE, "give one of --url, --type and --description")
    _change(endpoint, changes, "It is changed.", as_json=as_json)


@app.command("disable")
def disable_endpoint(endpoint: Endpoint, *, as_json: AsJson = False) -> None:
    """Send nothing there any more, for now; what waits is given up."""
    _change(endpoint, {"enabled": False}, "It is switched off.", as_json=as_json)


@app.command("enable")
def enable_endpoint(endpoint: Endpoint, *, as_json: AsJson = False) -> None:
    """Send happenings there again, also when failures had switched it off."""
    _change(endpoint, {"enabled": True}, "It is switched on.", as_json=as_json)


@app.command("rotate")
def rotate_secret(
    endpoint: Endpoint,
    *,
    overlap_hours: Annotated[
        int, typer.Option(min=0, max=168, help="For how long old secrets sign as well.")
    ] = 24,
    as_json: AsJson = False,
) -> None:
    """Make a new secret, printed this once; for a while the old ones sign as well."""
    with Client(profile.load()) as client:
        made = client.post(f"{_path(endpoint)}/rotate", {"overlap_hours": overlap_hours})
    _show_secret(made, as_json=as_json)


@app.command("test")
def try_endpoint(endpoint: Endpoint, *, as_json: AsJson = False) -> None:
    """Send a message now, and show what the receiver really answered."""
    with Client(profile.load()) as client:
        _show_delivery(client.post(f"{_path(endpoint)}/test"), as_json=as_json)


@app.command("remove")
def remove_endpoint(endpoint: Endpoint, *, yes: Yes = False) -> None:
    """Send nothing there any more, and forget what was sent."""
    path = _path(endpoint)
    with Client(profile.load()) as client:
        found = client.get(path)
        told = f"Nothing more is sent to {found['url']}, and its deliveries are forgotten."
        confirm("Remove it?", told, yes=yes)
        client.delete(path)
    say("It is removed.")


@app.command("deliveries")
def list_deliveries(
    endpoint: Endpoint,
    delivery: Annotated[str | None, typer.Argument(help="Show this one with its body.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List what was sent to an endpoint in the last 30 days, newest first, or show one."""
    path = f"{_path(endpoint)}/deliveries"
    with Client(profile.load()) as client:
        if delivery is not None:
            show_json(client.get(f"{path}/{check_id(delivery, 'delivery')}"))
            return
        items = client.list_all(path)
    if as_json:
        show_json(items)
        return
    rows = [
        (it["id"], it["type"], it["state"], it["attempt"], it["created_at"], _said(it))
        for it in items
    ]
    show_table(("Delivery", "Type", "State", "Attempt", "Happened", "Answer"), rows)


@app.command("resend")
def resend(endpoint: Endpoint, delivery: Delivery, *, as_json: AsJson = False) -> None:
    """Send a message again, under the same webhook-id."""
    path = f"{_path(endpoint)}/deliveries/{check_id(delivery, 'delivery')}/resend"
    with Client(profile.load()) as client:
        _show_delivery(client.post(path), as_json=as_json)


def _path(endpoint: str) -> str:
    return f"{PATH}/{check_id(endpoint, 'endpoint')}"


def _change(endpoint: str, changes: Json, told: str, *, as_json: bool) -> None:
    path = _path(endpoint)
    with Client(profile.load()) as client:
        found = client.get(path)
        changed = client.replace(path, changes, found["version"], method="PATCH")
    if as_json:
        show_json(changed)
    say(told)


def _state(endpoint: Json) -> str:
    if not endpoint["enabled"]:
        return "switched off"
    return "does not answer" if endpoint["failing_since"] else "in use"


def _said(delivery: Json) -> str:
    return delivery["answer"]["reason"] if delivery["answer"] else ""


def _show_secret(made: Json, *, as_json: bool) -> None:
    say("Keep this secret now: it is not shown again.", "yellow")
    if as_json:
        show_json(made)
        return
    # No table: a narrow terminal would break the secret into lines.
    sys.stdout.write(f"id\t{made['id']}\nsecret\t{made['secret']}\n")


def _show_delivery(delivery: Json, *, as_json: bool) -> None:
    if as_json:
        show_json(delivery)
    else:
        say(f"Delivery {delivery['id']} is {delivery['state']}. {_said(delivery)}".strip())
