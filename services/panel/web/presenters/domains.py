"""Domains as pages show them: what to set, what was seen of it, and what that means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ...domain.dns import SUGGESTED_TTL, DomainState, RecordState, judge
from ..languages import N_, retell
from ..languages import gettext as _
from .moments import duration
from .states import StateView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from ...domain.dns import Finding, Seen
    from ...service.inspections import DomainOverview

_DOMAINS: Final[Mapping[DomainState, StateView]] = {
    DomainState.PUBLISHED: StateView(N_("Nothing to set"), "good", "circle-check"),
    DomainState.UNVERIFIED: StateView(N_("Not looked at yet"), "neutral", "circle-dashed"),
    DomainState.PENDING: StateView(N_("Records to set"), "warning", "triangle-alert"),
    DomainState.PARTIAL: StateView(N_("Some records to set"), "warning", "triangle-alert"),
    DomainState.VERIFIED: StateView(N_("All is set"), "good", "circle-check"),
}
_RECORDS: Final[Mapping[RecordState, StateView]] = {
    RecordState.UNCHECKED: StateView(N_("Not looked at yet"), "neutral", "circle-dashed"),
    RecordState.GOOD: StateView(N_("Right"), "good", "circle-check"),
    RecordState.MISSING: StateView(N_("Missing"), "warning", "triangle-alert"),
    RecordState.WRONG: StateView(N_("Leads elsewhere"), "bad", "circle-x"),
    RecordState.UNWANTED: StateView(N_("One too many"), "bad", "circle-x"),
    RecordState.SPREADING: StateView(N_("Right, and spreading"), "info", "hourglass"),
    RecordState.UNKNOWN: StateView(N_("Nobody could say"), "warning", "triangle-alert"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenView:
    """What one server said."""

    who: str
    role: str
    said: str
    holds: str
    """For how long the answer may be used; empty where nothing was said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    """One record to set, or one that must not be there."""

    type: str
    host: str
    name: str
    values: tuple[str, ...]
    ttl: int
    state: StateView
    advice: str
    seen: Sequence[SeenView]


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainView:
    """One domain."""

    name: str
    zone: str
    state: StateView
    is_published: bool
    is_verified: bool
    deployments: Sequence[str]
    checked_at: datetime | None
    good_at: datetime | None
    to_set: Sequence[RecordView]
    unwanted: Sequence[RecordView]
    zone_file: str


def present(found: DomainOverview) -> DomainView:
    """Return a domain as pages show it."""
    records = [(it, _record(it, found.name)) for it in found.findings]
    return DomainView(
        name=found.name,
        zone=found.zone,
        state=_said(_DOMAINS[found.state]),
        is_published=found.is_published,
        is_verified=found.state is DomainState.VERIFIED,
        deployments=found.deployments,
        checked_at=found.checked_at,
        good_at=found.good_at,
        to_set=[shown for it, shown in records if it.wanted.values],
        unwanted=[shown for it, shown in records if it.state is RecordState.UNWANTED],
        zone_file=found.zone_file,
    )


def _record(found: Finding, domain: str) -> RecordView:
    wanted = found.wanted
    return RecordView(
        type=wanted.type.value,
        host=wanted.host_in(domain),
        name=wanted.name,
        values=wanted.values,
        ttl=SUGGESTED_TTL,
        state=_said(_RECORDS[found.state]),
        advice=_advice(found, domain),
        seen=[_seen(it) for it in found.seen],
    )


def _advice(found: Finding, domain: str) -> str:
    """Return what to do; it is said anew, since what is kept of it is English."""
    if found.state is RecordState.UNCHECKED:
        return ""
    return retell(judge(found.wanted, found.seen, domain).advice)


def _seen(it: Seen) -> SeenView:
    return SeenView(
        who=it.who,
        role=_("name server of the domain") if it.is_authority else _("resolver"),
        said=_what(it),
        holds=duration(it.ttl) if it.ttl is not None else "",
    )


def _what(it: Seen) -> str:
    if it.trouble is not None:
        return retell(it.trouble)
    if it.alias is not None:
        return _("another name of %(name)s") % {"name": it.alias}
    return ", ".join(it.values) or _("no such record")


def _said(state: StateView) -> StateView:
    return StateView(_(state.word), state.tone, state.icon, state.is_turning)
