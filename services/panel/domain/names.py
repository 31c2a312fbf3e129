"""Domains and hosts: which names an operator may use here, with one clear answer for each mistake.

domain   garden.example            belongs to one operator, together with all names below it
host     blog.garden.example       one per application, the domain itself included
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import idna

from shared import errors
from shared.catalogue import is_media_label, media_host

from .sentences import N_, Sentence, say

if TYPE_CHECKING:
    from collections.abc import Iterable

LABEL: Final = re.compile(r"^(?!-)[a-z0-9-]{1,63}(?<!-)$")
SCHEME: Final = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)
LONGEST: Final = 253
SHOWN: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class NameRules:
    """What the provider's configuration says about names."""

    zones: tuple[str, ...]
    panel_host: str

    def check_domain(self, text: str) -> str:
        """Return the domain in its one written form.

        Raises:
            InvalidError: it is not a domain, or none that can be used here; the message says why.
        """
        name = _parse(text)
        if _related(name, self.panel_host) or _within(name, _home(self.panel_host, self.zones)):
            raise _invalid(
                "domain.panel",
                say("{name} belongs to this panel. Choose another domain.", name=name),
            )
        self._check_zone(name, "domain")
        return name

    def check_host(self, text: str, domain: str) -> str:
        """Return the host of an application in its one written form.

        Raises:
            InvalidError: it is not a host directly below the domain, nor the domain itself.
        """
        name = _parse(text, field="host")
        label = name.removesuffix(f".{domain}")
        if name != domain and (label == name or "." in label):
            raise _invalid(
                "host.outside_domain",
                say(
                    "{name} must be {domain} itself or one name directly below it, such as "
                    "blog.{domain}.",
                    name=name,
                    domain=domain,
                ),
                "host",
            )
        if name != domain and is_media_label(label):
            raise _invalid(
                "host.reserved",
                N_(
                    "The name media and names that begin with media- are kept for public media. "
                    "Choose another name."
                ),
                "host",
            )
        self._check_zone(name, "host")
        return name

    def check_media(self, host: str, domain: str) -> None:
        """Refuse a host whose media host would be no name any more.

        Raises:
            InvalidError: it is too long.
        """
        media = media_host(host, domain)
        if len(media) > LONGEST or not LABEL.match(media.partition(".")[0]):
            raise _invalid(
                "host.too_long",
                say(
                    "Pictures of {host} would be at {media}, which is too long for a name. Choose "
                    "a shorter host.",
                    host=host[:SHOWN],
                    media=media[:SHOWN],
                ),
                "host",
            )

    def _check_zone(self, name: str, field: str) -> None:
        if not any(_within(name, zone) for zone in self.zones):
            raise _invalid(
                f"{field}.zone",
                say(
                    "{name} lies in no zone that this provider publishes. Names here end in: "
                    "{zones}.",
                    name=name,
                    zones=", ".join(self.zones),
                ),
                field,
            )


def are_related(name: str, other: str) -> bool:
    """Say whether two domains are the same, or one lies below the other."""
    return _related(name, other)


def lookup_names(domain: str) -> tuple[str, ...]:
    """Return the domain and every name above it, which are what could already contain it."""
    labels = domain.split(".")
    return tuple(".".join(labels[start:]) for start in range(len(labels)))


def taken(name: str) -> errors.ConflictError:
    """Return the one answer to a domain that, in whole or in part, is another operator's."""
    message = say(
        "{name} is used by another operator here, or lies above or below such a domain.",
        name=name,
    )
    return errors.ConflictError("domain.taken", message, details={"domain": message})


def _parse(text: str, field: str = "domain") -> str:
    name = text.strip()
    code, message = _first_mistake(name)
    if code:
        raise _invalid(f"{field}.{code}", message, field)
    name = name.lower()
    _check_labels(name, field)
    return name


