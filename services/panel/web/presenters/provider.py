"""The hosting provider's affairs as pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ...domain.dead_letters import LetterState
from ...domain.provider import Trouble
from ..languages import N_
from ..languages import gettext as _
from . import wording
from .states import StateView

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ...domain.dead_letters import DeadLetter
    from ...domain.provider import OperatorStanding, TroubledRun

_TROUBLES: Final[Mapping[Trouble, StateView]] = {
    Trouble.HELD: StateView(N_("Held"), "bad", "circle-pause"),
    Trouble.LONG: StateView(N_("Takes long"), "warning", "hourglass"),
    Trouble.FAILED: StateView(N_("Failed"), "bad", "circle-x"),
}
_LETTERS: Final[Mapping[LetterState, StateView]] = {
    LetterState.WAITING: StateView(N_("Waits for a decision"), "warning", "hourglass"),
    LetterState.REPLAYED: StateView(N_("Handed over again"), "good", "refresh-cw"),
    LetterState.DISCARDED: StateView(N_("Given up"), "neutral", "trash-2"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubleView:
    """A run that is worth a look."""

    id: str
    what: str
    domain: str
    operator: str
    operator_name: str
    state: StateView
    held_by: str | None
    why: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterView:
    """A message that a service could not handle."""

    id: str
    event: str
    service: str
    reason: str
    deployment: str
    run: str | None
    state: StateView
    is_waiting: bool
    is_given_up: bool
    announced_at: datetime
    decided_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareView:
    """How much of one thing an operator has, of how much it may have."""

    field: str
    name: str
    used: int
    limit: int | None
    is_full: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorView:
    """An operator, what it may have and what it has."""

    id: str
    name: str
    created_at: datetime
    version: int
    shares: tuple[ShareView, ...]


def trouble(found: TroubledRun) -> TroubleView:
    """Return a run that is worth a look."""
    run = found.run
    return TroubleView(
        id=run.id,
        what=wording.kind(run),
        domain=found.domain,
        operator=run.operator,
        operator_name=found.operator_name,
        state=_said(_TROUBLES[found.trouble]),
        held_by=run.held_by,
        why=run.failure.failure.message if run.failure else "",
        since=run.ended_at or run.started_at or run.created_at,
    )


def letter(found: DeadLetter) -> LetterView:
    """Return a message that a service could not handle."""
    return LetterView(
        id=found.id,
        event=found.event or _("a message that cannot be read"),
        service=found.service,
        reason=found.reason,
        deployment=found.deployment,
        run=found.run,
        state=_said(_LETTERS[found.state]),
        is_waiting=found.state is LetterState.WAITING,
        is_given_up=found.state is LetterState.DISCARDED,
        announced_at=found.announced_at,
        decided_at=found.decided_at,
    )


def operator(found: OperatorStanding) -> OperatorView:
    """Return an operator."""
    quota, usage = found.quota, found.usage
    shares = (
        _share("deployments", _("Deployments"), usage.deployments, quota.deployments),
        _share("applications", _("Applications"), usage.applications, quota.applications),
        _share("storage_gib", _("Storage in GiB"), usage.storage_gib, quota.storage_gib),
        _share("backups", _("Backups"), usage.backups, quota.backups),
    )
    return OperatorView(
        id=found.id,
        name=found.name,
        created_at=found.created_at,
        version=quota.version,
        shares=shares,
    )


def _share(field: str, name: str, used: int, limit: int | None) -> ShareView:
    return ShareView(
        field=field,
        name=name,
        used=used,
        limit=limit,
        is_full=limit is not None and used >= limit,
    )


def _said(state: StateView) -> StateView:
    return StateView(_(state.word), state.tone, state.icon, state.is_turning)
