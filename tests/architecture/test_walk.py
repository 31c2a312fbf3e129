"""The stranger's walk in docs/architecture.md is short and leads along what exists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.support import walk
from tests.support.rules.code import LONGEST
from tests.support.tree import ROOT, Tree

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENT: Final = ROOT / "docs" / "architecture.md"
MOST_FILES: Final = 12


def test_every_stop_exists() -> None:
    assert walk.missing(ROOT, walk.stops(DOCUMENT)) == []


def test_a_stop_that_does_not_exist_is_found(tmp_path: Path) -> None:
    document = tmp_path / "architecture.md"
    document.write_text(
        f"{walk.HEADING}\n\n"
        "1. `shared/here.py`: `Here.stay`, **`Here.go`** — it is\n"
        "   there\n"
        "2. `shared/gone.py`: `leave` — it is not\n"
    )
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "here.py").write_text("class Here:\n    def stay(self): ...\n")

    found = walk.stops(document)

    assert [it.symbol for it in found if it.leaves_span] == ["Here.go"]
    assert walk.missing(tmp_path, found) == ["shared/here.py: Here.go", "shared/gone.py: leave"]


def test_the_walk_is_short() -> None:
    files = {it.path for it in walk.stops(DOCUMENT)}

    assert 0 < len(files) <= MOST_FILES
    assert all((ROOT / it).read_text().count("\n") <= LONGEST for it in files)


def test_the_walk_passes_through_every_service() -> None:
    visited = {it.path.split("/")[1] for it in walk.stops(DOCUMENT) if it.leaves_span}

    assert visited == set(Tree(ROOT).services)
