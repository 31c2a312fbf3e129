"""House rules about documents: what they point at exists, and what they tell to type works."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from tests.support.tree import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.support.tree import Tree

LINK: Final = re.compile(r"(?<!!)\[[^\]]*\]\((?!https?:|mailto:)([^)\s]+)\)")
FENCED: Final = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)
CODE: Final = re.compile(r"^```sh\n(.*?)^```|`(make [a-z-]+)", re.MULTILINE | re.DOTALL)
MAKE: Final = re.compile(r"^\s*(?:\$ )?make ([a-z-]+)", re.MULTILINE)
DECISION: Final = ("Status", "Context", "Decision", "Consequences")
LONGEST_DECISION: Final = 60


def dangling(tree: Tree) -> Sequence[str]:
    """List the relative links that lead nowhere."""
    return [
        f"{tree.name(path)}: {target}"
        for path in _documents(tree)
        for target in LINK.findall(FENCED.sub("", path.read_text(encoding="utf-8")))
        if not _exists(path, target)
    ]


def unknown_targets(tree: Tree) -> Sequence[str]:
    """List the `make` targets that a document names and the Makefile does not."""
    makefile = tree.root / "Makefile"
    text = makefile.read_text(encoding="utf-8") if makefile.exists() else ""
    known = set(re.findall(r"^([a-z-]+):", text, re.MULTILINE))
    return [
        f"{tree.name(path)}: make {target}"
        for path in _documents(tree)
        for block, inline in CODE.findall(path.read_text(encoding="utf-8"))
        for target in MAKE.findall(block or inline)
        if target not in known
    ]


def malformed_decisions(tree: Tree) -> Sequence[str]:
    """List the decision records that are not one page of the four known sections, in order."""
    found = []
    records = sorted((tree.root / "docs" / "adr").glob("*.md"))
    for path in records:
        text = path.read_text(encoding="utf-8")
        if tuple(re.findall(r"^## (.+)$", text, re.MULTILINE)) != DECISION:
            found.append(f"{tree.name(path)}: sections are {', '.join(DECISION)}")
        if not re.match(rf"# {int(path.name[:4])}\. \S", text):
            found.append(f"{tree.name(path)}: the title begins with its number")
        if text.count("\n") > LONGEST_DECISION:
            found.append(f"{tree.name(path)}: longer than a page")
    numbers = [0, *(int(path.name[:4]) for path in records)]
    return [
        *found,
        *(
            f"{after:04}: no {before + 1:04}"
            for before, after in pairwise(numbers)
            if after != before + 1
        ),
    ]


def oversold(tree: Tree) -> Sequence[str]:
    """List the words that make a reader feel slow."""
    word = re.compile(r"\b(?:simply|just|easily|obviously|of course)\b", re.IGNORECASE)
    return [
        f"{tree.name(path)}: {match.group()}"
        for path in _documents(tree)
        for match in word.finditer(path.read_text(encoding="utf-8"))
    ]


def _documents(tree: Tree) -> Iterator[Path]:
    yield from (path for path in tree.files if path.suffix == ".md")


def _exists(document: Path, target: str) -> bool:
    name, _, anchor = target.partition("#")
    path = (document.parent / name).resolve() if name else document
    if not path.exists():
        return False
    return not anchor or anchor in _anchors(path.read_text(encoding="utf-8"))


def _anchors(text: str) -> set[str]:
    """Return the anchors of a document's headings, as forges make them."""
    titles = (re.sub(r"[^\w\- ]", "", it.lower()) for it in HEADING.findall(FENCED.sub("", text)))
    return {it.strip().replace(" ", "-") for it in titles}


RECORD: Final = "# 1. Decide\n\n## Status\n\n## Context\n\n## Decision\n\n## Consequences\n"
RULES: Final = (
    Rule(
        says="a link leads somewhere",
        find=dangling,
        planted={"README.md": "See [this](docs/nowhere.md).\n"},
    ),
    Rule(
        says="a document names targets of the Makefile",
        find=unknown_targets,
        planted={"README.md": "```sh\nmake coffee\n```\n", "Makefile": "help:\n"},
    ),
    Rule(
        says="a decision is one page of four sections",
        find=malformed_decisions,
        planted={"docs/adr/0001-decide.md": RECORD.replace("## Status", "## State")},
    ),
    Rule(
        says="documents do not make a reader feel slow",
        find=oversold,
        planted={"README.md": "You can " + "ju" + "st start it.\n"},
    ),
)
