"""`fediversity run`: list, show, watch, report, cancel and retry runs."""

import uuid
from typing import Annotated

import typer

from . import profile
from .client import Client, Json
from .deployments import get_deployment
from .options import AsJson, Key, Timeout, Verbose, Wait, WatchTimeout, check_id, check_waiting
from .output import say, seconds, show_json, show_table, show_text
from .watching import HELD, conclude, follow, watch

app = typer.Typer(
    help="List, show, watch, report, cancel and retry runs.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id of the run.")]


@app.command("list")
def list_runs(
    deployment: Annotated[str, typer.Argument(help="Its id or its domain.")],
    *,
    as_json: AsJson = False,
) -> None:
    """List the runs of a deployment, newest first."""
    with Client(profile.load()) as client:
        found = get_deployment(client, deployment)
        items = client.list_all(f"/deployments/{found['id']}/runs")
    if as_json:
        show_json(items)
        return
    rows = [(it["id"], it["number"], it["kind"], it["state"], it["created_at"]) for it in items]
    show_table(("Run", "Number", "Kind", "State", "Asked for"), rows)


@app.command("show")
def show_run(run: RunId, *, as_json: AsJson = False) -> None:
    """Show a run and its steps."""
    with Client(profile.load()) as client:
        found = client.get(f"/runs/{check_id(run, 'run')}")
    if as_json:
        show_json(found)
        return
    _introduce(found)
    rows = [
        (it["service"], it["name"], it["status"], seconds(it["seconds"])) for it in found["steps"]
    ]
    show_table(("Service", "Step", "Status", "Took"), rows)


@app.command("watch")
def watch_run(
    run: RunId, *, timeout: WatchTimeout = None, verbose: Verbose = False, as_json: AsJson = False
) -> None:
    """Watch a run until it has ended; one that has ended is shown from its beginning."""
    with Client(profile.load()) as client:
        found = watch(
            client, client.get(f"/runs/{check_id(run, 'run')}"), timeout=timeout, verbose=verbose
        )
    conclude(found, as_json=as_json)


@app.command("report")
def report_run(run: RunId) -> None:
    """Print a run for the hosting provider, without secrets, names and addresses."""
    with Client(profile.load()) as client:
        show_text(client.read(f"/runs/{check_id(run, 'run')}/report"))


@app.command("cancel")
def cancel_run(run: RunId, *, idempotency_key: Key = None, as_json: AsJson = False) -> None:
    """Cancel a run: at once when it waits, after its current step when it has begun."""
    path = f"/runs/{check_id(run, 'run')}/cancel"
    with Client(profile.load()) as client:
        found = client.post(path, key=idempotency_key or str(uuid.uuid4()))
    if as_json:
        show_json(found)
    elif found["state"] == "cancelled":
        say(f"Run {found['number']} is cancelled; nothing of it was begun or goes on.")
    else:
        say(f"Run {found['number']} stops after its current step, unless it ends before.")


@app.command("retry")
def retry_run(  # noqa: PLR0913 - one parameter per option of the command line
    run: RunId,
    *,
    wait: Wait = False,
    timeout: Timeout = None,
    idempotency_key: Key = None,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Try again what a run did not do: a new run, and what waited for the old one after it."""
    check_waiting(timeout, wait=wait)
    path = f"/runs/{check_id(run, 'run')}/retry"
    with Client(profile.load()) as client:
        found = client.post(path, key=idempotency_key or str(uuid.uuid4()))
        follow(client, found, wait=wait, timeout=timeout, verbose=verbose, as_json=as_json)


def _introduce(run: Json) -> None:
    say(f"Run {run['number']}: {run['kind']}, {run['state']}. {seconds(run['seconds'])}")
    if run["held_by"]:
        say(f"Held by dead letter {run['held_by']}: {HELD}.", "yellow")
    if run["failure"]:
        say(f"{run['failure']['what']}: {run['failure']['why']}", "red")
        say(f"State: {run['failure']['left']}")
        say(f"Next:  {run['failure']['next']}")
