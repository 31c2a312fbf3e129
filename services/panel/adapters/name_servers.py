"""`NameServers` by dnspython: a domain's own servers, and resolvers that the world uses.

Each is asked for itself, over UDP and, where an answer does not fit, TCP. Servers of a domain are
an operator's choice: addresses inside the provider's own network are never asked, in whatever
form they are written.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import dns.asyncquery
import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.nameserver
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.resolver

from shared.contracts.deployments import Endpoint

from ..domain.dns import RecordType, Seen
from ..domain.sentences import N_

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..domain.reachable import ReachRules

MOST_AUTHORITIES: Final = 3
MOST_ALIASES: Final = 8
MOST_VALUES: Final = 16
"""Of one name that are kept and shown."""
_TROUBLE: Final = (dns.exception.DNSException, OSError, ValueError)


def endpoints(text: str) -> Sequence[Endpoint]:
    """Return the servers in a list such as `9.9.9.9:53 [2620:fe::fe]:53`."""
    parts = [it.rpartition(":") for it in text.split()]
    return [Endpoint(host=host.strip("[]"), port=int(port)) for host, _, port in parts]


@dataclass(frozen=True, slots=True)
class _Server:
    who: str
    address: str
    port: int
    is_authority: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsNameServers:
    """Asks over the network."""

    resolvers: Sequence[Endpoint]
    timeout_seconds: float
    rules: ReachRules
    """Which addresses servers of a domain may have."""
    authority_port: int = 53

    async def ask(self, name: str, kind: RecordType) -> Sequence[Seen]:
        """Return what the name's own servers and the resolvers say, each for itself."""
        authorities, trouble = await self._authorities(name)
        resolvers = [
            _Server(it.host, it.host, it.port, is_authority=False) for it in self.resolvers
        ]
        asked = [self._ask(it, name, kind) for it in (*authorities, *resolvers)]
        seen = list(await asyncio.gather(*asked))
        if trouble:
            own = f"name servers of {name.partition('.')[2] or name}"
            seen.insert(0, Seen(who=own, is_authority=True, trouble=trouble))
        return seen

    async def _authorities(self, name: str) -> tuple[Sequence[_Server], str]:
        """Return the servers that a name belongs to, or why there are none."""
        try:
            zone = await dns.asyncresolver.zone_for_name(name, resolver=self._resolver())
            named = await self._resolver().resolve(zone, "NS")
            hosts = sorted(str(it.target) for it in named)[:MOST_AUTHORITIES]
            found = await asyncio.gather(*(self._addresses(it) for it in hosts))
        except _TROUBLE as error:
            return (), _in_words(error)
        servers = [it for of_host in found for it in of_host]
        return servers, "" if servers else N_("none of them has an address that can be asked")

    async def _addresses(self, host: str) -> Sequence[_Server]:
        """Return where one name server can be asked: at its first address."""
        for kind in RecordType:
            try:
                answer = await self._resolver().resolve(host, kind.value)
            except _TROUBLE:
                continue
            address = str(answer[0])
            if self.rules.admits(address):
                who = host.rstrip(".")
                return [_Server(who, address, self.authority_port, is_authority=True)]
        return []

    async def _ask(self, server: _Server, name: str, kind: RecordType) -> Seen:
        query = dns.message.make_query(name, kind.value)
        if server.is_authority:
            query.flags &= ~dns.flags.RD
        try:
            answer, _ = await dns.asyncquery.udp_with_fallback(
                query, server.address, timeout=self.timeout_seconds, port=server.port
            )
        except _TROUBLE as error:
            trouble = _in_words(error)
            return Seen(who=server.who, is_authority=server.is_authority, trouble=trouble)
        return _seen(server, answer, name, kind)

    def _resolver(self) -> dns.asyncresolver.Resolver:
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = [
            dns.nameserver.Do53Nameserver(it.host, it.port) for it in self.resolvers
        ]
        resolver.lifetime = self.timeout_seconds
        return resolver


def _seen(server: _Server, answer: dns.message.Message, name: str, kind: RecordType) -> Seen:
    who, is_authority = server.who, server.is_authority
    if answer.rcode() not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        said = dns.rcode.to_text(answer.rcode())
        return Seen(who=who, is_authority=is_authority, trouble=f"it answered {said}")
    if is_authority and not answer.flags & dns.flags.AA:
        trouble = N_("it does not know this domain")
        return Seen(who=who, is_authority=is_authority, trouble=trouble)
    place, ttls = dns.name.from_text(name), []
    alias: str | None = None
    for _ in range(MOST_ALIASES):
        named = answer.get_rrset(answer.answer, place, dns.rdataclass.IN, dns.rdatatype.CNAME)
        if named is None:
            break
        place = named[0].target
        alias = alias or str(place).rstrip(".")
        ttls.append(named.ttl)
    found = answer.get_rrset(
        answer.answer, place, dns.rdataclass.IN, dns.rdatatype.from_text(kind.value)
    )
    if found is not None:
        ttls.append(found.ttl)
    values = tuple(sorted(str(it) for it in found or ()))[:MOST_VALUES]
    # Who follows an alias to its end is believed like who has the addresses itself.
    shown = None if values else alias
    return Seen(
        who=who,
        is_authority=is_authority,
        values=values,
        ttl=min(ttls, default=None),
        alias=shown,
    )


def _in_words(error: BaseException) -> str:
    if isinstance(error, (dns.exception.Timeout, TimeoutError)):
        return N_("no answer in time")
    if isinstance(error, (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer)):
        return N_("there is no such domain")
    if isinstance(error, dns.resolver.NoNameservers):
        return N_("the resolvers could not find its name servers")
    return N_("it could not be asked")