def _first_mistake(name: str) -> tuple[str, str]:
    shown = name[:SHOWN]
    mistakes: Iterable[tuple[bool, str, str]] = (
        (not name, "empty", N_("Give a domain name, such as garden.example.")),
        (_is_url(name), "url", _url_message(name)),
        ("@" in name, "email", N_("{shown} is an e-mail address. Give only the part after the @.")),
        (
            "*" in name,
            "wildcard",
            N_("{shown} is a wildcard. Give one domain, without the asterisk."),
        ),
        (_is_address(name), "ip", N_("{shown} is an IP address. Give a domain name.")),
        (":" in name, "port", N_("{shown} has a port. Give only the name, without the colon.")),
        (name.endswith("."), "trailing_dot", N_("Leave out the dot at the end: {without}.")),
        (not name.isascii(), "idn", _idn_message(name)),
        (
            "." not in name,
            "single_label",
            N_("{shown} has no dot. Give a full name: {shown}.example."),
        ),
        (len(name) > LONGEST, "too_long", N_("A domain name has at most {most} characters.")),
    )
    values = {"shown": shown, "without": name[:-1][:SHOWN], "most": LONGEST}
    return next(
        (
            (code, message if isinstance(message, Sentence) else say(message, **values))
            for wrong, code, message in mistakes
            if wrong
        ),
        ("", ""),
    )


def _is_url(name: str) -> bool:
    return bool(SCHEME.match(name)) or any(mark in name for mark in "/?#\\")


def _url_message(name: str) -> Sentence:
    inside, shown = _inside(name), name[:SHOWN]
    if not inside:
        return say("{shown} is a URL. Give only the name.", shown=shown)
    return say("{shown} is a URL. Give only the name: {inside}.", shown=shown, inside=inside)


def _inside(name: str) -> str:
    rest = re.split(r"[/?#\\:]", SCHEME.sub("", name).lstrip("/"), maxsplit=1)[0].rpartition("@")[2]
    return rest[:SHOWN].lower() if "." in rest and rest.isascii() else ""


def _is_address(name: str) -> bool:
    host = name[1:].partition("]")[0] if name.startswith("[") else name
    for candidate in (host, host.partition(":")[0]):
        try:
            ipaddress.ip_address(candidate)
        except ValueError:
            continue
        return True
    return host.rpartition(".")[2].isdecimal()


def _idn_message(name: str) -> Sentence:
    shown = name[:SHOWN]
    try:
        written = idna.encode(name, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        return say("{shown} has characters that no domain name may have.", shown=shown)
    return say(
        "{shown} has letters outside a-z. Give the form that DNS uses: {written}.",
        shown=shown,
        written=written,
    )


def _check_labels(name: str, field: str) -> None:
    for label in name.split("."):
        if not LABEL.match(label):
            raise _invalid(
                f"{field}.label",
                say(
                    "{shown} is not a domain name: each part between the dots has 1 to 63 letters, "
                    "digits or hyphens, and no hyphen at its ends.",
                    shown=name[:SHOWN],
                ),
                field,
            )
        if label.startswith("xn--") and not _is_a_label(label):
            message = say("{shown} is not valid IDNA 2008.", shown=label[:SHOWN])
            raise _invalid(f"{field}.idn", message, field)


def _is_a_label(label: str) -> bool:
    try:
        return idna.encode(idna.decode(label)).decode() == label
    except (idna.IDNAError, UnicodeError):
        return False


def _home(panel_host: str, zones: tuple[str, ...]) -> str:
    """Return the domain the panel lives on, unless that is a whole zone offered to operators."""
    parent = panel_host.partition(".")[2]
    return panel_host if "." not in parent or parent in zones else parent


def _within(name: str, parent: str) -> bool:
    return name == parent or name.endswith(f".{parent}")


def _related(name: str, other: str) -> bool:
    return _within(name, other) or _within(other, name)


def _invalid(code: str, message: str, field: str = "domain") -> errors.InvalidError:
    return errors.InvalidError(code, message, details={field: message})
