"""What was submitted becomes options, and every mistake is told beside its field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from services.panel.web.forms import entries, parsing, reading
from services.panel.web.forms.parsing import Known, Problem, parse
from tests.support.forms import PERMANENT, SCHEMA

if TYPE_CHECKING:
    from services.panel.web.forms.fields import Form
    from tests.support.forms import Pairs

FORM = reading.read(SCHEMA, PERMANENT)
GOOD: Pairs = [
    ("o.name", "Garden"),
    ("o.colour", "#2f6f4f"),
    ("o.language", "en"),
    ("o.tags", "art"),
    ("o.limit", "8"),
    ("o.password", "correct horse"),
]


def form_of(**options: Any) -> Form:  # noqa: ANN401 - schemas
    return reading.read({"type": "object", "additionalProperties": False, "properties": options})


def read(pairs: Pairs, known: Known | None = None) -> parsing.Submission:
    return parse(FORM, pairs, known)


def with_(name: str, *values: str) -> Pairs:
    return [*((key, it) for key, it in GOOD if key != name), *((name, it) for it in values)]


def problems(pairs: Pairs, known: Known | None = None) -> dict[str, str]:
    return {".".join(it.path): it.message for it in read(pairs, known).problems}


def test_a_complete_form_becomes_options() -> None:
    found = read([*GOOD, ("o.is_open", "true"), ("o.welcome", "Hi"), ("o.port", "8080")])

    assert found.problems == ()
    assert found.options == {
        "name": "Garden",
        "colour": "#2f6f4f",
        "language": "en",
        "tags": ["art"],
        "is_open": True,
        "welcome": "Hi",
        "limit": 8,
        "port": 8080,
        "password": "correct horse",
    }


def test_what_is_empty_is_absent_and_a_box_without_tick_is_no() -> None:
    found = read([*GOOD, ("o.about", ""), ("o.days", ""), ("o.blocked", "\r\n"), ("o.port", " ")])

    assert found.problems == ()
    assert found.options["is_open"] is False
    assert found.options.keys().isdisjoint({"about", "days", "blocked", "port", "mail", "serial"})


def test_nothing_chosen_where_something_has_to_be_is_told_and_not_the_default() -> None:
    assert problems(with_("o.tags")) == {"tags": "Tags: choose at least 1."}


@pytest.mark.parametrize(
    ("name", "entered", "message"),
    [
        ("name", "", "Name is missing. Enter it."),
        ("name", "G", "Name must have 2 characters or more."),
        ("name", "x" * 10_000, "Name must have 20 characters or fewer."),
        ("name", "a\0b", "Name contains characters that cannot be stored. Take them out."),
        ("name", "a\ud800b", "Name contains characters that cannot be stored. Take them out."),
        ("colour", "red", "Colour does not have the expected form. An example: #1d4ed8"),
        ("language", "fr", "Language: choose one of those that are offered."),
        ("days", "8", "Days: choose one of those that are offered."),
        ("tags", "sport", "Tags: choose one of those that are offered."),
        ("is_open", "perhaps", "Open must be on or off."),
        ("limit", "much", "Largest picture must be a number."),
        ("limit", "0.25", "Largest picture must be 0.5 or more."),
        ("limit", "17", "Largest picture must be 16 or less."),
        ("limit", "1e999", "Largest picture must be a number."),
        ("limit", "9" * 5_000, "Largest picture must be a number."),
        ("port", "80.5", "Port must be a whole number."),
        ("port", "80,5", "Port must be a whole number."),
        ("port", "0", "Port must be 1 or more."),
        ("password", "short", "Password must have 8 characters or more."),
        ("password", "", "Password is missing. Enter it."),
        (
            "blocked",
            "a.example\n-b-",
            "Line 2 of Blocked servers must be a host name, such as www.example.org.",
        ),
        ("blocked", "a\nb\nc\nd", "Blocked servers must have 3 lines or fewer."),
        ("mail.sender", "nobody", "Sender must be an e-mail address, such as name@example.org."),
        ("mail.replies.to", "x", "Answers to must be an e-mail address, such as name@example.org."),
    ],
)
def test_a_mistake_is_told_at_its_field(name: str, entered: str, message: str) -> None:
    found = problems(with_(f"o.{name}", entered))

    assert found[name] == message


def test_choosing_too_many_or_the_same_twice_is_told() -> None:
    assert problems(with_("o.tags", "art", "craft", "music")) == {
        "tags": "Tags: choose 2 or fewer."
    }
    assert problems(with_("o.tags", "art", "art")) == {
        "tags": "Tags has the same entry more than once. Keep one of them."
    }


def test_a_group_with_anything_in_it_needs_what_it_requires() -> None:
    assert problems([*GOOD, ("o.mail.replies.to", "a@example.org")]) == {
        "mail.sender": "Sender is missing. Enter it."
    }


def test_a_condition_makes_a_field_required() -> None:
    assert problems([*GOOD, ("o.is_open", "true")]) == {"welcome": "Welcome is missing. Enter it."}


def test_what_is_of_no_use_is_left_out_whatever_was_entered() -> None:
    assert "welcome" not in read([*GOOD, ("o.welcome", "x" * 200)]).options


def test_every_mistake_is_told_in_the_order_of_the_fields() -> None:
    pairs = [("o.limit", "99"), ("o.name", ""), ("o.colour", "red"), ("o.tags", "art")]

    found = read(pairs).problems

    assert [it.path[0] for it in found] == ["name", "colour", "limit", "password"]


def test_numbers_may_be_written_as_people_write_them() -> None:
    assert read(with_("o.limit", " 2,5 ")).options["limit"] == 2.5
    assert read([*GOOD, ("o.port", "+8e1")]).options["port"] == 80
    assert read([*GOOD, ("o.port", "٨٠")]).options["port"] == 80


def test_spaces_around_a_line_are_taken_off_and_inside_a_text_kept() -> None:
    found = read([*with_("o.name", "  Garden of weeds "), ("o.about", " one\r\n two ")])

    assert found.options["name"] == "Garden of weeds"
    assert found.options["about"] == " one\n two "


def test_right_to_left_text_and_html_are_text() -> None:
    found = read([*with_("o.name", "حديقة <b>&amp;"), ("o.about", "<script>alert(1)</script>")])

    assert found.problems == ()
    assert found.options["name"] == "حديقة <b>&amp;"
    assert found.entries["o.about"] == ("<script>alert(1)</script>",)


def test_unknown_fields_are_refused_without_repeating_them() -> None:
    found = read([*GOOD, *((f"o.x{number}", "y") for number in range(5_000))])

    assert found.problems == (
        Problem(
            (),
            "The form held 5000 fields that this application does not have. Nothing was kept of "
            "them.",
        ),
    )
    assert not any(name.startswith("o.x") for name in found.entries)


def test_other_fields_of_the_page_are_not_options() -> None:
    assert read([*GOOD, ("version", "3"), ("host", "x")]).problems == ()


def test_a_field_that_comes_twice_is_told() -> None:
    assert problems([*GOOD, ("o.name", "Again")])["name"].startswith("Name was sent more than once")


STORED = Known(
    options={"name": "Garden", "language": "de", "serial": "A-1"},
    secrets=["password"],
    is_fixed=True,
)
EDITED = [(name, it) for name, it in GOOD if name not in {"o.password", "o.language"}]


def test_a_stored_secret_stays_unless_it_is_replaced() -> None:
    found = read(EDITED, STORED)

    assert found.problems == ()
    assert "password" not in found.options


def test_a_stored_secret_is_replaced_on_request() -> None:
    ticked = [*EDITED, ("o.password.replace", "true")]

    found = read([*ticked, ("o.password", "a new secret")], STORED)

    assert found.problems == ()
    assert found.options == read(EDITED, STORED).options | {"password": "a new secret"}
    assert problems(ticked, STORED) == {"password": "Password is missing. Enter it."}


def test_a_new_secret_without_the_tick_is_told() -> None:
    assert "not ticked" in problems([*EDITED, ("o.password", "a new one")], STORED)["password"]


def test_secrets_are_never_kept_among_what_was_entered() -> None:
    found = read([*EDITED, ("o.password.replace", "true"), ("o.password", "a new secret")], STORED)

    assert "secret" not in repr(found.entries)


def test_what_can_never_change_stays_and_a_change_is_told() -> None:
    assert read(EDITED, STORED).options["language"] == "de"
    assert read(EDITED, STORED).options["serial"] == "A-1"
    assert read([*EDITED, ("o.language", "de")], STORED).problems == ()
    assert problems([*EDITED, ("o.language", "en")], STORED) == {
        "language": "Language can never change. It stays as it is."
    }
    assert problems([*EDITED, ("o.serial", "B-2")], STORED) == {
        "serial": "Serial number can never change. It stays as it is."
    }


def test_what_can_never_change_can_be_chosen_before_the_first_deployment() -> None:
    assert read(with_("o.language", "de"), Known()).options["language"] == "de"


def test_what_is_shown_again_can_be_shown() -> None:
    found = read(with_("o.name", "a\0b\ud800"))

    assert found.entries["o.name"] == ("a\ufffdb\ufffd",)
    assert "".join(found.entries["o.name"]).encode()


@pytest.mark.parametrize(
    ("schema", "entered", "message"),
    [
        ({"type": "number", "exclusiveMinimum": 0}, "0", "X must be more than 0."),
        ({"type": "number", "exclusiveMaximum": 9}, "9", "X must be less than 9."),
        ({"type": "integer", "multipleOf": 5}, "7", "X must be a multiple of 5."),
        ({"type": "string", "pattern": "^a$"}, "b", "X does not have the expected form."),
        (
            {"type": "string", "format": "date"},
            "2026-02-30",
            "X must be a day, written like 2026-11-30.",
        ),
        (
            {"type": "string", "format": "uri"},
            "javascript:alert(1)",
            "X must be an address that begins with https:// or http://.",
        ),
        ({"type": "string", "maxLength": 1}, "ab", "X must have 1 character or fewer."),
        ({"type": "string", "not": {}}, "ab", "X does not fit what the application expects."),
        (
            {"type": "array", "items": {"type": "string"}, "minItems": 2},
            "a",
            "X must have 2 lines or more.",
        ),
    ],
)
def test_every_keyword_has_a_sentence(schema: dict[str, Any], entered: str, message: str) -> None:
    found = parse(form_of(x=schema), [("o.x", entered)])

    assert [it.message for it in found.problems] == [message]


def test_fields_that_depend_on_hidden_ones_are_hidden() -> None:
    form = form_of(
        a={"type": "boolean"},
        b={"type": "boolean", "default": True, "x-ui": {"showIf": {"a": True}}},
        c={"type": "string", "x-ui": {"showIf": {"b": True}}},
    )

    assert parse(form, [("o.b", "true"), ("o.c", "x")]).options == {"a": False}


def test_entries_of_options_hold_defaults_and_no_secrets() -> None:
    found = entries.of(FORM, {"password": "secret", "tags": ["music"], "blocked": ["a", "b"]})

    assert found["o.colour"] == ("#2f6f4f",)
    assert found["o.tags"] == ("music",)
    assert found["o.blocked"] == ("a\nb",)
    assert found["o.is_open"] == ()
    assert "o.password" not in found
