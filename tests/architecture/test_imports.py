"""The import contracts of pyproject.toml find what they forbid."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING, Final

from tests.support.tree import ROOT

if TYPE_CHECKING:
    from pathlib import Path

# `services` is a namespace: an installed checkout would add its own files to the planted ones.
LINT: Final = """
import sys
sys.meta_path = [it for it in sys.meta_path if "Editable" not in getattr(it, "__name__", "")]
sys.path = [".", *(it for it in sys.path if "__editable__" not in it)]
from importlinter.cli import lint_imports
sys.exit(lint_imports(no_cache=True))
"""
LEFT_OUT: Final = shutil.ignore_patterns("__pycache__", "*.lock", "*.html", "*.css")
PLANTED: Final = {
    "Services never import each other": (
        "services/storage/domain.py",
        "from services.panel import ports",
    ),
    "Services depend on shared, never the reverse": (
        "shared/clock.py",
        "from services.storage import domain",
    ),
    "Contracts are pure data": ("shared/contracts/failures.py", "from shared import database"),
    "No service imports the embedded default": (
        "services/storage/adapters/postgres.py",
        "from shared.embedded import files",
    ),
    "The domain performs no I/O": ("services/storage/domain.py", "import asyncpg"),
    "Inside a service, imports point inward": (
        "services/storage/ports.py",
        "from .service import Storage",
    ),
    "Only the composition root names an adapter": (
        "services/panel/api/app.py",
        "from ..adapters import outside",
    ),
    "Only the composition root reads settings": (
        "services/panel/projections.py",
        "from .settings import Settings",
    ),
}


def test_a_contract_finds_what_it_forbids(tmp_path: Path) -> None:
    for folder in ("services", "shared"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=LEFT_OUT)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name, line in PLANTED.values():
        with (tmp_path / name).open("a") as file:
            file.write(f"\n{line}\n")

    argv = (sys.executable, "-c", LINT)
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert [it for it in PLANTED if f"{it} BROKEN" not in done.stdout] == [], done.stdout


def test_every_contract_is_tried() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert {it["name"] for it in project["tool"]["importlinter"]["contracts"]} == set(PLANTED)
