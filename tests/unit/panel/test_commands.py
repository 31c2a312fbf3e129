"""The document of commands lists every command, and what each says of itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from services.panel.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "commands.md"
ROW: Final = re.compile(r"^\| `([a-z -]+)` \| (.+) \|$", re.MULTILINE)


def commands(known: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - typer vendors what this is
    for name, it in known.commands.items():
        words = (*before, name)
        if hasattr(it, "commands"):
            yield from commands(it, words)
        else:
            yield " ".join(words), it.help.partition("\n\n")[0].replace("\n", " ").strip()


def test_every_command_is_listed_with_what_it_does() -> None:
    known = dict(commands(typer.main.get_command(app)))
    listed = dict(ROW.findall(DOCUMENT.read_text(encoding="utf-8")))

    assert listed == known
