"""What can still be decided about a message that could not be handled."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.panel.domain.dead_letters import DeadLetter, LetterState
from services.panel.domain.runs import Run, RunState
from shared import errors
from tests.support.runs import RUNNING

AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
LETTER = DeadLetter(
    id="l",
    service="storage",
    deployment="d",
    run="r",
    message="m",
    event="DeploymentRequested",
    reason="storage.fault: no",
    state=LetterState.WAITING,
    announced_at=AT,
)


@pytest.mark.parametrize("state", [it for it in RunState if it.has_ended])
def test_a_message_whose_run_has_ended_cannot_be_replayed(state: RunState) -> None:
    with pytest.raises(errors.ConflictError, match=rf"ended \({state.value}\).*Discard it"):
        LETTER.require_replayable(replace(RUNNING, state=state))


def test_what_panel_keeps_beyond_a_run_can_always_be_handled() -> None:
    ended = replace(RUNNING, state=RunState.FAILED)

    replace(LETTER, service="panel", event="ConfigDeployed").require_replayable(ended)
    with pytest.raises(errors.ConflictError):
        replace(LETTER, service="panel", event="VMReady").require_replayable(ended)


@pytest.mark.parametrize("run", [RUNNING, None])
def test_a_message_of_a_run_that_goes_on_or_of_none_can_be_replayed(run: Run | None) -> None:
    LETTER.require_replayable(run)
