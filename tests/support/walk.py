"""The stranger's walk in docs/architecture.md, read as data."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.support.tree import parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEADING: Final = "## A walk through the code"
ENTRY: Final = re.compile(r"^\d+\. `([\w/]+\.py)`: (.+?) [—-] ", re.MULTILINE)
SYMBOL: Final = re.compile(r"(\*\*)?`([\w.]+)`")


@dataclass(frozen=True, slots=True)
class Stop:
    """One symbol on the walk."""

    path: str
    symbol: str
    leaves_span: bool
    """Whether it is set in bold: a handler or a step, which every run's trace names."""

    @property
    def code_name(self) -> str:
        """The name that its span carries."""
        module = self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        return f"{module}:{self.symbol}"


def stops(document: Path) -> list[Stop]:
    """Return the walk, in its order."""
    _, _, walk = document.read_text(encoding="utf-8").partition(HEADING)
    walk = walk.partition("\n## ")[0]
    # An entry may go on over several lines.
    joined = re.sub(r"\n   +", " ", walk)
    return [
        Stop(path, symbol, leaves_span=bool(bold))
        for path, symbols in ENTRY.findall(joined)
        for bold, symbol in SYMBOL.findall(symbols)
    ]


def missing(root: Path, walk: list[Stop]) -> list[str]:
    """Return the stops that do not exist."""
    return [
        f"{it.path}: {it.symbol}"
        for it in walk
        if not (root / it.path).exists() or it.symbol not in set(_defined(parse(root / it.path)))
    ]


def _defined(tree: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[str]:
    for it in tree.body:
        if isinstance(it, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + it.name
        if isinstance(it, ast.ClassDef):
            yield from _defined(it, f"{prefix}{it.name}.")
