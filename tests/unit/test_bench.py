"""What the benchmarks write."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest

from shared.embedded.bare import Bare
from tests.bench import deploy, panel, panel_pages, panel_rows
from tests.bench.panel_pages import Answers
from tests.bench.panel_streams import Watched


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


def answers(*, slowest: float = 12.0, status: int = 200, short: int = 0) -> Answers:
    """Return those of a page that was asked for 1,000 times."""
    return Answers(
        milliseconds=[10.0] * 980 + [slowest] * 20,
        statuses=Counter({200: 999, status: 1}) if status != 200 else Counter({200: 1000}),
        rows=25_000,
        short=short,
        busy_ms=8_000.0,
    )


def watched(*, slowest: float = 0.2, lost: int = 0) -> Watched:
    """Return 1,000 streams into each of which one report was sent."""
    found = Watched(sent=dict.fromkeys(range(1000), 0.0), opened=1000, busy_ms=9_000.0)
    arrived = {it: 100.0 if it < 900 else slowest * 1000 for it in range(1000 - lost)}
    found.milliseconds.update(arrived)
    return found


def test_the_figures_of_the_panel_hold_quantiles_and_what_shows_that_they_are_real() -> None:
    found = panel.summary({"runs": answers()}, watched(), 180.5)

    assert found == {
        "pages": {
            "runs": {
                "p50_ms": 10.0,
                "p99_ms": 12.0,
                "busy_ms": 8.0,
                "requests": 1000,
                "answered_200": 1000,
                "rows": 25_000,
            }
        },
        "streams": {
            "count": 1000,
            "p50_ms": 100.0,
            "p95_ms": 200.0,
            "busy_ms": 9.0,
            "reports": 1000,
            "arrived": 1000,
        },
        "rss_mb": 180.5,
        "real": True,
        "goals": {"pages": True, "streams": True},
    }


def test_a_slow_page_and_slow_streams_miss_their_goals() -> None:
    found = panel.summary({"a": answers(), "b": answers(slowest=50.0)}, watched(slowest=0.5), 1.0)

    assert found["goals"] == {"pages": False, "streams": False}
    assert found["real"]


@pytest.mark.parametrize("wrong", [answers(status=503), answers(short=1)])
def test_figures_of_answers_that_are_not_the_page_are_not_real(wrong: Answers) -> None:
    assert not panel.summary({"runs": wrong}, watched(), 1.0)["real"]


def test_figures_of_streams_are_not_real_when_a_report_is_lost_or_comes_twice() -> None:
    doubled = watched()
    doubled.arrived(7)

    assert not panel.summary({"runs": answers()}, watched(lost=1), 1.0)["real"]
    assert not panel.summary({"runs": answers()}, doubled, 1.0)["real"]


def test_a_page_is_asked_for_at_addresses_from_all_over() -> None:
    addresses = [str(it) for it in range(panel_rows.OWN.deployments)]

    asked = list(islice(panel_pages.spread(addresses), len(addresses)))

    assert sorted(asked) == sorted(addresses)
    assert len({int(it) // 100 for it in asked[:20]}) > 5
