"""Changes: what is different between two configurations, application by application."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import JsonValue

    from shared.contracts.deployments import ApplicationOrder


class ChangeKind(StrEnum):
    """What happens to an application."""

    ADDED = "added"
    """It was not there before."""
    REMOVED = "removed"
    """It is not there any more."""
    CHANGED = "changed"
    """It is there, and something about it is different."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionChange:
    """One option with another value; a secret one without its values."""

    path: tuple[str, ...]
    before: JsonValue = None
    after: JsonValue = None
    is_secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationChange:
    """What is different about one application."""

    application: str
    kind: ChangeKind
    before: ApplicationOrder | None = None
    after: ApplicationOrder | None = None
    options: tuple[OptionChange, ...] = ()

    @property
    def new_host(self) -> str | None:
        """The host, where it is another than before."""
        if self.before is None or self.after is None or self.before.host == self.after.host:
            return None
        return self.after.host

    @property
    def new_version(self) -> str | None:
        """The version, where it is another than before."""
        if self.before is None or self.after is None:
            return None
        return self.after.version if self.before.version != self.after.version else None


def changes(
    before: Sequence[ApplicationOrder], after: Sequence[ApplicationOrder]
) -> tuple[ApplicationChange, ...]:
    """Return what is different, applications in the order in which they are listed."""
    earlier = {it.application: it for it in before}
    later = {it.application: it for it in after}
    names = dict.fromkeys([*later, *earlier])
    found = (_change(earlier.get(name), later.get(name)) for name in names)
    return tuple(it for it in found if it is not None)


def _change(
    before: ApplicationOrder | None, after: ApplicationOrder | None
) -> ApplicationChange | None:
    if before is None:
        if after is None:
            return None
        return ApplicationChange(application=after.application, kind=ChangeKind.ADDED, after=after)
    if after is None:
        return ApplicationChange(
            application=before.application, kind=ChangeKind.REMOVED, before=before
        )
    if before == after:
        return None
    return ApplicationChange(
        application=after.application,
        kind=ChangeKind.CHANGED,
        before=before,
        after=after,
        options=(*_options((), before.options, after.options), *_secrets(before, after)),
    )


def _options(
    path: tuple[str, ...], before: Mapping[str, JsonValue], after: Mapping[str, JsonValue]
) -> Iterator[OptionChange]:
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) or isinstance(new, dict):
            yield from _options((*path, name), _group(old), _group(new))
        elif old != new:
            yield OptionChange(path=(*path, name), before=old, after=new)


def _secrets(before: ApplicationOrder, after: ApplicationOrder) -> Iterator[OptionChange]:
    old, new = before.sealed_options, after.sealed_options
    for name in dict.fromkeys([*old, *new]):
        if old.get(name) != new.get(name):
            yield OptionChange(path=(name,), is_secret=True)


def _group(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}
