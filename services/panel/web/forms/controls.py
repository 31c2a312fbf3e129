"""Controls: what a template shows of each field, with what was entered and what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..languages import gettext
from . import fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import JsonValue

    from .entries import Entries
    from .fields import Condition, Field, Form
    from .parsing import Known, Problem

_INPUT_TYPES: Final[Mapping[str | None, str]] = {
    "email": "email",
    "uri": "url",
    "date": "date",
    "password": "password",
}
SHORT: Final = 12
"""Characters of a field that is shown narrow."""
ROWS: Final = 4


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a control."""

    id: str
    token: str
    title: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Visibility:
    """When a control is of use: the script hides it otherwise."""

    name: str
    """Name of the control that decides."""
    tokens: str
    """What it has to have, separated by spaces."""
    sentence: str
    """The same for a person whose browser runs no script."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A field as it is shown."""

    kind: str
    """Name of the macro that shows it."""
    name: str
    id: str
    title: str
    description: str
    more: str
    hints: tuple[str, ...]
    """Short sentences below the description: example, limits, what empty means."""
    suffix: str = ""
    input_type: str = "text"
    input_mode: str = ""
    longest: int | None = None
    is_narrow: bool = False
    rows: int = ROWS
    value: str = ""
    choices: tuple[Option, ...] = ()
    is_checked: bool = False
    is_required: bool = False
    is_optional: bool = False
    """Whether it says so beside its name."""
    is_advanced: bool = False
    is_permanent: bool = False
    """Whether it says that it can never change later."""
    is_deprecated: bool = False
    is_stored: bool = False
    """Whether a secret is known already."""
    visibility: tuple[Visibility, ...] = ()
    members: tuple[Control, ...] = ()
    error: str = ""

    @property
    def described_by(self) -> str:
        """The ids of what explains it, for its `aria-describedby`."""
        said = {
            "hint": self.description or self.hints or self.visibility,
            "fixed": self.is_permanent,
            "error": self.error,
        }
        return " ".join(f"{self.id}-{name}" for name, is_there in said.items() if is_there)

    @property
    def target(self) -> str:
        """The id of the element that a link in the summary of mistakes leads to."""
        return self.choices[0].id if self.kind in {"radios", "boxes"} and self.choices else self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledForm:
    """A form as a template shows it."""

    title: str
    description: str
    controls: tuple[Control, ...]
    """What everybody sees."""
    advanced: tuple[Control, ...]
    """What is folded away."""
    summary: tuple[tuple[str, str], ...]
    """What is wrong: id of the control, empty for the form as a whole, and what is said."""
    loses_secrets: bool
    """Whether a secret that was entered has to be entered again."""

    @property
    def is_advanced_open(self) -> bool:
        """Whether something is wrong in what is folded away."""
        return any(_has_error(it) for it in self.advanced)


def fill(
    form: Form,
    entered: Entries,
    known: Known,
    problems: Sequence[Problem] = (),
    *,
    is_refused: bool = False,
) -> FilledForm:
    """Return a form with what was entered and what is wrong with it.

    Args:
        form: its fields.
        entered: what stands in them.
        known: what is stored.
        problems: what is wrong with them.
        is_refused: whether it was sent and something else on the page is wrong.
    """
    filler = _Filler(entered, known, {it.path: it.message for it in problems})
    made = tuple(filler.controls(form.fields, known.options))
    targets = {it.name: it.target for it in _all(made)}
    has_secrets = any(isinstance(it, fields.SecretField) for it in form.walk())
    return FilledForm(
        title=form.title,
        description=form.description,
        controls=tuple(it for it in made if not it.is_advanced),
        advanced=tuple(it for it in made if it.is_advanced),
        summary=tuple(
            (targets.get(fields.PREFIX + ".".join(it.path), ""), it.message) for it in problems
        ),
        loses_secrets=(bool(problems) or is_refused) and has_secrets,
    )


def _all(controls: Sequence[Control]) -> Iterator[Control]:
    for it in controls:
        yield it
        yield from _all(it.members)


def _has_error(it: Control) -> bool:
    return bool(it.error) or any(_has_error(member) for member in it.members)


@dataclass(frozen=True, slots=True)
class _Filler:
    entered: Entries
    known: Known
    messages: Mapping[tuple[str, ...], str]

    def controls(
        self, members: Sequence[Field], values: Mapping[str, JsonValue]
    ) -> Iterator[Control]:
        siblings = {it.key: it for it in members}
        for it in members:
            if not _is_idle(it, values.get(it.key)):
                yield self._control(it, values.get(it.key), siblings)

    def _control(self, it: Field, value: JsonValue, siblings: Mapping[str, Field]) -> Control:
        if isinstance(it, fields.GroupField):
            below = value if isinstance(value, dict) else {}
            members = tuple(self.controls(it.members, below))
            return _made(self, it, siblings, kind="group", members=members)
        if self.known.fixes(it):
            shown = in_words(it, value if value is not None else it.default)
            return _made(
                self, it, siblings, kind="fixed", value=shown, is_permanent=not it.is_read_only
            )
        return _made(self, it, siblings, **_particular(self, it))


def _is_idle(it: Field, value: JsonValue) -> bool:
    """Say whether a field that nobody can enter has nothing to show."""
    return it.is_read_only and value is None and it.default is None


