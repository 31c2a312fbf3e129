"""A small, strict name server on loopback, over UDP and TCP: one zone, or what one remembers."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HOST = "127.0.0.1"
LARGEST_DATAGRAM = 512


@dataclass(kw_only=True)
class NameServer:
    """What a server knows, and how it behaves."""

    zone: str
    records: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """By name and type; the zone's own SOA and NS are always there."""
    ttl: int = 300
    is_authority: bool = True
    is_silent: bool = False
    rcode: int | None = None
    asked: list[tuple[str, str, bool]] = field(default_factory=list)
    """Every question: name, type, and whether it came by TCP."""

    def answer(self, wire: bytes, *, is_tcp: bool) -> bytes | None:
        query = dns.message.from_wire(wire)
        [question] = query.question
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((question.name.to_text(omit_final_dot=True), kind, is_tcp))
        if self.is_silent:
            return None
        response = dns.message.make_response(query, recursion_available=not self.is_authority)
        if self.is_authority:
            response.flags |= dns.flags.AA
        self._fill(response, question.name, question.rdtype)
        whole = response.to_wire()
        if is_tcp or len(whole) <= LARGEST_DATAGRAM:
            return whole
        response.answer.clear()
        response.flags |= dns.flags.TC
        return response.to_wire()

    def _fill(
        self, response: dns.message.Message, name: dns.name.Name, kind: dns.rdatatype.RdataType
    ) -> None:
        origin = dns.name.from_text(self.zone)
        if self.rcode is not None or not name.is_subdomain(origin):
            response.set_rcode(
                dns.rcode.REFUSED if self.rcode is None else dns.rcode.Rcode(self.rcode)
            )
            return
        known = {(dns.name.from_text(it), type_): values for (it, type_), values in self._all()}
        while (name, "CNAME") in known and kind != dns.rdatatype.CNAME:
            [target] = known[name, "CNAME"]
            response.answer.append(dns.rrset.from_text(name, self.ttl, "IN", "CNAME", target))
            name = dns.name.from_text(target)
        values = known.get((name, dns.rdatatype.to_text(kind)))
        if values:
            response.answer.append(dns.rrset.from_text(name, self.ttl, "IN", kind, *values))
            return
        soa = known[origin, "SOA"]
        response.authority.append(dns.rrset.from_text(origin, self.ttl, "IN", "SOA", *soa))
        if not response.answer and not any(it == name for it, _ in known):
            response.set_rcode(dns.rcode.NXDOMAIN)

    def _all(self) -> list[tuple[tuple[str, str], list[str]]]:
        server = f"ns.{self.zone}."
        own = {
            (self.zone, "SOA"): [f"{server} admin.{self.zone}. 1 3600 600 86400 60"],
            (self.zone, "NS"): [server],
            (f"ns.{self.zone}", "A"): [HOST],
        }
        return list({**own, **self.records}.items())


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server
        self._transport: Any = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    @override
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._server.answer(data, is_tcp=False)
        if answer is not None:
            self._transport.sendto(answer, addr)


@asynccontextmanager
async def serving(server: NameServer, port: int) -> AsyncIterator[NameServer]:
    """Let a name server answer at a port of loopback."""

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int.from_bytes(await reader.readexactly(2), "big")
        answer = server.answer(await reader.readexactly(length), is_tcp=True)
        if answer is not None:
            writer.write(len(answer).to_bytes(2, "big") + answer)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    loop = asyncio.get_running_loop()
    streams = await asyncio.start_server(respond, HOST, port)
    datagrams, _ = await loop.create_datagram_endpoint(
        lambda: _Datagrams(server), local_addr=(HOST, port)
    )
    try:
        yield server
    finally:
        datagrams.close()
        streams.close()
        await streams.wait_closed()
