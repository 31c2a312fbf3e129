"""The log of a run as its page shows it: which lines are seen, and below which heading."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ...domain.runs import RunEventKind
from ..languages import gettext as _
from . import wording

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from ...domain.runs import NumberedEvent, Run, RunStep

TROUBLE: Final = "trouble"
"""What the field says when only lines about trouble are wanted."""
_UNPRINTABLE: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_TROUBLE: Final = re.compile(
    r"\b(?:warn(?:ings?)?|errors?|fail(?:s|ed|ures?|ing)?|fatal|panic|critical|exceptions?"
    r"|traceback|denied|refused|rejected|unreachable|cannot|could not|timed? ?out)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines somebody wants to see."""

    lines: str = ""
    """`trouble`: warnings and errors; anything else: all."""
    step: str = ""
    """Service and step, such as `deployer.build`; empty: all."""

    def has(self, line: LogLine) -> bool:
        """Say whether a line is among them."""
        is_severe = line.is_trouble or self.lines != TROUBLE
        return is_severe and self.step in {"", line.place}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line of a run's log."""

    id: str
    """The same whenever the line is shown: it can be linked to."""
    sequence: int
    at: datetime
    place: str
    """Service and step, for programs."""
    step: str
    """The same for people."""
    text: str
    is_trouble: bool
    is_hidden: bool = False
    is_same_step: bool = False
    """Whether the line seen before it came from the same step."""


def lines(run: Run, events: Sequence[NumberedEvent], wanted: Wanted | None = None) -> list[LogLine]:
    """Return what services wrote in these events, without what a page cannot show."""
    return list(_lines(run, events, wanted or Wanted()))


def places(run: Run, steps: Sequence[RunStep]) -> list[tuple[str, str]]:
    """Return the steps of a run, for programs and for people."""
    return [
        (f"{it.service}.{it.name}", wording.step(run.kind, it.service, it.name)) for it in steps
    ]


def levels() -> list[tuple[str, str]]:
    """Return how severe lines may have to be."""
    return [("", _("All lines")), (TROUBLE, _("Warnings and errors"))]


def _lines(run: Run, events: Sequence[NumberedEvent], wanted: Wanted) -> Iterator[LogLine]:
    before = ""
    for event in events:
        if event.kind is not RunEventKind.LOG:
            continue
        service, name = event.body.service or "", event.body.step or ""
        place, step = f"{service}.{name}", wording.step(run.kind, service, name)
        for number, text in enumerate(event.body.lines, start=1):
            plain = _UNPRINTABLE.sub("", text)
            line = LogLine(
                id=f"line-{event.sequence}-{number}",
                sequence=event.sequence,
                at=event.at,
                place=place,
                step=step,
                text=plain,
                is_trouble=bool(_TROUBLE.search(plain)),
            )
            is_hidden = not wanted.has(line)
            yield replace(line, is_hidden=is_hidden, is_same_step=place == before)
            before = before if is_hidden else place
