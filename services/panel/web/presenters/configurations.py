"""What is staged for a deployment, as its page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...domain.changes import ChangeKind
from . import applications, configuring

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.deployments import ApplicationOrder

    from ...service.configurations import Staged
    from ...service.offer import Offer
    from .configuring import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedView:
    """One application as it is staged."""

    name: str
    title: str
    host: str
    version: str
    answers: Sequence[Answer]
    is_new: bool
    """Whether it runs only after the next deploy."""
    is_changed: bool
    """Whether something about it is different from what runs."""
    is_known: bool
    """Whether it is in the catalogue still, so that it can be edited."""


def present(staged: Staged, offer: Offer) -> list[StagedView]:
    """Return every application that is staged."""
    changes = {it.application: it.kind for it in staged.changes}
    return [
        _present(it, changes.get(it.application), offer) for it in staged.configuration.applications
    ]


def _present(it: ApplicationOrder, change: ChangeKind | None, offer: Offer) -> StagedView:
    package = offer.find(it.application)
    complete = offer.completed([it])[0] if package else it
    form = applications.form_of(package) if package else None
    return StagedView(
        name=it.application,
        title=package.title if package else it.application,
        host=it.host,
        version=it.version,
        answers=configuring.answers(form, complete.options, it.sealed_options) if form else (),
        is_new=change is ChangeKind.ADDED,
        is_changed=change is ChangeKind.CHANGED,
        is_known=package is not None,
    )
