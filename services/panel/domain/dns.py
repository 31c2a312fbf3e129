"""DNS as operators set it: the records a deployment needs, and what was seen of them.

Nothing is asked here: `judge` says what answers mean and what to do, in plain words.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from .sentences import N_, say, together

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from .sentences import Sentence

SUGGESTED_TTL: Final = 3600


class RecordType(StrEnum):
    """A kind of DNS record."""

    A = "A"
    """An address of IPv4."""
    AAAA = "AAAA"
    """An address of IPv6."""


class RecordState(StrEnum):
    """What was seen of a record."""

    UNCHECKED = "unchecked"
    """Nobody has looked yet."""
    GOOD = "good"
    """Everybody who was asked says what is wanted."""
    MISSING = "missing"
    """There is no such record."""
    WRONG = "wrong"
    """There is one, and it leads elsewhere."""
    UNWANTED = "unwanted"
    """There is one and there should be none: some visitors are led elsewhere."""
    SPREADING = "spreading"
    """It is right at its source; old answers are still in use for a while."""
    UNKNOWN = "unknown"
    """Nobody could say."""


class DomainState(StrEnum):
    """How far the records of a domain are set."""

    PUBLISHED = "published"
    """The provider publishes the names itself; there is nothing to set."""
    UNVERIFIED = "unverified"
    """Nobody has looked yet."""
    PENDING = "pending"
    """No record is right yet."""
    PARTIAL = "partial"
    """Some records are right."""
    VERIFIED = "verified"
    """All records are right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The addresses that one name has to have, of one kind; none: it must not have any."""

    name: str
    type: RecordType
    values: tuple[str, ...]

    def host_in(self, domain: str) -> str:
        """Return the name as forms of DNS providers ask for it, relative to the domain."""
        return "@" if self.name == domain else self.name.removesuffix(f".{domain}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one server said about one name."""

    who: str
    """Name or address of the server."""
    is_authority: bool
    """Whether it is one of the domain's own name servers, or one that others ask."""
    values: tuple[str, ...] = ()
    ttl: int | None = None
    """For how many seconds the answer may be used."""
    alias: str | None = None
    """What the name is another name of, if it is."""
    trouble: str | None = None
    """Why the server gave no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One record: what is wanted, what was seen, and what that means."""

    wanted: Wanted
    state: RecordState
    advice: str
    """What to do, in plain words; empty where there is nothing to do."""
    seen: tuple[Seen, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was found when somebody looked."""

    at: datetime
    findings: tuple[Finding, ...]
    good_at: datetime | None = None
    """When all was last seen to be right."""


def unchecked(wanted: Wanted) -> Finding:
    """Return what is known of a record before anybody has looked."""
    return Finding(wanted=wanted, state=RecordState.UNCHECKED, advice="")


def domain_state(findings: Sequence[Finding], *, is_published: bool) -> DomainState:
    """Sum up how far the records of a domain are set."""
    if is_published:
        return DomainState.PUBLISHED
    states = {it.state for it in findings}
    if not states or states == {RecordState.UNCHECKED}:
        return DomainState.UNVERIFIED
    if states == {RecordState.GOOD}:
        return DomainState.VERIFIED
    good = any(it.state is RecordState.GOOD and it.wanted.values for it in findings)
    return DomainState.PARTIAL if good else DomainState.PENDING


def judge(wanted: Wanted, seen: Sequence[Seen], domain: str) -> Finding:
    """Say what answers mean for a record, and what to do."""
    state = _state(wanted, seen)
    advice = say(_ADVICE[state], **_words(wanted, seen, domain)) if state in _ADVICE else ""
    return Finding(wanted=wanted, state=state, advice=advice, seen=tuple(seen))


def _state(wanted: Wanted, seen: Sequence[Seen]) -> RecordState:
    answered = [it for it in seen if it.trouble is None]
    # A name that is an alias has its addresses elsewhere: only who follows it can tell.
    sources = [it for it in answered if it.is_authority and it.alias is None]
    resolvers = [it for it in answered if not it.is_authority]
    judged = sources or resolvers
    if not judged:
        return RecordState.UNKNOWN
    if all(_is_right(wanted, it) for it in judged):
        is_everywhere = all(_is_right(wanted, it) for it in resolvers)
        return RecordState.GOOD if is_everywhere else RecordState.SPREADING
    return _mistake(wanted, judged)


def _mistake(wanted: Wanted, judged: Sequence[Seen]) -> RecordState:
    if not wanted.values:
        return RecordState.UNWANTED
    if not any(it.values for it in judged):
        return RecordState.MISSING
    return RecordState.WRONG


def _is_right(wanted: Wanted, it: Seen) -> bool:
    return set(it.values) == set(wanted.values)


_ADVICE: Final[Mapping[RecordState, str]] = {
    RecordState.MISSING: N_(
        "{name} has no {type} record. Add one where you manage {domain}: host {host}, "
        "value {wanted}."
    ),
    RecordState.WRONG: N_(
        "{name} leads to {found}, and has to lead to {wanted}. Change its {type} record where you "
        "manage {domain}."
    ),
    RecordState.UNWANTED: N_(
        "{name} has an {type} record, to {found}, which does not lead here: some visitors would "
        "be taken there. Remove it where you manage {domain}."
    ),
    RecordState.SPREADING: N_(
        "The record is right. Some of the world still has the old answer, for {wait} at most. "
        "There is nothing to do but wait."
    ),
    RecordState.UNKNOWN: N_(
        "Nobody could say anything about {name}: {trouble}. Check that {domain} is registered and "
        "that its name servers are the ones you use, then look again."
    ),
}


def _words(wanted: Wanted, seen: Sequence[Seen], domain: str) -> Mapping[str, object]:
    found = sorted({value for it in seen for value in it.values if value not in wanted.values})
    old = [it.ttl for it in seen if it.ttl is not None and not _is_right(wanted, it)]
    troubles = sorted({it.trouble for it in seen if it.trouble})
    return {
        "name": wanted.name,
        "type": wanted.type.value,
        "domain": domain,
        "host": wanted.host_in(domain),
        "wanted": ", ".join(wanted.values),
        "found": ", ".join(found) or say("part of what it should"),
        "wait": _duration(max(old, default=SUGGESTED_TTL)),
        "trouble": together(troubles, "; ") if troubles else say("no server was found"),
    }


def _duration(seconds: int) -> Sentence:
    minutes = -(-seconds // 60)
    if minutes <= 1:
        return say("a minute")
    if minutes < 120:  # noqa: PLR2004 - two hours
        return say("{minutes} minutes", minutes=minutes)
    return say("{hours} hours", hours=-(-minutes // 60))


def zone_file(wanted: Sequence[Wanted]) -> str:
    """Return records as a zone file, for DNS providers that read one."""
    lines = [
        f"{it.name}. {SUGGESTED_TTL} IN {it.type.value} {value}"
        for it in wanted
        for value in it.values
    ]
    return "".join(f"{line}\n" for line in lines)
