"""A run of panel's, as its domain knows it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from services.panel.domain.runs import Run, RunKind, RunState

RUNNING: Final = Run(
    id="r",
    number=1,
    operator="o",
    deployment="d",
    kind=RunKind.DEPLOY,
    revision=1,
    state=RunState.RUNNING,
    requested_by="p",
    created_at=datetime(2026, 11, 21, tzinfo=UTC),
)
