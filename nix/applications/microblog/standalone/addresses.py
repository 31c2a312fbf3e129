"""Which addresses of other servers the blog talks to; everything else is refused unasked.

The egress door refuses private networks too. This is the first line: what is refused here never
leaves the machine.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

LONGEST = 1024
PLAIN = re.compile(r"[!-~]+")
HOST = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
USUAL = {"http": 80, "https": 443}
# Names that only mean something inside one network.
INSIDE = frozenset(("localhost", "local", "internal", "lan", "home", "corp", "arpa", "onion"))


class RefusedAddressError(Exception):
    """An address that the blog does not talk to."""


class Rules:
    """What an address needs, seen from the blog's own."""

    def __init__(self, own: str) -> None:
        parts = urlsplit(own)
        self._own = parts.hostname or ""
        self._ports = {None, parts.port}
        # Over plain HTTP anybody on the way could put a key of their own in an actor's place.
        self._schemes = {"https"} if parts.scheme == "https" else set(USUAL)

    def check(self, url: object) -> str:
        """Return the host and port of an address.

        Raises:
            RefusedAddressError: the blog does not talk to it.
        """
        if not isinstance(url, str) or len(url) > LONGEST or not PLAIN.fullmatch(url):
            raise RefusedAddressError("an address is a text of printable characters")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise RefusedAddressError("this is not an address") from error
        if parts.scheme not in self._schemes or not parts.path.startswith("/"):
            raise RefusedAddressError(f"only {' and '.join(sorted(self._schemes))}, with a path")
        if "@" in parts.netloc or port not in self._ports | {USUAL[parts.scheme]}:
            raise RefusedAddressError("no names and no unusual ports in an address")
        self._check_host(parts.netloc.partition(":")[0])
        return parts.netloc

    def _check_host(self, host: str) -> None:
        if not HOST.fullmatch(host):
            raise RefusedAddressError("an address needs the full name of a host")
        end = host.rpartition(".")[2]
        if end in INSIDE and end != self._own.rpartition(".")[2]:
            raise RefusedAddressError("this host is inside somebody's network")
        if host == self._own:
            raise RefusedAddressError("this is the blog itself")


def host_of(url: str) -> str:
    """Return the host and port of an address that was checked."""
    return urlsplit(url).netloc
