"""Pages: asked for by a few browsers at once, over connections that stay; answers are counted."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import httpx2

    from tests.bench.panel_rows import Known
    from tests.support.visitors import SignedIn

OK: Final = 200
WARM: Final = 50
"""Requests per page before any is timed: the first ones pay for what nobody has read yet."""
PRIME: Final = 7919
"""Steps through what there is in an order that is the same each time and skips around."""
LISTED: Final = 25
"""Rows of a full page of a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A page: the addresses it is asked for at, and what a row of it looks like."""

    addresses: Sequence[str]
    mark: str
    rows: int
    """How many every answer has to hold at least."""


@dataclass(kw_only=True)
class Answers:
    """What came back."""

    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    rows: int = 0
    short: int = 0
    """Answers with fewer rows than there had to be."""
    busy_ms: float = 0.0
    """How long the panel computed for all of them."""

    @property
    def is_whole(self) -> bool:
        """Whether every answer was what was asked for."""
        return set(self.statuses) == {OK} and not self.short


def subjects(known: Known) -> dict[str, Subject]:
    """Return the main pages, by name."""
    homes = [f"/deployments/{it}" for it in known.deployments]
    return {
        "deployments": _list("/deployments", known.deployments, 'class="card deployment'),
        "deployment": Subject(addresses=homes, mark='<li><a href="/runs/', rows=5),
        "run": Subject(
            addresses=[f"/runs/{it}" for it in known.runs], mark='class="log-line', rows=90
        ),
        "runs": _list("/runs", known.runs, 'class="row-name"'),
        "backups": _list("/backups", known.backups, 'class="row-name"'),
        "activity": _list("/activity", known.deeds, 'data-column="When"'),
        "applications": Subject(addresses=["/applications"], mark='class="tile-link"', rows=2),
        "configuration": Subject(
            addresses=[f"{it}/configuration" for it in homes], mark="<dt>", rows=4
        ),
    }


def _list(path: str, known: Sequence[str], mark: str) -> Subject:
    """Return a list: asked for from its beginning half of the time, else from anywhere."""
    places = [f"{path}?before={it}" for it in known[: -LISTED - 1]]
    addresses = [it for place in places for it in (path, place)]
    return Subject(addresses=addresses, mark=mark, rows=LISTED)


def spread(addresses: Sequence[str]) -> Iterator[str]:
    """Yield addresses without end, from all over the list."""
    for turn in itertools.count():
        yield addresses[turn * PRIME % len(addresses)]


async def ask(visitor: SignedIn, subject: Subject, *, requests: int, browsers: int) -> Answers:
    """Ask for a page so many times, by so many browsers at once."""
    found = Answers()
    asked = itertools.islice(spread(subject.addresses), requests)

    async def browse() -> None:
        async with visitor.browser() as browser:
            for address in asked:
                await _get(browser, address, subject, found)

    await asyncio.gather(*(browse() for _ in range(browsers)))
    return found


async def _get(browser: httpx2.AsyncClient, address: str, subject: Subject, to: Answers) -> None:
    began = time.perf_counter()
    answer = await browser.get(address)
    to.milliseconds.append((time.perf_counter() - began) * 1000)
    to.statuses[answer.status_code] += 1
    rows = answer.text.count(subject.mark)
    to.rows += rows
    to.short += rows < subject.rows


def quantile(values: Sequence[float], hundredth: int) -> float:
    """Return the value that so many of a hundred do not exceed."""
    return statistics.quantiles(values, n=100, method="inclusive")[hundredth - 1]


def figures(answers: Answers) -> dict[str, float]:
    """Return what is written about a page."""
    return {
        "p50_ms": round(quantile(answers.milliseconds, 50), 1),
        "p99_ms": round(quantile(answers.milliseconds, 99), 1),
        "busy_ms": round(answers.busy_ms / answers.statuses.total(), 1),
        "requests": answers.statuses.total(),
        "answered_200": answers.statuses[OK],
        "rows": answers.rows,
    }
