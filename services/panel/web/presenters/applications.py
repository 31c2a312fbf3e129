"""Applications of the catalogue as pages show them: what for, what they need, what stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import errors
from shared.contracts.deployments import ApplicationOrder, BucketRequest, MachineRequest

from ..forms import fields, reading
from ..languages import gettext as _
from ..languages import ngettext, spoken
from . import quantities

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.catalogue import Application
    from shared.contracts.deployments import Options, Resource

    from ...service.offer import Offer

MEBI: Final = 1024
SAMPLE_DOMAIN: Final = "example.org"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """An application as a tile."""

    name: str
    title: str
    description: str
    version: str
    host_label: str
    needs: tuple[str, ...]
    permanent: tuple[str, ...]
    """Titles of options that can never change; its host never can."""
    withheld: str
    """Why nobody can choose it now; empty: everybody can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionView:
    """One option of an application, as its page lists it."""

    title: str
    description: str
    is_permanent: bool
    is_required: bool


def card(application: Application, offer: Offer, withheld: Mapping[str, str]) -> Card:
    """Return an application as a tile."""
    form = form_of(application)
    return Card(
        name=application.name,
        title=application.title,
        description=application.description_in(spoken().language),
        version=application.newest_version,
        host_label=application.host_label,
        needs=tuple(needs_of(application, offer, {}, SAMPLE_DOMAIN)),
        permanent=tuple(it.title for it in form.walk() if it.is_permanent),
        withheld=withheld.get(application.name, ""),
    )


def form_of(application: Application) -> fields.Form:
    """Return the form of an application's options."""
    schema = application.options_schema_in(spoken().language)
    return reading.read(schema, application.immutable)


def options(application: Application) -> list[OptionView]:
    """Return what can be chosen."""
    return [
        OptionView(
            title=it.title,
            description=it.description,
            is_permanent=it.is_permanent,
            is_required=it.is_required,
        )
        for it in form_of(application).walk()
        if not isinstance(it, fields.GroupField)
    ]


def needs_of(application: Application, offer: Offer, options: Options, domain: str) -> list[str]:
    """Return what an application with some options asks of the provider, in words."""
    order = ApplicationOrder(
        application=application.name,
        version=application.newest_version,
        host=f"{application.host_label}.{domain}",
        options=application.completed(options),
    )
    try:
        found = [_need(it) for it in offer.resources([order], domain)]
    except errors.InvalidError:
        found = [_("A machine of a size that is not offered here")]
    if application.egress.needed:
        found.append(_("A way out to other servers"))
    if application.smtp.needed:
        found.append(_("A way to send mail"))
    return found


def _need(it: Resource) -> str:
    if isinstance(it, BucketRequest):
        if it.quota_gib is None:
            return _("Room for files")
        return _("%(size)s GiB for files") % {"size": it.quota_gib}
    return _machine(it)


def _machine(it: MachineRequest) -> str:
    said = ngettext(
        "A machine with %(cpus)s processor, %(memory)s of memory, %(disk)s GiB of disk",
        "A machine with %(cpus)s processors, %(memory)s of memory, %(disk)s GiB of disk",
        it.cpus,
    )
    return said % {"cpus": it.cpus, "memory": _memory(it.memory_mib), "disk": it.disk_gib}


def _memory(mib: int) -> str:
    if mib < MEBI:
        return _("%(size)s MiB") % {"size": quantities.number(mib)}
    return _("%(size)s GiB") % {"size": quantities.number(mib / MEBI)}
