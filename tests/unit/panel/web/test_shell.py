"""What stands around every page."""

from __future__ import annotations

import pytest

from services.panel.web import shell


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/deployments", "/deployments"),
        ("/deployments/x/runs", "/deployments"),
        ("/drafts/x/check", "/deployments"),
        ("/runs/x", "/runs"),
        ("/account/tokens", ""),
    ],
)
def test_the_menu_says_where_a_page_belongs(path: str, expected: str) -> None:
    current = [it.href for it in shell.NAVIGATION if it.is_current(path)]

    assert current == ([expected] if expected else [])
