"""Entered: what a browser sent with a form, name by name, as text."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request

from .forms import entries

MOST_FIELDS: Final = 1000
VERSION_FIELD: Final = "version"
LONGEST_VERSION: Final = 9


@dataclass(frozen=True, slots=True)
class Entered:
    """A submitted form."""

    pairs: tuple[tuple[str, str], ...]

    def text(self, name: str) -> str:
        """Return what stands in a field, as a page can show it; empty when it is not there."""
        found = next((value for key, value in self.pairs if key == name), "")
        return entries.showable(found)

    def every(self, name: str) -> tuple[str, ...]:
        """Return everything that was chosen under a name."""
        return tuple(entries.showable(value) for key, value in self.pairs if key == name)

    @property
    def expected(self) -> frozenset[int]:
        """The version of what the form was made from; none: it does not say."""
        text = self.text(VERSION_FIELD)
        is_number = text.isascii() and text.isdecimal() and len(text) <= LONGEST_VERSION
        return frozenset({int(text)}) if is_number else frozenset()


async def get_entered(request: Request) -> Entered:
    """Return what was entered; files are no part of these forms."""
    form = await request.form(max_fields=MOST_FIELDS)
    return Entered(tuple((name, it) for name, it in form.multi_items() if isinstance(it, str)))


EnteredDependency = Annotated[Entered, Depends(get_entered)]
