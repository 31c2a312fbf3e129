"""Reachable addresses: where panel sends what somebody else's URL asks for, and where never.

A URL of an operator may lead anywhere, also to what only this computer and its neighbours should
reach. So the URL has one plain form, and every address that its host stands for is looked at in
the form in which the network will see it: an IPv4 address inside an IPv6 one is that address.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import idna

from shared import errors

from .sentences import N_, say, together

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
LONGEST: Final = 1024
USUAL_PORTS: Final = {"https": 443, "http": 80}
LOWEST_OTHER_PORT: Final = 1024
_PLAIN: Final = re.compile(r"[!#-;=?-\[\]_a-z~]+", re.IGNORECASE)
_HOST: Final = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_-]+)*")
# What the registries call special, also where Python's own notion of `is_global` has varied.
_SPECIAL: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
            *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24"),
            *("192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
            *("224.0.0.0/4", "240.0.0.0/4"),
            *("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "100::/64", "2001::/23"),
            *("2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/9", "ff00::/8"),
        ),
    )
)
EVERYWHERE: Final = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
"""Also inside: where a whole installation tries itself on one computer."""
_TRANSLATED: Final = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL that was checked, in its one written form."""

    scheme: str
    host: str
    """Without the brackets of an IPv6 address."""
    port: int
    path: str
    """With its query."""

    @property
    def authority(self) -> str:
        """Host and port, as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == USUAL_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme and host: what may be shown to whoever must not see the rest."""
        return f"{self.scheme}://{self.authority}"

    @property
    def url(self) -> str:
        """The whole of it."""
        return self.origin + self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachRules:
    """What the hosting provider's settings say about where panel may send."""

    allow_http: bool = False
    allowed: tuple[IPNetwork, ...] = ()
    """Networks that may be reached although they are not public."""
    refused: tuple[IPNetwork, ...] = ()
    """Public networks that may not: the hosting provider's own."""

    def check_url(self, text: str) -> Target:
        """Return the parts of a URL that panel would send to.

        Raises:
            InvalidError: it has another form; the message says which it must have.
        """
        try:
            parts = urlsplit(text.strip())
            port = parts.port
        except ValueError as error:
            raise _invalid(N_("This is not a URL.")) from error
        if parts.scheme.lower() not in self._schemes():
            schemes = together([f"{it}://" for it in self._schemes()], ", ")
            raise _invalid(say("The URL must begin with {schemes}.", schemes=schemes))
        if parts.username is not None or parts.password is not None or "@" in parts.netloc:
            raise _invalid(N_("The URL must not hold a user name or a password."))
        if parts.fragment:
            raise _invalid(N_("The URL must not have a part after #."))
        scheme = parts.scheme.lower()
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        target = Target(
            scheme=scheme,
            host=_host(parts.hostname or ""),
            port=USUAL_PORTS[scheme] if port is None else port,
            path=path,
        )
        self._check_rest(target)
        return target

    def admits(self, address: str) -> bool:
        """Say whether panel may connect to an address."""
        return all(self._admits(it) for it in _meanings(ipaddress.ip_address(address)))

    def admits_all(self, addresses: Sequence[str]) -> bool:
        """Say whether a name that stands for these addresses may be connected to."""
        return bool(addresses) and all(map(self.admits, addresses))

    def _schemes(self) -> tuple[str, ...]:
        return ("https", "http") if self.allow_http else ("https",)

    def _check_rest(self, target: Target) -> None:
        if len(target.url) > LONGEST:
            raise _invalid(say("The URL may have {most} characters at most.", most=LONGEST))
        if not _PLAIN.fullmatch(target.path) or "\\" in target.path:
            raise _invalid(N_("Write what is no plain character in the URL's path with %."))
        if target.port not in USUAL_PORTS.values() and target.port < LOWEST_OTHER_PORT:
            raise _invalid(
                say("The port must be 443, or one from {least} on.", least=LOWEST_OTHER_PORT)
            )

    def _admits(self, address: IPAddress) -> bool:
        if _within(address, self.refused):
            return False
        if _within(address, self.allowed):
            return True
        return address.is_global and not address.is_multicast and not _within(address, _SPECIAL)


def _host(text: str) -> str:
    try:
        # An address with a zone means something on one computer only; a URL spells it with %.
        return str(ipaddress.IPv6Address(text)) if ":" in text and "%" not in text else _name(text)
    except ValueError as error:
        raise _invalid(N_("The URL needs the name of a host.")) from error


def _name(text: str) -> str:
    plain = text.lower().rstrip(".")
    if not plain.isascii():
        plain = idna.encode(plain, uts46=True).decode("ascii")
    if not _HOST.fullmatch(plain):
        raise ValueError(text)
    return plain


def _meanings(address: IPAddress) -> Iterator[IPAddress]:
    """Yield the addresses that one stands for: itself, or what a network makes of it."""
    if isinstance(address, ipaddress.IPv4Address):
        yield address
        return
    if address.scope_id is not None:
        yield ipaddress.IPv6Address("::")
    elif address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    elif address.sixtofour is not None:
        yield address.sixtofour
    elif address in _TRANSLATED:
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    else:
        yield address


def _within(address: IPAddress, networks: Sequence[IPNetwork]) -> bool:
    return any(address in it for it in networks if it.version == address.version)


def _invalid(message: str) -> errors.InvalidError:
    return errors.InvalidError("webhook.url", message, details={"/url": message})
