"""An empty repository of restic, made once for many tests.

To make one takes three seconds of a processor, for nothing but a password that is hard to guess.
"""

from __future__ import annotations

import functools
import os
import secrets
import subprocess
import tempfile
from pathlib import Path
from typing import Final

PASSWORD: Final = secrets.token_urlsafe(18)
"""What the repository is encrypted with, anew in each test process."""


@functools.cache
def an_empty_one() -> dict[str, bytes]:
    """Return the contents of its files, by their names."""
    environment = os.environ | {"RESTIC_PASSWORD": PASSWORD}
    with tempfile.TemporaryDirectory(prefix="fediversity-") as name:
        top = Path(name)
        argv = ("restic", "--quiet", "--no-cache", "--repo", name, "init")
        subprocess.run(argv, env=environment, check=True)
        return {f"{it.relative_to(top)}": it.read_bytes() for it in top.rglob("*") if it.is_file()}
