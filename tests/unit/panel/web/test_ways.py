"""Every address of the pages leads back to a page, and every question for a proof can be left."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, cast

import httpx2
import pytest
from starlette.responses import PlainTextResponse

from services.panel.web.app import ROUTERS, create_app
from services.panel.web.shell import Site
from services.panel.web.ways import Ways
from shared import ids
from tests.support import route_tables as tables

if TYPE_CHECKING:
    from services.panel.service.panel import Panel

WAYS: Final = Ways(ROUTERS)
# Nothing is ever shown there: whoever sends these forms is led elsewhere.
NOWHERE: Final = {"/sign-out", "/language"}
FORM_ONLY: Final = sorted(
    path
    for method, path in (it.split() for it in tables.PAGES)
    if method == "POST" and f"GET {path}" not in tables.PAGES and path not in NOWHERE
)


def filled(path: str) -> str:
    return re.sub(r"\{\w+\}", lambda _: ids.new_id(), path)


def route_of(path: str) -> str:
    """Return the page at an address, as the route table has it."""
    for route in tables.page_routes():
        method, _, known = route.partition(" ")
        if method == "GET" and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", known), path):
            return route
    return f"no page at {path}"


@pytest.fixture(scope="module")
def client() -> httpx2.AsyncClient:
    # None of these requests gets as far as the service.
    app = create_app(cast("Panel", None), PlainTextResponse("rest"), Site(provider="Test"))
    transport = httpx2.ASGITransport(app=app)
    return httpx2.AsyncClient(transport=transport, base_url="http://panel.test")


@pytest.mark.parametrize("path", FORM_ONLY)
async def test_where_only_a_form_is_sent_a_browser_is_led_to_the_page_above(
    client: httpx2.AsyncClient, path: str
) -> None:
    answer = await client.get(filled(path))

    assert answer.status_code == 303, answer.text
    assert route_of(answer.headers["location"]) in tables.PAGES


@pytest.mark.parametrize("route", sorted(it for it in tables.PROVEN if it.startswith("GET ")))
def test_a_question_for_a_proof_is_left_for_a_page_that_asks_for_none(route: str) -> None:
    found = route_of(WAYS.before(filled(route.split()[1])))

    assert found in tables.PAGES
    assert found not in tables.PROVEN


@pytest.mark.parametrize(
    ("goal", "page"),
    [
        ("/deployments/1/remove", "/deployments/1"),
        ("/deployments/1/credentials/hello?x=1", "/deployments/1"),
        ("/backups/1/restore/check", "/backups/1"),
        ("/settings/webhooks/1/rotate", "/settings/webhooks/1"),
        ("/account/app/remove", "/account/security"),
        ("/account/tokens/new", "/account/tokens"),
        ("/people/invite", "/people"),
        ("/runs?before=1", "/runs?before=1"),
        ("/nothing", "/deployments"),
    ],
)
def test_it_is_left_for_what_it_was_about(goal: str, page: str) -> None:
    assert WAYS.before(goal) == page
