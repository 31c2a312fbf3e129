"""`fediversity run`: show, watch and retry runs."""

from typing import Annotated

import typer

from shared import program

from . import profile
from .client import Client, Json
from .options import AsJson, Timeout, Verbose
from .output import say, seconds, show_json, show_table
from .watching import conclude, watch

app = typer.Typer(help="Show, watch and retry runs.", no_args_is_help=True, rich_markup_mode=None)
RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id of the run.")]


@app.command("show")
def show_run(run: RunId, *, as_json: AsJson = False) -> None:
    """Show a run and its steps."""
    with Client(profile.load()) as client:
        found = client.get(f"/runs/{run}")
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
    run: RunId, *, timeout: Timeout = None, verbose: Verbose = False, as_json: AsJson = False
) -> None:
    """Watch a run until it has ended; one that has ended is shown from its beginning."""
    with Client(profile.load()) as client:
        found = watch(client, client.get(f"/runs/{run}"), timeout=timeout, verbose=verbose)
    conclude(found, as_json=as_json)


@app.command("retry")
def retry_run(run: RunId, *, as_json: AsJson = False) -> None:
    """Try again what a failed run did not do."""
    with Client(profile.load()) as client:
        found = client.post(f"/runs/{run}/retry")
    if as_json:
        show_json(found)
    else:
        command = f"{program.typed()} run watch {found['id']}"
        say(f"Run {found['number']} is {found['state']}. Watch it: {command}")


def _introduce(run: Json) -> None:
    say(f"Run {run['number']}: {run['kind']}, {run['state']}. {seconds(run['seconds'])}")
    if run["held_by"]:
        say(f"Held by dead letter {run['held_by']}.", "yellow")
    if run["failure"]:
        say(f"{run['failure']['what']}: {run['failure']['why']}", "red")
        say(f"State: {run['failure']['outcome']}. Next: {run['failure']['next']}")
