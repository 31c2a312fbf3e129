"""Domains and their records, as the API shows them."""

from datetime import datetime
from typing import Self

from pydantic import ConfigDict

from ...domain.dns import SUGGESTED_TTL, DomainState, Finding, RecordState, RecordType
from ...service.inspections import DomainOverview
from .. import domain_examples as examples
from .shape import Answer, Id


class SeenAnswer(Answer):
    """What one server said."""

    who: str
    is_authority: bool
    """Whether it is one of the domain's own name servers, or one that others ask."""
    values: tuple[str, ...]
    ttl: int | None
    """For how many seconds the answer may be used: as long an old one stays."""
    alias: str | None
    trouble: str | None


class RecordAnswer(Answer):
    """A record that a domain needs, and what was seen of it."""

    type: RecordType
    host: str
    """Relative to the domain, as forms of DNS providers ask for it; `@` is the domain itself."""
    name: str
    values: tuple[str, ...]
    """None: there must be no such record."""
    ttl: int
    """A good value where one has to be chosen."""
    state: RecordState
    advice: str
    seen: tuple[SeenAnswer, ...]

    @classmethod
    def of(cls, found: Finding, domain: str) -> Self:
        """Return how a record is shown."""
        wanted = found.wanted
        return cls(
            type=wanted.type,
            host=wanted.host_in(domain),
            name=wanted.name,
            values=wanted.values,
            ttl=SUGGESTED_TTL,
            state=found.state,
            advice=found.advice,
            seen=tuple(SeenAnswer.model_validate(it) for it in found.seen),
        )


class DomainAnswer(Answer):
    """A domain and the records that its deployments need."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DOMAIN]})

    name: str
    state: DomainState
    is_published: bool
    """Whether the provider publishes its names itself; then there is nothing to set."""
    zone: str
    """The part of the name space it lies in."""
    deployments: tuple[Id, ...]
    checked_at: datetime | None
    good_at: datetime | None
    """When all records were last seen to be right."""
    records: tuple[RecordAnswer, ...]
    zone_file: str
    """The records that have to be set, for DNS providers that read a zone file."""

    @classmethod
    def of(cls, found: DomainOverview) -> Self:
        """Return how a domain is shown."""
        return cls(
            name=found.name,
            state=found.state,
            is_published=found.is_published,
            zone=found.zone,
            deployments=tuple(found.deployments),
            checked_at=found.checked_at,
            good_at=found.good_at,
            records=tuple(RecordAnswer.of(it, found.name) for it in found.findings),
            zone_file=found.zone_file,
        )
