"""`fediversity applications`: what can be deployed here."""

from typing import Annotated

import typer

from . import profile
from .client import Client
from .options import AsJson
from .output import show_json, show_table


def list_applications(
    name: Annotated[str | None, typer.Argument(help="Show the options of this one.")] = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """List the applications that can be deployed here, or the options of one."""
    with Client(profile.load()) as client:
        if name is None:
            items = client.list_all("/applications")
        else:
            schema = client.get(f"/applications/{name}/schema")
    if name is None and as_json:
        show_json(items)
    elif name is None:
        rows = [(it["name"], it["versions"][0], it["description"]) for it in items]
        show_table(("Application", "Version", "What it is"), rows)
    elif as_json:
        show_json(schema)
    else:
        properties = schema.get("properties", {})
        rows = [
            (it, _default(part), part.get("description", "")) for it, part in properties.items()
        ]
        show_table(("Option", "Default", "What it does"), rows)


def _default(part: dict[str, object]) -> object:
    return part.get("default", "")
