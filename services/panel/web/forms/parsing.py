"""From what was submitted to options, and what is wrong with them.

Nothing entered at all means absent; a box that is not ticked means no. What cannot be read as what
a field is for is kept as text, so that the schema names it as every other mistake.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ...domain import options as rules
from . import entries, fields, messages

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from pydantic import JsonValue

    from shared.contracts.deployments import Options

    from .entries import Entries
    from .fields import Field, Form

    Values = dict[str, JsonValue]

_NUMBER: Final = re.compile(r"[+-]?\d{1,40}([.,]\d{1,40})?([eE][+-]?\d{1,3})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of an application's options before anything is entered."""

    options: Options = field(default_factory=dict)
    secrets: Collection[str] = ()
    """Names of the secrets that are stored."""
    is_fixed: bool = False
    """Whether it was deployed, so that some of it can never change."""

    def fixes(self, it: Field) -> bool:
        """Say whether a field is shown and cannot be entered."""
        return it.is_read_only or (self.is_fixed and it.is_permanent)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to put right."""

    path: tuple[str, ...]
    """Where it is; empty: in the form as a whole."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A submitted form, read."""

    options: Options
    """With secrets that were given anew, in clear."""
    secrets: Mapping[str, str]
    """Those alone."""
    entries: Entries
    """What may be kept and shown again: nothing secret."""
    problems: tuple[Problem, ...]
    """In the order in which the fields are shown; empty when everything fits."""


def parse(form: Form, pairs: Iterable[tuple[str, str]], known: Known | None = None) -> Submission:
    """Return the options that a submitted form stands for."""
    before = known or Known()
    entered = entries.gather(pairs)
    reader = _Reader(entered, before)
    options = reader.values(form.fields, before.options) or {}
    found = [*_unknown(form, entered), *reader.problems, *_broken(form, options, before.secrets)]
    secrets = {it.key for it in form.fields if isinstance(it, fields.SecretField)}
    return Submission(
        options=options,
        secrets={name: str(it) for name, it in options.items() if name in secrets},
        entries=entries.without_secrets(form, entered),
        problems=_in_order(form, found),
    )


class _Reader:
    """Reads what was entered, field by field."""

    def __init__(self, entered: Entries, known: Known) -> None:
        self._entered = entered
        self._known = known
        self.problems: list[Problem] = []

    def values(self, members: Sequence[Field], before: Mapping[str, JsonValue]) -> Values | None:
        """Return the values of a group, or None when there are none at all."""
        found: Values = {}
        for it in members:
            value = self._value(it, before.get(it.key))
            if value is not None:
                found[it.key] = value
        return _shown(members, found) or None

    def _value(self, it: Field, before: JsonValue) -> JsonValue:
        if isinstance(it, fields.GroupField):
            below = self.values(it.members, before if isinstance(before, dict) else {})
            return {} if below is None and it.is_required else below
        if self._known.fixes(it):
            return self._fixed(it, before)
        given = self._entered.get(it.name, ())
        if len(given) > 1 and not isinstance(it, fields.ChoicesField):
            self._refuse(it, messages.twice(it))
            return None
        if isinstance(it, fields.SecretField):
            return self._secret(it, given[0] if given else "")
        return _single(it, given)

    def _fixed(self, it: Field, before: JsonValue) -> JsonValue:
        """Return what is stored: it is shown, and whoever sends something else is told."""
        given = self._entered.get(it.name)
        if given is not None and _single(it, given) != before:
            self._refuse(it, messages.fixed(it))
        return before

    def _secret(self, it: fields.SecretField, given: str) -> JsonValue:
        is_replaced = it.name + fields.REPLACE in self._entered
        if it.key not in self._known.secrets:
            return given or None
        if given and not is_replaced:
            self._refuse(it, messages.unticked(it))
        elif is_replaced and not given:
            self._refuse(it, messages.missing(it))
        return given if given and is_replaced else None

    def _refuse(self, it: Field, message: str) -> None:
        self.problems.append(Problem(it.path, message))


def _single(it: Field, given: tuple[str, ...]) -> JsonValue:
    """Return the value of a field that is neither a group nor a secret; None: absent."""
    text = given[0] if given else ""
    match it:
        case fields.ChoicesField():
            return _several(it, [_chosen(it.choices, one) for one in given])
        case fields.LinesField():
            return _several(it, [line.strip() for line in text.splitlines() if line.strip()])
        case fields.ToggleField():
            return True if text == fields.CHECKED else text or False
        case _:
            return _typed(it, text) if text else None


def _typed(it: Field, text: str) -> JsonValue:
    match it:
        case fields.ChoiceField():
            return _chosen(it.choices, text)
        case fields.NumberField():
            return _number(text.strip(), is_whole=it.is_whole)
        case fields.TextField():
            return _text(it, text) or None
        case _:
            return text


def _several(it: Field, found: Sequence[JsonValue]) -> JsonValue:
    return None if not found and it.may_be_absent else list(found)


def _chosen(choices: Sequence[fields.Choice], given: str) -> JsonValue:
    return next((it.value for it in choices if it.token == given), given)


def _text(it: fields.TextField, given: str) -> str:
    text = given.replace("\r\n", "\n").replace("\r", "\n")
    return text if it.is_multiline or "\n" in text else text.strip()


def _number(text: str, *, is_whole: bool) -> JsonValue:
    if not text:
        return None
    if _NUMBER.fullmatch(text) is None or (is_whole and "," in text):
        return text
    plain = text.replace(",", ".")
    if plain.lstrip("+-").isdecimal():
        return int(plain)
    found = float(plain)
    if not math.isfinite(found):
        return text
    return int(found) if is_whole and found.is_integer() else found


def _shown(members: Sequence[Field], values: Values) -> Values:
    """Return the values of the fields that are shown, given these values."""
    defaults = {it.key: it.default for it in members if it.has_default}
    kept = values
    while True:
        seen = defaults | kept
        hidden = {it.key for it in members if not all(one.holds(seen) for one in it.shown_when)}
        defaults = {name: it for name, it in defaults.items() if name not in hidden}
        if not hidden & kept.keys():
            return kept
        kept = {name: it for name, it in kept.items() if name not in hidden}


def _unknown(form: Form, entered: Entries) -> Iterator[Problem]:
    names = {it.name for it in form.walk() if not isinstance(it, fields.GroupField)}
    names |= {it.name + fields.REPLACE for it in form.walk() if isinstance(it, fields.SecretField)}
    strangers = len(entered.keys() - names)
    if strangers:
        yield Problem((), messages.strangers(strangers))


def _broken(form: Form, options: Options, sealed: Collection[str]) -> Iterator[Problem]:
    for it in rules.violations(form.schema, options, sealed):
        found = form.find(it.path)
        yield Problem(found.path if found else (), messages.say(it, found))


def _in_order(form: Form, problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Return the first problem of each field, in the order of the fields."""
    first: dict[tuple[str, ...], Problem] = {}
    for it in problems:
        first.setdefault(it.path, it)
    places = [(), *(it.path for it in form.walk())]
    return tuple(first[path] for path in places if path in first)
