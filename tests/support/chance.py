"""Where tests get their luck from: a seed that is printed, and can be given again."""

from __future__ import annotations

import os
import secrets
from typing import Final

VARIABLE: Final = "FEDIVERSITY_TEST_SEED"


def seed() -> int:
    """Return the seed that was given, or a new one."""
    return int(os.environ.get(VARIABLE) or secrets.randbelow(10**6))
