"""`fediversity backups` and `restore`: make backups, look at them, bring them back, remove them."""

import time
import uuid
from typing import Annotated, Final

import typer

from shared import program

from . import profile
from .client import Client, Json
from .deployments import get_deployment
from .options import AsJson, Key, Timeout, Verbose, Wait, check_id, check_waiting
from .output import say, show_json, show_table
from .watching import conclude, follow, watch

app = typer.Typer(
    help="Make backups, look at them, remove them.", no_args_is_help=True, rich_markup_mode=None
)
BackupId = Annotated[str, typer.Argument(metavar="BACKUP", help="Id of the backup.")]
Removed = Annotated[bool, typer.Option("--removed", help="Also those that were removed.")]
UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")
STEP: Final = 1024


@app.command("list")
def list_backups(
    deployment: Annotated[
        str | None, typer.Argument(help="Those of this one, by id or domain; else all.")
    ] = None,
    *,
    removed: Removed = False,
    as_json: AsJson = False,
) -> None:
    """List backups, newest first, those of removed deployments too."""
    with Client(profile.load()) as client:
        path = "/backups"
        if deployment is not None:
            path = f"/deployments/{get_deployment(client, deployment)['id']}/backups"
        items = client.list_all(path, removed=removed)
    if as_json:
        show_json(items)
        return
    rows = [(it["id"], it["domain"], _state(it), it["taken_at"], size(it["bytes"])) for it in items]
    show_table(("Backup", "Domain", "State", "Taken", "Size"), rows)


@app.command("create")
def create_backup(  # noqa: PLR0913 - one parameter per option of the command line
    deployment: Annotated[str, typer.Argument(help="Its id or its domain.")],
    *,
    wait: Wait = False,
    timeout: Timeout = None,
    idempotency_key: Key = None,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Back up a deployment; its applications go on meanwhile."""
    check_waiting(timeout, wait=wait)
    with Client(profile.load()) as client:
        found = get_deployment(client, deployment)
        key = idempotency_key or str(uuid.uuid4())
        run = client.post(f"/deployments/{found['id']}/backups", key=key)
        say(f"Backup {run['backup']} of {found['domain']}.")
        follow(client, run, wait=wait, timeout=timeout, verbose=verbose, as_json=as_json)


@app.command("show")
def show_backup(backup: BackupId, *, as_json: AsJson = False) -> None:
    """Show a backup: what it holds, and what it does not."""
    with Client(profile.load()) as client:
        found = client.get(f"/backups/{check_id(backup, 'backup')}")
    if as_json:
        show_json(found)
        return
    taken = found["taken_at"] or "not yet"
    say(f"Backup of {found['domain']}, {_state(found)}. Taken: {taken}. {size(found['bytes'])}")
    for it in found["applications"]:
        for left_out in it["not_included"]:
            say(f"{it['application']}: not included: {left_out}", "yellow")
    rows = [
        (
            it["application"],
            it["version"],
            it["rows"],
            it["files"],
            it["objects"],
            size(it["bytes"]),
        )
        for it in found["applications"]
    ]
    show_table(("Application", "Version", "Rows", "Files", "Objects", "Size"), rows)


@app.command("remove")
def remove_backup(  # noqa: PLR0913 - one parameter per option of the command line
    backup: BackupId,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    wait: Wait = False,
    timeout: Timeout = None,
    idempotency_key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Remove a backup for good."""
    check_waiting(timeout, wait=wait)
    path = f"/backups/{check_id(backup, 'backup')}"
    with Client(profile.load()) as client:
        found = client.get(path)
        if not yes:
            taken = found["taken_at"] or "never completed"
            say(f"This takes a backup of {found['domain']} away ({taken}). There is no way back.")
            typer.confirm("Remove it?", abort=True, err=True)
        run = client.delete(path, key=idempotency_key or str(uuid.uuid4()))
        follow(client, run, wait=wait, timeout=timeout, as_json=as_json)


def restore(  # noqa: PLR0913 - one parameter per option of the command line
    backup: BackupId,
    *,
    domain: Annotated[
        str | None, typer.Option(help="Restore as a new deployment, on this domain.")
    ] = None,
    no_backup_first: Annotated[
        bool,
        typer.Option(
            "--no-backup-first",
            help="In place: do not keep what is there, which may be damaged too far to be saved.",
        ),
    ] = False,
    wait: Wait = False,
    timeout: Timeout = None,
    idempotency_key: Key = None,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Bring a backup back: in place, or as a new deployment on a domain.

    In place, what is there is backed up first and then replaced. A removed deployment comes back
    as a new one, on its old domain unless you give another. On another domain, read the warnings.
    """
    check_waiting(timeout, wait=wait)
    path = f"/backups/{check_id(backup, 'backup')}/restore"
    asked: Json = {} if domain is None else {"domain": domain}
    if no_backup_first:
        asked["backup_first"] = False
    with Client(profile.load()) as client:
        found = client.post(path, asked, key=idempotency_key or str(uuid.uuid4()))
        _introduce(client, found)
        if wait:
            ended = _watch_all(client, found["runs"], timeout=timeout, verbose=verbose)
            conclude(ended, as_json=as_json)
        elif as_json:
            show_json(found)
        else:
            last = found["run"]
            watching = f"{program.typed()} run watch {last['id']}"
            say(f"Run {last['number']} is the last of them. Watch it: {watching}")


def _introduce(client: Client, restoration: Json) -> None:
    deployment = client.get(f"/deployments/{restoration['deployment']}")
    kinds = ", ".join(f"{it['number']} ({it['kind']})" for it in restoration["runs"])
    say(f"Restoring to deployment {deployment['id']} on {deployment['domain']}: runs {kinds}.")
    for it in restoration["warnings"]:
        say(f"Warning: {it}", "yellow")


def _watch_all(client: Client, runs: list[Json], *, timeout: float | None, verbose: bool) -> Json:
    """Watch runs one after the other until one does not succeed, and return the last watched."""
    began = time.monotonic()
    ended: Json = {}
    for run in runs:
        say(f"Run {run['number']}: {run['kind']}", "bold")
        left = None if timeout is None else max(0.0, began + timeout - time.monotonic())
        ended = watch(client, run, timeout=left, verbose=verbose)
        if ended["state"] != "succeeded":
            break
    return ended


def _state(backup: Json) -> str:
    return f"{backup['state']}, automatic" if backup["automatic"] else str(backup["state"])


def size(count: int | None) -> str:
    """Return a number of bytes as people read it."""
    if count is None:
        return ""
    value, unit = float(count), 0
    while value >= STEP and unit < len(UNITS) - 1:
        value, unit = value / STEP, unit + 1
    return f"{value:.0f} {UNITS[unit]}" if unit == 0 else f"{value:.1f} {UNITS[unit]}"
