"""`fediversity deploy`, `deployments` and `remove`."""

import uuid
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from shared import ids

from . import options, profile
from .client import Client, Json
from .failures import CommandFailedError, Status
from .options import AsJson, Key, Timeout, Verbose, Wait
from .output import say, show_json, show_table
from .watching import follow

Applications = Annotated[
    list[str] | None, typer.Option("--application", "-a", help="An application; may be repeated.")
]
Hosts = Annotated[
    list[str] | None, typer.Option("--host", help="[APPLICATION=]HOST, such as hello=hi.a.example.")
]
Options = Annotated[
    list[str] | None, typer.Option("--option", "-o", help="[APPLICATION:]NAME=VALUE.")
]
OptionFiles = Annotated[
    list[str] | None,
    typer.Option("--option-file", help="[APPLICATION:]NAME=FILE; for secrets and long texts."),
]


def deploy(  # noqa: PLR0913 - one parameter per option of the command line
    domain: Annotated[str, typer.Argument(help="Your domain, or the id of a deployment.")],
    application: Applications = None,
    option: Options = None,
    option_file: OptionFiles = None,
    host: Hosts = None,
    *,
    wait: Wait = False,
    timeout: Timeout = None,
    idempotency_key: Key = None,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Deploy applications on a domain: a new deployment, or a change of one.

    Name every application and option each time: applications that are not named are taken away,
    options return to their defaults. Host names and secret options stay.

    Without --application, what is staged is deployed as it is.
    """
    options.check_waiting(timeout, wait=wait)
    chosen = Chosen(application or [], option or [], option_file or [], host or [])
    with Client(profile.load()) as client:
        found = _find(client, domain)
        if found is None:
            found = client.post(
                "/deployments",
                {"domain": domain, "applications": chosen.applications(client)},
                key=idempotency_key,
            )
            say(f"Created deployment {found['id']} on {found['domain']}.")
        elif chosen.is_any:
            body = {"applications": chosen.applications(client)}
            path = f"/deployments/{found['id']}/configuration"
            staged = client.replace(path, body, found["version"])
            for it in staged["leaving"]:
                say(it["message"], "yellow")
        # A key of our own makes it safe to ask again when the answer was lost.
        key = idempotency_key or str(uuid.uuid4())
        run = client.post(f"/deployments/{found['id']}/deploy", key=key)
        follow(client, run, wait=wait, timeout=timeout, verbose=verbose, as_json=as_json)
        if wait and not as_json:
            _show_urls(client.get(f"/deployments/{found['id']}"))


def list_deployments(
    deployment: Annotated[
        str | None, typer.Argument(help="Show this one, by id or domain.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List your deployments, or show one."""
    with Client(profile.load()) as client:
        if deployment is None:
            items = client.list_all("/deployments")
        else:
            items = [get_deployment(client, deployment)]
    if as_json:
        show_json(items if deployment is None else items[0])
        return
    for it in items:
        for ailment in it["ailments"]:
            since, message = ailment["since"], ailment["message"]
            say(f"{it['domain']}: {ailment['application']}: {message} (since {since})", "yellow")
    rows = [
        (it["id"], it["domain"], it["status"], reached["application"], reached["url"])
        for it in items
        for reached in it["applications"]
    ]
    show_table(("Deployment", "Domain", "Status", "Application", "URL"), rows)


def remove(  # noqa: PLR0913 - one parameter per option of the command line
    deployment: Annotated[str, typer.Argument(help="Its id or its domain.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    wait: Wait = False,
    timeout: Timeout = None,
    idempotency_key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Remove a deployment, with its machines and its data."""
    options.check_waiting(timeout, wait=wait)
    with Client(profile.load()) as client:
        found = get_deployment(client, deployment)
        if not yes:
            say(f"This takes {found['domain']} away, with its data. There is no way back.")
            typer.confirm("Remove it?", abort=True, err=True)
        key = idempotency_key or str(uuid.uuid4())
        run = client.delete(f"/deployments/{found['id']}", key=key)
        ended = follow(client, run, wait=wait, timeout=timeout, as_json=as_json)
        for kept in (ended["receipt"] or {}).get("buckets_kept", []):
            say(f"Kept until {kept['until']}: {kept['bucket']}")


class Chosen:
    """The applications that a command line asks for."""

    def __init__(
        self,
        names: Sequence[str],
        values: Sequence[str],
        files: Sequence[str],
        hosts: Sequence[str],
    ) -> None:
        self._names = names
        self._values = options.parse(values, names)
        self._files = options.parse(files, names)
        self._hosts = dict(_host(text, names) for text in hosts)

    @property
    def is_any(self) -> bool:
        """Whether any application is named."""
        return bool(self._names)

    def applications(self, client: Client) -> list[Json]:
        """Return them as the API is asked for them."""
        if not self._names:
            raise CommandFailedError(Status.USAGE, "say what to deploy: --application NAME")
        return [self._application(client, name) for name in self._names]

    def _application(self, client: Client, name: str) -> Json:
        values, files = self._values[name], self._files[name]
        # An application that does not exist is the panel's to refuse, with those there are.
        schema = client.get(f"/applications/{name}/schema") if values or files else {}
        host = {"host": self._hosts[name]} if name in self._hosts else {}
        return {"application": name, "options": options.typed(schema, values, files)} | host


def _host(text: str, names: Sequence[str]) -> tuple[str, str]:
    name, has_name, host = text.rpartition("=")
    if not has_name and len(names) == 1:
        name = names[0]
    if name not in names:
        raise CommandFailedError(Status.USAGE, f"{text}: give hosts as APPLICATION=HOST")
    return name, host


def _show_urls(deployment: Json) -> None:
    show_table(
        ("Application", "URL"),
        [(it["application"], it["url"]) for it in deployment["applications"]],
    )


def _find(client: Client, wanted: str) -> dict[str, Any] | None:
    name = wanted.strip().lower()
    items = client.list_all("/deployments")
    return next((it for it in items if name in {it["id"], it["domain"]}), None)


def get_deployment(client: Client, wanted: str) -> dict[str, Any]:
    """Return a deployment by its id or its domain.

    Raises:
        CommandFailedError: there is none.
    """
    found = _find(client, wanted)
    if found is None and ids.is_id(wanted):
        return client.get(f"/deployments/{wanted}")  # one that was removed is in no list
    if found is None:
        raise CommandFailedError(Status.NOT_FOUND, f"you have no deployment {wanted}")
    return found
