"""What answers of name servers mean, and what an operator is told to do about them."""

from __future__ import annotations

import pytest

from services.panel.domain import dns
from services.panel.domain.dns import DomainState, RecordState, RecordType, Seen, Wanted

DOMAIN = "garden.example"
A = Wanted(name="hello.garden.example", type=RecordType.A, values=("192.0.2.10",))
NO_AAAA = Wanted(name="hello.garden.example", type=RecordType.AAAA, values=())


def own(*values: str, **more: str | int | None) -> Seen:
    return Seen(who="ns1.garden.example", is_authority=True, values=values, **more)  # type: ignore[arg-type]


def public(*values: str, **more: str | int | None) -> Seen:
    return Seen(who="9.9.9.9", is_authority=False, values=values, **more)  # type: ignore[arg-type]


RIGHT, OLD = "192.0.2.10", "192.0.2.80"


@pytest.mark.parametrize(
    ("wanted", "seen", "state", "advice"),
    [
        (A, [own(RIGHT), public(RIGHT)], RecordState.GOOD, ""),
        (A, [own(), public()], RecordState.MISSING, "host hello, value 192.0.2.10"),
        (A, [own(OLD), public(OLD)], RecordState.WRONG, "leads to 192.0.2.80, and has to lead to"),
        (A, [own(RIGHT), own(OLD)], RecordState.WRONG, "leads to 192.0.2.80"),
        (A, [own(RIGHT, OLD)], RecordState.WRONG, "leads to 192.0.2.80"),
        (A, [own(RIGHT), public(OLD, ttl=1500)], RecordState.SPREADING, "25 minutes at most"),
        (A, [own(RIGHT), public(ttl=30)], RecordState.SPREADING, "a minute at most"),
        (A, [own(RIGHT), public(OLD, ttl=9000)], RecordState.SPREADING, "3 hours at most"),
        (A, [own(RIGHT), public(trouble="no answer in time")], RecordState.GOOD, ""),
        (A, [own(trouble="refused"), public(RIGHT)], RecordState.GOOD, ""),
        (A, [own(alias="x.example"), public(RIGHT)], RecordState.GOOD, ""),
        (A, [own(alias="x.example"), public(OLD)], RecordState.WRONG, "leads to 192.0.2.80"),
        (
            A,
            [own(trouble="there is no such domain"), public(trouble="no answer in time")],
            RecordState.UNKNOWN,
            "no answer in time; there is no such domain. Check that garden.example is registered",
        ),
        (A, [], RecordState.UNKNOWN, "no server was found"),
        (NO_AAAA, [own(), public()], RecordState.GOOD, ""),
        (NO_AAAA, [own("2001:db8::1"), public()], RecordState.UNWANTED, "to 2001:db8::1"),
    ],
)
def test_answers_are_judged_and_explained(
    wanted: Wanted, seen: list[Seen], state: RecordState, advice: str
) -> None:
    found = dns.judge(wanted, seen, DOMAIN)

    assert found.state is state
    assert advice in found.advice
    assert bool(advice) is bool(found.advice)
    assert found.seen == tuple(seen)


def test_the_domain_itself_is_asked_for_by_a_sign_of_its_own() -> None:
    root = Wanted(name=DOMAIN, type=RecordType.A, values=(RIGHT,))

    assert root.host_in(DOMAIN) == "@"
    assert A.host_in(DOMAIN) == "hello"


def test_a_domain_is_as_far_as_its_records() -> None:
    good = dns.judge(A, [own(RIGHT)], DOMAIN)
    missing = dns.judge(A, [own()], DOMAIN)
    none = dns.judge(NO_AAAA, [own()], DOMAIN)

    def state(*findings: dns.Finding) -> DomainState:
        return dns.domain_state(findings, is_published=False)

    assert dns.domain_state([missing], is_published=True) is DomainState.PUBLISHED
    assert state() is DomainState.UNVERIFIED
    assert state(dns.unchecked(A)) is DomainState.UNVERIFIED
    assert state(missing, none) is DomainState.PENDING
    assert state(good, missing) is DomainState.PARTIAL
    assert state(good, none) is DomainState.VERIFIED


def test_records_can_be_had_as_a_zone_file() -> None:
    assert dns.zone_file([A, NO_AAAA]) == "hello.garden.example. 3600 IN A 192.0.2.10\n"
