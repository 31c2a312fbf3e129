"""Options that several commands have, and values given as name=value."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from shared import ids

from .failures import CommandFailedError, Status
from .output import say

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Watch the run until it has ended.")]
Timeout = Annotated[
    float | None, typer.Option(help="With --wait: seconds to wait for the end of the run.")
]
WatchTimeout = Annotated[
    float | None, typer.Option("--timeout", help="Seconds to wait for the end of the run.")
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show what the services write.")]
Key = Annotated[
    str | None,
    typer.Option("--idempotency-key", help="Asked again with the same key, this is done once."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
SECRET: Final = "x-secret"  # noqa: S105 - the name of an annotation
Schema = Mapping[str, Any]


def check_waiting(timeout: float | None, *, wait: bool) -> None:
    """Raise CommandFailedError when there is a limit to a wait that nobody asked for."""
    if timeout is not None and not wait:
        raise CommandFailedError(Status.USAGE, "--timeout is for waiting: give --wait as well")


def confirm(question: str, told: str, *, yes: bool) -> None:
    """Ask a person whether this is meant, unless that was said already."""
    if not yes:
        say(told)
        typer.confirm(question, abort=True, err=True)


def check_id(text: str, what: str) -> str:
    """Return an id; what cannot be one would be looked for in vain.

    Raises:
        CommandFailedError: it cannot be one.
    """
    if not ids.is_id(text):
        raise CommandFailedError(Status.NOT_FOUND, f"{text} is not the id of a {what}")
    return text


def parse(values: Sequence[str], applications: Sequence[str]) -> dict[str, dict[str, str]]:
    """Part `[application:]name=value` by application; a single application need not be named."""
    found: dict[str, dict[str, str]] = {it: {} for it in applications}
    for text in values:
        name, is_given, value = text.partition("=")
        application, has_application, option = name.partition(":")
        if not has_application:
            application, option = applications[0] if len(applications) == 1 else "", name
        if not is_given or not option:
            raise CommandFailedError(Status.USAGE, f"{text}: give options as name=value")
        if not applications:
            raise CommandFailedError(
                Status.USAGE, f"{name}: say which application it is of: --application NAME"
            )
        if application not in found:
            known = ", ".join(applications)
            raise CommandFailedError(
                Status.USAGE, f"{name}: say which application: one of {known}, then : and the name"
            )
        found[application][option] = value
    return found


def typed(schema: Schema, values: Mapping[str, str], files: Mapping[str, str]) -> dict[str, Any]:
    """Return option values as the application's schema types them.

    A secret is read from a file only: what stands on a command line, every process can read.
    """
    properties = schema.get("properties", {})
    for name in values:
        if properties.get(name, {}).get(SECRET):
            raise CommandFailedError(
                Status.USAGE, f"{name} is secret; give it in a file: --option-file {name}=FILE"
            )
    texts = dict(values) | {name: _read(file) for name, file in files.items()}
    return {name: _typed(properties.get(name, {}), text) for name, text in texts.items()}


def _read(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").rstrip("\n")
    except OSError as error:
        raise CommandFailedError(
            Status.USAGE, f"{file} cannot be read: {error.strerror}"
        ) from error


def _typed(schema: Schema, text: str) -> Any:  # noqa: ANN401 - whatever the schema says
    if schema.get("type", "string") == "string":
        return text
    if schema["type"] == "array" and not text.startswith("["):
        return [it.strip() for it in text.split(",") if it.strip()]
    try:
        return json.loads(text)
    except ValueError:
        return text  # the panel says what it should have been