def _made(
    filler: _Filler, it: Field, siblings: Mapping[str, Field], **particular: object
) -> Control:
    shared: dict[str, object] = {
        "name": it.name,
        "id": it.id,
        "title": it.title,
        "description": it.description,
        "more": it.more,
        "hints": tuple(_hints(it, siblings)),
        "is_required": it.is_required,
        "is_optional": _says_optional(it),
        "is_advanced": it.is_advanced,
        "is_permanent": it.is_permanent,
        "is_deprecated": it.is_deprecated,
        "visibility": tuple(_visible(one, siblings) for one in it.shown_when),
        "error": filler.messages.get(it.path, ""),
    }
    return Control(**(shared | particular))  # type: ignore[arg-type]  # names and types as above


def _says_optional(it: Field) -> bool:
    has_choice = isinstance(it, fields.ToggleField | fields.GroupField)
    return it.may_be_absent and not has_choice and not it.required_when


def _particular(filler: _Filler, it: Field) -> dict[str, object]:
    given = filler.entered.get(it.name, ())
    text = given[0] if given else ""
    match it:
        case fields.TextField() | fields.NumberField():
            return _typed(it, text)
        case fields.ToggleField():
            return {"kind": "toggle", "is_checked": text == fields.CHECKED}
        case fields.ChoiceField():
            kind = "select" if it.is_list or it.may_be_absent else "radios"
            return {"kind": kind, "choices": _choices(it, it.choices, given)}
        case fields.ChoicesField():
            return {"kind": "boxes", "choices": _choices(it, it.choices, given)}
        case fields.LinesField():
            return {"kind": "lines", "value": text, "rows": max(ROWS, text.count("\n") + 2)}
        case _:
            longest = it.longest if isinstance(it, fields.SecretField) else None
            is_stored = it.key in filler.known.secrets
            return {"kind": "secret", "longest": longest, "is_stored": is_stored}


def _typed(it: fields.TextField | fields.NumberField, text: str) -> dict[str, object]:
    if isinstance(it, fields.NumberField):
        mode = "numeric" if it.is_whole else "decimal"
        return _line(text, input_mode=mode, suffix=it.suffix, is_narrow=True)
    if it.is_multiline or "\n" in text:
        return {"kind": "lines", "value": text, "rows": max(ROWS, text.count("\n") + 2)}
    return _line(
        text,
        input_type=_INPUT_TYPES.get(it.format, "text"),
        suffix=it.suffix,
        is_narrow=it.longest is not None and it.longest <= SHORT,
    )


def _line(text: str, **more: object) -> dict[str, object]:
    return {"kind": "line", "value": text, **more}


def _choices(
    it: Field, choices: Sequence[fields.Choice], given: Sequence[str]
) -> tuple[Option, ...]:
    return tuple(
        Option(f"{it.id}-{number}", one.token, one.title, one.token in given)
        for number, one in enumerate(choices, start=1)
    )


def _hints(it: Field, siblings: Mapping[str, Field]) -> Iterator[str]:
    if it.required_when:
        yield gettext("Needed when {condition}.").format(
            condition=_in_conditions(it.required_when, siblings)
        )
    if it.example and isinstance(it, fields.TextField | fields.NumberField):
        yield gettext("For example: {example}").format(example=it.example)
    if isinstance(it, fields.LinesField):
        yield gettext("One on each line.")
    limits = _limits(it)
    if limits:
        yield limits
    if isinstance(it, fields.TextField) and it.default:
        yield gettext("Left empty, it is: {default}").format(default=it.default)


def _limits(it: Field) -> str:
    """Return the limits of a number, which a person would else find out by mistake."""
    if not isinstance(it, fields.NumberField):
        return ""
    least, most = fields.token(it.least), fields.token(it.most)
    match it.least is not None, it.most is not None:
        case True, True:
            return gettext("From {least} to {most}.").format(least=least, most=most)
        case True, False:
            return gettext("{least} or more.").format(least=least)
        case False, True:
            return gettext("{most} or less.").format(most=most)
        case _:
            return ""


def _visible(it: Condition, siblings: Mapping[str, Field]) -> Visibility:
    decides = siblings.get(it.name)
    return Visibility(
        name=decides.name if decides else fields.PREFIX + it.name,
        tokens=" ".join(map(fields.token, it.values)),
        sentence=gettext("Only used when {condition}.").format(
            condition=_in_conditions((it,), siblings)
        ),
    )


def _in_conditions(conditions: Sequence[Condition], siblings: Mapping[str, Field]) -> str:
    said = []
    for it in conditions:
        decides = siblings.get(it.name)
        title = decides.title if decides else it.name
        values = ", ".join(in_words(decides, one) for one in it.values)
        said.append(gettext("“{title}” is {values}").format(title=title, values=values))
    return gettext(" and ").join(said)


def in_words(it: Field | None, value: JsonValue) -> str:
    """Return a value as a person reads it."""
    if value is None or value in ("", []):
        return gettext("nothing")
    if isinstance(value, bool):
        return gettext("on") if value else gettext("off")
    if isinstance(value, list):
        return ", ".join(in_words(it, one) for one in value)
    if isinstance(it, fields.ChoiceField | fields.ChoicesField):
        found = next((one.title for one in it.choices if one.value == value), None)
        return found if found is not None else fields.token(value)
    suffix = it.suffix if isinstance(it, fields.TextField | fields.NumberField) else ""
    return f"{fields.token(value)} {suffix}".strip()
