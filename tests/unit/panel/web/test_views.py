"""Every page has a place among the views that are looked into."""

from __future__ import annotations

from collections import Counter

from tests.support import route_tables as tables
from tests.support.views import configuring, personal, running, telling
from tests.support.views.view import View, unseen

VIEWS = (*running.VIEWS, *configuring.VIEWS, *personal.VIEWS, *telling.VIEWS)
# What is shown although no route of the pages leads there.
OTHERS = {"GET /nothing", "GET /sign-out", "GET /api/docs"}


def test_every_page_is_looked_into() -> None:
    assert unseen(tables.PAGES, VIEWS) == set(), "add a view to tests/support/views"


def test_every_view_is_of_a_page() -> None:
    assert {it.route for it in VIEWS} <= {*tables.PAGES, *OTHERS}


def test_views_have_names_of_their_own() -> None:
    assert [name for name, count in Counter(it.name for it in VIEWS).items() if count > 1] == []


def test_a_page_that_nobody_looks_into_is_noticed() -> None:
    assert unseen([*tables.PAGES, "GET /planted/{it}"], VIEWS) == {"GET /planted/{it}"}


def test_a_view_knows_its_page() -> None:
    assert View("x", "/runs/{run-failed}?from=1").route == "GET /runs/{run}"
    assert View("x", "/drafts/{draft}/deploy", {}).route == "POST /drafts/{draft}/deploy"
    assert View("x", "/sign-in", {}, leads_to="/sign-in/code").route == "GET /sign-in/code"
