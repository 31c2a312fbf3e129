"""Drafts as pages show them: where one is on the way, and what it would become."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from ..forms import parsing
from ..languages import gettext as _
from ..languages import retell
from . import applications, configuring

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared import errors
    from shared.catalogue import Application
    from shared.contracts.deployments import Options

    from ...domain.drafts import Draft, DraftedApplication
    from ...service.offer import Offer
    from .configuring import Answer


class Step(IntEnum):
    """The pages of a new deployment, as a person counts them."""

    DOMAIN = 1
    """Its domain."""
    APPLICATIONS = 2
    """Its applications."""
    OPTIONS = 3
    """The form of each application."""
    CHECK = 4
    """Everything at once, before anything is made."""


@dataclass(frozen=True, slots=True)
class Journey:
    """The pages of a new deployment, and which of them this is."""

    names: Sequence[tuple[str, str]]
    """Name and address; empty where one cannot go yet."""
    current: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftedView:
    """One application of a draft."""

    name: str
    title: str
    host: str
    answers: Sequence[Answer]
    needs: Sequence[str]
    """What the provider sets up for it."""
    is_complete: bool
    is_known: bool
    """Whether it is in the catalogue still."""


def journey(draft: Draft | None, current: Step) -> Journey:
    """Return where a page is on the way."""
    here = f"/drafts/{draft.id}" if draft else ""
    first = draft.applications[0].application if draft and draft.applications else ""
    return Journey(
        [
            (_("Domain"), f"{here}/domain" if here else ""),
            (_("Applications"), f"{here}/applications" if here else ""),
            (_("Options"), f"{here}/applications/{first}" if first else ""),
            (_("Check"), f"{here}/check" if first else ""),
        ],
        current,
    )


def usual_host(application: Application, domain: str) -> str:
    """Return the host that an application has unless another one is chosen."""
    return f"{application.host_label}.{domain}"


def read(it: DraftedApplication, application: Application) -> parsing.Submission:
    """Return what stands in the form of a drafted application, read anew."""
    form = applications.form_of(application)
    known = parsing.Known(secrets=it.sealed_options)
    return parsing.parse(form, configuring.pairs_of(it.entries or {}), known)


def options_of(draft: Draft, offer: Offer) -> dict[str, Options]:
    """Return the options of every application of a draft."""
    found = {it.application: (it, offer.find(it.application)) for it in draft.applications}
    return {name: read(it, package).options for name, (it, package) in found.items() if package}


def present(it: DraftedApplication, offer: Offer, domain: str) -> DraftedView:
    """Return an application of a draft as a page shows it."""
    package = offer.find(it.application)
    if package is None:
        return DraftedView(
            name=it.application,
            title=it.application,
            host=it.host,
            answers=(),
            needs=(),
            is_complete=False,
            is_known=False,
        )
    found = read(it, package)
    form = applications.form_of(package)
    return DraftedView(
        name=it.application,
        title=package.title,
        host=it.host or usual_host(package, domain),
        answers=configuring.answers(form, found.options, it.sealed_options.keys()),
        needs=applications.needs_of(package, offer, found.options, domain),
        is_complete=it.is_complete and not found.problems,
        is_known=True,
    )


def mistakes(draft: Draft, error: errors.HostingError) -> list[tuple[str, str]]:
    """Return why a draft could not be deployed: address of the page to change it on, and why."""
    reasons = error.details or {"": error.message}
    return [(_page(draft, pointer), retell(reason)) for pointer, reason in reasons.items()]


def _page(draft: Draft, pointer: str) -> str:
    here = f"/drafts/{draft.id}"
    names = pointer.strip("/").split("/")
    if names[0] == "domain":
        return f"{here}/domain"
    place = names[1] if len(names) > 1 and names[1].isdecimal() else ""
    if names[0] != "applications" or not place or int(place) >= len(draft.applications):
        return ""
    return f"{here}/applications/{draft.applications[int(place)].application}"
