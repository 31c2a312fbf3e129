"""Views of a new deployment, of the configuration of one that runs, and of the catalogue."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from services.panel.domain.identity import Role
from shared import ids
from tests.support import pages
from tests.support import panel as rigs
from tests.support import panel_runs as runs
from tests.support.forms import submitted
from tests.support.views.view import NEWCOMER, OWNER, VIEWER, Stage, View

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

    from tests.support.panel import PanelRig

NEW: Final = "/deployments/new"
READY: Final = "/drafts/{draft-ready}"
TAKEN: Final = "/drafts/{draft-taken}"
OPEN: Final = "/drafts/{draft-open}"
WORKSHOP: Final = f"{OPEN}/applications/{{name-workshop}}"
CHANGED: Final = "/deployments/{deployment-changed}/configuration"
HELLO: Final = f"{CHANGED}/applications/{{name-hello}}"
SINGLE: Final = "/deployments/{deployment-single}"
REVISIONS: Final = "/deployments/{deployment-changed}/revisions"
STALE: Final = {"version": "1", "host": "hello.{domain-ready}", "o.title": "Mine"} | {
    "domain": "x.y",
    "application": "notes",
}
EVIL: Final = "حديقة <b>Garden</b> " + "long" * 60
NOW: Final = {"version": "{version-ready}"}
LONG: Final = NOW | {"domain": "x" * 300}
MINE: Final = {"version": "1", "o.title": "Mine", "o.languages": "en"}
WRONG: Final = {
    "version": "{version-open}",
    "host": "elsewhere.example",
    "o.name": EVIL,
    "o.port": "0",
    "o.welcome": "Come in",
}
VIEWS: Final = (
    View("new", NEW),
    View("new-first", NEW, who=NEWCOMER),
    View("new-wrong", NEW, {"domain": "https://garden/ <b>"}, 422),
    View("draft-domain", f"{READY}/domain"),
    View("draft-domain-wrong", f"{READY}/domain", LONG, 422),
    View("draft-domain-stale", f"{READY}/domain", STALE, 409),
    View("draft-applications", f"{READY}/applications"),
    View("draft-applications-none", f"{READY}/applications", NOW, 422),
    View("draft-applications-stale", f"{READY}/applications", STALE, 409),
    View("draft-hello", f"{READY}/applications/{{name-hello}}"),
    View("draft-stale", f"{READY}/applications/{{name-hello}}", STALE, 409),
    View("draft-notes", f"{READY}/applications/{{name-notes}}"),
    View("draft-workshop", WORKSHOP),
    View("draft-workshop-wrong", WORKSHOP, WRONG, 422),
    View("draft-check", f"{READY}/check"),
    View("draft-check-open", f"{OPEN}/check"),
    View("draft-check-stale", f"{READY}/deploy", {"version": "1"}, 409),
    View(
        "draft-check-refused", "/drafts/{draft-taken}/deploy", {"version": "{version-taken}"}, 409
    ),
    View("draft-discard", f"{READY}/discard"),
    View("applications", "/applications"),
    View("application", "/applications/{name-workshop}"),
    View("configuration", CHANGED),
    View("configuration-viewer", CHANGED, who=VIEWER),
    View("configuration-unchanged", f"{SINGLE}/configuration"),
    View("deployment-changed", "/deployments/{deployment-changed}"),
    View("review", f"{CHANGED}/review"),
    View("review-nothing", f"{SINGLE}/configuration/review"),
    View("add", f"{CHANGED}/add"),
    View("edit", HELLO),
    View("edit-secret", f"{CHANGED}/applications/{{name-notes}}"),
    View("edit-added", f"{CHANGED}/applications/{{name-workshop}}"),
    View("edit-wrong", HELLO, {"version": "1", "o.title": EVIL, "o.colour": "red"}, 422),
    View("edit-stale", HELLO, MINE, 409),
    View("take-out", f"{HELLO}/remove"),
    View("take-out-last", f"{SINGLE}/configuration/applications/{{name-hello}}/remove"),
    View("discard", f"{CHANGED}/discard"),
    View("history", REVISIONS),
    View("revision", f"{REVISIONS}/{{number-old}}"),
    View("revision-now", f"{REVISIONS}/{{number-now}}"),
)


@asynccontextmanager
async def stage(panel: PanelRig) -> AsyncIterator[Stage]:
    """Yield a stage with drafts, and with a deployment that was changed."""
    name, found = f"Gardeners {ids.new_id()[-6:]}", Stage()
    found.people[OWNER] = person = await panel.session(operator=name)
    found.people[VIEWER] = await panel.session(operator=name, role=Role.VIEWER)
    found.people[NEWCOMER] = await panel.session()
    found.places |= {f"name-{it}": it for it in ("hello", "notes", "workshop")}
    async with person.browser() as browser, panel.operator() as stranger:
        await _drafts(browser, stranger, found)
    async with panel.operator(named=name) as client, rigs.an_application() as url:
        await _changed(panel, client, found, url)
        yield found


async def _drafts(browser: httpx2.AsyncClient, stranger: httpx2.AsyncClient, found: Stage) -> None:
    for name, applications in (
        ("ready", ("hello", "notes")),
        ("open", ("hello", "workshop")),
        ("taken", ("hello",)),
    ):
        domain = f"{name}-{ids.new_id()[-5:]}.localhost"
        place = await pages.follow(browser, NEW, domain=domain)
        hello = await pages.follow(browser, place, application=applications)
        after = await pages.follow(browser, hello, o__title="Garden friends")
        if name == "ready":
            after = await pages.follow(browser, after, o__password=["correct horse"])
        found.places[f"draft-{name}"] = place.split("/")[2]
        found.places[f"domain-{name}"] = domain
        entered = submitted(await pages.read(browser, after))
        found.places[f"version-{name}"] = dict(entered)["version"]
    await rigs.create(stranger, found.places["domain-taken"])


async def _changed(panel: PanelRig, client: httpx2.AsyncClient, found: Stage, url: str) -> None:
    """Make one deployment that was deployed twice and changed since, and one that is as it was."""
    single = await runs.live(panel, client, url, title="Single")
    changed = await runs.live(panel, client, url, title="One", colour="#2f6f4f")
    path = f"/deployments/{changed['id']}"
    hello = {"application": "hello", "options": {"title": "Two"}}
    notes = {"application": "notes", "options": {"password": "correct horse"}}
    for applications in ([hello], [{**hello, "options": {"title": "Three"}}, notes]):
        answer = await client.post(
            f"{path}/configuration", json={"applications": applications}, headers=rigs.ANY_VERSION
        )
        assert answer.is_success, answer.text
        if len(applications) == 1:
            run = await rigs.deploy(client, changed["id"])
            await runs.succeed(panel, client, run["id"], url)
    found.places |= {
        "deployment-single": single["id"],
        "deployment-changed": changed["id"],
        "number-old": "1",
        "number-now": "2",
    }
