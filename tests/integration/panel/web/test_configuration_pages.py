"""The configuration of a deployment in the browser: edited, reviewed, deployed, brought back."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.panel.domain.identity import Role
from shared.contracts.failures import Outcome
from tests.support import pages
from tests.support import panel as rigs
from tests.support import panel_runs as runs
from tests.support.forms import submitted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

    from tests.support.panel import Json, PanelRig


@dataclass(frozen=True)
class Garden:
    """A deployment of `hello` that runs, and who looks after it by API and by browser."""

    panel: PanelRig
    client: httpx2.AsyncClient
    browser: httpx2.AsyncClient
    deployment: Json
    url: str
    operator: str

    @property
    def home(self) -> str:
        return f"/deployments/{self.deployment['id']}"

    @property
    def form(self) -> str:
        return f"{self.home}/configuration/applications/hello"

    async def deploy(self) -> None:
        """Deploy what is staged, by clicking, and play the services."""
        review = f"{self.home}/configuration/review"
        run = await pages.follow(self.browser, review, f"{self.home}/deploy")
        await runs.succeed(self.panel, self.client, run.rpartition("/")[2], self.url)


@asynccontextmanager
async def a_garden(panel: PanelRig) -> AsyncIterator[Garden]:
    name = f"Operator {rigs.a_domain()}"
    person = await panel.session(operator=name)
    async with (
        panel.operator(named=name) as client,
        person.browser() as browser,
        rigs.an_application() as url,
    ):
        deployment = await runs.live(panel, client, url, title="One")
        yield Garden(panel, client, browser, deployment, url, name)


async def test_options_are_edited_reviewed_and_deployed(panel: PanelRig) -> None:
    async with a_garden(panel) as garden:
        before = pages.text_of(await pages.read(garden.browser, f"{garden.home}/configuration"))
        place = await pages.follow(garden.browser, garden.form, o__title="Two", o__colour="#000000")
        staged = pages.text_of(await pages.read(garden.browser, place))
        overview = pages.text_of(await pages.read(garden.browser, garden.home))
        review = pages.text_of(await pages.read(garden.browser, f"{place}/review"))
        await garden.deploy()
        after = pages.text_of(await pages.read(garden.browser, place))

    assert "Title One" in before
    assert "not deployed yet" not in before
    assert "There are changes that are not deployed yet." in staged
    assert "Title Two" in staged
    assert "Look at it and deploy" in overview
    assert "Title One Two" in review
    assert "Colour #2f6f4f #000000" in review
    assert "It restarts" in review
    assert "not deployed yet" not in after


async def test_mistakes_are_told_at_their_fields(panel: PanelRig) -> None:
    async with a_garden(panel) as garden:
        answer = await pages.send(garden.browser, garden.form, o__title="", o__colour="red")
        nothing = await rigs.get(garden.client, f"{garden.home}/configuration")

    assert answer.status_code == 422
    assert pages.summary(answer.text) == [
        ("#o-colour", "Colour does not have the expected form. An example: #2f6f4f"),
    ]
    assert dict(submitted(answer.text, garden.form))["o.colour"] == "red"
    assert nothing["staged"]["version"] == 1


async def test_an_application_is_added_and_taken_out_again(panel: PanelRig) -> None:
    async with a_garden(panel) as garden:
        offered = await pages.read(garden.browser, f"{garden.home}/configuration/add")
        form = f"{garden.home}/configuration/applications/notes"
        refused = await pages.send(
            garden.browser, form, host=f"hello.{garden.deployment['domain']}"
        )
        place = await pages.follow(garden.browser, form, o__password=["correct horse"])
        review = pages.text_of(await pages.read(garden.browser, f"{place}/review"))
        await garden.deploy()
        shown = await pages.read(garden.browser, form)
        question = pages.text_of(await pages.read(garden.browser, f"{garden.form}/remove"))
        await pages.follow(garden.browser, f"{garden.form}/remove")
        leaving = pages.text_of(await pages.read(garden.browser, f"{place}/review"))
        last = pages.text_of(await pages.read(garden.browser, f"{form}/remove"))

    assert f'href="{form}"' in offered
    assert ("#o-password", "Password is missing. Enter it.") in pages.summary(refused.text)
    assert "Notes Added" in review
    assert "This can never change." in shown
    assert "host" not in dict(submitted(shown, form))
    for said in (question, leaving):
        assert "Its objects in the store are kept, unused, until the deployment is removed." in said
    assert "It is the only application" in last


async def test_a_host_that_is_used_already_is_told_at_its_field(panel: PanelRig) -> None:
    async with a_garden(panel) as garden:
        form = f"{garden.home}/configuration/applications/notes"
        used = f"hello.{garden.deployment['domain']}"
        twice = await pages.send(garden.browser, form, host=used, o__password=["correct horse"])
        outside = await pages.send(
            garden.browser, form, host="a.example.org", o__password=["correct horse"]
        )

    for answer in (twice, outside):
        assert answer.status_code == 422
        [(target, _)] = pages.summary(answer.text)
        assert target == "#host"
        assert "correct horse" not in answer.text
        assert "enter them again" in answer.text


async def test_a_stale_edit_shows_both_versions(panel: PanelRig) -> None:
    async with a_garden(panel) as garden:
        opened = submitted(await pages.read(garden.browser, garden.form), garden.form)
        await pages.follow(garden.browser, garden.form, o__title="Theirs")
        mine = [(name, "Mine" if name == "o.title" else it) for name, it in opened]
        stale = await pages.post(garden.browser, garden.form, mine)
        kept = await pages.read(garden.browser, garden.form)
        again = await pages.post(garden.browser, garden.form, submitted(stale.text, garden.form))
        after = await pages.read(garden.browser, garden.form)

    assert stale.status_code == 409
    said = pages.text_of(stale.text)
    assert "Title Mine Theirs" in said
    assert "Robin saved it after you opened the page. (" in said
    assert dict(submitted(kept, garden.form))["o.title"] == "Theirs"
    assert again.status_code == 303
    assert dict(submitted(after, garden.form))["o.title"] == "Mine"


async def test_what_was_not_reviewed_is_not_deployed(panel: PanelRig) -> None:
    async with a_garden(panel) as garden:
        await pages.follow(garden.browser, garden.form, o__title="Two")
        review, goal = f"{garden.home}/configuration/review", f"{garden.home}/deploy"
        pairs = submitted(await pages.read(garden.browser, review), goal)
        await pages.follow(garden.browser, garden.form, o__title="Three")
        answer = await pages.post(garden.browser, goal, pairs)
        found = await rigs.get(garden.client, f"{garden.home}/runs")

    assert answer.status_code == 409
    assert len(found["items"]) == 1


async def test_changes_are_discarded(panel: PanelRig) -> None:
    async with a_garden(panel) as garden:
        await pages.follow(garden.browser, garden.form, o__title="Two")
        place = await pages.follow(garden.browser, f"{garden.home}/configuration/discard")
        shown = pages.text_of(await pages.read(garden.browser, place))
        overview = pages.text_of(await pages.read(garden.browser, garden.home))
        review = pages.text_of(await pages.read(garden.browser, f"{place}/review"))
        staged = await rigs.get(garden.client, f"{garden.home}/configuration")

    assert "Title One" in shown
    for said in (shown, overview, review):
        assert "not deployed yet" not in said
        assert "Discard the changes" not in said
    assert "Nothing is different from what runs" in review
    assert staged["has_changes"] is False


async def test_after_half_a_deploy_what_is_discarded_can_be_deployed(panel: PanelRig) -> None:
    async with a_garden(panel) as garden:
        await pages.follow(garden.browser, garden.form, o__title="Two")
        run = await rigs.deploy(garden.client, garden.deployment["id"])
        await runs.fail(panel, garden.client, run["id"], Outcome.PARTIAL)
        await pages.follow(garden.browser, f"{garden.home}/configuration/discard")
        overview = pages.text_of(await pages.read(garden.browser, garden.home))

    assert "not deployed yet" not in overview
    assert "Look at it and deploy" in overview


async def test_history_is_looked_at_and_a_revision_is_deployed_again(panel: PanelRig) -> None:
    async with a_garden(panel) as garden:
        await pages.follow(garden.browser, garden.form, o__title="Two")
        begun = await rigs.deploy(garden.client, garden.deployment["id"])
        during = pages.text_of(await pages.read(garden.browser, f"{garden.home}/revisions"))
        await runs.succeed(panel, garden.client, begun["id"], garden.url)
        history = pages.text_of(await pages.read(garden.browser, f"{garden.home}/revisions"))
        second = pages.text_of(await pages.read(garden.browser, f"{garden.home}/revisions/2"))
        first = f"{garden.home}/revisions/1"
        shown = pages.text_of(await pages.read(garden.browser, first))
        pairs = submitted(await pages.read(garden.browser, first), f"{first}/deploy")
        asked = await pages.post(garden.browser, f"{first}/deploy", pairs)
        again = await pages.post(garden.browser, f"{first}/deploy", pairs)
        run = asked.headers["location"]
        await runs.succeed(panel, garden.client, run.rpartition("/")[2], garden.url)
        place = await pages.read(garden.browser, f"{garden.home}/configuration")
        await pages.read(garden.browser, f"{garden.home}/revisions/9", 404)

    assert "Being deployed" in during
    assert "Did not come to run" not in during
    assert "Revision 2" in history
    assert "Runs now" in history
    assert "Title One Two" in second
    assert "Title Two One" in shown
    assert "Data does not go back" in shown
    assert again.headers["location"] == run
    assert "Title One" in pages.text_of(place)


async def test_another_operator_sees_nothing_and_a_viewer_only_looks(panel: PanelRig) -> None:
    async with a_garden(panel) as garden:
        other = await panel.session()
        viewer = await panel.session(role=Role.VIEWER, operator=garden.operator)
        looked_at = ("/configuration", "/configuration/review", "/revisions", "/revisions/1")
        asked = (
            "/configuration/add",
            "/configuration/applications/hello",
            "/configuration/applications/hello/remove",
            "/configuration/discard",
        )
        changing = (
            "/configuration/applications/hello",
            "/configuration/applications/hello/remove",
            "/configuration/discard",
            "/revisions/1/deploy",
            "/deploy",
        )
        async with other.browser() as stranger, viewer.browser() as looking:
            for place in (*looked_at, *asked):
                await pages.read(stranger, f"{garden.home}{place}", 404)
            for place in looked_at:
                shown = await pages.read(looking, f"{garden.home}{place}")
                assert "<button" not in shown.partition("<main")[2].partition("<footer")[0]
            for place in asked:
                await pages.read(looking, f"{garden.home}{place}", 403)
            for place in changing:
                pairs = [("version", "1"), ("o.title", "x")]
                assert (
                    await pages.post(stranger, f"{garden.home}{place}", pairs)
                ).status_code == 404
                assert (
                    await pages.post(looking, f"{garden.home}{place}", pairs)
                ).status_code == 403


async def test_the_catalogue_says_what_applications_need_and_what_stays(panel: PanelRig) -> None:
    person = await panel.session(role=Role.VIEWER)
    async with person.browser() as browser:
        listed = pages.text_of(await pages.read(browser, "/applications"))
        one = pages.text_of(await pages.read(browser, "/applications/microblog"))
        await pages.read(browser, "/applications/wordpress", 404)

    assert "Microblog" in listed
    assert "5 GiB for files" in one
    assert "A way out to other servers" in one
    assert "Its address, usually blog.your-domain" in one
    assert "Handle" in one
