"""House rules of templates that would otherwise break silently in a browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from services.panel.web import rendering
from services.panel.web.shell import Site
from services.panel.web.statics import STATIC, Statics

TEMPLATES: Final = sorted(rendering.TEMPLATES.rglob("*.html"))
# Under the policy of the pages these die without a word, or ask for what it forbids.
FORBIDDEN: Final = re.compile(
    r"""<style|\sstyle=|\son[a-z]+=|hx-on|hx-trigger="[^"]*\[|javascript:|js:|<script(?![^>]*\ssrc=)"""
)
LITERAL_ICON: Final = re.compile(r"""icon\("([a-z0-9-]+)"\s*[,)]""")
MACRO: Final = re.compile(r"\{% macro (\w+)\(")
SAID: Final = re.compile(r"""(?<![\w.])_\(\s*(?!["'])([^)]*)""")
CONSTANTS: Final = frozenset(
    {
        *("account/new_token.html: text", "account/profile.html: roles[it.role]"),
        *("account/security.html: done", "account/tokens.html: scopes[scope]"),
        "account/revoke_token.html: scopes[scope]",
        *("failure.html: failure.next", "failure.html: failure.text"),
        *("failure.html: failure.title", "people/invitation.html: explained[invitation.role]"),
        *("people/list.html: done", "people/list.html: it.protection"),
        *("people/list.html: roles[it.role]", "ui/menus.html: it.text"),
    }
)
"""What is said although it has a name: sentences of our own, none of which anybody can write."""
LONGEST: Final = 400


def test_every_template_compiles() -> None:
    pages = rendering.load(Statics(), Site(provider="Test"))

    names = pages.environment.list_templates(extensions=["html"])

    assert all(pages.environment.get_template(it).name == it for it in names)


def test_templates_hold_nothing_that_the_policy_forbids() -> None:
    found = [
        f"{path.name}: {match.group()}"
        for path in TEMPLATES
        for match in FORBIDDEN.finditer(path.read_text(encoding="utf-8"))
    ]

    assert not found


def test_templates_and_styles_stay_small() -> None:
    written = [*TEMPLATES, *(STATIC / "css").glob("*.css"), *(STATIC / "js").glob("*.js")]
    found = [
        path.name for path in written if path.read_text(encoding="utf-8").count("\n") > LONGEST
    ]

    assert not found


def test_nothing_that_somebody_wrote_is_said_as_a_sentence() -> None:
    # What `_()` returns counts as HTML that is safe: a name in it would become part of the page.
    found = {
        f"{path.relative_to(rendering.TEMPLATES)}: {it.strip()}"
        for path in TEMPLATES
        for it in SAID.findall(path.read_text(encoding="utf-8"))
    }

    assert found <= CONSTANTS


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    sprite = (STATIC / "vendor" / "icons" / "icons.svg").read_text(encoding="utf-8")
    known = set(re.findall(r'symbol id="([a-z0-9-]+)"', sprite))
    named = {
        name
        for path in TEMPLATES
        for name in LITERAL_ICON.findall(path.read_text(encoding="utf-8"))
    }

    assert named
    assert named <= known


def test_every_macro_of_the_design_stands_in_its_table() -> None:
    folder = rendering.TEMPLATES / "ui"
    listed = (folder / "README.md").read_text(encoding="utf-8")
    missing = [
        f"{path.name}: {name}"
        for path in sorted(folder.glob("*.html"))
        for name in MACRO.findall(path.read_text(encoding="utf-8"))
        if f"`{name}" not in listed
    ]

    assert not missing


def test_colours_are_decided_among_the_tokens_only() -> None:
    colour = re.compile(r"#[0-9a-fA-F]{3,8}\b|oklch\(|rgba?\(|hsl\(")
    found = [
        f"{path.name}: {match.group()}"
        for path in sorted(Path(STATIC / "css").glob("*.css"))
        if path.name != "tokens.css"
        for match in colour.finditer(path.read_text(encoding="utf-8"))
    ]

    assert not found
