"""A folder that plays a machine's root; what runs in it ends with the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import systems
from tests.support.servers import require, throwaway_directory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(name="root")
def machine_root() -> Iterator[Path]:
    require("nix-build", "nix-bin")
    require("busybox", "busybox-static")
    # Units run as accounts of their own, which must be able to pass through.
    with throwaway_directory() as directory:
        root = directory / "root"
        yield root
        if root.exists():
            empty = systems.built(root, {})
            assert empty.run("units", "retire").returncode == 0
