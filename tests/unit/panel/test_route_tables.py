"""The tables of who may do what name every route there is, and notice one that is amiss."""

from fastapi import APIRouter

from services.panel.api.app import create_documented_app
from services.panel.api.rates import Rates
from services.panel.web.visitors import RecentDependency, VisitorDependency
from tests.support import route_tables as tables

# What says nothing about anybody: what the interface takes, and what its problems mean.
OPEN = {
    "/api/v1/openapi.json",
    "/api/docs",
    "/api/docs/reference.css",
    "/problems/{name}",
}


def test_every_route_of_the_rest_interface_is_in_its_table() -> None:
    assert tables.rest_routes() == set(tables.REST), "add a line to tests/support/route_tables.py"


def test_every_page_is_in_its_table() -> None:
    assert set(tables.page_routes()) == set(tables.PAGES), (
        "add a line to tests/support/route_tables.py"
    )


def test_every_page_that_asks_anew_who_somebody_is_is_named() -> None:
    found = {route for route, is_proven in tables.page_routes().items() if is_proven}

    assert found == tables.PROVEN


def test_nothing_is_open_to_everybody_but_what_describes_the_interface() -> None:
    routes = create_documented_app(Rates()).routes

    assert {path for it in routes if (path := getattr(it, "path", None))} == OPEN


def test_a_page_is_seen_to_ask_anew_by_what_it_depends_on() -> None:
    router = APIRouter()

    @router.post("/kept")
    async def guarded(visitor: RecentDependency) -> str:
        return visitor.caller.person

    @router.post("/planted")
    async def unguarded(visitor: VisitorDependency) -> str:
        return visitor.caller.person

    assert tables.page_routes([router]) == {"POST /kept": True, "POST /planted": False}


def test_a_route_that_nobody_thought_about_is_noticed() -> None:
    seen = {**tables.REST, "GET /api/v1/planted": (200, 200, 200, 200, 200)}

    [said] = tables.differences(seen, tables.REST)
    assert said.startswith("GET /api/v1/planted:")
    assert said.endswith("expected no such route")


def test_a_route_that_is_gone_is_noticed() -> None:
    seen = {route: it for route, it in tables.REST.items() if route != "GET /api/v1/runs/{run}"}

    [said] = tables.differences(seen, tables.REST)
    assert said.startswith("GET /api/v1/runs/{run}: is not there")


def test_a_guard_that_is_gone_is_noticed() -> None:
    route = "POST /deployments/{deployment}/remove"
    nobody, _, viewer = tables.PAGES[route]

    [said] = tables.differences({**tables.PAGES, route: (nobody, 303, viewer)}, tables.PAGES)
    assert said.startswith(route)
