"""Where the fixtures live, and which tests begin first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ["tests.support.completeness", "tests.support.servers"]

LONGEST_FIRST: Final = (
    "stories/test_kills.py",
    "stories/",
    "integration/deployer/",
    "integration/nix/",
    "integration/embedded/",
    "integration/provisioner/",
    "integration/",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let what takes long begin first, or one worker has it alone while the others are done."""
    items.sort(key=lambda it: _turn(it.path))


def _turn(path: Path) -> int:
    found = (place for place, part in enumerate(LONGEST_FIRST) if f"/tests/{part}" in f"{path}")
    return next(found, len(LONGEST_FIRST))
