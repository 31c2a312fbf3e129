"""What `make bench-deploy` writes."""

from __future__ import annotations

from shared.embedded.bare import Bare
from tests.bench import deploy


def test_the_summary_holds_medians_and_their_ratio() -> None:
    parts = [
        Bare(boot=3.0, copy=0.5, switch=0.5, health=1.0),
        Bare(boot=9.0, copy=9.0, switch=9.0, health=9.0),
        Bare(boot=1.0, copy=0.1, switch=0.1, health=0.1),
    ]

    found = deploy.summary([6.0, 5.0, 50.0], parts)

    assert found == {
        "boot": 3.0,
        "copy": 0.5,
        "switch": 0.5,
        "sum": 5.0,
        "health": 1.0,
        "total": 6.0,
        "ratio": 1.2,
    }
