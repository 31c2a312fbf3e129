"""Changes between configurations as pages show them: what, from what to what, and what follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ...domain.changes import ApplicationChange, ChangeKind, OptionChange
from ..forms.controls import in_words
from ..languages import N_, retell
from ..languages import gettext as _
from . import applications

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...service.offer import Offer
    from ..forms.fields import Form

_KINDS: Final[Mapping[ChangeKind, tuple[str, str, str]]] = {
    ChangeKind.ADDED: (N_("Added"), "good", "plus"),
    ChangeKind.REMOVED: (N_("Taken out"), "bad", "minus"),
    ChangeKind.CHANGED: (N_("Changed"), "info", "pencil"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing that is different."""

    title: str
    before: str
    after: str
    is_permanent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView:
    """What is different about one application."""

    name: str
    title: str
    word: str
    tone: str
    icon: str
    host: str
    rows: Sequence[Row]
    restarts: bool
    """Whether it is stopped and started again."""
    fate: str
    """What becomes of its data, where it is taken out."""


def present(
    changes: Sequence[ApplicationChange], offer: Offer, fates: Mapping[str, str] | None = None
) -> list[ChangeView]:
    """Return changes as pages show them.

    Args:
        changes: what is different.
        offer: the catalogue.
        fates: what becomes of the data of applications that are about to be taken out.
    """
    return [_present(it, offer, fates or {}) for it in changes]


def _present(it: ApplicationChange, offer: Offer, fates: Mapping[str, str]) -> ChangeView:
    package = offer.find(it.application)
    form = applications.form_of(package) if package else None
    word, tone, icon = _KINDS[it.kind]
    order = it.after or it.before
    return ChangeView(
        name=it.application,
        title=package.title if package else it.application,
        word=_(word),
        tone=tone,
        icon=icon,
        host=order.host if order else "",
        rows=[*_own(it), *(_row(one, form) for one in it.options)],
        restarts=_restarts(it, form),
        fate=retell(fates.get(it.application, "")) if it.kind is ChangeKind.REMOVED else "",
    )


def _own(it: ApplicationChange) -> list[Row]:
    """Return what is different about an application besides its options."""
    rows = []
    if it.before and it.new_host:
        row = Row(title=_("Address"), before=it.before.host, after=it.new_host, is_permanent=True)
        rows.append(row)
    if it.before and it.new_version:
        rows.append(Row(title=_("Version"), before=it.before.version, after=it.new_version))
    return rows


def _row(it: OptionChange, form: Form | None) -> Row:
    field = form.find(it.path) if form else None
    title = field.title if field else ".".join(it.path)
    is_permanent = bool(field and field.is_permanent)
    if it.is_secret:
        before, after = _("a secret value"), _("another secret value")
    else:
        before, after = in_words(field, it.before), in_words(field, it.after)
    return Row(title=title, before=before, after=after, is_permanent=is_permanent)


def _restarts(it: ApplicationChange, form: Form | None) -> bool:
    if it.kind is not ChangeKind.CHANGED:
        return False
    found = [form.find(one.path) if form else None for one in it.options]
    is_own = it.new_host is not None or it.new_version is not None
    return is_own or any(field is None or field.restarts for field in found)
