"""The reference shows every operation, and nothing in it runs."""

from __future__ import annotations

import re

import httpx2

from services.panel.api import problems, reference
from services.panel.api.app import create_documented_app
from services.panel.api.rates import Rates

DOCUMENT = create_documented_app(Rates()).openapi()


def test_every_operation_is_shown_with_what_it_answers() -> None:
    found = [it for tag in DOCUMENT["tags"] for it in reference.operations(DOCUMENT, tag["name"])]

    routes = {(method.upper(), path) for path, it in DOCUMENT["paths"].items() for method in it}
    assert {(it.method, it.path) for it in found} == routes
    assert len(found) == len(routes)
    for it in found:
        assert any(shown.name < "400" for shown in it.answers), it.id
        assert all(shown.example for shown in it.requests), it.id


def test_its_files_hold_no_script_and_no_style_of_their_own() -> None:
    html = (reference.FOLDER / "reference.html").read_text(encoding="utf-8")

    assert not re.search(r"<script|\bon\w+=|style=|https?://", html)
    assert "script-src" not in reference.HEADERS["Content-Security-Policy"]


def test_every_status_of_a_problem_can_be_led_to() -> None:
    statuses = {
        status
        for path in DOCUMENT["paths"].values()
        for it in path.values()
        for status in it["responses"]
        if status >= "400"
    }

    assert statuses <= {str(it.status) for it in problems.KINDS}


async def test_it_is_written_once_for_everybody() -> None:
    app = create_documented_app(Rates())
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="http://panel.test"
    ) as client:
        first = await client.get(reference.PATH)
        app.openapi()["tags"].clear()  # writing it again would show that
        second = await client.get(reference.PATH)

    assert first.status_code == 200
    assert second.text == first.text
