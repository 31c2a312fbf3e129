"""The pages as a whole: what every answer carries, and what goes to the REST interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import httpx2
import pytest
from starlette.responses import PlainTextResponse

from services.panel.web.app import create_app
from services.panel.web.headers import HEADERS, POLICY
from services.panel.web.shell import Site

if TYPE_CHECKING:
    from services.panel.service.panel import Panel


@pytest.fixture(scope="module")
def client() -> httpx2.AsyncClient:
    # None of these requests gets as far as the service.
    app = create_app(cast("Panel", None), PlainTextResponse("rest"), Site(provider="Test"))
    transport = httpx2.ASGITransport(app=app)
    return httpx2.AsyncClient(transport=transport, base_url="http://panel.test")


@pytest.mark.parametrize("path", ["/api", "/api/v1/runs", "/api/docs", "/problems/fault"])
async def test_what_programs_ask_for_goes_to_the_rest_interface(
    client: httpx2.AsyncClient, path: str
) -> None:
    assert (await client.get(path)).text == "rest"


@pytest.mark.parametrize("path", ["/apis", "/", "/deployments-of-others", "/static/nothing.css"])
async def test_everything_else_is_a_page(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(path)).text != "rest"


async def test_every_answer_carries_the_headers(client: httpx2.AsyncClient) -> None:
    for path in ("/nothing", "/", "/static/panel.css"):
        answer = await client.get(path)

        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert answer.headers["X-Request-ID"]


async def test_pages_are_kept_by_nobody(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/nothing")).headers["Cache-Control"] == "no-store"


async def test_a_style_sheet_is_kept_for_a_year(client: httpx2.AsyncClient) -> None:
    page = (await client.get("/nothing")).text
    address = page.partition('<link rel="stylesheet" href="')[2].partition('"')[0]

    answer = await client.get(address)

    assert answer.headers["Content-Type"].startswith("text/css")
    assert "immutable" in answer.headers["Cache-Control"]
    again = await client.get(address, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


async def test_what_is_not_there_says_so_in_a_page(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/nothing")

    assert answer.status_code == 404
    assert "<h1>There is nothing here</h1>" in answer.text


async def test_a_page_that_takes_no_forms_says_so(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/")

    assert answer.status_code == 405
    assert "<h1>" in answer.text


def test_the_policy_lets_nothing_in_from_elsewhere() -> None:
    assert "unsafe" not in POLICY
    assert "http" not in POLICY


@pytest.mark.parametrize(
    ("page", "goal", "place"),
    [
        ("/sign-in", "/domains", "/sign-in?next=/domains"),
        ("/sign-in/once", "", "/sign-in/once"),
        ("/invitation", "", "/invitation"),
        ("/sign-in/../elsewhere", "", "/deployments"),
        ("//evil.example/", "//evil.example/", "/deployments"),
        ("", "", "/deployments"),
    ],
)
async def test_choosing_a_language_leads_back_and_nowhere_else(
    client: httpx2.AsyncClient, page: str, goal: str, place: str
) -> None:
    form = {"language": "en", "page": page, "next": goal}
    answer = await client.post("/language", data=form, headers={"Sec-Fetch-Site": "same-origin"})

    assert (answer.status_code, answer.headers["location"]) == (303, place)
    assert answer.headers["set-cookie"].startswith("language=en;")


async def test_a_language_that_there_is_not_is_not_chosen(client: httpx2.AsyncClient) -> None:
    form = {"language": "xx; Path=/elsewhere", "page": "/sign-in"}
    answer = await client.post("/language", data=form, headers={"Sec-Fetch-Site": "same-origin"})

    assert answer.status_code == 303
    assert "set-cookie" not in answer.headers
