"""Options are checked against the application's schema, in our own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.panel.domain import options

if TYPE_CHECKING:
    from shared.contracts.deployments import Options

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["title", "password"],
    "properties": {
        "title": {"type": "string", "minLength": 2, "maxLength": 5},
        "password": {"type": "string", "minLength": 8, "x-secret": True},
        "count": {"type": "integer", "minimum": 1, "maximum": 9, "multipleOf": 2},
        "open": {"type": "boolean"},
        "colour": {"enum": ["red", "blue"]},
        "languages": {
            "type": "array",
            "items": {"oneOf": [{"const": "en"}, {"const": "de"}]},
            "uniqueItems": True,
            "minItems": 1,
        },
        "contact": {
            "type": "object",
            "additionalProperties": False,
            "required": ["mail"],
            "properties": {"mail": {"type": "string", "format": "email"}, "a/b": {"type": "null"}},
        },
    },
}
GOOD: Options = {"title": "abc", "password": "correct horse"}


@pytest.mark.parametrize(
    ("wrong", "pointer", "message"),
    [
        ({"title": "a"}, "/title", "This must have 2 characters or more."),
        ({"title": "abcdef"}, "/title", "This must have 5 characters or fewer."),
        ({"title": 7}, "/title", "This must be text."),
        ({"count": 0}, "/count", "This must be 1 or more."),
        ({"count": 10}, "/count", "This must be 9 or less."),
        ({"count": 3}, "/count", "This must be a multiple of 2."),
        ({"count": 2.5}, "/count", "This must be a whole number."),
        ({"open": "yes"}, "/open", "This must be yes or no (true or false)."),
        ({"colour": "green"}, "/colour", "This must be one of: red, blue."),
        ({"languages": ["fr"]}, "/languages/0", "This must be one of the offered choices."),
        ({"languages": ["en", "en"]}, "/languages", "Each entry may be there only once."),
        ({"languages": []}, "/languages", "Choose 1 or more."),
        ({"contact": {}}, "/contact/mail", "This is required."),
        ({"contact": {"mail": "x"}}, "/contact/mail", "This is not a valid email."),
        ({"contact": {"mail": "a@b", "a/b": 1}}, "/contact/a~1b", "This must be null."),
        ({"colr": "red"}, "/colr", "There is no such option."),
        ({"title": "a\0b"}, "/title", "This contains characters that cannot be stored."),
        ({"title": "a\ud800"}, "/title", "This contains characters that cannot be stored."),
        ({"count": float("nan")}, "/count", "This must be a number."),
        ({"count": float("inf")}, "/count", "This must be a number."),
    ],
)
def test_what_does_not_fit_is_named_by_its_place(
    wrong: dict[str, Any], pointer: str, message: str
) -> None:
    assert options.check(SCHEMA, GOOD | wrong, ()) == {pointer: message}


def test_every_mistake_is_named_at_once() -> None:
    found = options.check(SCHEMA, {"title": "a", "one": 1, "two": 2}, ())

    assert set(found) == {"/title", "/password", "/one", "/two"}


def test_a_message_never_repeats_the_value() -> None:
    found = options.check(SCHEMA, {"title": "abc", "password": "hunter2"}, ())

    assert found == {"/password": "This must have 8 characters or more."}


def test_a_secret_that_is_known_already_need_not_be_given_again() -> None:
    assert options.check(SCHEMA, {"title": "abc"}, ["password"]) == {}

    parted = options.split(SCHEMA, {"title": "abc"}, ["password", "gone"])

    assert parted == options.Submitted(plain={"title": "abc"}, secrets={}, kept=("password",))


def test_a_secret_given_anew_replaces_the_known_one() -> None:
    parted = options.split(SCHEMA, GOOD, ["password"])

    assert parted.plain == {"title": "abc"}
    assert parted.secrets == {"password": "correct horse"}
    assert parted.kept == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from([*SCHEMA["properties"], "other"]), JSON, max_size=4))
def test_any_json_is_checked_without_a_fault(found: dict[str, Any]) -> None:
    for pointer, message in options.check(SCHEMA, cast("Any", found), ()).items():
        assert pointer.startswith("/")
        assert message.endswith(".")
