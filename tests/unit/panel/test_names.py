"""Domains and hosts: one clear answer for each mistake."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.panel.domain import names
from services.panel.domain.names import NameRules
from shared import errors

RULES = NameRules(zones=("localhost", "example.org"), panel_host="panel.demo.localhost")

MISTAKES = {
    "": "domain.empty",
    "   ": "domain.empty",
    "https://garden.localhost/": "domain.url",
    "http://garden.localhost:8080/about?x=1": "domain.url",
    "//garden.localhost": "domain.url",
    "garden.localhost/blog": "domain.url",
    "robin@garden.localhost": "domain.email",
    "*.garden.localhost": "domain.wildcard",
    "garden.*.localhost": "domain.wildcard",
    "192.0.2.7": "domain.ip",
    "192.0.2.7:80": "domain.ip",
    "2001:db8::1": "domain.ip",
    "[2001:db8::1]:443": "domain.ip",
    "garden.127": "domain.ip",
    "garden.localhost:8080": "domain.port",
    "garden.localhost.": "domain.trailing_dot",
    "bücher.localhost": "domain.idn",
    "☃.localhost": "domain.idn",
    "garden。localhost": "domain.idn",
    "localhost": "domain.single_label",
    "garden": "domain.single_label",
    "a." * 130 + "localhost": "domain.too_long",
    "-garden.localhost": "domain.label",
    "garden-.localhost": "domain.label",
    "gar den.localhost": "domain.label",
    "gar_den.localhost": "domain.label",
    "garden..localhost": "domain.label",
    f"{'a' * 64}.localhost": "domain.label",
    "<script>.localhost": "domain.label",
    "xn--a.localhost": "domain.idn",
    "panel.demo.localhost": "domain.panel",
    "deep.panel.demo.localhost": "domain.panel",
    "demo.localhost": "domain.panel",
    "shop.demo.localhost": "domain.panel",
    "garden.example.com": "domain.zone",
}


@pytest.mark.parametrize(("text", "code"), MISTAKES.items())
def test_a_domain_that_cannot_be_used_is_refused_with_its_own_code(text: str, code: str) -> None:
    with pytest.raises(errors.InvalidError) as refused:
        RULES.check_domain(text)

    assert refused.value.code == code
    assert refused.value.details == {"domain": refused.value.message}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("https://Garden.localhost:8080/a", "Give only the name: garden.localhost."),
        ("bücher.localhost", "Give the form that DNS uses: xn--bcher-kva.localhost."),
        ("garden.localhost.", "Leave out the dot at the end: garden.localhost."),
        ("garden", "Give a full name: garden.example."),
        ("garden.example.com", "Names here end in: localhost, example.org."),
        ("☃.localhost", "has characters that no domain name may have"),
    ],
)
def test_a_refusal_says_what_to_give_instead(text: str, part: str) -> None:
    with pytest.raises(errors.InvalidError, match=re.escape(part)) as refused:
        RULES.check_domain(text)

    assert refused.value.message.endswith(".")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("garden.localhost", "garden.localhost"),
        ("  Garden.LOCALHOST ", "garden.localhost"),
        ("a-1.b2.example.org", "a-1.b2.example.org"),
        ("xn--bcher-kva.localhost", "xn--bcher-kva.localhost"),
        ("example.org", "example.org"),
    ],
)
def test_a_good_domain_has_one_written_form(text: str, name: str) -> None:
    assert RULES.check_domain(text) == name


@given(st.text(max_size=400))
def test_whatever_is_typed_is_accepted_or_refused_with_a_reason(text: str) -> None:
    answer: str | errors.InvalidError
    try:
        answer = RULES.check_domain(text)
    except errors.InvalidError as refused:
        answer = refused

    if isinstance(answer, str):
        assert RULES.check_domain(answer) == answer
    else:
        assert 0 < len(answer.message) < 400


def test_a_panel_in_a_zone_for_operators_reserves_only_its_own_name() -> None:
    rules = NameRules(zones=("hosting.example",), panel_host="panel.hosting.example")

    assert rules.check_domain("garden.hosting.example") == "garden.hosting.example"
    with pytest.raises(errors.InvalidError, match="belongs to this panel"):
        rules.check_domain("panel.hosting.example")


@pytest.mark.parametrize(
    "host",
    [
        "garden.localhost",
        "blog.garden.localhost",
        "A.garden.localhost",
        "mediators.garden.localhost",
        "my-media.garden.localhost",
    ],
)
def test_a_host_is_the_domain_or_directly_below_it(host: str) -> None:
    assert RULES.check_host(host, "garden.localhost") == host.lower()


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("blog.other.localhost", "host.outside_domain"),
        ("a.b.garden.localhost", "host.outside_domain"),
        ("notgarden.localhost", "host.outside_domain"),
        ("media-blog.garden.localhost", "host.reserved"),
        ("media.garden.localhost", "host.reserved"),
        ("Media.garden.localhost", "host.reserved"),
        ("https://blog.garden.localhost", "host.url"),
        ("*.garden.localhost", "host.wildcard"),
    ],
)
def test_any_other_host_is_refused(host: str, code: str) -> None:
    with pytest.raises(errors.InvalidError) as refused:
        RULES.check_host(host, "garden.localhost")

    assert refused.value.code == code
    assert set(refused.value.details) == {"host"}


def test_a_host_whose_media_host_would_be_no_name_is_refused() -> None:
    longest = "b" * 57
    RULES.check_media(f"{longest}.garden.localhost", "garden.localhost")
    RULES.check_media("garden.localhost", "garden.localhost")

    with pytest.raises(errors.InvalidError, match="too long") as refused:
        RULES.check_media(f"{longest}b.garden.localhost", "garden.localhost")

    assert refused.value.code == "host.too_long"


def test_all_names_above_a_domain_are_looked_up() -> None:
    assert names.lookup_names("a.b.localhost") == ("a.b.localhost", "b.localhost", "localhost")
