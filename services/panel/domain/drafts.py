"""Drafts: new deployments that somebody is still describing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from shared import errors

from .refusals import StaleError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

MOST_DRAFTS: Final = 20
"""Of one operator, at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftedApplication:
    """An application of a draft, as far as its form was filled in."""

    application: str
    host: str = ""
    """Empty: its usual name below the domain."""
    entries: Mapping[str, Sequence[str]] | None = None
    """What stands in its form, nothing secret; None: nobody has seen the form yet."""
    sealed_options: Mapping[str, str] = field(default_factory=dict)
    is_complete: bool = False
    """Whether nothing was wrong when it was saved."""

    def holds(self, host: str, entries: Mapping[str, Sequence[str]]) -> bool:
        """Say whether this stands in its form already."""
        known = {name: tuple(values) for name, values in (self.entries or {}).items()}
        return self.host == host and known == {name: tuple(it) for name, it in entries.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A new deployment that somebody is still describing."""

    id: str
    operator: str
    domain: str
    applications: tuple[DraftedApplication, ...] = ()
    version: int = 1
    """Rises with every change."""
    created_at: datetime
    saved_at: datetime
    saved_by: str
    """Name of the person who changed it last."""
    deployment: str | None = None
    """What it became."""
    run: str | None = None
    """The run that brings that."""

    def find(self, application: str) -> DraftedApplication:
        """Return one of its applications.

        Raises:
            NotFoundError: it has no such application.
        """
        found = next((it for it in self.applications if it.application == application), None)
        if found is None:
            raise errors.NotFoundError(
                "draft.no_application", "This draft has no such application."
            )
        return found

    def with_applications(self, names: Sequence[str]) -> Draft:
        """Return the draft with these applications, keeping what is known of each."""
        known = {it.application: it for it in self.applications}
        chosen = (known.get(it) or DraftedApplication(application=it) for it in names)
        return replace(self, applications=tuple(chosen))

    def filled(self, changed: DraftedApplication) -> Draft:
        """Return the draft with one of its applications described anew."""
        return replace(
            self,
            applications=tuple(
                changed if it.application == changed.application else it for it in self.applications
            ),
        )

    def require_open(self) -> None:
        """Raise ConflictError when it was deployed already."""
        if self.deployment is not None:
            raise errors.ConflictError(
                "draft.deployed", "This was deployed already. Change the deployment instead."
            )

    def require_expected(self, expected: Collection[int]) -> None:
        """Raise StaleError when somebody changed it since it was looked at."""
        if self.version not in expected:
            raise StaleError(
                "draft.stale",
                "This draft was changed elsewhere since you opened it. Nothing of it was changed.",
                current=self.version,
            )
