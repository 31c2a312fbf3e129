"""The checkout as the house rules see it, and small ones in which a rule is broken."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDERS: Final = ("shared", "services", "nix", "tests", "scripts", "docs", ".ci")
# In a second work tree `.git` is a file that says where the first one is.
GENERATED: Final = {"__pycache__", ".git", ".venv", "node_modules"}
TEXT: Final = {
    *(".py", ".sh", ".nix", ".sql", ".toml", ".json", ".yaml", ".yml", ".md", ".txt", ".lock"),
    *(".html", ".css", ".js", ""),
}


@dataclass(frozen=True)
class Tree:
    """All files of a checkout that people wrote."""

    root: Path

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """Every file, sorted; paths are absolute."""
        top = (path for path in self.root.iterdir() if path.is_file())
        nested = (
            path for folder in FOLDERS for path in (self.root / folder).rglob("*") if path.is_file()
        )
        return tuple(
            sorted(
                path
                for path in (*top, *nested)
                if path.suffix in TEXT and not GENERATED & set(path.relative_to(self.root).parts)
            )
        )

    def name(self, path: Path) -> str:
        """Return a path as the repository calls it."""
        return path.relative_to(self.root).as_posix()

    def under(self, *folders: str, suffix: str = ".py") -> Iterator[Path]:
        """Yield the files with this ending below these folders."""
        for path in self.files:
            if path.suffix == suffix and self.name(path).startswith(
                tuple(f"{it}/" for it in folders)
            ):
                yield path

    def parsed(self, *folders: str) -> Iterator[tuple[str, ast.Module]]:
        """Yield name and syntax tree of the Python files below these folders."""
        for path in self.under(*folders):
            yield self.name(path), parse(path)

    @cached_property
    def services(self) -> tuple[str, ...]:
        """The services that exist: folders with an `__init__.py`."""
        return tuple(
            sorted(path.parent.name for path in (self.root / "services").glob("*/__init__.py"))
        )


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A house rule: what it says, how a violation is found, and one that it must find."""

    says: str
    find: Callable[[Tree], Sequence[str]]
    planted: Mapping[str, str]
    """Files of a small checkout in which exactly this rule is broken."""


_PARSED: Final[dict[Path, ast.Module]] = {}


def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a file, read once."""
    if path not in _PARSED:
        _PARSED[path] = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    return _PARSED[path]


def plant(root: Path, files: Mapping[str, str]) -> Tree:
    """Write a small checkout."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Tree(root)
