"""The fields of a form, as a schema describes them; what somebody entered is elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import JsonValue

    from ...domain.options import Schema

PREFIX: Final = "o."
"""What the name of every field begins with; a page's own fields are named otherwise."""
REPLACE: Final = ".replace"
"""What follows the name of a secret in the box that says: replace the one that is stored."""
CHECKED: Final = "true"
MOST_EXACT: Final = 2**53
"""Below this, a floating-point number without a fraction is a whole number and no other."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that holds when another field of the same group has one of some values."""

    name: str
    values: tuple[JsonValue, ...]

    def holds(self, values: Mapping[str, JsonValue]) -> bool:
        """Say whether it holds among the values of a group."""
        # JSON tells true from 1, Python does not.
        found = values.get(self.name)
        return self.name in values and any(
            it == found and isinstance(it, bool) == isinstance(found, bool) for it in self.values
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One option."""

    path: tuple[str, ...]
    title: str
    description: str = ""
    more: str = ""
    """Help that is too long to stand beside the field."""
    default: JsonValue = None
    has_default: bool = False
    example: str = ""
    is_required: bool = False
    required_when: tuple[Condition, ...] = ()
    shown_when: tuple[Condition, ...] = ()
    is_advanced: bool = False
    is_permanent: bool = False
    """Whether it can never change once it was deployed."""
    is_read_only: bool = False
    is_deprecated: bool = False
    restarts: bool = True
    """Whether a change of it lets the application restart."""

    @property
    def name(self) -> str:
        """Its name in a submitted form."""
        return PREFIX + ".".join(self.path)

    @property
    def id(self) -> str:
        """Its id in a page."""
        return "o-" + "-".join(self.path)

    @property
    def key(self) -> str:
        """Its name among the options of its group."""
        return self.path[-1]

    @property
    def may_be_absent(self) -> bool:
        """Whether nothing at all is a value of it."""
        return not self.is_required and not self.has_default


@dataclass(frozen=True, slots=True, kw_only=True)
class TextField(Field):
    """A line of text, or several."""

    shortest: int = 0
    longest: int | None = None
    pattern: str | None = None
    format: str | None = None
    suffix: str = ""
    is_multiline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberField(Field):
    """A number, whole or not, with its unit."""

    is_whole: bool
    suffix: str = ""
    least: JsonValue = None
    most: JsonValue = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToggleField(Field):
    """Yes or no."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the values to choose from."""

    value: JsonValue
    title: str

    @property
    def token(self) -> str:
        """What a browser submits for it."""
        return token(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceField(Field):
    """One of several values."""

    choices: tuple[Choice, ...]
    is_list: bool = False
    """Whether it is shown as a list to open, not with every choice in sight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoicesField(Field):
    """Any of several values."""

    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesField(Field):
    """A list of texts, one on each line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretField(Field):
    """A text that nobody is ever shown again."""

    longest: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupField(Field):
    """Several options that belong together."""

    members: tuple[Field, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Every option of an application."""

    title: str
    description: str
    fields: tuple[Field, ...]
    schema: Schema = field(repr=False)

    def walk(self) -> Iterator[Field]:
        """Yield every field and the members of groups, in the order in which they are shown."""
        yield from _walk(self.fields)

    def find(self, path: Sequence[str]) -> Field | None:
        """Return the field at a path or, where there is none, the one nearest above it."""
        wanted = tuple(path)
        above = [it for it in self.walk() if it.path == wanted[: len(it.path)]]
        return max(above, key=lambda it: len(it.path), default=None)


def _walk(fields: Sequence[Field]) -> Iterator[Field]:
    for it in fields:
        yield it
        if isinstance(it, GroupField):
            yield from _walk(it.members)


def token(value: JsonValue) -> str:
    """Return what stands for a value in a form."""
    if isinstance(value, bool):
        return CHECKED if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < MOST_EXACT:
        return str(int(value))
    return str(value)
