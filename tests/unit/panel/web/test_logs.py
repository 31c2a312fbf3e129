"""The log of a run as its page shows it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import pytest

from services.panel.domain.runs import EventBody, NumberedEvent, RunEventKind
from services.panel.web.presenters import logs
from services.panel.web.presenters.logs import TROUBLE, Wanted
from tests.support.runs import RUNNING

NOW: Final = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def written(sequence: int, place: str, *lines: str) -> NumberedEvent:
    service, _, step = place.partition(".")
    body = EventBody(service=service, step=step, lines=lines)
    return NumberedEvent(sequence=sequence, at=NOW, kind=RunEventKind.LOG, body=body)


LOG: Final = (
    written(4, "deployer.build", "begun", "warning: old"),
    written(5, "provisioner.boot", "up"),
    written(6, "deployer.build", "error: no", "done"),
)


def test_lines_lose_what_only_a_terminal_understands() -> None:
    found = logs.lines(RUNNING, [written(4, "deployer.build", "\x1b[32mok\x1b[0m\x07 <b>", "two")])

    assert [it.text for it in found] == ["ok <b>", "two"]
    assert [it.is_same_step for it in found] == [False, True]
    assert [it.id for it in found] == ["line-4-1", "line-4-2"]


@pytest.mark.parametrize(
    ("wanted", "seen"),
    [
        (Wanted(), ["begun", "warning: old", "up", "error: no", "done"]),
        (Wanted(lines=TROUBLE), ["warning: old", "error: no"]),
        (Wanted(step="deployer.build"), ["begun", "warning: old", "error: no", "done"]),
        (Wanted(lines=TROUBLE, step="provisioner.boot"), []),
        (Wanted(lines="nonsense"), ["begun", "warning: old", "up", "error: no", "done"]),
    ],
)
def test_lines_that_are_not_wanted_are_there_and_hidden(wanted: Wanted, seen: list[str]) -> None:
    found = logs.lines(RUNNING, LOG, wanted)

    assert len(found) == 5
    assert [it.text for it in found if not it.is_hidden] == seen


def test_lines_of_one_step_have_one_heading_though_others_between_are_hidden() -> None:
    found = logs.lines(RUNNING, LOG, Wanted(step="deployer.build"))

    assert [it.is_same_step for it in found if not it.is_hidden] == [False, True, True, True]


@pytest.mark.parametrize(
    ("text", "is_trouble"),
    [
        ("ERROR: no space", True),
        ("build failed", True),
        ("the connection timed out", True),
        ("Permission denied", True),
        ("could not be opened", True),
        ("terror in the title", False),
        ("copied 12 files", False),
    ],
)
def test_trouble_is_told_from_what_is_written(text: str, *, is_trouble: bool) -> None:
    [line] = logs.lines(RUNNING, [written(4, "deployer.build", text)])

    assert line.is_trouble is is_trouble
