"""`fediversity provider`: for the hosting provider, what concerns all operators."""

from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from . import profile
from .activity import (
    COLUMNS,
    Action,
    Format,
    Limit,
    Object,
    Person,
    Since,
    Until,
    narrowed,
    show,
    take_away,
)
from .client import Client, Json
from .failures import CommandFailedError, Status
from .options import AsJson, check_id
from .output import say, show_json, show_table

app = typer.Typer(
    help="For the hosting provider: what concerns all operators.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
OperatorId = Annotated[str, typer.Argument(metavar="OPERATOR", help="Id of the operator.")]
Application = Annotated[str, typer.Argument(help="Name of the application.")]
QUOTAS: Final = ("deployments", "applications", "storage_gib", "backups")
UNLIMITED: Final = "unlimited"
MOST: Final = "A number, or unlimited; it stays as it is when left out."


@app.command("operators")
def list_operators(
    operator: Annotated[str | None, typer.Argument(help="Show this one, by id.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List operators with what they have and may have, or show one."""
    with Client(profile.load()) as client:
        if operator is None:
            items = client.list_all("/provider/operators")
        else:
            items = [client.get(_path(operator))]
    if as_json:
        show_json(items if operator is None else items[0])
        return
    _show_operators(items)


@app.command("quota")
def set_quota(  # noqa: PLR0913 - one parameter per option of the command line
    operator: OperatorId,
    *,
    deployments: Annotated[str | None, typer.Option(help=MOST)] = None,
    applications: Annotated[str | None, typer.Option(help=MOST)] = None,
    storage_gib: Annotated[str | None, typer.Option(help=MOST)] = None,
    backups: Annotated[str | None, typer.Option(help=MOST)] = None,
    as_json: AsJson = False,
) -> None:
    """Decide how much an operator may have; what it has already, it keeps."""
    given = (deployments, applications, storage_gib, backups)
    wanted = {name: _limit(it) for name, it in zip(QUOTAS, given, strict=True) if it is not None}
    if not wanted:
        raise CommandFailedError(Status.USAGE, "say what to change, such as --deployments 3")
    with Client(profile.load()) as client:
        quota = client.get(_path(operator))["quota"]
        body = {name: quota[name] for name in QUOTAS} | wanted
        path = f"{_path(operator)}/quota"
        found = client.replace(path, body, quota["version"], method="PUT")
    if as_json:
        show_json(found)
    else:
        _show_operators([found])


@app.command("runs")
def list_troubled(*, as_json: AsJson = False) -> None:
    """List runs of all operators that are held, go on for long, or failed lately."""
    with Client(profile.load()) as client:
        items = client.list_all("/provider/runs")
    if as_json:
        show_json(items)
        return
    rows = [
        (
            it["id"],
            it["operator_name"],
            it["domain"],
            it["kind"],
            it["trouble"],
            it["held_by"] or it["why"],
        )
        for it in items
    ]
    show_table(("Run", "Operator", "Domain", "Kind", "Trouble", "Held by, or why"), rows)


@app.command("machines")
def list_machines(*, as_json: AsJson = False) -> None:
    """List deployments with their machines and addresses, as far as they are known."""
    with Client(profile.load()) as client:
        items = client.list_all("/provider/machines")
    if as_json:
        show_json(items)
        return
    rows = [
        (
            one["machine"],
            it["operator_name"],
            it["domain"],
            " ".join(one["applications"]),
            one["ssh_address"],
            one["http_address"],
        )
        for it in items
        for one in it["machines"]
    ]
    show_table(("Machine", "Operator", "Domain", "Applications", "SSH", "HTTP"), rows)


@app.command("withhold")
def withhold(
    application: Application,
    reason: Annotated[str, typer.Argument(help="Why, for operators who look for it.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Let nobody choose an application anew; where it is deployed it goes on."""
    with Client(profile.load()) as client:
        found = client.put(_withheld(application), {"reason": reason})
    _show_application(found, as_json=as_json)


@app.command("offer")
def offer(application: Application, *, as_json: AsJson = False) -> None:
    """Let everybody choose an application again."""
    with Client(profile.load()) as client:
        found = client.delete(_withheld(application))
    _show_application(found, as_json=as_json)


@app.command("notice")
def set_notice(
    message: Annotated[
        str | None, typer.Argument(help="What every page is to say at its top.")
    ] = None,
    *,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Say nothing any more.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what every page says at its top, replace it, or withdraw it."""
    if withdraw and message is not None:
        raise CommandFailedError(Status.USAGE, "give a message or --withdraw, not both")
    with Client(profile.load()) as client:
        if withdraw:
            found = client.delete("/provider/notice")
        elif message is not None:
            found = client.put("/provider/notice", {"message": message})
        else:
            found = client.get("/notice")
    if as_json:
        show_json(found)
    else:
        say(f"Every page says: {found['message']}" if found["message"] else "Pages say nothing.")


@app.command("activity")
def list_activity(  # noqa: PLR0913 - one parameter per option of the command line
    *,
    operator: Annotated[str | None, typer.Option(help="Done for this one; an id.")] = None,
    action: Action = None,
    person: Person = None,
    object_: Object = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    export: Annotated[
        Format | None, typer.Option(help="Write all of it to stdout: csv or jsonl.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List what was done for any operator, newest first, or take it away."""
    query = narrowed(
        operator=operator,
        action=action,
        person=person,
        object=object_,
        since=since,
        until=until,
    )
    path = "/provider/audit-events"
    if export is None:
        show(path, query, limit, as_json=as_json)
    else:
        take_away(path, query, export, ("operator", "operator_name", *COLUMNS))


def _path(operator: str) -> str:
    return f"/provider/operators/{check_id(operator, 'operator')}"


def _withheld(application: str) -> str:
    return f"/provider/applications/{quote(application, safe='')}/withheld"


def _limit(text: str) -> int | None:
    if text == UNLIMITED:
        return None
    if not text.isdecimal():
        raise CommandFailedError(Status.USAGE, f"{text}: give a number, or {UNLIMITED}")
    return int(text)


def _show_operators(items: list[Json]) -> None:
    rows: list[list[Any]] = [
        [it["id"], it["name"], *(_share(it, name) for name in QUOTAS)] for it in items
    ]
    headings = ("Operator", "Name", "Deployments", "Applications", "Storage (GiB)", "Backups")
    show_table(headings, rows)


def _share(operator: Json, name: str) -> str:
    used, limit = operator["usage"][name], operator["quota"][name]
    return str(used) if limit is None else f"{used} of {limit}"


def _show_application(found: Json, *, as_json: bool) -> None:
    if as_json:
        show_json(found)
    elif found["is_offered"]:
        say(f"{found['name']} can be chosen.")
    else:
        say(f"{found['name']} cannot be chosen: {found['reason']}")
