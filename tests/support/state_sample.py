"""The sample manifest of an export, and what becomes of it when somebody changes it."""

from __future__ import annotations

import json
from typing import Any, Final

from tests.support.tree import ROOT

SAMPLE: Final = ROOT / "docs" / "state-manifest-1.0.json"


def changed(place: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """Return the sample with another value at a place that it has."""
    sample: Any = json.loads(SAMPLE.read_text(encoding="utf-8"))
    *way, last = place
    found = sample
    for it in way:
        found = found[it]
    assert not isinstance(found, dict) or last in found
    found[last] = value
    whole: dict[str, Any] = sample
    return whole
