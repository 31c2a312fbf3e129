"""A form as HTML: what a browser would submit of it untouched is what it was filled with."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from services.panel.web import rendering
from services.panel.web.forms import controls, entries, reading
from services.panel.web.forms.parsing import Known, parse
from services.panel.web.shell import Site
from services.panel.web.statics import Statics
from tests.support.forms import PERMANENT, SCHEMA, changed, submitted

if TYPE_CHECKING:
    from tests.support.forms import Pairs

PAGES = rendering.load(Statics(), Site(provider="Test"))
PAGE = PAGES.environment.from_string(
    '{% from "forms/form.html" import fields, again %}'
    '{% from "ui/errors.html" import error_summary %}'
    '{{ error_summary(form.summary) }}{{ again(form) }}<form action="/x">{{ fields(form) }}</form>'
)
FORM = reading.read(SCHEMA, PERMANENT)
OPTIONS: dict[str, Any] = {
    "name": '<b>"weeds"\'s & co',
    "about": "\none\n<script>alert(1)</script>",
    "colour": "#000000",
    "language": "de",
    "days": 30,
    "tags": ["art", "music"],
    "blocked": ["a.example", "b.example"],
    "is_open": True,
    "welcome": "أهلا وسهلا",
    "limit": 2.5,
    "port": 8080,
    "mail": {"sender": "a@example.org", "replies": {"to": "b@example.org"}},
}


def page(known: Known, pairs: Pairs | None = None) -> str:
    """Return a form as it is shown first, or after these pairs were submitted."""
    if pairs is None:
        return PAGE.render(form=controls.fill(FORM, entries.of(FORM, known.options), known))
    found = parse(FORM, pairs, known)
    return PAGE.render(form=controls.fill(FORM, found.entries, known, found.problems))


def test_a_form_submitted_untouched_is_what_it_was_filled_with() -> None:
    known = Known(options=OPTIONS, secrets=["password"])

    found = parse(FORM, submitted(page(known), "/x"), known)

    assert found.problems == ()
    assert found.options == OPTIONS


def test_an_empty_form_holds_the_defaults() -> None:
    pairs = submitted(page(Known()), "/x")

    assert dict(pairs)["o.colour"] == "#2f6f4f"
    assert [it.path for it in parse(FORM, pairs).problems] == [("name",), ("password",)]


def test_what_was_entered_is_there_again_after_a_mistake_but_no_secret() -> None:
    entered = changed(
        submitted(page(Known()), "/x"), o__name="x" * 10_000, o__password=["hunter2 hunter2"]
    )

    shown = page(Known(), entered)

    assert dict(submitted(shown, "/x"))["o.name"] == "x" * 10_000
    assert "hunter2" not in shown
    assert "enter them again" in shown


@pytest.mark.parametrize(
    "text",
    [
        '"><script>alert(1)</script>',
        "</textarea><img src=x onerror=alert(1)>",
        "{{ 7 * 7 }}",
        "a\0b\ud800",
        "\u202eevil",
    ],
)
def test_whatever_is_entered_is_inert(text: str) -> None:
    entered = changed(submitted(page(Known()), "/x"), o__name=text, o__about=text)

    shown = page(Known(), entered)

    assert shown.encode()
    assert "<script>" not in shown
    assert "<img" not in shown
    assert ">49<" not in shown
    assert "\0" not in shown


def test_every_mistake_is_in_the_summary_and_leads_to_its_field() -> None:
    entered = changed(
        submitted(page(Known()), "/x"),
        o__tags=None,
        o__language="xx",
        o__port="x",
        o__mail__sender="y",
    )

    shown = page(Known(), entered)

    links = re.findall(r'<a href="#([^"]+)">([^<]+)</a>', shown)
    assert [unescape(text) for _, text in links] == [
        "Name is missing. Enter it.",
        "Language: choose one of those that are offered.",
        "Tags: choose at least 1.",
        "Port must be a whole number.",
        "Password is missing. Enter it.",
        "Sender must be an e-mail address, such as name@example.org.",
    ]
    for target, text in links:
        assert f'id="{target}"' in shown
        assert shown.count(text) == 2
    assert '<details class="advanced" open>' in shown


def test_ids_are_unique_and_everything_described_is_there() -> None:
    shown = page(Known(options=OPTIONS, secrets=["password"]), [("o.name", "")])
    ids = re.findall(r'\bid="([^"]+)"', shown)

    assert len(ids) == len(set(ids))
    for named in re.findall(r'aria-describedby="([^"]+)"', shown):
        assert set(named.split()) <= set(ids)
    for named in re.findall(r'<label for="([^"]+)"', shown):
        assert named in ids


def test_what_can_never_change_is_shown_and_not_submitted() -> None:
    before = page(Known(options=OPTIONS))
    after = page(Known(options=OPTIONS, is_fixed=True))

    assert "This can never change after the first deployment." in before
    assert "o.language" in dict(submitted(before, "/x"))
    assert "o.language" not in dict(submitted(after, "/x"))
    assert "<bdi>Deutsch</bdi>" in after


def test_a_stored_secret_is_replaced_by_a_tick() -> None:
    shown = page(Known(secrets=["password"]))

    assert 'name="o.password.replace"' in shown
    assert 'placeholder="unchanged"' in shown
    assert ("o.password", "") in submitted(shown, "/x")


def test_what_a_field_depends_on_is_said_and_marked_for_the_script() -> None:
    shown = page(Known())

    assert 'data-show-if="o.is_open=true"' in shown
    assert "Only used when “Open” is on." in shown
    assert "Needed when “Open” is on." in shown
