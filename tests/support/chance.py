"""Where tests get their luck from: a seed that is printed, and can be given again."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Final

VARIABLE: Final = "FEDIVERSITY_TEST_SEED"


def seed() -> int:
    """Return the seed that was given, or that of the day, so that a day's runs can be repeated."""
    return int(os.environ.get(VARIABLE) or datetime.now(UTC).strftime("%Y%m%d"))
