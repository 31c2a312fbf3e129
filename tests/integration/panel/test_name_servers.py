"""The look at DNS, against name servers that answer over UDP and TCP on loopback."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

import pytest

from services.panel.adapters.name_servers import MOST_VALUES, DnsNameServers, endpoints
from services.panel.domain.dns import RecordType
from services.panel.domain.reachable import EVERYWHERE, ReachRules
from shared.embedded.ports import free
from tests.support.name_server import NameServer, serving

if TYPE_CHECKING:
    from services.panel.domain.dns import Seen

ANYWHERE = ReachRules(allowed=EVERYWHERE)
ZONE = "garden.test"
NAME = f"hello.{ZONE}"


def servers(authority: int, *resolvers: int, rules: ReachRules = ANYWHERE) -> DnsNameServers:
    return DnsNameServers(
        resolvers=endpoints(" ".join(f"127.0.0.1:{it}" for it in resolvers)),
        timeout_seconds=1.5,
        authority_port=authority,
        rules=rules,
    )


async def ask(own: NameServer, resolver: NameServer, kind: RecordType) -> list[Seen]:
    authority, port = free(), free()
    async with serving(own, authority), serving(resolver, port):
        return list(await servers(authority, port).ask(NAME, kind))


async def test_each_answer_tells_who_gave_it_and_for_how_long_it_holds() -> None:
    own = NameServer(zone=ZONE, records={(NAME, "A"): ["192.0.2.10"]}, ttl=3600)
    old = NameServer(zone=ZONE, records={(NAME, "A"): ["192.0.2.80"]}, ttl=120, is_authority=False)

    seen = await ask(own, old, RecordType.A)

    assert [(it.who, it.is_authority, it.values, it.ttl) for it in seen] == [
        ("ns.garden.test", True, ("192.0.2.10",), 3600),
        ("127.0.0.1", False, ("192.0.2.80",), 120),
    ]
    assert (NAME, "A", False) in own.asked


async def test_addresses_of_both_kinds_are_asked_for() -> None:
    records = {(NAME, "A"): ["192.0.2.10"], (NAME, "AAAA"): ["2001:db8::1"]}
    own = NameServer(zone=ZONE, records=records)
    resolver = NameServer(zone=ZONE, is_authority=False)

    seen = await ask(own, resolver, RecordType.AAAA)

    assert [it.values for it in seen] == [("2001:db8::1",), ()]
    assert [it.trouble for it in seen] == [None, None]


async def test_an_answer_too_long_for_a_datagram_is_fetched_by_tcp() -> None:
    many = [f"192.0.2.{number}" for number in range(1, 100)]
    own = NameServer(zone=ZONE, records={(NAME, "A"): many})

    seen = await ask(own, NameServer(zone=ZONE, is_authority=False), RecordType.A)

    assert len(seen[0].values) == MOST_VALUES
    assert (NAME, "A", True) in own.asked


async def test_an_alias_is_followed_as_far_as_a_server_knows() -> None:
    inside = {(NAME, "CNAME"): [f"web.{ZONE}."], (f"web.{ZONE}", "A"): ["192.0.2.10"]}
    outside = {(NAME, "CNAME"): ["web.elsewhere.test."]}

    [own, _] = await ask(
        NameServer(zone=ZONE, records=inside),
        NameServer(zone=ZONE, is_authority=False),
        RecordType.A,
    )
    [away, _] = await ask(
        NameServer(zone=ZONE, records=outside),
        NameServer(zone=ZONE, is_authority=False),
        RecordType.A,
    )

    assert (own.values, own.alias) == (("192.0.2.10",), None)
    assert (away.values, away.alias) == ((), "web.elsewhere.test")


async def test_a_server_that_does_not_answer_or_does_not_know_is_said_to() -> None:
    resolver = NameServer(zone=ZONE, is_authority=False)
    silent = NameServer(zone=ZONE, is_silent=True)
    failing = NameServer(zone=ZONE, rcode=2)
    lame = NameServer(zone=ZONE, is_authority=False)

    troubles = [
        (await ask(own, resolver, RecordType.A))[0].trouble for own in (silent, failing, lame)
    ]

    assert troubles == ["no answer in time", "it answered SERVFAIL", "it does not know this domain"]


async def test_a_domain_that_nobody_knows_is_told_as_such() -> None:
    port = free()
    async with serving(NameServer(zone="other.test", is_authority=False), port):
        seen = await servers(free(), port).ask(NAME, RecordType.A)

    assert [it.is_authority for it in seen] == [True, False]
    assert seen[0].trouble == "the resolvers could not find its name servers"
    assert seen[1].trouble == "it answered REFUSED"


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1", "::ffff:127.0.0.1"),
        *("ff0e::1", "fec0::1", "198.18.0.1"),
    ],
)
async def test_a_server_inside_is_never_asked_however_its_address_is_written(address: str) -> None:
    kind = "AAAA" if ":" in address else "A"
    records = {(f"ns.{ZONE}", "A"): [], (f"ns.{ZONE}", kind): [address]}
    own = NameServer(zone=ZONE)
    resolver = NameServer(zone=ZONE, is_authority=False, records=records)
    authority, port = free(), free()
    async with serving(own, authority), serving(resolver, port):
        seen = await servers(authority, port, rules=ReachRules()).ask(NAME, RecordType.A)

    assert seen[0].trouble == "none of them has an address that can be asked"
    assert own.asked == []


async def test_a_server_in_a_public_network_of_the_provider_is_never_asked() -> None:
    own, resolver = NameServer(zone=ZONE), NameServer(zone=ZONE, is_authority=False)
    rules = ReachRules(allowed=EVERYWHERE, refused=(ipaddress.ip_network("127.0.0.0/8"),))
    authority, port = free(), free()
    async with serving(own, authority), serving(resolver, port):
        seen = await servers(authority, port, rules=rules).ask(NAME, RecordType.A)

    assert seen[0].trouble == "none of them has an address that can be asked"
    assert own.asked == []


def test_resolvers_are_read_with_addresses_of_both_kinds() -> None:
    found = endpoints("9.9.9.9:53 [2620:fe::fe]:5353")

    assert [(it.host, it.port) for it in found] == [("9.9.9.9", 53), ("2620:fe::fe", 5353)]
