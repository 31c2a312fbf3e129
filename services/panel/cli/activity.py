"""`fediversity activity`: what was done for your operator, and by whom."""

import csv
import json
import sys
from collections.abc import Iterator
from enum import StrEnum
from itertools import islice
from typing import Annotated, Final

import typer

from . import profile
from .client import Client, Json
from .options import AsJson
from .output import show_json, show_table

app = typer.Typer(
    help="List what was done for your operator, and by whom; take it away.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
PATH: Final = "/audit-events"
COLUMNS: Final = (
    *("at", "person", "person_name", "token_name", "action", "object", "details", "address"),
    "request",
)
MOST_IN_PART: Final = 200
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What spreadsheets take for a formula when a cell begins with it."""
Action = Annotated[
    str | None, typer.Option(help="Such as deployment, for all of them, or token.created.")
]
Person = Annotated[str | None, typer.Option(help="What this person did; an id.")]
Object = Annotated[str | None, typer.Option("--object", help="What was done to this; an id.")]
Since = Annotated[str | None, typer.Option(help="From then on, such as 2026-11-21T00:00:00Z.")]
Until = Annotated[str | None, typer.Option(help="Before then.")]
Limit = Annotated[int, typer.Option(min=1, help="How many at most.")]


class Format(StrEnum):
    """How activity is taken away."""

    CSV = "csv"
    """For spreadsheets."""
    JSONL = "jsonl"
    """One JSON object in a line."""


@app.command("list")
def list_activity(  # noqa: PLR0913 - one parameter per option of the command line
    *,
    action: Action = None,
    person: Person = None,
    object_: Object = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List the newest of what was done."""
    query = narrowed(action=action, person=person, object=object_, since=since, until=until)
    show(PATH, query, limit, as_json=as_json)


@app.command("export")
def export_activity(  # noqa: PLR0913 - one parameter per option of the command line
    *,
    action: Action = None,
    person: Person = None,
    object_: Object = None,
    since: Since = None,
    until: Until = None,
    form: Annotated[Format, typer.Option("--format", help="csv or jsonl.")] = Format.CSV,
) -> None:
    """Write all that was done to stdout, newest first."""
    query = narrowed(action=action, person=person, object=object_, since=since, until=until)
    take_away(PATH, query, form, COLUMNS)


def narrowed(**wanted: str | None) -> dict[str, str]:
    """Return what was given, as the API is asked for it."""
    return {name: it for name, it in wanted.items() if it is not None}


def show(path: str, query: dict[str, str], limit: int, *, as_json: bool) -> None:
    """Print the newest entries."""
    part = min(limit, MOST_IN_PART)
    with Client(profile.load()) as client:
        items = list(islice(client.each(path, limit=part, **query), limit))
    if as_json:
        show_json(items)
        return
    rows = [
        (
            it["at"],
            it["person_name"] or "hosting provider",
            it["action"],
            it["object"],
            _details(it),
        )
        for it in items
    ]
    show_table(("When", "Who", "What", "To what", "Details"), rows)


def take_away(path: str, query: dict[str, str], form: Format, columns: tuple[str, ...]) -> None:
    """Write every entry to stdout."""
    with Client(profile.load()) as client:
        entries = client.each(path, limit=MOST_IN_PART, **query)
        if form is Format.JSONL:
            for it in entries:
                sys.stdout.write(json.dumps(it, ensure_ascii=False) + "\n")
            return
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(_cells(entries, columns))


def _cells(entries: Iterator[Json], columns: tuple[str, ...]) -> Iterator[list[str]]:
    for it in entries:
        row = it | {"details": json.dumps(it["details"], ensure_ascii=False, sort_keys=True)}
        yield [_inert("" if row[name] is None else str(row[name])) for name in columns]


def _inert(text: str) -> str:
    """Return a cell that a spreadsheet takes for text."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _details(entry: Json) -> str:
    return ", ".join(f"{name}: {it}" for name, it in sorted(entry["details"].items()) if it)
