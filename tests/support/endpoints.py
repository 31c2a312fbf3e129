"""An endpoint of webhooks, as a register returns it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from services.panel.domain.webhooks import Endpoint
from shared.contracts.happenings import HappeningType

AT: Final = datetime(2026, 11, 21, tzinfo=UTC)


def an_endpoint(failing_since: datetime | None = None) -> Endpoint:
    """Return an endpoint that is told everything since `AT`."""
    return Endpoint(
        id="e",
        operator="o",
        url="https://hooks.example/",
        description="",
        types=frozenset(HappeningType),
        created_at=AT,
        failing_since=failing_since,
    )
