"""A page leads on to pages of the panel, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.panel.web.places import HOME, leading_to, own_path


@pytest.mark.parametrize(
    "path", ["/", "/deployments", "/runs/1?from=2", "/a?next=http://x", "/deployments/é"]
)
def test_a_path_of_the_panel_is_led_to(path: str) -> None:
    assert own_path(path) == path


@pytest.mark.parametrize(
    "text",
    [
        "",
        "deployments",
        "http://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "/\t/evil.example",
        "/ /evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/sign-in",
        "/sign-in/once",
        "/sign-out",
        "/confirm?next=/confirm",
        "http://[",
        "/" + "a" * 3000,
        "/a\r\nSet-Cookie: x=1",
    ],
)
def test_anything_else_leads_home(text: str) -> None:
    assert own_path(text) == HOME


@given(st.text(max_size=60))
def test_whatever_is_asked_for_leads_nowhere_else(text: str) -> None:
    found = own_path("/" + text)

    assert found.startswith("/")
    assert not found.startswith(("//", "/\\"))
    assert found.isprintable()


def test_a_page_is_told_where_to_lead_on() -> None:
    assert (
        leading_to("/sign-in/code", "/backups?a=b&c=d")
        == "/sign-in/code?next=/backups%3Fa%3Db%26c%3Dd"
    )
    assert leading_to("/sign-in/code", "//evil.example") == "/sign-in/code"
