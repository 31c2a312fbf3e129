"""The forms of applications, and what stands in them, as pages show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..forms import entries, fields, parsing
from ..forms.controls import in_words
from ..languages import gettext as _

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from pydantic import JsonValue

    from shared.contracts.deployments import Options

    from ..forms.fields import Field, Form

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was chosen for one option, or for something else."""

    title: str
    value: str
    is_permanent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """One thing that two people entered differently."""

    title: str
    mine: str
    theirs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What stands in a form on one side of a conflict."""

    host: str
    entries: entries.Entries


def pairs_of(found: Mapping[str, Sequence[str]]) -> Pairs:
    """Return what stands in a form as a browser sends it."""
    return tuple((name, value) for name, values in found.items() for value in values)


def answers(form: Form, options: Options, secrets: Collection[str]) -> list[Answer]:
    """Return what was chosen, defaults included, without what was left empty."""
    return list(_answers(form.fields, options, secrets))


def clashes(form: Form, mine: Side, theirs: Side) -> list[Clash]:
    """Return what is different between two sides; secrets are on neither."""
    found = [
        Clash(title=it.title, mine=_entered(form, it, mine), theirs=_entered(form, it, theirs))
        for it in form.walk()
        if not isinstance(it, fields.GroupField | fields.SecretField)
    ]
    found.append(Clash(title=_("Address"), mine=mine.host, theirs=theirs.host))
    return [it for it in found if it.mine != it.theirs]


def _entered(form: Form, it: Field, side: Side) -> str:
    read: JsonValue = parsing.parse(form, pairs_of(side.entries)).options
    for name in it.path:
        read = read.get(name) if isinstance(read, dict) else None
    return in_words(it, read)


def _answers(
    members: Sequence[Field], values: Mapping[str, JsonValue], secrets: Collection[str]
) -> Iterator[Answer]:
    for it in members:
        value = values.get(it.key, it.default)
        match it:
            case fields.GroupField():
                yield from _answers(it.members, value if isinstance(value, dict) else {}, ())
            case fields.SecretField():
                given = _("given, and kept secret") if it.key in secrets else _("not given")
                yield Answer(title=it.title, value=given, is_permanent=it.is_permanent)
            case _ if value is not None and value not in ("", []):
                said = in_words(it, value)
                yield Answer(title=it.title, value=said, is_permanent=it.is_permanent)
            case _:
                pass
