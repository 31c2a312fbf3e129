"""States as badges."""

from __future__ import annotations

import pytest

from services.panel.domain.backups import BackupState
from services.panel.domain.deployments import DeploymentStatus
from services.panel.domain.runs import RunState, StepStatus
from services.panel.web.presenters import states
from services.panel.web.statics import STATIC

EVERY = [
    *(states.of_run(it) for it in RunState),
    *(states.of_step(it) for it in StepStatus),
    *(states.of_deployment(it) for it in DeploymentStatus),
    *(states.of_backup(it) for it in BackupState),
]


@pytest.mark.parametrize("view", EVERY, ids=range(len(EVERY)))
def test_every_state_is_a_word_and_a_drawing_and_no_colour_alone(view: states.StateView) -> None:
    sprite = (STATIC / "vendor" / "icons" / "icons.svg").read_text(encoding="utf-8")

    assert view.word
    assert f'id="{view.icon}"' in sprite
    assert view.tone in {"neutral", "info", "good", "warning", "bad"}
