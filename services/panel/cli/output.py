"""What commands print: data on stdout, prose and progress on stderr."""

import json
import sys
from collections.abc import Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

stdout: Final = Console(soft_wrap=True, highlight=False)
stderr: Final = Console(stderr=True, soft_wrap=True, highlight=False)


def show_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON holds
    """Print a value as one JSON document."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def show_text(text: str) -> None:
    """Print a text as it is."""
    sys.stdout.write(text)


def say(text: str, style: str = "") -> None:
    """Print a line of prose; what others wrote is never read as markup."""
    stderr.print(Text(text, style=style))


def show_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table on a terminal, and lines with tabs anywhere else."""
    if not stdout.is_terminal:
        for row in rows:
            sys.stdout.write("\t".join("" if it is None else str(it) for it in row) + "\n")
        return
    table = Table(*headings, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text("" if it is None else str(it)) for it in row))
    stdout.print(table)


def seconds(value: float | None) -> str:
    """Return a duration as people read it."""
    return "" if value is None else f"{value:.1f} s"
