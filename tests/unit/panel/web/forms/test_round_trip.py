"""Any options that a schema allows survive being shown as a form and submitted again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.panel.web.forms import entries, profile, reading
from services.panel.web.forms.controls import fill
from services.panel.web.forms.parsing import Known, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.panel.web.forms.entries import Entries

Option = tuple[dict[str, Any], st.SearchStrategy[Any]]
"""The schema of an option, and the values that it allows."""
MARKS = st.sampled_from("abc xyz<>&\"'éß漢字حديقة😀")
LINE = st.text(MARKS, min_size=1, max_size=30).map(str.strip).filter(bool)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)


def described(**schema: Any) -> dict[str, Any]:  # noqa: ANN401 - schemas
    return {"title": "It", "description": "What it is.", **schema}


@st.composite
def texts(draw: st.DrawFn) -> Option:
    longest = draw(st.sampled_from([30, 199, 400]))
    return described(type="string", minLength=1, maxLength=longest), LINE


@st.composite
def numbers(draw: st.DrawFn) -> Option:
    if draw(st.booleans()):
        return described(type="integer"), st.integers(-(10**30), 10**30)
    return described(type="number"), st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def choices(draw: st.DrawFn) -> Option:
    values = draw(st.lists(LINE, min_size=1, max_size=9, unique=True))
    titled = [{"const": it, "title": it} for it in values]
    schema: dict[str, Any] = {"enum": values} if draw(st.booleans()) else {"oneOf": titled}
    if draw(st.booleans()):
        return described(**schema), st.sampled_from(values)
    several = st.lists(st.sampled_from(values), min_size=1, unique=True)
    ordered = several.map(lambda chosen: [it for it in values if it in chosen])
    return described(type="array", items=schema, uniqueItems=True), ordered


@st.composite
def lines(draw: st.DrawFn) -> Option:
    longest = draw(st.integers(40, 60))
    items = {"type": "string", "maxLength": longest}
    return described(type="array", items=items), st.lists(LINE, min_size=1, max_size=4)


TOGGLES = st.just((described(type="boolean"), st.booleans()))
SIMPLE = texts() | numbers() | choices() | lines() | TOGGLES


def grouped(members: Mapping[str, Option]) -> Option:
    """Return a group of options; its boxes are always there, everything else may be absent."""
    boxes = {name for name, (schema, _) in members.items() if schema.get("type") == "boolean"}
    schema = described(
        type="object",
        additionalProperties=False,
        properties={name: it for name, (it, _) in members.items()},
    )
    values = {name: it for name, (_, it) in members.items()}
    return schema, st.fixed_dictionaries(
        {name: it for name, it in values.items() if name in boxes},
        optional={name: it for name, it in values.items() if name not in boxes},
    )


GROUPS = st.dictionaries(NAMES, SIMPLE, min_size=1, max_size=3).map(grouped)


@st.composite
def forms(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    members = draw(st.dictionaries(NAMES, SIMPLE | GROUPS, max_size=6))
    schema, values = grouped(members)
    return {"$schema": profile.DIALECT, **schema}, draw(values)


def without_empty(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return options without groups that hold nothing: they are the same as absent ones."""
    if not isinstance(value, dict):
        return value
    return {name: without_empty(it) for name, it in value.items() if it != {}}


def with_boxes(schema: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Return options as a form shows them: the boxes of groups that are absent are off."""
    found = dict(options)
    for name, it in schema["properties"].items():
        if it.get("type") == "object":
            found[name] = with_boxes(it, found.get(name, {}))
        elif it.get("type") == "boolean":
            found.setdefault(name, False)
    return found


def pairs_of(entered: Entries) -> list[tuple[str, str]]:
    return [(name, it) for name, values in entered.items() for it in values]


@settings(deadline=None, max_examples=60)
@given(forms())
def test_options_survive_a_form(made: tuple[dict[str, Any], dict[str, Any]]) -> None:
    schema, options = made
    form = reading.read(schema)

    found = parse(form, pairs_of(entries.of(form, options)))

    assert found.problems == ()
    assert found.options == without_empty(with_boxes(schema, options))


@settings(deadline=None, max_examples=60)
@given(forms())
def test_what_the_tests_make_keeps_to_the_profile(
    made: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    assert profile.objections(made[0]) == []


ANYTHING = st.lists(
    st.tuples(
        st.sampled_from(["o.a", "o.b", "o.c", "o.d.e", "o.f", "o.f.replace", "o.", "o.zz", "key"]),
        st.text(max_size=40) | st.sampled_from(["true", "1e5", "-0", "\ud800", "\0", "1" * 9_000]),
    ),
    max_size=20,
)
MIXED = reading.read(
    {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "a": {"type": "integer", "multipleOf": 3},
            "b": {"type": "array", "items": {"enum": ["x", "true"]}, "uniqueItems": True},
            "c": {"type": "boolean"},
            "d": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"e": {"type": "string", "pattern": "^(a|b)$"}},
            },
            "f": {"type": "string", "x-secret": True},
        },
    }
)


@settings(deadline=None, max_examples=60)
@given(ANYTHING, st.booleans())
def test_whatever_is_submitted_can_be_told_and_shown_again(
    pairs: list[tuple[str, str]],
    is_stored: bool,  # noqa: FBT001 - drawn
) -> None:
    known = Known(secrets=["f"] if is_stored else [])

    found = parse(MIXED, pairs, known)

    assert all(it.message.endswith(".") for it in found.problems)
    shown = fill(MIXED, found.entries, known, found.problems)
    assert len(shown.summary) == len(found.problems)
    for it in shown.controls:
        assert it.value.encode() is not None
