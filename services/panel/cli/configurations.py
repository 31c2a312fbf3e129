"""`fediversity configuration`: what was deployed, what changed, and deploying it again."""

import json
import uuid
from typing import Annotated, Final

import typer

from . import profile
from .client import Client, Json
from .deployments import get_deployment
from .failures import CommandFailedError, Status
from .options import AsJson, Key, Timeout, Verbose, Wait, Yes, check_waiting, confirm
from .output import say, show_json, show_table
from .watching import follow

app = typer.Typer(
    help="Look back at what was deployed, compare, and deploy an earlier revision again.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
SECRET: Final = "(secret)"  # noqa: S105 - what is shown in its place
Deployment = Annotated[str, typer.Argument(help="Its id or its domain.")]
Number = Annotated[int, typer.Argument(min=1, metavar="REVISION", help="Number of the revision.")]
AnyNumber = Annotated[
    int | None,
    typer.Argument(min=1, metavar="REVISION", help="A revision; else what is staged."),
]


@app.command("history")
def list_revisions(deployment: Deployment, *, as_json: AsJson = False) -> None:
    """List what was or will be deployed, newest first."""
    with Client(profile.load()) as client:
        items = client.list_all(f"{_path(client, deployment)}/revisions")
    if as_json:
        show_json(items)
        return
    rows = [
        (
            it["number"],
            it["created_at"],
            it["created_by"],
            it["deployed_at"] or "never",
            ", ".join(one["application"] for one in it["applications"]),
        )
        for it in items
    ]
    show_table(("Revision", "Made", "By", "Ran last from", "Applications"), rows)


@app.command("show")
def show_configuration(
    deployment: Deployment, revision: AnyNumber = None, *, as_json: AsJson = False
) -> None:
    """Show what is staged, or a revision; secrets are never shown."""
    with Client(profile.load()) as client:
        path = _path(client, deployment)
        part = "configuration" if revision is None else f"revisions/{revision}"
        found = client.get(f"{path}/{part}")
    if as_json:
        show_json(found)
        return
    if revision is None and found["has_changes"]:
        say("This is staged, and differs from what runs: see configuration diff.", "yellow")
    shown = found["staged"] if revision is None else found
    rows = [
        (it["application"], it["version"], it["host"], name, value)
        for it in shown["applications"]
        for name, value in _options(it)
    ]
    show_table(("Application", "Version", "Host", "Option", "Value"), rows)


@app.command("diff")
def compare(
    deployment: Deployment,
    revision: AnyNumber = None,
    *,
    since: Annotated[
        int | None, typer.Option(min=1, help="The earlier revision; else the one before.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a revision changed, or what deploying would change of what runs."""
    if revision is None and since is not None:
        raise CommandFailedError(Status.USAGE, "--since is for a revision: name one")
    with Client(profile.load()) as client:
        path = _path(client, deployment)
        if revision is None:
            found = client.get(f"{path}/configuration/changes")
        else:
            query = {} if since is None else {"since": since}
            found = client.get(f"{path}/revisions/{revision}/changes", **query)
    if as_json:
        show_json(found)
        return
    before, after = found["since"] or "nothing", found["until"] or "what is staged"
    say(f"From {before} to {after}.")
    show_table(("Application", "Change", "Option", "Before", "After"), _changes(found))


@app.command("deploy")
def deploy_revision(  # noqa: PLR0913 - one parameter per option of the command line
    deployment: Deployment,
    revision: Number,
    *,
    wait: Wait = False,
    timeout: Timeout = None,
    idempotency_key: Key = None,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Deploy a revision as it was, secrets included; what is staged gives way, data stays."""
    check_waiting(timeout, wait=wait)
    with Client(profile.load()) as client:
        found = get_deployment(client, deployment)
        path = f"/deployments/{found['id']}/revisions/{revision}/deploy"
        key = idempotency_key or str(uuid.uuid4())
        run = client.replace(path, None, found["version"], key=key)
        follow(client, run, wait=wait, timeout=timeout, verbose=verbose, as_json=as_json)


@app.command("discard")
def discard_changes(deployment: Deployment, *, yes: Yes = False, as_json: AsJson = False) -> None:
    """Discard the changes that are staged: what runs takes their place."""
    with Client(profile.load()) as client:
        path = f"{_path(client, deployment)}/configuration"
        found, told = client.get(path), "Nothing is different from what runs."
        changes = client.get(f"{path}/changes")["changes"]
        if changes:
            names = ", ".join(it["application"] for it in changes)
            confirm("Discard the changes?", f"What was changed of {names} is lost.", yes=yes)
            found = client.replace(f"{path}/discard", None, found["staged"]["version"])
            told = "The changes are discarded: what runs is staged."
    if as_json:
        show_json(found)
    say(told)


def _path(client: Client, deployment: str) -> str:
    return f"/deployments/{get_deployment(client, deployment)['id']}"


def _options(application: Json) -> list[tuple[str, str]]:
    plain = [(name, _shown(value)) for name, value in application["options"].items()]
    secret = [(name, SECRET) for name in application["secret_options"]]
    return plain + secret or [("", "")]


def _changes(found: Json) -> list[tuple[str, str, str, str, str]]:
    rows = []
    for it in found["changes"]:
        options = it["options"]
        if it["kind"] != "changed" or not options:
            rows.append((it["application"], it["kind"], "", "", ""))
            continue
        for one in options:
            name = ".".join(one["path"])
            values = (SECRET, SECRET) if one["is_secret"] else (one["before"], one["after"])
            before, after = (_shown(value) for value in values)
            rows.append((it["application"], it["kind"], name, before, after))
    return rows


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
