"""The commands, put together."""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from . import (
    activity,
    applications,
    backups,
    configurations,
    credentials,
    dead_letters,
    deployments,
    domains,
    embedded,
    interventions,
    notifications,
    people,
    profile,
    provider,
    runs,
    sessions,
    tokens,
    webhooks,
)
from .client import Client
from .failures import CommandFailedError, Status
from .options import AsJson
from .output import say, show_json, stderr
from .profile import CA_FILE_VARIABLE, TOKEN_FILE_VARIABLE, URL_VARIABLE, Profile

TokenOnStdin = Annotated[bool, typer.Option("--token-stdin", help="Read the token from stdin.")]
EPILOG: Final = (
    "Exit status: 0 done, 1 the run failed, 2 wrong usage, 3 not signed in or not allowed, 4 not "
    "found, 5 not possible now, 6 time is up while waiting, 7 the panel cannot be reached. "
    f"Instead of what login keeps: {URL_VARIABLE}, {TOKEN_FILE_VARIABLE}, {CA_FILE_VARIABLE}."
)
app = typer.Typer(
    help="Deploy fediverse applications under your own domain.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("applications")(applications.list_applications)
app.command("credentials")(credentials.show_credentials)
app.command("deploy")(deployments.deploy)
app.command("deployments")(deployments.list_deployments)
app.command("pause", help="Let applications stand still; visitors are told to come back later.")(
    interventions.command("pause")
)
app.command("remove")(deployments.remove)
app.command("restart", help="Stop the applications of a deployment and start them again.")(
    interventions.command("restart")
)
app.command("restore")(backups.restore)
app.command("resume", help="Let paused applications go on.")(interventions.command("resume"))
app.add_typer(activity.app, name="activity")
app.add_typer(backups.app, name="backups")
app.add_typer(configurations.app, name="configuration")
app.add_typer(domains.app, name="domains")
app.add_typer(people.invitations, name="invitations")
app.add_typer(notifications.app, name="notifications")
app.add_typer(people.app, name="people")
app.add_typer(runs.app, name="run")
app.add_typer(sessions.app, name="sessions")
app.add_typer(tokens.app, name="tokens")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(provider.app, name="provider")
embedded.install(app)


@app.command()
def login(
    url: Annotated[str, typer.Option(help="URL of the panel.")],
    *,
    token_file: Annotated[Path | None, typer.Option(help="File that holds the token.")] = None,
    token_stdin: TokenOnStdin = False,
    ca_file: Annotated[Path | None, typer.Option(help="Certificate authority to trust.")] = None,
) -> None:
    """Sign in: keep where the panel is and your token.

    The hosting provider gives you the token. It never stands on a command line, which others see.
    """
    if (token_file is None) is not token_stdin:
        raise CommandFailedError(Status.USAGE, "give one of --token-file and --token-stdin")
    token = profile.read_token(token_file) if token_file else sys.stdin.readline().strip()
    authority = str(ca_file.resolve()) if ca_file else None
    found = Profile(url.rstrip("/"), token, authority)
    with Client(found) as client:
        me = client.get("/me")
    file = profile.save(found)
    say(f"Signed in as {me['person_name']} of {me['operator_name']}; kept in {file}.")


@app.command("me")
def show_me(as_json: AsJson = False) -> None:  # noqa: FBT002 - a flag
    """Show who you are and what your token may do."""
    with Client(profile.load()) as client:
        me = client.get("/me")
    if as_json:
        show_json(me)
    else:
        who = f"{me['person_name']} of {me['operator_name']} ({me['role']})"
        say(f"{who}: {', '.join(me['scopes'])}")


def run() -> None:
    """Run a command; a failure is one line on stderr and an exit status."""
    try:
        app()
    except CommandFailedError as error:
        stderr.print(f"fediversity: {error.message}", style="red", markup=False)
        sys.exit(error.status)
